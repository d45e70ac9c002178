"""A machine for tests of workers: faults use up attempts, transient failures wait, a lease can be given back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import frozen

from leverframe import BackOff, Event, Lease, Machine, Payload, Retry, Store, WakeUp, on, state

__all__ = ["TRIES", "Chore", "ChoreEvent", "Doing", "Done", "Failed", "Fetching", "GivenUp", "Waiting", "create_chores"]

TRIES = 3

BACK_OFF = BackOff(base=timedelta(seconds=10), cap=timedelta(seconds=600))


@frozen(kw_only=True)
class Named(Payload):
    name: str
    tries: int = 0
    delays: int = 0
    error: str = ""


@frozen
class Waiting(Named):
    ready_at: datetime | None = None
    alarm_at: datetime | None = None


@frozen
class Doing(Named): ...


@frozen
class Fetching(Named):
    """Something has to be fetched first; nobody works on it meanwhile."""


@frozen
class Done(Named):
    result: str = ""


@frozen
class Failed(Named): ...


@frozen
class GivenUp(Named): ...


ChoreState: TypeAlias = Waiting | Doing | Fetching | Done | Failed | GivenUp


@frozen
class Begun(Event): ...


@frozen
class Ended(Event):
    result: str = ""


@frozen
class RanOut(Event): ...


@frozen
class HandedBack(Event): ...


@frozen
class Faulted(Event):
    error: str


@frozen
class Delayed(Event):
    error: str
    retry_after: timedelta | None = None


@frozen
class Hopeless(Event):
    error: str


@frozen
class Noted(Event):
    note: str


@frozen
class Sent(Event): ...


@frozen
class Fetched(Event): ...


@frozen
class CalledOff(Event): ...


@frozen
class Overslept(Event): ...


ChoreEvent: TypeAlias = (
    Begun | Ended | RanOut | HandedBack | Faulted | Delayed | Hopeless | Noted | Sent | Fetched | CalledOff | Overslept
)


class Chore(Machine[ChoreState, ChoreEvent]):
    waiting = state(Waiting, initial=True)
    doing = state(Doing)
    fetching = state(Fetching)
    done = state(Done, final=True)
    failed = state(Failed, final=True)
    given_up = state(GivenUp, final=True)

    @on
    def begun(self, s: Waiting, e: Begun) -> Doing:
        return Doing(name=s.name, tries=s.tries + 1, delays=s.delays, error=s.error)

    @on
    def ended(self, s: Doing, e: Ended) -> Done:
        return Done(name=s.name, tries=s.tries, delays=s.delays, result=e.result)

    @on
    def ran_out(self, s: Doing, e: RanOut) -> Waiting | Failed:
        return self.again(s, "the lease ran out")

    @on
    def handed_back(self, s: Doing, e: HandedBack) -> Waiting:
        return Waiting(name=s.name, tries=s.tries - 1, delays=s.delays, error="handed back")

    @on
    def faulted(self, s: Doing, e: Faulted) -> Waiting | Failed:
        return self.again(s, e.error)

    @on
    def delayed(self, s: Doing, e: Delayed) -> Waiting:
        delays = s.delays + 1
        ready_at = self.now() + BACK_OFF.delay(delays, e.retry_after)
        return Waiting(name=s.name, tries=s.tries - 1, delays=delays, error=e.error, ready_at=ready_at)

    @on
    def hopeless(self, s: Doing, e: Hopeless) -> GivenUp:
        return GivenUp(name=s.name, tries=s.tries, delays=s.delays, error=e.error)

    @on
    def noted(self, s: Doing, e: Noted) -> Doing:
        return Doing(name=s.name, tries=s.tries, delays=s.delays, error=e.note)

    @on
    def sent(self, s: Doing, e: Sent) -> Fetching:
        return Fetching(name=s.name, tries=s.tries, delays=s.delays)

    @on
    def fetched(self, s: Fetching, e: Fetched) -> Doing:
        return Doing(name=s.name, tries=s.tries, delays=s.delays)

    @on
    def called_off(self, s: Waiting | Doing, e: CalledOff) -> GivenUp:
        return GivenUp(name=s.name, tries=s.tries, delays=s.delays, error="called off")

    @on
    def overslept(self, s: Waiting, e: Overslept) -> Waiting:
        return Waiting(name=s.name, tries=s.tries, delays=s.delays, error="overslept")

    def again(self, s: Doing, error: str) -> Waiting | Failed:
        kind = Waiting if s.tries < TRIES else Failed
        return kind(name=s.name, tries=s.tries, delays=s.delays, error=error)

    lease = Lease(
        claim=begun,
        expiry=ran_out,
        release=handed_back,
        ttl=timedelta(seconds=60),
        free=(called_off,),
        pauses=(Fetching,),
        ready=lambda s, now: s.ready_at or now,
    )

    retry = Retry(
        fault=lambda error: Faulted(f"{type(error).__name__}: {error}"),
        transient=lambda error: Delayed(str(error), error.retry_after),
        permanent=lambda error: Hopeless(str(error)),
    )

    alarm = WakeUp(overslept, at=lambda s: s.alarm_at)


def create_chores(store: Store, *names: str) -> None:
    for name in names:
        store.create(Chore, name, Waiting(name=name))
