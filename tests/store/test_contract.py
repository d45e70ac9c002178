"""What every store promises; each test's docstring is one promise."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import frozen
from parcels import (
    Delivered,
    Exploded,
    Found,
    HandedOver,
    Label,
    Loaded,
    Lost,
    Moving,
    OnTheRoad,
    Parcel,
    ParcelEvent,
    Relabelled,
    Stopped,
    Vanished,
    Waiting,
    first_stop,
    waiting,
)

from leverframe import (
    AlreadyExists,
    EncodeError,
    Event,
    InvalidKey,
    InvalidQuery,
    InvalidTime,
    LeverframeError,
    Machine,
    MachineDefinitionError,
    NotFound,
    Payload,
    Positive,
    Send,
    StaleState,
    Store,
    StoreClosed,
    TransitionNotAllowed,
    UnknownState,
    on,
    state,
)
from leverframe.machines.execution import AgentName, Execution, Heartbeat, Idle, SpawnRequested
from leverframe.machines.pipeline import (
    Abandon,
    Active,
    Archived,
    Backlog,
    Block,
    Blocked,
    BranchName,
    Coding,
    DepsMet,
    GatesStarted,
    Merge,
    Pipeline,
    PipelineEvent,
    PipelineState,
    Qa,
    QaSkipped,
    Unblock,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def everything(store: Store, *keys: Any, machine: Any = Pipeline) -> list[Any]:
    """All that can be read of a store, to compare before and after."""
    read: list[Any] = [store.find(machine), store.count(machine), store.messages(limit=10_000)]
    for key in keys:
        read.append([(e.seq, e.version, e.event, e.from_state, e.to_state, e.at) for e in store.history(machine, key)])
        read.append(store.get(machine, key).state)
    return read


# ---------------------------------------------------------------- create and get


def test_create_stores_at_version_1(store: Store) -> None:
    """A created instance is read back at version 1, with the state and times it was created with."""
    created = store.create(Pipeline, "story-7", Backlog())
    read = store.get(Pipeline, "story-7")
    assert (read.key, read.state, read.version) == ("story-7", Backlog(), 1)
    assert read == created
    assert read.created_at == read.changed_at == T0
    assert read.path == "active.backlog"


def test_create_in_any_leaf(store: Store) -> None:
    """An instance may begin in any leaf, with its payload."""
    merge = Merge(BranchName("fix"), Positive(3))
    store.create(Pipeline, "story-7", merge)
    assert store.get(Pipeline, "story-7").state == merge


def test_create_twice_is_refused(store: Store) -> None:
    """A key that is taken is refused, and the instance that has it is as it was."""
    store.create(Pipeline, "story-7", Backlog())
    before = everything(store, "story-7")
    with pytest.raises(AlreadyExists) as refusal:
        store.create(Pipeline, "story-7", Coding())
    assert (refusal.value.machine, refusal.value.key, refusal.value.field) == ("Pipeline", "story-7", "")
    assert everything(store, "story-7") == before


def test_create_foreign_state_is_refused(store: Store) -> None:
    """A state of another machine cannot begin an instance."""
    with pytest.raises(UnknownState):
        store.create(Pipeline, "story-7", Idle())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the wrong state is the point
    assert store.find(Pipeline) == []


def test_machines_do_not_share_keys(store: Store) -> None:
    """One key may exist once in each machine."""
    store.create(Pipeline, "story-7", Backlog())
    store.create(Execution, "story-7", Idle())
    store.send(Pipeline, "story-7", DepsMet())
    assert store.get(Execution, "story-7").state == Idle()


def test_get_missing(store: Store) -> None:
    """An instance that does not exist is `NotFound`, for every verb."""
    for verb in (
        lambda: store.get(Pipeline, "nobody"),
        lambda: store.send(Pipeline, "nobody", DepsMet()),
        lambda: store.send(Pipeline, "nobody", DepsMet(), delivery_id="d"),
        lambda: store.send_many(Pipeline, [("nobody", DepsMet())]),
        lambda: store.history(Pipeline, "nobody"),
        lambda: store.at(Pipeline, "nobody", version=1),
    ):
        with pytest.raises(NotFound) as refusal:
            verb()
        assert (refusal.value.machine, refusal.value.key) == ("Pipeline", "nobody")


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
    assert store.prune_deliveries(timedelta(days=5)) == 1
    assert everything(store, "story-7") == before
    assert store.send(Pipeline, "story-7", GatesStarted(), delivery_id="young").duplicate
    assert not store.send(Pipeline, "story-7", DepsMet(), delivery_id="old", on_refused="return").duplicate


def test_pruning_goes_on_until_all_are_gone(store: Store, clock: Any) -> None:
    """More old delivery ids than one batch takes are all forgotten."""
    store.create(Parcel, "p", waiting("A"))
    store.send(Parcel, "p", Loaded())
    store.send_many(Parcel, [Send("p", first_stop(), delivery_id=f"d-{n}") for n in range(2500)])
    clock.advance(days=1)
    assert store.prune_deliveries(timedelta(0)) == 2500


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


# ---------------------------------------------------------------- find and count


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


# ---------------------------------------------------------------- keys


AWKWARD = ["a b", "ä", "日本", "😀", '"quoted"', "[1]", "a\x00b", "\n", "%_", "'; drop", "x" * 5000, "\U0010ffff"]


@pytest.mark.parametrize("key", [*AWKWARD, ("a",), ("a", "b"), ("[", '"'), tuple(AWKWARD)])
def test_any_key(store: Store, key: Any) -> None:
    """A key may hold any character, as a string or a tuple, and comes back as it was."""
    store.create(Pipeline, key, Backlog())
    store.send(Pipeline, key, DepsMet())
    assert store.get(Pipeline, key).key == key
    assert [s.key for s in store.find(Pipeline, prefix=key[:1])] == [key]


@pytest.mark.parametrize("key", ["", (), ("",), ("a", ""), None, 7, ["a"], ("a", 1), b"a", "a\ud800", ("\udfff",)])
def test_wrong_key(store: Store, key: Any) -> None:
    """An empty key, one not made of strings, or with half a character in it, is refused by every verb."""
    for verb in (
        lambda: store.create(Pipeline, key, Backlog()),
        lambda: store.get(Pipeline, key),
        lambda: store.send(Pipeline, key, DepsMet()),
    ):
        with pytest.raises(InvalidKey):
            verb()
    assert store.find(Pipeline) == []


def test_string_and_tuple_are_different_keys(store: Store) -> None:
    """A string, the tuple of it, and the string that spells that tuple are three keys."""
    keys: list[Any] = ["a", ("a",), '["a"]']
    for key in keys:
        store.create(Pipeline, key, Backlog())
    assert {s.key for s in store.find(Pipeline)} == set(keys)


# ---------------------------------------------------------------- the rest


def test_unencodable_is_refused(store: Store) -> None:
    """A state that could not be read back the same is refused before anything is written."""
    store.create(Parcel, "p", waiting("A"))
    with pytest.raises(EncodeError):
        store.create(Parcel, "q", OnTheRoad(Label("B"), None, datetime(2026, 1, 1), 0))  # a naive time is the point
    assert [s.key for s in store.find(Parcel)] == ["p"]


def test_what_is_no_machine(store: Store) -> None:
    """A class that is no machine is refused."""
    with pytest.raises(InvalidQuery):
        store.get(int, "story-7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the wrong class is the point


def test_two_machines_of_one_name(store: Store) -> None:
    """Two machines under one name in one store are refused, before they read each other's rows."""

    @frozen
    class Only(Payload): ...

    @frozen
    class Tick(Event): ...

    def make() -> Any:
        class Pipeline(Machine[Only, Tick]):
            only = state(Only, initial=True)

            @on
            def tick(self, s: Only, e: Tick) -> Only:
                return s

        return Pipeline

    store.create(Pipeline, "story-7", Backlog())
    with pytest.raises(MachineDefinitionError, match="machine_name"):
        store.create(make(), "story-8", Only())


