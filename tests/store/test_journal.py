"""What the journal remembers, and what messages tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from parcels import (
    Exploded,
    HandedOver,
    Loaded,
    Parcel,
    first_stop,
    waiting,
)

from leverframe import (
    InvalidQuery,
    NotFound,
    Positive,
    Store,
)
from leverframe.machines.pipeline import (
    Backlog,
    BranchName,
    Coding,
    DepsMet,
    GatesStarted,
    Merge,
    Pipeline,
    Qa,
    QaSkipped,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)


# ---------------------------------------------------------------- journal


def test_history_is_typed(store: Store) -> None:
    """The journal holds the creation and each move: typed event, states, version, time."""
    store.create(Pipeline, "story-7", Coding())
    store.send(Pipeline, "story-7", QaSkipped(BranchName("fix"), Positive(2)), at=T0 + timedelta(hours=1))
    first, second = store.history(Pipeline, "story-7")
    assert (first.version, first.event, first.from_state, first.to_state, first.at) == (1, None, None, Coding, T0)
    assert second.event == QaSkipped(BranchName("fix"), Positive(2))
    assert (second.version, second.from_state, second.to_state) == (2, Coding, Merge)
    assert (second.from_path, second.to_path) == ("active.coding", "active.merge")
    assert second.at == T0 + timedelta(hours=1)
    assert second.state == Merge(BranchName("fix"), Positive(2))
    assert second.seq > first.seq


def test_at_version(store: Store) -> None:
    """Each past version is read back, typed."""
    store.create(Pipeline, "story-7", Backlog())
    store.send(Pipeline, "story-7", DepsMet())
    store.send(Pipeline, "story-7", GatesStarted())
    assert [store.at(Pipeline, "story-7", version=n) for n in (1, 2, 3)] == [Backlog(), Coding(), Qa()]
    for version in (0, 4):
        with pytest.raises(NotFound):
            store.at(Pipeline, "story-7", version=version)


def test_at_time(store: Store) -> None:
    """The state at a time is that of the last move, in order of arrival, not after it."""
    store.create(Pipeline, "story-7", Backlog(), at=T0)
    store.send(Pipeline, "story-7", DepsMet(), at=T0 + timedelta(hours=2))
    store.send(Pipeline, "story-7", GatesStarted(), at=T0 + timedelta(hours=1))
    assert store.at(Pipeline, "story-7", at=T0) == Backlog()
    assert store.at(Pipeline, "story-7", at=T0 + timedelta(hours=1)) == Qa()
    with pytest.raises(NotFound):
        store.at(Pipeline, "story-7", at=T0 - timedelta(seconds=1))


def test_at_needs_one_of_two(store: Store) -> None:
    """A version or a time, not both and not none."""
    store.create(Pipeline, "story-7", Backlog())
    with pytest.raises(InvalidQuery):
        store.at(Pipeline, "story-7")
    with pytest.raises(InvalidQuery):
        store.at(Pipeline, "story-7", version=1, at=T0)


# ---------------------------------------------------------------- messages


def test_messages_of_a_move(store: Store) -> None:
    """Messages of hooks are read in the order exits, announce, entries, with what they belong to."""
    store.create(Parcel, "p", waiting("A"))
    store.send(Parcel, "p", Loaded())
    store.send(Parcel, "p", HandedOver())
    told = [(m.topic, m.kind, m.correlation_id, m.version) for m in store.messages()]
    assert told == [
        ("custody", "taken", "A", 1),
        ("parcels", "departed", "A", 2),
        ("audit", "Loaded", "", 2),
        ("audit", "HandedOver", "", 3),
        ("parcels", "delivered", "A", 3),
    ]
    last = store.messages()[-1]
    assert (last.machine, last.key, last.at, last.body) == ("Parcel", "p", T0, {"at": T0.isoformat()})


def test_messages_behind_a_position(store: Store) -> None:
    """Reading goes on behind a position, by topic, at most as many as asked for."""
    store.create(Parcel, "p", waiting("A"))
    store.send(Parcel, "p", Loaded())
    for _ in range(5):
        store.send(Parcel, "p", first_stop())
    audits = store.messages(topic="audit")
    assert len(audits) == 6
    first = store.messages(topic="audit", limit=2)
    rest = store.messages(first[-1].position, topic="audit")
    assert [m.position for m in first + rest] == [m.position for m in audits]


def test_named_cursor(store: Store) -> None:
    """A position kept under a name is where the next read under that name begins."""
    store.create(Parcel, "p", waiting("A"))
    store.send(Parcel, "p", Loaded())
    assert store.cursor("mailer") == 0
    first = store.messages("mailer", limit=1)[0]
    store.save_cursor("mailer", first.position)
    assert store.cursor("mailer") == first.position
    assert store.messages("mailer")[0].position > first.position
    assert store.messages("other")[0].position == first.position


def test_refused_and_failed_tell_nothing(store: Store) -> None:
    """An event that is refused or fails leaves no message."""
    store.create(Parcel, "p", waiting("A"))
    before = store.messages()
    store.send(Parcel, "p", HandedOver(), on_refused="return")
    with pytest.raises(RuntimeError):
        store.send(Parcel, "p", Exploded())
    assert store.messages() == before
