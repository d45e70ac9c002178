"""Instances are found and counted."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from everything import everything
from parcels import (
    Label,
    Loaded,
    Parcel,
    ParcelEvent,
    Relabelled,
    Vanished,
    waiting,
)

from leverframe import (
    AlreadyExists,
    InvalidQuery,
    Positive,
    Store,
    UnknownState,
)
from leverframe.errors import Key
from leverframe.machines.execution import AgentName, Execution, Idle, SpawnRequested
from leverframe.machines.pipeline import (
    Abandon,
    Active,
    Archived,
    Backlog,
    Block,
    BranchName,
    Coding,
    DepsMet,
    Merge,
    Pipeline,
    PipelineState,
    Qa,
    QaSkipped,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def test_find_by_keys(store: Store) -> None:
    """Of the keys that are given those are found that are there, each once, and no key that only begins so."""
    for key in ("a", "a1", "b\n", ("a", "b"), ("a", "b", "c")):
        store.create(Pipeline, key, Backlog())
    asked: list[Key] = ["a", "a", "b\n", ("a", "b"), "missing"]
    assert {s.key for s in store.find(Pipeline, keys=asked)} == {"a", "b\n", ("a", "b")}
    assert store.find(Pipeline, keys=[]) == []
    assert store.find(Pipeline, Coding, keys=asked) == []
    with pytest.raises(InvalidQuery, match="give one of them"):
        store.find(Pipeline, keys=["a"], prefix="a")


def test_hundreds_of_keys(store: Store) -> None:
    """However many keys are given, all that are there are found."""
    for number in range(0, 900, 3):
        store.create(Pipeline, f"story-{number}", Backlog())
    found = store.find(Pipeline, keys=[f"story-{number}" for number in range(900)])
    assert len(found) == 300


def test_keys_are_listed(store: Store) -> None:
    """The keys that begin so are listed, of this machine alone."""
    for key in ("a", "ab", ("a", "b"), ("a", "b", "c"), ("b", "b")):
        store.create(Pipeline, key, Backlog())
    store.create(Execution, ("a", "x"), Idle())
    assert set(store.keys(Pipeline, prefix=("a",))) == {("a", "b"), ("a", "b", "c")}
    assert set(store.keys(Pipeline, prefix="a")) == {"a", "ab"}
    assert store.keys(Pipeline, prefix=("c",)) == []


def test_find_by_leaf_and_superstate(store: Store) -> None:
    """Instances are found by leaf, by superstate, or all; the newest change first."""
    starts: list[tuple[str, PipelineState]] = [("a", Backlog()), ("b", Coding()), ("c", Backlog())]
    for minute, (key, first) in enumerate(starts):
        store.create(Pipeline, key, first, at=T0 + timedelta(minutes=minute))
    store.send(Pipeline, "b", Block("x"), at=T0 + timedelta(hours=1))
    assert [s.key for s in store.find(Pipeline, Backlog)] == ["c", "a"]
    assert [s.key for s in store.find(Pipeline, Active)] == ["c", "a"]
    assert [s.key for s in store.find(Pipeline, Archived)] == ["b"]
    assert [s.key for s in store.find(Pipeline)] == ["b", "c", "a"]
    assert [s.key for s in store.find(Pipeline, limit=2)] == ["b", "c"]
    assert store.find(Pipeline, Qa) == []


def test_find_with_a_bad_limit(store: Store) -> None:
    """A limit below 1 is refused."""
    for limit in (0, -1):
        with pytest.raises(InvalidQuery):
            store.find(Pipeline, limit=limit)
        with pytest.raises(InvalidQuery):
            store.messages(limit=limit)


def test_find_by_foreign_state(store: Store) -> None:
    """A class that is no state of the machine is refused."""
    with pytest.raises(UnknownState):
        store.find(Pipeline, Idle)


def test_find_by_tuple_prefix(store: Store) -> None:
    """Tuple keys are found by their first parts, whole parts only."""
    for key in (("story-7", "n1"), ("story-7", "n2"), ("story-70", "n1"), ("story", "7")):
        store.create(Execution, key, Idle())
    assert {s.key for s in store.find(Execution, prefix=("story-7",))} == {("story-7", "n1"), ("story-7", "n2")}
    assert [s.key for s in store.find(Execution, prefix=("story-7", "n2"))] == [("story-7", "n2")]
    store.send(Execution, ("story-7", "n2"), SpawnRequested(AgentName("x")))
    assert [s.key for s in store.find(Execution, Idle, prefix=("story-7",))] == [("story-7", "n1")]


def test_find_by_string_prefix(store: Store) -> None:
    """String keys are found by their first characters."""
    for key in ("pr-1", "pr-2", "issue-1"):
        store.create(Pipeline, key, Backlog())
    assert {s.key for s in store.find(Pipeline, prefix="pr-")} == {"pr-1", "pr-2"}


def test_find_by_lookup(store: Store) -> None:
    """Instances are found by a declared field's present value, with a state or without."""
    store.create(Pipeline, "a", Merge(BranchName("fix"), Positive(1)))
    store.create(Pipeline, "b", Coding())
    store.send(Pipeline, "b", QaSkipped(BranchName("fix"), Positive(2)))
    store.create(Pipeline, "c", Merge(BranchName("other"), Positive(1)))
    assert {s.key for s in store.find(Pipeline, where={"feature_branch": "fix"})} == {"a", "b"}
    assert {s.key for s in store.find(Pipeline, Merge, where={"feature_branch": BranchName("fix")})} == {"a", "b"}
    store.send(Pipeline, "a", Abandon())
    assert [s.key for s in store.find(Pipeline, where={"feature_branch": "fix"})] == ["b"]


