"""Hooks that cannot be run, or never would be, are refused, each in one line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from definitions import Busy, Ended, Go, Idle, Stop, assert_refused

from leverframe import Event, Machine, Message, entering, leaving, on, state


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


# ---------------------------------------------------------------- announce


def announcing(member: Any) -> Any:
    """A machine with this `announce`."""

    class Bad(Machine[Idle | Busy | Ended, Go | Stop]):
        idle = state(Idle)
        busy = state(Busy)
        ended = state(Ended)

        @on
        def go(self, s: Idle, e: Go) -> Busy:
            return Busy()

        @on
        def stop(self, s: Busy, e: Stop) -> Ended:
            return Ended()

        announce = member

    return Bad


def test_announce_without_the_event() -> None:
    """An `announce` with a parameter too few is refused."""

    def announce(self: object, before: Any, after: Any) -> list[Message]:
        return []

    with assert_refused("Bad", "announce", "write (self, before, event, after)"):
        announcing(announce)


def test_announce_that_wants_more() -> None:
    """An `announce` with a parameter too many is refused."""

    def announce(self: object, before: Any, event: Any, after: Any, now: Any) -> list[Message]:
        return []

    with assert_refused("Bad", "announce", "write (self, before, event, after)"):
        announcing(announce)


def test_announce_for_some_events() -> None:
    """An `announce` that takes some of the machine's events is refused."""

    def announce(self: object, before: Any, event: Go, after: Any) -> list[Message]:
        return []

    with assert_refused("Bad", "announce", "announce takes Go as event, and would be given Stop too"):
        announcing(announce)


def test_announce_for_some_states() -> None:
    """An `announce` that does not take every state that moves lead to is refused."""

    def announce(self: object, before: Idle | Busy, event: Go | Stop, after: Busy) -> list[Message]:
        return []

    with assert_refused("Bad", "announce", "announce takes Busy as after, and would be given Ended too"):
        announcing(announce)


def test_announce_of_a_base() -> None:
    """An `announce` that a machine inherits is looked at as its own is."""

    class Telling:
        def announce(self, before: Any) -> list[Message]:
            return []

    with assert_refused("Bad", "announce", "write (self, before, event, after)"):

        class Bad(Telling, Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()


def test_announce_that_is_no_method() -> None:
    """An `announce` that is called without `self`, or not at all, is refused."""

    def announce(before: Any, event: Any, after: Any) -> list[Message]:
        return []

    for member in (staticmethod(announce), classmethod(announce), "announced"):
        with assert_refused("Bad", "announce", "is no method; write def announce(self, before, event, after)"):
            announcing(member)


def test_announce_that_fits() -> None:
    """An `announce` for just the states that moves lead from and to, and all events, is accepted."""

    def announce(self: object, before: Idle | Busy, event: Event, after: Busy | Ended) -> list[Message]:
        return [Message("bad", type(before).__name__)]

    handle = announcing(announce).start(Idle())
    assert [message.kind for message in handle.send(Go()).messages] == ["Idle"]


# ---------------------------------------------------------------- announce_creation


def beginning(member: Any) -> Any:
    """A machine with this `announce_creation`."""

    class Bad(Machine[Idle | Busy, Go]):
        idle = state(Idle)
        busy = state(Busy)

        @on
        def go(self, s: Idle, e: Go) -> Busy:
            return Busy()

        announce_creation = member

    return Bad


def test_announce_creation_with_other_parameters() -> None:
    """An `announce_creation` that takes no state, or more than one, is refused."""

    def nothing(self: object) -> list[Message]:
        return []

    def more(self: object, state: Any, event: Any) -> list[Message]:
        return []

    for member in (nothing, more):
        with assert_refused("Bad", "announce_creation", "write (self, state)"):
            beginning(member)


def test_announce_creation_for_some_states() -> None:
    """An `announce_creation` that does not take every state is refused: an instance may begin in any."""

    def announce_creation(self: object, state: Idle) -> list[Message]:
        return []

    with assert_refused("Bad", "announce_creation", "takes Idle as state, and would be given Busy too"):
        beginning(announce_creation)


def test_announce_creation_that_is_no_method() -> None:
    """An `announce_creation` that is called without `self`, or not at all, is refused."""

    def announce_creation(state: Any) -> list[Message]:
        return []

    for member in (staticmethod(announce_creation), classmethod(announce_creation), "created"):
        with assert_refused("Bad", "announce_creation", "is no method; write def announce_creation(self, state)"):
            beginning(member)


def test_async_announce_creation() -> None:
    """An async `announce_creation` is refused."""

    async def announce_creation(self: object, state: Any) -> list[Message]:
        return []

    with assert_refused("Bad", "announce_creation", "drop async"):
        beginning(announce_creation)


def test_state_that_is_called_announce_creation() -> None:
    """A state cannot have the name of the hook."""
    with assert_refused("Bad", "announce_creation", "is no method"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            announce_creation = state(Busy)  # type: ignore[assignment]  # that is the point

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()
