"""Which numbers are priorities?  What is none is said where it is made, and nothing is written then."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen

from leverframe import Event, InvalidQuery, InvalidValue, Lease, Machine, Payload, Positive, Store, on, state
from leverframe.persistence.leases import HIGHEST_PRIORITY, LOWEST_PRIORITY

NONE_AT_ALL: dict[str, Any] = {
    "above": 2**31,
    "below": -(2**31) - 1,
    "far above": 2**70,
    "a fraction": 1.5,
    "nothing": None,
    "a truth": True,
    "a text": "7",
}

RANKS: dict[str, Any] = {"low": LOWEST_PRIORITY, "mid": Positive(7), "high": HIGHEST_PRIORITY, **NONE_AT_ALL}


@frozen
class Waiting(Payload):
    rank: str = "mid"


@frozen
class Called(Payload): ...


@frozen
class Call(Event): ...


@frozen
class Missed(Event): ...


@frozen
class Ranked(Event):
    rank: str


class Visitor(Machine[Waiting | Called, Call | Missed | Ranked]):
    waiting = state(Waiting, initial=True)
    called = state(Called)

    @on
    def call(self, s: Waiting, e: Call) -> Called:
        return Called()

    @on
    def missed(self, s: Called, e: Missed) -> Waiting:
        return Waiting()

    @on
    def ranked(self, s: Waiting, e: Ranked) -> Waiting:
        return Waiting(e.rank)

    lease = Lease(claim=call, expiry=missed, priority=lambda visitor: RANKS[visitor.rank])


def test_the_lowest_and_the_highest_are_claimed(store: Store) -> None:
    """All of 32 bits is in order, the ends included."""
    for key in ("low", "mid", "high"):
        store.create(Visitor, key, Waiting(key))
    assert [held.key for held in store.claim_many(Visitor.lease, worker="w", limit=5)] == ["high", "mid", "low"]


@pytest.mark.parametrize("rank", NONE_AT_ALL)
def test_what_is_no_priority_is_not_created(store: Store, rank: str) -> None:
    """A state whose priority is no integer of 32 bits is refused, and no instance is there."""
    with pytest.raises(InvalidValue, match=r"lease: priority must be an integer from -2147483648 to 2147483647"):
        store.create(Visitor, "a", Waiting(rank))
    assert store.find(Visitor) == []


def test_what_is_no_priority_is_not_moved_to(store: Store) -> None:
    """A move to a state whose priority is none is refused, and the instance is as it was, and claimed as before."""
    before = store.create(Visitor, "a", Waiting())
    with pytest.raises(InvalidValue):
        store.send(Visitor, "a", Ranked("above"))
    assert store.get(Visitor, "a") == before
    assert store.claim(Visitor.lease, worker="w") is not None


@pytest.mark.parametrize("rank", [each for each in NONE_AT_ALL.values() if each is not None])
def test_what_is_no_priority_is_not_given_by_hand(store: Store, rank: Any) -> None:
    """`requeue` takes the same numbers, and changes nothing for another one."""
    before = store.create(Visitor, "a", Waiting())
    with pytest.raises(InvalidQuery, match="priority="):
        store.requeue(Visitor.lease, "a", priority=rank, by="anna", why="she is late")
    assert store.get(Visitor, "a") == before


def test_the_ends_are_given_by_hand(store: Store) -> None:
    """What is requeued with the highest priority comes first, and with the lowest last."""
    for key in ("a", "b", "c"):
        store.create(Visitor, key, Waiting())
    store.requeue(Visitor.lease, "a", priority=LOWEST_PRIORITY, by="anna", why="it can wait")
    store.requeue(Visitor.lease, "c", priority=HIGHEST_PRIORITY, by="anna", why="it cannot")
    assert [held.key for held in store.claim_many(Visitor.lease, worker="w", limit=5)] == ["c", "b", "a"]
