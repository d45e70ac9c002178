"""A machine whose lease says nothing that it does not have to: errands, that somebody runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import evolve, frozen

from leverframe import Event, Lease, Limit, Machine, Payload, WakeUp, lookup, on, state

__all__ = [
    "Asked",
    "Begun",
    "Called",
    "Errand",
    "ErrandState",
    "Finished",
    "GivenUp",
    "Held",
    "Left",
    "Open",
    "Over",
    "Resumed",
    "Run",
    "Waiting",
]


@frozen(kw_only=True)
class Common(Payload):
    to: str = "town"
    badge: str | None = None


@frozen(kw_only=True)
class Open(Common):
    not_before: datetime | None = None
    wanted: bool = True
    urgency: int = 0


@frozen
class Run(Common): ...


@frozen
class Held(Common):
    """On the way, and waiting for somebody."""


@frozen
class Over(Common): ...


ErrandState: TypeAlias = Open | Run | Held | Over


@frozen
class Begun(Event):
    badge: str | None = None


@frozen
class Left(Event): ...


@frozen
class Finished(Event): ...


@frozen
class GivenUp(Event): ...


@frozen
class Waiting(Event): ...


@frozen
class Resumed(Event): ...


@frozen
class Asked(Event):
    urgency: int


@frozen
class Called(Event): ...


def from_when(errand: Open, now: datetime) -> datetime | None:
    return errand.not_before or now


def how_urgent(errand: Open) -> int:
    return errand.urgency


def where_to(errand: ErrandState, key: object) -> str:
    return errand.to


def when_called(errand: ErrandState) -> datetime | None:
    return errand.not_before if isinstance(errand, Open) else None


class Errand(Machine[ErrandState, Begun | Left | Finished | GivenUp | Waiting | Resumed | Asked | Called]):
    """An errand, of which a few may go to one place at one time."""

    open = state(Open, initial=True)
    run = state(Run)
    held = state(Held)
    over = state(Over, final=True)

    badge = lookup(unique=True)

    def is_wanted(self, s: Open, e: Begun) -> bool:
        return s.wanted

    @on(cond=is_wanted)
    def begun(self, s: Open, e: Begun) -> Run:
        return Run(to=s.to, badge=e.badge)

    @on
    def left(self, s: Run, e: Left) -> Open:
        return Open(to=s.to)

    @on
    def finished(self, s: Run, e: Finished) -> Over:
        return Over(to=s.to)

    @on
    def given_up(self, s: Run | Held, e: GivenUp) -> Over:
        return Over(to=s.to)

    @on
    def waiting(self, s: Run, e: Waiting) -> Held:
        return Held(to=s.to)

    @on
    def resumed(self, s: Held, e: Resumed) -> Run:
        return Run(to=s.to)

    @on
    def asked(self, s: Open, e: Asked) -> Open:
        return evolve(s, urgency=e.urgency)

    @on
    def called(self, s: Open, e: Called) -> Open:
        return evolve(s, not_before=None)

    lease = Lease(
        claim=begun,
        expiry=left,
        ttl=timedelta(seconds=60),
        free=(given_up,),
        pauses=(Held,),
        ready=from_when,
        priority=how_urgent,
        limit=Limit(per=where_to, at_most=2),
    )

    call = WakeUp(called, at=when_called)