def test_closed_store(store: Store) -> None:
    """A closed store refuses every verb; closing again does no harm."""
    store.create(Pipeline, "story-7", Backlog())
    store.close()
    store.close()
    for verb in (
        lambda: store.get(Pipeline, "story-7"),
        lambda: store.send(Pipeline, "story-7", DepsMet()),
        lambda: store.create(Pipeline, "story-8", Backlog()),
        lambda: store.messages(),
    ):
        with pytest.raises(StoreClosed):
            verb()


def test_every_error_is_ours(store: Store) -> None:
    """Each refusal of a verb is a `LeverframeError`."""
    store.create(Parcel, "p", waiting("A"))
    for verb in (
        lambda: store.create(Parcel, "p", waiting("B")),
        lambda: store.create(Parcel, "q", waiting("A")),
        lambda: store.get(Parcel, "nobody"),
        lambda: store.send(Parcel, "p", Found(Label("x"))),
        lambda: store.find(Parcel, Backlog),
        lambda: store.at(Parcel, "p"),
    ):
        with pytest.raises(LeverframeError) as refusal:
            verb()
        assert "\n" not in str(refusal.value)


def test_states_of_the_test_machine(store: Store) -> None:
    """A typed find gives the fields of its superstate."""
    store.create(Parcel, "p", waiting("A", "Bern"))
    assert [found.state.city for found in store.find(Parcel, Moving)] == ["Bern"]
    assert store.find(Parcel, Lost) == []
    assert store.find(Parcel, Delivered) == []
    assert isinstance(store.get(Parcel, "p").state, Waiting)
    assert isinstance(first_stop(), Stopped)
