"""What a machine may call a failure."""

from __future__ import annotations

from typing import Any

import pytest
from definitions import Busy, Ended, Go, Idle, Live, Stop, assert_refused

from leverframe import Failures, Machine, State, on, state
from leverframe.coordination.failing import failures_of
from leverframe.machines.pipeline import Coding, Pipeline


def declaring(first: Any, second: Any = None) -> Any:
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

        failures = first
        more = second

    return Bad


def test_leaves_and_superstates_are_failures() -> None:
    """A superstate stands for its leaves; a machine that says nothing has no failures."""
    assert failures_of(declaring(Failures(Live))) == (Idle, Busy)
    assert failures_of(declaring(Failures(Busy, Ended))) == (Busy, Ended)
    assert failures_of(Pipeline) == ()


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        (Failures(), None, "names no state"),
        (Failures(Coding), None, "is no state of it"),
        (Failures(Busy), Failures(Ended), "keep one of them"),
    ],
)
def test_what_cannot_be_meant_is_refused(first: Any, second: Any, problem: str) -> None:
    """No state, another machine's state, and two of them are refused when the class is made."""
    with assert_refused("Bad", "failures", problem):
        declaring(first, second)
