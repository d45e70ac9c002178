"""A machine for tests of leases: priorities, times before which nobody can claim, a pause, free moves, a wake-up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import evolve, frozen

from leverframe import Event, Machine, Payload, on, state
from leverframe.coordination.policies import Lease, WakeUp


@frozen
class Errand_(Payload):
    name: str


@frozen
class Open(Errand_):
    urgency: int = 0
    not_before: datetime | None = None
    tries: int = 0


@frozen
class Doing(Errand_):
    tries: int
    notes: tuple[str, ...] = ()


@frozen
class Asking(Errand_):
    tries: int
    until: datetime | None


@frozen
class Finished(Errand_): ...


@frozen
class GivenUp(Errand_):
    why: str


ErrandState: TypeAlias = Open | Doing | Asking | Finished | GivenUp


@frozen
class Taken(Event):
    by: str = ""


@frozen
class RanOut(Event): ...


@frozen
class Noted(Event):
    note: str


@frozen
class Remarked(Event):
    note: str


@frozen
class Asked(Event):
    until: datetime | None = None


@frozen
class Answered(Event): ...


@frozen
class NeverAnswered(Event): ...


@frozen
class PutOff(Event):
    until: datetime | None = None


@frozen
class Done(Event): ...


@frozen
class CalledOff(Event): ...


@frozen
class Hurried(Event):
    urgency: int


ErrandEvent: TypeAlias = (
    Taken | RanOut | Noted | Remarked | Asked | Answered | NeverAnswered | PutOff | Done | CalledOff | Hurried
)

TRIES = 3


class Errand(Machine[ErrandState, ErrandEvent]):
    open = state(Open, initial=True)
    doing = state(Doing)
    asking = state(Asking)
    finished = state(Finished, final=True)
    given_up = state(GivenUp, final=True)

    @on
    def taken(self, s: Open, e: Taken) -> Doing:
        return Doing(s.name, s.tries + 1)

    @on
    def ran_out(self, s: Doing, e: RanOut) -> Open | GivenUp:
        return Open(s.name, tries=s.tries) if s.tries < TRIES else GivenUp(s.name, "tried too often")

    @on
    def noted(self, s: Doing, e: Noted) -> Doing:
        return evolve(s, notes=(*s.notes, e.note))

    @on
    def remarked(self, s: Doing, e: Remarked) -> Doing:
        return evolve(s, notes=(*s.notes, e.note))

    @on
    def asked(self, s: Doing, e: Asked) -> Asking:
        return Asking(s.name, s.tries, e.until)

    @on
    def answered(self, s: Asking, e: Answered) -> Doing:
        return Doing(s.name, s.tries)

    @on
    def never_answered(self, s: Asking, e: NeverAnswered) -> GivenUp:
        return GivenUp(s.name, "no answer")

    @on
    def put_off(self, s: Doing, e: PutOff) -> Open:
        return Open(s.name, 0, e.until, s.tries)

    @on
    def done(self, s: Doing, e: Done) -> Finished:
        return Finished(s.name)

    @on
    def called_off(self, s: Open | Doing | Asking, e: CalledOff) -> GivenUp:
        return GivenUp(s.name, "called off")

    @on
    def hurried(self, s: Open, e: Hurried) -> Open:
        return evolve(s, urgency=e.urgency)

    lease = Lease(
        claim=taken,
        expiry=ran_out,
        ttl=timedelta(seconds=60),
        max_runtime=timedelta(minutes=5),
        free=(called_off, remarked),
        pauses=(Asking,),
        ready=lambda s, now: s.not_before or now,
        priority=lambda s: s.urgency,
    )

    answer = WakeUp(never_answered, at=lambda s: s.until)