def test_find_by_several_lookups(store: Store) -> None:
    """Several fields must all have the values asked for; None is a value."""
    store.create(Parcel, "p", waiting("A", "Bern"))
    store.create(Parcel, "q", waiting("B", "Bern"))
    store.create(Parcel, "r", waiting("C"))
    assert [s.key for s in store.find(Parcel, where={"city": "Bern", "label": "B"})] == ["q"]
    assert [s.key for s in store.find(Parcel, where={"city": None})] == ["r"]


def test_find_by_undeclared_field(store: Store) -> None:
    """A field that is no look-up is refused, with the nearest that is."""
    with pytest.raises(InvalidQuery, match="did you mean 'feature_branch'"):
        store.find(Pipeline, where={"feature_brnach": "fix"})


def test_unique_lookup_at_creation(store: Store) -> None:
    """A second instance with a unique value is refused at its creation, and nothing of it is there."""
    store.create(Parcel, "p", waiting("A"))
    before = everything(store, "p", machine=Parcel)
    with pytest.raises(AlreadyExists) as refusal:
        store.create(Parcel, "q", waiting("A"))
    assert (refusal.value.key, refusal.value.field, refusal.value.value) == ("q", "label", "A")
    assert everything(store, "p", machine=Parcel) == before


def test_unique_lookup_in_a_move(store: Store) -> None:
    """A move to a unique value that is taken is refused, and nothing has changed; it is free once the other left it."""
    store.create(Parcel, "p", waiting("A"))
    store.create(Parcel, "q", waiting("B"))
    before = everything(store, "p", "q", machine=Parcel)
    with pytest.raises(AlreadyExists):
        store.send(Parcel, "q", Relabelled(Label("A")))
    assert everything(store, "p", "q", machine=Parcel) == before
    store.send(Parcel, "p", Vanished())
    assert store.send(Parcel, "q", Relabelled(Label("A"))).moved


def test_unique_lookup_in_many(store: Store) -> None:
    """A taken unique value refuses one event of a call, and the others are written."""
    store.create(Parcel, "p", waiting("A"))
    store.create(Parcel, "q", waiting("B"))
    sends: list[tuple[str, ParcelEvent]] = [("q", Relabelled(Label("A"))), ("q", Loaded()), ("p", Vanished())]
    receipts = store.send_many(Parcel, sends, on_refused="return")
    assert [receipt.moved for receipt in receipts] == [False, True, True]
    assert isinstance(receipts[0].error, AlreadyExists)
    assert store.get(Parcel, "q").version == 2


def test_taken_value_is_a_settled_refusal(store: Store) -> None:
    """A delivery refused for a taken value stays refused when it comes again."""
    store.create(Parcel, "p", waiting("A"))
    store.create(Parcel, "q", waiting("B"))
    with pytest.raises(AlreadyExists) as first:
        store.send(Parcel, "q", Relabelled(Label("A")), delivery_id="d")
    store.send(Parcel, "p", Vanished())
    with pytest.raises(AlreadyExists) as again:
        store.send(Parcel, "q", Relabelled(Label("A")), delivery_id="d")
    assert str(again.value) == str(first.value)


def test_count_is_by_leaf(store: Store) -> None:
    """Counts are exact, by leaf class; a state that nobody is in counts 0."""
    for key in "abc":
        store.create(Pipeline, key, Backlog())
    store.send(Pipeline, "a", DepsMet())
    counts = store.count(Pipeline)
    assert counts == Counter({Backlog: 2, Coding: 1})
    assert counts[Qa] == 0
    store.send(Pipeline, "b", Abandon())
    store.send(Pipeline, "c", Abandon())
    assert Backlog not in store.count(Pipeline)
