"""A machine for operators: a lease, a pause, a wake-up, a unique look-up, messages, and ways back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import frozen

from leverframe import Event, Machine, Message, Payload, entering, lookup, on, state
from leverframe.coordination.policies import Lease, WakeUp

__all__ = [
    "Answered",
    "Asked",
    "Asking",
    "Broken",
    "Closed",
    "Doing",
    "Failed",
    "Gone",
    "GotStuck",
    "Late",
    "Loosened",
    "RanOut",
    "Reopened",
    "Retried",
    "Stuck",
    "Taken",
    "Ticket",
    "Unstuck",
    "Waiting",
]


@frozen
class Named(Payload):
    label: str


@frozen
class Waiting(Named):
    not_before: datetime | None = None
    urgency: int = 0


@frozen
class Doing(Named): ...


@frozen
class Asking(Named):
    until: datetime


@frozen
class Failed(Named):
    reason: str


@frozen
class Stuck(Named): ...


@frozen
class Gone(Named): ...


TicketState: TypeAlias = Waiting | Doing | Asking | Failed | Stuck | Gone


@frozen
class Taken(Event): ...


@frozen
class RanOut(Event): ...


@frozen
class Asked(Event):
    until: datetime


@frozen
class Answered(Event): ...


@frozen
class Late(Event): ...


@frozen
class Broken(Event):
    reason: str


@frozen
class Retried(Event): ...


@frozen
class Reopened(Event):
    urgency: int


@frozen
class GotStuck(Event): ...


@frozen
class Unstuck(Event):
    urgency: int


@frozen
class Loosened(Event):
    label: str


@frozen
class Closed(Event): ...


TicketEvent: TypeAlias = (
    Taken | RanOut | Asked | Answered | Late | Broken | Retried | Reopened | GotStuck | Unstuck | Loosened | Closed
)


class Ticket(Machine[TicketState, TicketEvent]):
    """A piece of work that may fail, get stuck, and come back."""

    waiting = state(Waiting, initial=True)
    doing = state(Doing)
    asking = state(Asking)
    failed = state(Failed)
    stuck = state(Stuck)
    gone = state(Gone, final=True)

    label = lookup(unique=True)

    @on
    def taken(self, s: Waiting, e: Taken) -> Doing:
        return Doing(s.label)

    @on
    def ran_out(self, s: Doing, e: RanOut) -> Waiting:
        return Waiting(s.label)

    @on
    def asked(self, s: Doing, e: Asked) -> Asking:
        return Asking(s.label, e.until)

    @on
    def answered(self, s: Asking, e: Answered) -> Doing:
        return Doing(s.label)

    @on
    def late(self, s: Asking, e: Late) -> Failed:
        return Failed(s.label, "nobody has answered")

    @on
    def broken(self, s: Doing, e: Broken) -> Failed:
        return Failed(s.label, e.reason)

    @on
    def retried(self, s: Failed, e: Retried) -> Waiting:
        return Waiting(s.label)

    @on
    def reopened(self, s: Failed, e: Reopened) -> Waiting:
        return Waiting(s.label, None, e.urgency)

    @on
    def got_stuck(self, s: Doing, e: GotStuck) -> Stuck:
        return Stuck(s.label)

    @on
    def unstuck(self, s: Stuck, e: Unstuck) -> Waiting:
        return Waiting(s.label, None, e.urgency)

    @on
    def loosened(self, s: Stuck, e: Loosened) -> Waiting:
        return Waiting(e.label)

    @on
    def closed(self, s: Doing | Failed, e: Closed) -> Gone:
        return Gone(s.label)

    @entering
    def tell(self, s: Waiting) -> list[Message]:
        return [Message("tickets", "waiting", body={"label": s.label})]

    lease = Lease(
        claim=taken,
        expiry=ran_out,
        ttl=timedelta(seconds=60),
        pauses=(Asking,),
        ready=lambda s, now: now if s.not_before is None else s.not_before,
        priority=lambda s: s.urgency,
    )

    answer = WakeUp(late, at=lambda s: s.until)
