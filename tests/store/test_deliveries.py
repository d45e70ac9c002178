"""What a delivery id settles, and events that are sent together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from everything import everything
from parcels import (
    Exploded,
    Label,
    Loaded,
    OnTheRoad,
    Parcel,
    Relabelled,
    first_stop,
    waiting,
)

from leverframe import (
    Send,
    StaleState,
    Store,
    TransitionNotAllowed,
)
from leverframe.machines.pipeline import (
    Backlog,
    Block,
    Blocked,
    Coding,
    DepsMet,
    GatesStarted,
    Pipeline,
    PipelineEvent,
    Qa,
    Unblock,
)

# ---------------------------------------------------------------- delivery ids


def test_delivery_id_again_changes_nothing(store: Store) -> None:
    """The same delivery id again is answered as the first time, marked duplicate, and nothing has changed."""
    store.create(Pipeline, "story-7", Backlog())
    first = store.send(Pipeline, "story-7", DepsMet(), delivery_id="d-1")
    store.send(Pipeline, "story-7", GatesStarted())
    before = everything(store, "story-7")
    again = store.send(Pipeline, "story-7", DepsMet(), delivery_id="d-1")
    assert again.duplicate
    assert again.moved
    assert (again.from_state, again.to_state, again.version, again.seq, again.state) == (
        first.from_state,
        first.to_state,
        first.version,
        first.seq,
        first.state,
    )
    assert everything(store, "story-7") == before


def test_refused_delivery_stays_refused(store: Store) -> None:
    """A refused delivery id is refused in the same words when it comes again, though the state would accept it now."""
    store.create(Pipeline, "story-7", Backlog())
    with pytest.raises(TransitionNotAllowed) as first:
        store.send(Pipeline, "story-7", GatesStarted(), delivery_id="d-1")
    store.send(Pipeline, "story-7", DepsMet())
    before = everything(store, "story-7")
    with pytest.raises(TransitionNotAllowed) as again:
        store.send(Pipeline, "story-7", GatesStarted(), delivery_id="d-1")
    assert str(again.value) == str(first.value)
    receipt = store.send(Pipeline, "story-7", GatesStarted(), delivery_id="d-1", on_refused="return")
    assert (receipt.duplicate, receipt.moved, receipt.state, receipt.version) == (True, False, Backlog(), 1)
    assert everything(store, "story-7") == before


def test_stale_delivery_stays_stale(store: Store) -> None:
    """A delivery id refused as stale stays so, naming the states of then."""
    store.create(Pipeline, "story-7", Backlog())
    with pytest.raises(StaleState) as first:
        store.send(Pipeline, "story-7", DepsMet(), expect=Coding, delivery_id="d-1")
    store.send(Pipeline, "story-7", DepsMet())
    with pytest.raises(StaleState) as again:
        store.send(Pipeline, "story-7", DepsMet(), expect=Coding, delivery_id="d-1")
    assert str(again.value) == str(first.value)


def test_delivery_ids_are_per_instance(store: Store) -> None:
    """One delivery id on two keys is two deliveries."""
    for key in ("a", "b"):
        store.create(Pipeline, key, Backlog())
        assert not store.send(Pipeline, key, DepsMet(), delivery_id="d-1").duplicate


def test_events_without_id_are_never_duplicates(store: Store) -> None:
    """Equal events without a delivery id are separate events."""
    store.create(Parcel, "p", waiting("A"))
    store.send(Parcel, "p", Loaded())
    for _ in range(3):
        assert store.send(Parcel, "p", first_stop()).moved
    state_now = store.get(Parcel, "p").handle.as_(OnTheRoad).state
    assert state_now.stops == 3


def test_delivery_ids_are_pruned_by_age(store: Store, clock: Any) -> None:
    """Delivery ids older than asked for, by the store's clock, are forgotten; younger ones and all else stay."""
    store.create(Pipeline, "story-7", Backlog())
    store.send(Pipeline, "story-7", DepsMet(), delivery_id="old", at=datetime(2099, 1, 1, tzinfo=UTC))
    clock.advance(days=10)
    store.send(Pipeline, "story-7", GatesStarted(), delivery_id="young", at=datetime(1999, 1, 1, tzinfo=UTC))
    before = everything(store, "story-7")
    assert store.prune(deliveries=timedelta(days=5)).deliveries == 1
    assert everything(store, "story-7") == before
    assert store.send(Pipeline, "story-7", GatesStarted(), delivery_id="young").duplicate
    assert not store.send(Pipeline, "story-7", DepsMet(), delivery_id="old", on_refused="return").duplicate


