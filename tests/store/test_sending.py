"""What an event does, and what a refused one leaves as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from everything import everything
from parcels import (
    Exploded,
    HandedOver,
    Loaded,
    OnTheRoad,
    Parcel,
    first_stop,
    waiting,
)

from leverframe import (
    InvalidTime,
    StaleState,
    Store,
    TransitionNotAllowed,
)
from leverframe.machines.execution import Heartbeat
from leverframe.machines.pipeline import (
    Abandon,
    Active,
    Archived,
    Backlog,
    Coding,
    DepsMet,
    GatesStarted,
    Pipeline,
    Qa,
    Unblock,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)


# ---------------------------------------------------------------- send


def test_send_moves(store: Store) -> None:
    """A receipt says from where to where, which version and which journal line; the store has moved."""
    store.create(Pipeline, "story-7", Backlog())
    receipt = store.send(Pipeline, "story-7", DepsMet())
    assert receipt.moved
    assert not receipt.duplicate
    assert not receipt.refused
    assert (receipt.from_state, receipt.to_state, receipt.version) == (Backlog, Coding, 2)
    assert receipt.state == Coding()
    assert receipt.seq == store.history(Pipeline, "story-7")[-1].seq
    assert store.get(Pipeline, "story-7").state == Coding()


def test_update_in_place_is_a_move(store: Store) -> None:
    """An update in place makes a version and a journal line like any other move."""
    store.create(Parcel, "p", waiting("A"))
    store.send(Parcel, "p", Loaded())
    receipt = store.send(Parcel, "p", first_stop("Bern"))
    assert (receipt.moved, receipt.from_state, receipt.to_state, receipt.version) == (True, OnTheRoad, OnTheRoad, 3)
    assert [entry.version for entry in store.history(Parcel, "p")] == [1, 2, 3]


def test_refusal_changes_nothing(store: Store) -> None:
    """A refused event raises with event, state and what is accepted there, and nothing has changed."""
    store.create(Pipeline, "story-7", Backlog())
    before = everything(store, "story-7")
    with pytest.raises(TransitionNotAllowed) as refusal:
        store.send(Pipeline, "story-7", Unblock())
    assert (refusal.value.event, refusal.value.state) == ("Unblock", "active.backlog")
    assert refusal.value.accepted == ("DepsMet", "Block", "ReviewHold", "Abandon", "Supersede")
    assert everything(store, "story-7") == before


def test_refusal_returned(store: Store) -> None:
    """With `on_refused="return"` a refusal is a receipt with its reason, and nothing has changed."""
    store.create(Pipeline, "story-7", Backlog())
    before = everything(store, "story-7")
    receipt = store.send(Pipeline, "story-7", Unblock(), on_refused="return")
    assert receipt.refused
    assert (receipt.from_state, receipt.to_state, receipt.version, receipt.seq) == (Backlog, Backlog, 1, None)
    assert isinstance(receipt.error, TransitionNotAllowed)
    assert "Unblock" in receipt.reason
    assert everything(store, "story-7") == before


def test_guard_that_says_no(store: Store) -> None:
    """An event whose guards say no is refused, naming the guard."""
    store.create(Parcel, "p", waiting("A"))
    store.send(Parcel, "p", Loaded())
    with pytest.raises(TransitionNotAllowed, match="is_generous said no"):
        store.send(Parcel, "p", HandedOver(-1))


def test_handler_that_fails(store: Store) -> None:
    """What a handler raises comes out as it is, and nothing has changed."""
    store.create(Parcel, "p", waiting("A"))
    before = everything(store, "p", machine=Parcel)
    with pytest.raises(RuntimeError, match="a handler failed"):
        store.send(Parcel, "p", Exploded(), delivery_id="d")
    assert everything(store, "p", machine=Parcel) == before
    assert store.send(Parcel, "p", Loaded(), delivery_id="d").moved


def test_foreign_event_is_refused(store: Store) -> None:
    """An event of another machine is refused."""
    store.create(Pipeline, "story-7", Backlog())
    with pytest.raises(TransitionNotAllowed, match="no event of Pipeline"):
        store.send(Pipeline, "story-7", Heartbeat())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the wrong event is the point


# ---------------------------------------------------------------- time


def test_at_sets_now_and_changed_at(store: Store) -> None:
    """`at=` is what the decision's `now()` gives, and `changed_at`."""
    then = datetime(2020, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    store.create(Pipeline, "story-7", Backlog())
    store.send(Pipeline, "story-7", Abandon(), at=then)
    stored = store.get(Pipeline, "story-7").handle.as_(Archived).state
    assert stored.archived_at == then
    assert store.get(Pipeline, "story-7").changed_at == then
    assert store.get(Pipeline, "story-7").created_at == T0


def test_earlier_time_is_taken_as_given(store: Store) -> None:
    """A time earlier than the last change is accepted; the journal's order is the order of arrival."""
    store.create(Pipeline, "story-7", Backlog(), at=T0)
    store.send(Pipeline, "story-7", DepsMet(), at=T0 - timedelta(days=2))
    store.send(Pipeline, "story-7", GatesStarted(), at=T0 - timedelta(days=3))
    history = store.history(Pipeline, "story-7")
    assert [entry.to_state for entry in history] == [Backlog, Coding, Qa]
    assert [entry.at for entry in history] == [T0, T0 - timedelta(days=2), T0 - timedelta(days=3)]
    assert [entry.seq for entry in history] == sorted(entry.seq for entry in history)


def test_time_in_another_zone(store: Store) -> None:
    """A time in any zone is the same instant in UTC."""
    then = datetime(2026, 3, 4, 5, tzinfo=timezone(timedelta(hours=9)))
    store.create(Pipeline, "story-7", Backlog())
    store.send(Pipeline, "story-7", Abandon(), at=then)
    changed_at = store.get(Pipeline, "story-7").changed_at
    assert changed_at == then
    assert changed_at.tzinfo is UTC


@pytest.mark.parametrize("wrong", [datetime(2026, 1, 1), "2026-01-01"])  # a naive time is the point
def test_naive_time_is_refused(store: Store, wrong: Any) -> None:
    """A time without a zone, or that is none, is refused, and nothing has changed."""
    store.create(Pipeline, "story-7", Backlog())
    before = everything(store, "story-7")
    with pytest.raises(InvalidTime):
        store.send(Pipeline, "story-7", DepsMet(), at=wrong)
    with pytest.raises(InvalidTime):
        store.create(Pipeline, "story-8", Backlog(), at=wrong)
    assert everything(store, "story-7") == before


# ---------------------------------------------------------------- expect


def test_expect_leaf_or_superstate(store: Store) -> None:
    """`expect=` lets an event through where the stored state is that leaf, or below that superstate."""
    store.create(Pipeline, "story-7", Backlog())
    assert store.send(Pipeline, "story-7", DepsMet(), expect=Backlog).moved
    assert store.send(Pipeline, "story-7", GatesStarted(), expect=Active).moved


def test_expect_other_state_is_stale(store: Store) -> None:
    """Where the stored state is another, it is `StaleState`, naming both, and nothing has changed."""
    store.create(Pipeline, "story-7", Backlog())
    before = everything(store, "story-7")
    with pytest.raises(StaleState) as refusal:
        store.send(Pipeline, "story-7", DepsMet(), expect=Qa)
    assert (refusal.value.expected, refusal.value.state, refusal.value.key) == ("Qa", "active.backlog", "story-7")
    assert everything(store, "story-7") == before
