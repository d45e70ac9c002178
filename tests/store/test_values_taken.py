"""A move of the machine's own that would take another one's unique value is passed by, and told behind all others."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import pytest
from attrs import frozen

from leverframe import AlreadyExists, Event, Lease, Machine, Payload, Store, WakeUp, lookup, on, state


class Clock(Protocol):
    time: datetime

    def advance(self, **units: float) -> datetime: ...


@frozen
class Free(Payload):
    desk: str


@frozen
class Asleep(Payload):
    desk: str
    until: datetime


@frozen
class Taken(Payload):
    """At another desk meanwhile."""

    desk: str


@frozen
class Take(Event): ...


@frozen
class Leave(Event): ...


@frozen
class Wake(Event): ...


@frozen
class Doze(Event):
    until: datetime


class Clerk(Machine[Free | Asleep | Taken, Take | Leave | Wake | Doze]):
    free = state(Free, initial=True)
    asleep = state(Asleep)
    taken = state(Taken)

    desk = lookup(unique=True)

    @on
    def take(self, s: Free, e: Take) -> Taken:
        return Taken(f"{s.desk}, in use")

    @on
    def leave(self, s: Taken, e: Leave) -> Free:
        return Free(s.desk.removesuffix(", in use"))

    @on
    def doze(self, s: Free, e: Doze) -> Asleep:
        return Asleep(f"{s.desk}, put away", e.until)

    @on
    def wake(self, s: Asleep, e: Wake) -> Free:
        return Free(s.desk.removesuffix(", put away"))

    lease = Lease(claim=take, expiry=leave, ttl=timedelta(seconds=60))
    alarm = WakeUp(wake, at=lambda clerk: clerk.until)


def test_a_reaper_goes_on_behind_a_taken_value(store: Store, clock: Clock) -> None:
    """What cannot come back is told as `AlreadyExists`, stays as it is, and keeps no other lease from being ended."""
    for key in ("a", "b", "c"):
        store.create(Clerk, key, Free(key))
    store.claim_many(Clerk.lease, worker="w", limit=3)
    store.create(Clerk, "new", Free("a"))
    clock.advance(seconds=60)
    with pytest.raises(AlreadyExists) as taken:
        store.reap(Clerk.lease, limit=1)
    assert (taken.value.key, taken.value.field, taken.value.value) == ("a", "desk", "a")
    assert [type(store.get(Clerk, key).state) for key in ("a", "b", "c")] == [Taken, Free, Free]
    assert [record.key for record in store.leases(Clerk.lease)] == ["a"]


def test_a_waker_goes_on_behind_a_taken_value(store: Store, clock: Clock) -> None:
    """What cannot be woken up is told as `AlreadyExists`, stays due, and keeps no other from being woken up."""
    for key in ("a", "b", "c"):
        store.create(Clerk, key, Asleep(f"{key}, put away", clock.time + timedelta(seconds=1)))
    store.create(Clerk, "new", Free("a"))
    clock.advance(seconds=1)
    with pytest.raises(AlreadyExists) as taken:
        store.wake(Clerk, limit=1)
    assert taken.value.key == "a"
    assert [type(store.get(Clerk, key).state) for key in ("a", "b", "c")] == [Asleep, Free, Free]
    assert [due.key for due in store.due(Clerk)] == ["a"]


def test_it_is_reaped_once_the_value_is_free(store: Store, clock: Clock) -> None:
    """When the other one gives the value up, the next look ends the lease."""
    store.create(Clerk, "a", Free("a"))
    store.claim(Clerk.lease, worker="w")
    store.create(Clerk, "new", Free("a"))
    clock.advance(seconds=60)
    with pytest.raises(AlreadyExists):
        store.reap(Clerk.lease)
    store.delete(Clerk, "new")
    assert store.reap(Clerk.lease) == 1
    assert store.get(Clerk, "a").state == Free("a")