def test_pruning_goes_on_until_all_are_gone(store: Store, clock: Any) -> None:
    """More old delivery ids than one batch takes are all forgotten."""
    store.create(Parcel, "p", waiting("A"))
    store.send(Parcel, "p", Loaded())
    store.send_many(Parcel, [Send("p", first_stop(), delivery_id=f"d-{n}") for n in range(2500)])
    clock.advance(days=1)
    assert store.prune(deliveries=timedelta(0)).deliveries == 2500


# ---------------------------------------------------------------- many


def test_send_many_is_one_receipt_each(store: Store) -> None:
    """Events of one call are applied in their order, one receipt each, also several for one key."""
    store.create(Pipeline, "a", Backlog())
    store.create(Pipeline, "b", Backlog())
    receipts = store.send_many(Pipeline, [("a", DepsMet()), ("b", Block("x")), ("a", GatesStarted())])
    assert [(r.from_state, r.to_state, r.version) for r in receipts] == [
        (Backlog, Coding, 2),
        (Backlog, Blocked, 2),
        (Coding, Qa, 3),
    ]
    assert store.count(Pipeline) == {Qa: 1, Blocked: 1}


def test_send_many_refused_writes_nothing(store: Store) -> None:
    """One refusal is raised, and nothing of the whole call is written."""
    store.create(Pipeline, "a", Backlog())
    store.create(Pipeline, "b", Backlog())
    before = everything(store, "a", "b")
    with pytest.raises(TransitionNotAllowed):
        store.send_many(Pipeline, [("a", DepsMet()), ("b", Unblock())])
    assert everything(store, "a", "b") == before


def test_send_many_returns_refusals(store: Store) -> None:
    """With `on_refused="return"` the others are written, and the refused one says why."""
    store.create(Pipeline, "a", Backlog())
    receipts = store.send_many(Pipeline, [("a", Unblock()), ("a", DepsMet())], on_refused="return")
    assert [receipt.moved for receipt in receipts] == [False, True]
    assert store.get(Pipeline, "a").version == 2


def test_send_many_creates_what_is_missing(store: Store) -> None:
    """With `create=`, a missing instance is created at its first event's time, and stays though that is refused."""
    then = datetime(2020, 1, 1, tzinfo=UTC)
    sends: list[Send[PipelineEvent]] = [
        Send("a", Unblock(), at=then),
        Send("a", DepsMet()),
        Send("b", DepsMet(), at=then),
    ]
    receipts = store.send_many(Pipeline, sends, create=Backlog(), on_refused="return")
    assert [receipt.moved for receipt in receipts] == [False, True, True]
    assert store.get(Pipeline, "a").created_at == then
    assert [entry.version for entry in store.history(Pipeline, "a")] == [1, 2]


def test_send_many_knows_deliveries(store: Store) -> None:
    """A delivery id that comes twice in one call is applied once."""
    store.create(Pipeline, "a", Backlog())
    receipts = store.send_many(Pipeline, [Send("a", DepsMet(), delivery_id="d"), Send("a", DepsMet(), delivery_id="d")])
    assert [receipt.duplicate for receipt in receipts] == [False, True]
    assert store.get(Pipeline, "a").version == 2


def test_send_many_of_nothing(store: Store) -> None:
    """No events are no receipts."""
    assert store.send_many(Pipeline, []) == []


def test_send_many_handler_that_fails(store: Store) -> None:
    """What a handler raises takes back the whole call."""
    store.create(Parcel, "p", waiting("A"))
    before = everything(store, "p", machine=Parcel)
    with pytest.raises(RuntimeError):
        store.send_many(Parcel, [("p", Relabelled(Label("B"))), ("p", Exploded())], on_refused="return")
    assert everything(store, "p", machine=Parcel) == before
