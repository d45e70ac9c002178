"""A process that is killed in the middle of a call leaves all of it or nothing, and the store goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from simulating import plan
from vigils import Dawn, Vigil

from leverframe.testing.database import Database, Killed, Violation
from leverframe.testing.running import begin
from leverframe.testing.world import Trouble, World

STATEMENTS = range(20)
"""More than any call has."""


@pytest.fixture
def world() -> Iterator[World]:
    """Workers and others, of whom nobody has begun."""
    world = begin(plan(Vigil, 2))
    yield world
    world.close()


def states(world: World) -> list[str]:
    return [type(known.state).__name__ for known in world.ledger.known.values()]


def lines(world: World) -> int:
    return int(world.database.connection.execute("SELECT count(*) FROM journal").fetchone()[0])


@pytest.mark.parametrize("statements", STATEMENTS)
def test_a_creation_is_whole_or_not_there(world: World, statements: int) -> None:
    """Killed at any statement, a creation has left all that belongs to it or nothing; and the next one goes well."""
    world.step("creator.create", Trouble(statements))
    assert states(world) in ([], ["Dark"])
    assert lines(world) == len(states(world))
    for _ in range(2):
        world.step("creator.create")
    assert "Dark" in states(world)


@pytest.mark.parametrize("statements", STATEMENTS)
def test_a_claim_is_whole_or_not_there(world: World, statements: int) -> None:
    """Killed at any statement, a claim has given a lease with its state and journal, or none."""
    world.step("creator.create")
    world.step("worker-1.work", Trouble(statements))
    assert states(world) in (["Dark"], ["Watched"])
    assert len([row for row in world.ledger.leases.values() if row.token is not None]) == states(world).count("Watched")


@pytest.mark.parametrize("statements", STATEMENTS)
def test_an_end_is_whole_or_not_there(world: World, statements: int) -> None:
    """Killed at any statement, a completion is there with all that it changes, or the lease still runs."""
    world.step("creator.create")
    world.step("worker-1.work")
    world.step("worker-1.work")
    world.step("worker-1.work", Trouble(statements))
    assert (states(world), len(world.ledger.leases)) in ((["Watched"], 1), (["Dawn"], 0))


def test_who_is_killed_behind_its_commit_has_done_it(world: World) -> None:
    """Killed when the commit is done and its caller does not know, a creation is there."""
    world.step("creator.create", Trouble(statements=19))
    assert states(world) == ["Dark"]
    assert "creator.1 is killed" in "\n".join(world.trace)


def test_who_is_killed_starts_anew_under_another_name(world: World) -> None:
    """The next process in a slot has a name of its own, and the number of the one before it."""
    world.step("worker-1.work")
    first = world.processes["worker-1"]
    world.kill("worker-1")
    world.step("worker-1.work")
    second = world.processes["worker-1"]
    assert (first.name, second.name) == ("worker-1.1", "worker-1.2")
    assert first.identity.number == second.identity.number
    assert first.identity != second.identity
    assert world.is_gone(first.identity)


def test_who_stands_still_does_nothing(world: World) -> None:
    """A frozen process makes no step, and goes on with what it held."""
    world.step("creator.create")
    world.step("worker-1.work")
    world.freeze("worker-1")
    for _ in range(5):
        world.step("worker-1.work")
    assert states(world) == ["Watched"]
    world.thaw("worker-1")
    for _ in range(5):
        world.step("worker-1.work")
    assert states(world) == [Dawn.__name__]


def test_nothing_is_caught_of_a_killed_process() -> None:
    """Statements behind the kill are no process's any more, but for the database's own roll-back."""
    database = Database()
    connection = database.session.connection
    database.kill_after(1)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(Killed):
        connection.execute("DELETE FROM snapshot")
    with pytest.raises(Violation, match="went on with DELETE"):
        connection.execute("DELETE FROM snapshot")
    connection.execute("ROLLBACK")
    assert database.is_dying()
    database.kill_after(None)
    assert connection.execute("SELECT count(*) FROM snapshot").fetchone() == (0,)
    database.close()
