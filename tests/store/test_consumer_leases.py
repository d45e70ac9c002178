"""A message is its worker's for as long as its lease runs, and is settled once."""

from __future__ import annotations

from typing import Any

import pytest
from mail import AT_ONCE, CUSTODY, MINUTE, SECOND, keys, tell
from parcels import Loaded, Parcel

from leverframe import Delivered, LeaseLost, Store, StoreFailure

# ---------------------------------------------------------------- leases


def test_a_lease_that_runs_out(store: Store, clock: Any) -> None:
    """Whoever keeps silent until its lease has run out loses the message to whoever asks next, with another token."""
    tell(store, "a")
    ann, bob = store.consumer("mailer", worker="ann", lease=MINUTE), store.consumer("mailer", worker="bob")
    [lost] = ann.take()
    assert lost.until == clock() + MINUTE
    clock.advance(seconds=59)
    assert bob.take() == []
    clock.advance(seconds=1)
    [taken] = bob.take()
    assert (taken.message, taken.attempt) == (lost.message, 2)
    assert taken.token > lost.token
    with pytest.raises(LeaseLost, match=r"the lease of ann on Parcel 'a' is over \(token \d+\)") as raised:
        lost.acknowledge()
    assert (raised.value.machine, raised.value.key, raised.value.worker) == ("Parcel", "a", "ann")
    assert raised.value.token == lost.token
    with pytest.raises(LeaseLost):
        lost.fail("too late")
    taken.acknowledge()
    clock.advance(days=1)
    assert (bob.take(), bob.set_aside()) == ([], [])


def test_an_acknowledgement_behind_the_lease(store: Store, clock: Any) -> None:
    """An acknowledgement behind the end of the lease counts, as long as nobody else was given the message."""
    tell(store, "a")
    mailer = store.consumer("mailer", lease=SECOND)
    [delivery] = mailer.take()
    clock.advance(days=1)
    delivery.acknowledge()
    assert mailer.take() == []


@pytest.mark.parametrize("first", ["acknowledge", "fail"])
@pytest.mark.parametrize("then", ["acknowledge", "fail"])
def test_a_message_is_settled_once(store: Store, first: str, then: str) -> None:
    """Who has acknowledged a message, or reported it, has it no longer: a second word is refused."""
    tell(store, "a")
    [delivery] = store.consumer("mailer").take()
    settle(delivery, first)
    with pytest.raises(LeaseLost):
        settle(delivery, then)


def settle(delivery: Delivered, how: str) -> None:
    if how == "acknowledge":
        delivery.acknowledge()
    else:
        delivery.fail("no")


def test_tokens_grow(store: Store, clock: Any) -> None:
    """Tokens grow with each time, also while the clock stands still, and when it goes back."""
    tell(store, "a")
    tokens: list[int] = []
    for seconds in (0, 0, -5, 3):
        mailer = store.consumer("mailer", attempts=9, retry=AT_ONCE)
        clock.advance(seconds=seconds)
        mailer.replay(after=0)
        [delivery] = mailer.take()
        tokens.append(delivery.token)
        delivery.acknowledge()
    assert tokens == sorted(set(tokens))


# ---------------------------------------------------------------- work that takes longer


def test_a_lease_that_is_extended(store: Store, clock: Any) -> None:
    """Whoever extends its lease in time keeps the message, for the whole of it from then on."""
    tell(store, "a")
    ann, bob = store.consumer("mailer", worker="ann", lease=MINUTE), store.consumer("mailer", worker="bob")
    [delivery] = ann.take()
    for _ in range(3):
        clock.advance(seconds=59)
        delivery.extend()
        assert delivery.until == clock() + MINUTE
    clock.advance(seconds=59)
    assert bob.take() == []
    clock.advance(seconds=1)
    [taken] = bob.take()
    assert (taken.attempt, taken.message) == (2, delivery.message)


def test_extended_by_another_span(store: Store, clock: Any) -> None:
    """A lease is extended by the span that is asked for."""
    tell(store, "a")
    mailer = store.consumer("mailer", lease=MINUTE)
    [delivery] = mailer.take()
    delivery.extend(10 * MINUTE)
    assert delivery.until == clock() + 10 * MINUTE
    clock.advance(minutes=9)
    assert mailer.take() == []
    clock.advance(minutes=1)
    assert keys(mailer.take()) == ["a"]


