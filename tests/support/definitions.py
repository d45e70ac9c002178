"""What the tests of machine definitions share: classes for machines that are wrong, and how such a one is refused."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import frozen

from leverframe import Event, Machine, MachineDefinitionError, Payload, State, on, state

__all__ = ["Busy", "Ended", "Go", "Idle", "Live", "Stop", "assert_refused", "correct", "with_move"]


@frozen
class Live(Payload): ...


@frozen
class Idle(Live): ...


@frozen
class Busy(Live):
    task: str = ""


@frozen
class Ended(Payload): ...


@frozen
class Go(Event): ...


@frozen
class Stop(Event): ...


def correct() -> type[Machine[Idle | Busy | Ended, Go | Stop]]:
    """A machine that has nothing wrong with it."""

    class Correct(Machine[Idle | Busy | Ended, Go | Stop]):
        class live(State.Compound):
            idle = state(Idle, initial=True)
            busy = state(Busy)

        ended = state(Ended, final=True)

        @on
        def go(self, s: Idle, e: Go) -> Busy:
            return Busy("x")

        @on
        def stop(self, s: Live, e: Stop) -> Ended:
            return Ended()

    return Correct


def with_move(method: Any) -> Any:
    """A machine whose one move is `method`."""

    class Bad(Machine[Idle | Busy, Go]):
        class live(State.Compound):
            idle = state(Idle)
            busy = state(Busy)

        go = method

    return Bad


@contextmanager
def assert_refused(machine: str, member: str, remedy: str) -> Generator[None]:
    """The class statement inside is refused: the class and member named, one line, and the remedy in it."""
    with pytest.raises(MachineDefinitionError) as caught:
        yield
    error = caught.value
    text = str(error)
    assert (error.machine, error.member) == (machine, member), text
    assert text.startswith(f"{machine}.{member}: " if member else f"{machine}: ")
    assert "\n" not in text
    assert remedy in text
