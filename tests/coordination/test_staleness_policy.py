"""What a machine may declare about silence, and what that says of an age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from definitions import Busy, Ended, Go, Idle, Live, Stop, assert_refused
from hypothesis import given
from hypothesis import strategies as st

from leverframe import Machine, State, on, state
from leverframe.coordination.staleness import Staleness, StalenessLevel
from leverframe.machines.worker import Watched

NOW = datetime(2030, 1, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OK, WARN, STALE, DEAD = StalenessLevel


def declaring(first: Any = None, second: Any = None) -> Any:
    """A machine with these policies."""

    class Bad(Machine[Idle | Busy | Ended, Go | Stop]):
        class live(State.Compound):
            idle = state(Idle, initial=True)
            busy = state(Busy)

        ended = state(Ended, final=True)

        @on
        def go(self, s: Idle, e: Go) -> Busy:
            return Busy()

        @on
        def stop(self, s: Live, e: Stop) -> Ended:
            return Ended()

        policy0 = first
        policy1 = second

    return Bad


SPANS = st.timedeltas(timedelta(0), timedelta(days=1))


@given(st.tuples(SPANS, SPANS, SPANS), st.timedeltas(-timedelta(days=1), timedelta(days=2)))
def test_thresholds_can_be_set(spans: tuple[timedelta, ...], age: timedelta) -> None:
    """The thresholds are the machine's to set; each level begins above the one that it is called after."""
    warn, stale, dead = sorted(spans)
    staleness = Staleness(watched=Live, warn=warn, stale=stale, dead=dead)
    expected = [OK, WARN, STALE, DEAD][sum(age > each for each in (warn, stale, dead))]
    assert staleness.level(Busy(), NOW - age, NOW) is expected
    assert staleness.level(Ended(), NOW - age, NOW) is OK


def test_defaults() -> None:
    """Unless it says otherwise, a machine warns after 5 minutes, and calls stale after 15 and dead after 30."""
    staleness = Staleness(watched=Live)
    assert (staleness.warn, staleness.stale, staleness.dead) == (5 * MINUTE, 15 * MINUTE, 30 * MINUTE)


def test_stale_and_dead_are_stale() -> None:
    """STALE and DEAD are stale, OK and WARN are not."""
    assert [each for each in StalenessLevel if each.is_stale] == [STALE, DEAD]


def test_several_states_can_be_watched() -> None:
    """A leaf, a superstate, or several of them can be watched."""
    machine = declaring(Staleness(watched=(Busy, Ended)))
    assert [machine.policy0.level(each, None, NOW) for each in (Idle(), Busy(), Ended())] == [OK, DEAD, DEAD]
    machine = declaring(Staleness(watched=Live))
    assert [machine.policy0.level(each, None, NOW) for each in (Idle(), Busy(), Ended())] == [DEAD, DEAD, OK]


def test_equal_thresholds_are_allowed() -> None:
    """Where two thresholds are the same, the level between them does not occur."""
    staleness = declaring(Staleness(watched=Live, warn=MINUTE, stale=MINUTE, dead=MINUTE)).policy0
    assert [staleness.level(Busy(), NOW - age, NOW) for age in (MINUTE, 2 * MINUTE)] == [OK, DEAD]


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ({"warn": 20 * MINUTE}, "stale 0:15:00 is less than 0:20:00; let warn, stale and dead grow"),
        ({"stale": 31 * MINUTE}, "dead 0:30:00 is less than 0:31:00; let warn, stale and dead grow"),
        ({"warn": -MINUTE}, "warn -1 day, 23:59:00 is less than 0:00:00; let warn, stale and dead grow"),
        ({"dead": 30}, "dead=30 is no timedelta; give one"),
    ],
)
def test_thresholds_that_do_not_grow(spans: dict[str, Any], said: str) -> None:
    """Thresholds that do not grow, or are no spans of time, are refused when the machine is made."""
    with assert_refused("Bad", "policy0", said):
        declaring(Staleness(watched=Live, **spans))


@pytest.mark.parametrize("watched", [Watched, Go, "busy", (Live, Watched)])
def test_watched_states_are_the_machine_s_own(watched: Any) -> None:
    """What is watched has to be the class of some state of the machine."""
    with assert_refused("Bad", "policy0", "is the class of none of its states; give one that is"):
        declaring(Staleness(watched=watched))


def test_something_is_watched() -> None:
    """A policy that watches no state is refused."""
    with assert_refused("Bad", "policy0", "watches no state; name at least one"):
        declaring(Staleness(watched=()))


def test_one_policy_is_enough() -> None:
    """A second one is refused: an instance has one heartbeat."""
    with assert_refused("Bad", "policy0", "is not the only one, and an instance has one heartbeat; keep one of them"):
        declaring(Staleness(watched=Idle), Staleness(watched=Busy))


def test_a_policy_belongs_to_no_move() -> None:
    """The machine's moves are the same with and without it."""
    for machine in (declaring(Staleness(watched=Live)), declaring()):
        assert machine.start(Idle()).send(Go()).send(Stop()).state == Ended()
