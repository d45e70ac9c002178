"""Machines for tests of the command line: handlers and hooks that raise, in some states only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from attrs import frozen

from leverframe import Event, Machine, Message, Payload, entering, on, state


@frozen
class Off(Payload): ...


@frozen
class On(Payload): ...


@frozen
class Broken(Payload): ...


LampState: TypeAlias = Off | On | Broken


@frozen
class Switch(Event): ...


@frozen
class Smash(Event): ...


LampEvent: TypeAlias = Switch | Smash


class Lamp(Machine[LampState, LampEvent]):
    """A lamp that can be smashed while it is on; while it is off, nobody sees it, and the handler raises."""

    off = state(Off, initial=True)
    on_ = state(On)
    broken = state(Broken)

    @on
    def switch(self, s: Off, e: Switch) -> On:
        return On()

    @on
    def smash_unseen(self, s: Off, e: Smash) -> Broken:
        raise ValueError("it is dark\nin here")

    @on
    def smash(self, s: On, e: Smash) -> Broken:
        return Broken()


class Cursed(Machine[LampState, LampEvent]):
    """A lamp of which none can be made: its first state's hook raises."""

    off = state(Off, initial=True)
    on_ = state(On)
    broken = state(Broken)

    @on
    def switch(self, s: Off, e: Switch) -> On:
        return On()

    @on
    def smash(self, s: On, e: Smash) -> Broken:
        return Broken()

    @entering
    def tell(self, s: Off) -> Iterable[Message]:
        raise RuntimeError("no lamp today")


NOT_A_MACHINE = 3
