"""Machines made at random: what a check says never happens does not, and what is locked is read back."""

# Classes made at run time are partly unknown to pyright.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportPrivateUsage=false

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from random_machines import GuardFailed, HandlerFailed, make_machine, make_payload

from leverframe import LeverframeError, decide
from leverframe.checks.changes import changes_between
from leverframe.checks.findings import find_problems
from leverframe.checks.lock import lock_text, locks_in
from leverframe.checks.locked import lock_of
from leverframe.checks.reach import Reach
from leverframe.checks.typed_module import ways_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SEEDS = range(30)


@pytest.fixture(params=SEEDS, scope="module")
def machine(request: pytest.FixtureRequest) -> Any:
    return make_machine(random.Random(request.param))[0]


def walk(machine: Any, rng: random.Random, steps: int = 400) -> tuple[set[Any], set[Any]]:
    """The moves that are made, and the states that are entered, from the initial one on."""
    state = make_payload(machine.initial(), 0)
    made: set[Any] = set()
    entered: set[Any] = {type(state)}
    for _ in range(steps):
        event = make_payload(rng.choice(machine._structure.events), rng.randrange(60))
        try:
            decision = decide(machine, make_payload(type(state), rng.randrange(60)), event, NOW)
        except (GuardFailed, HandlerFailed, LeverframeError):
            continue
        state = decision.state
        made.add(decision.edge)
        entered.add(type(state))
    return made, entered


def test_what_never_happens(machine: Any) -> None:
    """No walk enters a state that is never entered, or makes a move that is never made."""
    reach = Reach(machine)
    made, entered = walk(machine, random.Random(1))
    assert entered <= reach.entered
    dead = [edge for edge in machine._structure.edges.values() if not reach.asked(edge)]
    assert not made & set(dead)
    told = [finding.problem for finding in find_problems(machine) if finding.code in ("dead-move", "shadowed-guard")]
    for edge in dead:
        assert any(edge.name in problem for problem in told)


def test_locked_and_read_back(machine: Any) -> None:
    """What is read of a lock is what was locked, and nothing has changed."""
    locked = lock_of(machine, "random")
    [read] = locks_in(lock_text([locked]), "machines.lock").values()
    assert read == locked
    assert changes_between(read, locked) == ()


def test_ways_are_those_of_the_table(machine: Any) -> None:
    """The ways of an event together are all that it may lead to, and the narrower one comes first."""
    for way in ways_of(machine):
        reached = {
            target
            for leaf in way.sources
            for each in Reach(machine).candidates(leaf, way.event)
            for target in each.targets
        }
        assert set(way.targets) == reached
    seen: list[tuple[type, set[type]]] = []
    for way in ways_of(machine):
        assert not any(event is way.event and sources > set(way.sources) for event, sources in seen)
        seen.append((way.event, set(way.sources)))
