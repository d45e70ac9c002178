"""Hooks that cannot be run, or never would be, are refused, each in one line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from definitions import Busy, Ended, Go, Idle, assert_refused

from leverframe import Machine, Message, entering, leaving, on, state


def test_hook_for_an_unknown_state() -> None:
    """A hook for a class that is no state of the machine is refused."""
    with assert_refused("Bad", "tell", "state Ended is not in Bad"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @entering
            def tell(self, s: Ended) -> list[Message]:
                return []


def test_hook_for_two_states() -> None:
    """A hook for a union of states is refused."""
    with assert_refused("Bad", "tell", "write one method for each"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @leaving
            def tell(self, s: Idle | Busy) -> list[Message]:
                return []


def test_hook_with_an_event() -> None:
    """A hook with a parameter too many is refused."""

    def tell(self: object, s: Idle, e: Go) -> list[Message]:
        return []

    with assert_refused("Bad", "tell", "takes 3 parameters; write def tell(self, state: ...) -> ..."):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            hook = entering(tell)


def test_async_hook() -> None:
    """An async hook, a generator too, is refused."""

    async def tell(self: object, s: Idle) -> AsyncIterator[Message]:
        yield Message("idle", "told")

    with assert_refused("Bad", "tell", "drop async"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            hook = entering(tell)


def test_async_announce() -> None:
    """An async `announce` is refused."""
    with assert_refused("Bad", "announce", "drop async"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()

            async def announce(self, before: Any, event: Any, after: Any) -> list[Message]:
                return []
