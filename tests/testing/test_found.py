"""Pauses, lost answers and waiting for a turn: what a worker may believe about its lease, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from attrs import evolve
from simulating import PLANS, plan
from vigils import Ended, Vigil

from leverframe.machines.run import Run, Succeeded, ToolFinished, ToolRequested
from leverframe.testing import Chance
from leverframe.testing.actors import Work
from leverframe.testing.clock import SECOND
from leverframe.testing.running import begin
from leverframe.testing.simulation import lease_of
from leverframe.testing.world import Trouble, World

BEAT = 15 * SECOND
TTL = 60 * SECOND


def use_a_tool(held: Any, chance: Chance) -> Iterator[None]:
    held.send(ToolRequested())
    yield
    held.send(ToolFinished())
    yield
    held.send(Succeeded())


def world_of(name: str, work: Work) -> World:
    """One in which an instance is there, and nobody has claimed it."""
    world = begin(evolve(PLANS[name](0), work=work))
    world.step("creator.create")
    return world


def state(world: World) -> str:
    (known,) = world.ledger.known.values()
    return type(known.state).__name__


def test_a_lease_that_pauses_is_not_given_up() -> None:
    """A heartbeat does not take a pause, in which no lease runs, for the end of the lease."""
    world = world_of("run", use_a_tool)
    for _ in range(2):
        world.step("worker-1.work")
    assert state(world) == "WaitingTool"
    for _ in range(10):
        world.advance(BEAT)
        world.step("worker-1.renew")
    for _ in range(2):
        world.step("worker-1.work")
    assert state(world) == "Completed"
    world.close()


def test_a_lease_that_began_while_the_store_was_away_is_not_given_up() -> None:
    """A renewal that fails says nothing about a lease which a pause's end has given meanwhile."""

    def use_a_tool_later(held: Any, chance: Chance) -> Iterator[None]:
        yield
        yield from use_a_tool(held, chance)

    world = world_of("run", use_a_tool_later)
    for _ in range(2):
        world.step("worker-1.work")
    world.advance(TTL)
    world.step("worker-1.renew", Trouble(others=("worker-1.work", "worker-1.work"), fails=True))
    assert state(world) == "Running"
    world.step("worker-1.work")
    assert state(world) == "Completed"
    world.close()


def test_a_lease_does_not_run_before_it_is_given() -> None:
    """Who has waited for its turn to claim has the lease for its whole time from then on."""
    world = world_of("run", use_a_tool)
    world.step("worker-1.work", Trouble(others=(TTL,)))
    (row,) = world.ledger.leases.values()
    assert row.expires_at == world.clock.microseconds + TTL
    world.close()


def test_what_is_claimed_with_a_move_ends_with_its_process() -> None:
    """An instance that is claimed together with the end of another one is given back when its process is gone."""

    def go_on(held: Any, chance: Chance) -> Iterator[None]:
        yield
        held.send_and_claim(Ended())

    world = begin(evolve(plan(Vigil, 0), work=go_on))
    for _ in range(2):
        world.step("creator.create")
        world.step("creator.create")
    for _ in range(3):
        world.step("worker-1.work")
    assert [type(known.state).__name__ for known in world.ledger.known.values()] == ["Dawn", "Watched"]
    world.kill("worker-1")
    world.step("reaper-1.look")
    assert [type(known.state).__name__ for known in world.ledger.known.values()] == ["Dawn", "Dark"]
    world.close()


def test_machines_are_as_these_tests_think() -> None:
    """The times above are those of the lease."""
    lease = lease_of(Run)
    assert (lease.ttl, lease.heartbeat) == (timedelta(microseconds=TTL), timedelta(microseconds=BEAT))