def test_extended_behind_its_end(store: Store, clock: Any) -> None:
    """A lease that has run out is extended as long as nobody else was given the message."""
    tell(store, "a")
    mailer = store.consumer("mailer", lease=SECOND)
    [delivery] = mailer.take()
    clock.advance(days=1)
    delivery.extend()
    assert mailer.take() == []
    delivery.acknowledge()
    clock.advance(days=1)
    assert mailer.take() == []


@pytest.mark.parametrize("how", ["taken", "acknowledged", "failed", "removed"])
def test_a_lost_lease_is_not_extended(store: Store, clock: Any, how: str) -> None:
    """A lease that is over is not extended, whatever ended it; its worker is told, and nothing changes."""
    tell(store, "a")
    mailer = store.consumer("mailer", worker="ann", lease=SECOND, retry=AT_ONCE)
    [delivery] = mailer.take()
    clock.advance(seconds=1)
    [other] = mailer.take() if how == "taken" else [None]
    if how == "acknowledged":
        delivery.acknowledge()
    elif how == "failed":
        delivery.fail("no")
    elif how == "removed":
        mailer.remove()
    until = delivery.until
    with pytest.raises(LeaseLost, match="the lease of ann on Parcel 'a' is over"):
        delivery.extend(MINUTE)
    assert delivery.until == until
    clock.advance(seconds=1)
    found = [(each.attempt, each.message.key) for each in mailer.take()]
    assert found == {"acknowledged": [], "removed": [(1, "a")]}.get(how, [(3 if other else 2, "a")])


def test_extended_outside_of_a_transaction(store: Store) -> None:
    """Inside of a transaction, where others would not see it, a lease is not extended."""
    tell(store, "a")
    [delivery] = store.consumer("mailer").take()
    until = delivery.until
    with store.transaction():
        with pytest.raises(StoreFailure, match="outside of the transaction"):
            delivery.extend()
        delivery.acknowledge()
    assert delivery.until == until


def test_a_delivery_is_not_changed_by_hand(store: Store) -> None:
    """What a delivery says of its message is not set."""
    tell(store, "a")
    [delivery] = store.consumer("mailer").take()
    with pytest.raises(AttributeError):
        delivery.token = 7


# ---------------------------------------------------------------- transactions


def send_and_acknowledge(store: Store, delivery: Delivered, *, fails: bool = False) -> None:
    with store.transaction():
        store.send(Parcel, delivery.message.key, Loaded())
        delivery.acknowledge()
        if fails:
            raise RuntimeError


def test_acknowledged_with_all_that_came_of_it(store: Store, clock: Any) -> None:
    """In a transaction the acknowledgement and what is sent are committed together, or taken back together."""
    tell(store, "a")
    mailer = store.consumer("mailer", lease=SECOND)
    [delivery] = mailer.take()
    with pytest.raises(RuntimeError):
        send_and_acknowledge(store, delivery, fails=True)
    assert store.get(Parcel, "a").version == 1
    clock.advance(seconds=1)
    [again] = mailer.take()
    assert again.attempt == 2
    send_and_acknowledge(store, again)
    assert store.get(Parcel, "a").version == 2
    clock.advance(seconds=1)
    assert "a" not in [each.message.key for each in mailer.take() if each.message.topic == CUSTODY]


def test_a_lost_lease_takes_all_back(store: Store, clock: Any) -> None:
    """In a transaction a late acknowledgement takes back what was sent before it: the other worker's is what counts."""
    tell(store, "a")
    mailer = store.consumer("mailer", topic=CUSTODY, lease=SECOND)
    [late] = mailer.take()
    clock.advance(seconds=1)
    [taken] = mailer.take()
    with pytest.raises(LeaseLost):
        send_and_acknowledge(store, late)
    assert store.get(Parcel, "a").version == 1
    taken.acknowledge()


def test_nothing_is_taken_in_a_transaction(store: Store) -> None:
    """Messages are not taken inside of a transaction, where nobody would know of it yet."""
    tell(store, "a")
    mailer = store.consumer("mailer")
    with store.transaction(), pytest.raises(StoreFailure, match="take them before it, and acknowledge them inside"):
        mailer.take()
    assert keys(mailer.take()) == ["a"]
