"""States that are set by hand: journaled as such, and everything beside the instance follows, on every store."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import pytest
from attrs import frozen
from bug_tickets import Answered, Asked, Asking, Doing, Failed, Gone, RanOut, Retried, Stuck, Ticket, Waiting

from by_hand import run_by_hand
from leverframe import (
    AlreadyExists,
    EncodeError,
    Held,
    InvalidQuery,
    LeaseLost,
    LeaseRequired,
    NotFound,
    Payload,
    StaleState,
    Store,
    TransitionNotAllowed,
    UnknownState,
    UnreadableRow,
    open_store,
)
from leverframe.machines.pipeline import Archived, Backlog, Blocked, DepsMet, Done, GitSha, Pipeline, Qa

WHO: Any = {"by": "anna", "why": "the tracker was wrong"}

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **units: float) -> datetime: ...


def claim(store: Store, key: str = "t") -> Held[Ticket, Doing]:
    held = store.claim(Ticket.lease, worker="w")
    assert held is not None
    assert held.key == key
    return held


def test_a_repair_leads_where_no_event_does(store: Store) -> None:
    """An instance comes to a state that no move leads to, and the receipt says from where, and at which version."""
    store.create(Pipeline, "a", Blocked(NOON, "waiting"))
    receipt = store.set_state(Pipeline, "a", Qa(), **WHO)
    assert (receipt.moved, receipt.from_state, receipt.to_state, receipt.version) == (True, Blocked, Qa, 2)
    assert receipt.state == store.get(Pipeline, "a").state == Qa()


def test_a_repair_is_journaled_as_one(store: Store, clock: Clock) -> None:
    """Its line has both states, who and why, and no event; it is told from a creation, and from a move."""
    store.create(Pipeline, "a", Backlog())
    store.send(Pipeline, "a", DepsMet())
    at = clock.advance(hours=1)
    receipt = store.set_state(Pipeline, "a", Qa(), **WHO)
    created, moved, repaired = store.history(Pipeline, "a")
    assert [entry.repaired for entry in (created, moved, repaired)] == [False, False, True]
    assert (repaired.event, repaired.from_state, repaired.to_state) == (None, moved.to_state, Qa)
    assert (repaired.by, repaired.why) == ("anna", "the tracker was wrong")
    assert (repaired.from_path, repaired.to_path) == ("active.coding", "active.qa")
    assert (repaired.seq, repaired.version, repaired.at) == (receipt.seq, 3, at)


def test_the_past_knows_a_repair(store: Store, clock: Clock) -> None:
    """The state behind a repair is found by its version and by its time, and so is the one before."""
    store.create(Pipeline, "a", Backlog())
    before = clock()
    clock.advance(hours=1)
    store.set_state(Pipeline, "a", Qa(), **WHO)
    assert store.at(Pipeline, "a", version=2) == Qa()
    assert store.at(Pipeline, "a", version=1) == store.at(Pipeline, "a", at=before) == Backlog()
    assert store.at(Pipeline, "a", at=clock()) == Qa()


def test_moves_go_on_behind_a_repair(store: Store) -> None:
    """What was set by hand takes the events of its state, and those before it are still in the history."""
    store.create(Pipeline, "a", Done(NOON, GitSha("abcdef1")))
    store.set_state(Pipeline, "a", Backlog(), **WHO)
    assert store.send(Pipeline, "a", DepsMet()).version == 3
    assert [type(entry.event).__name__ for entry in store.history(Pipeline, "a")] == ["NoneType", "NoneType", "DepsMet"]


def test_a_repair_into_the_same_state(store: Store) -> None:
    """The same state with other fields is a repair too; counts stay as they are."""
    store.create(Pipeline, "a", Blocked(NOON, "waiting"))
    store.set_state(Pipeline, "a", Blocked(NOON, "waiting for you"), **WHO)
    assert store.get(Pipeline, "a").state == Blocked(NOON, "waiting for you")
    assert store.count(Pipeline)[Blocked] == 1


def test_counts_follow(store: Store) -> None:
    """The state that was left counts one less, the other one more, and examination finds nothing wrong."""
    store.create(Pipeline, "a", Backlog())
    store.create(Pipeline, "b", Backlog())
    store.set_state(Pipeline, "a", Qa(), **WHO)
    assert (store.count(Pipeline)[Backlog], store.count(Pipeline)[Qa]) == (1, 1)
    assert store.examine([Pipeline]).findings == ()


def test_look_ups_follow(store: Store) -> None:
    """An instance is found by what its new state says, no longer by what the old one said."""
    store.create(Ticket, "t", Waiting("old"))
    store.set_state(Ticket, "t", Stuck("new"), **WHO)
    assert [found.key for found in store.find(Ticket, where={"label": "new"})] == ["t"]
    assert store.find(Ticket, where={"label": "old"}) == []
    store.create(Ticket, "u", Waiting("old"))


def test_nothing_is_told(store: Store) -> None:
    """No hook runs: whoever listens hears nothing of a repair."""
    store.create(Ticket, "t", Failed("t", "broken"))
    store.set_state(Ticket, "t", Waiting("t"), **WHO)
    assert store.messages(topic="tickets") == []


def test_a_repair_in_a_transaction(store: Store) -> None:
    """Inside of `transaction()` it is committed, or taken back, with all else."""
    store.create(Pipeline, "a", Backlog())
    with pytest.raises(ZeroDivisionError):
        repair_and_fail(store)
    assert store.get(Pipeline, "a").version == 1
    with store.transaction():
        store.set_state(Pipeline, "a", Qa(), **WHO)
    assert store.get(Pipeline, "a").state == Qa()


def repair_and_fail(store: Store) -> None:
    with store.transaction():
        store.set_state(Pipeline, "a", Qa(), **WHO)
        raise ZeroDivisionError


def test_what_is_exported_of_a_repair(shared_url: str, tmp_path: Path, clock: Clock) -> None:
    """A repair's line is pruned and exported like any other, without an event."""
    export = tmp_path / "lines.jsonl"
    with open_store(shared_url, clock=clock) as store:
        store.create(Pipeline, "a", Backlog())
        store.set_state(Pipeline, "a", Qa(), **WHO)
        store.set_state(Pipeline, "a", Backlog(), **WHO)
        clock.advance(days=1)
        assert store.prune(journal=timedelta(hours=1), export=export).journal == 2
        assert [entry.repaired for entry in store.history(Pipeline, "a")] == [True]
    rows = [json.loads(line) for line in export.read_text().splitlines()]
    lines = [(row["event"], row["from_state"]) for row in rows if row["table"] == "journal"]
    assert lines == [(None, None), (None, "active.backlog")]


def test_repairs_and_moves_at_once(shared_url: str) -> None:
    """However many repair and move one instance at once, each has a version of its own, and the counts are right."""
    with open_store(shared_url) as store:
        store.create(Pipeline, "a", Backlog())
        with ThreadPoolExecutor(6) as threads:
            for number in range(60):
                threads.submit(repair_or_move, store, number)
        entries = store.history(Pipeline, "a")
        assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
        assert sum(entry.repaired for entry in entries) == 30
        assert all(later.from_path == entry.to_path for entry, later in pairwise(entries))
        assert store.examine([Pipeline]).findings == ()


def repair_or_move(store: Store, number: int) -> None:
    if number % 2:
        store.set_state(Pipeline, "a", Backlog() if number % 4 == 1 else Qa(), **WHO)
    else:
        store.send(Pipeline, "a", DepsMet(), on_refused="return")


# ---------------------------------------------------------------- leases and wake-ups


def test_the_owner_of_a_lease_loses_it(store: Store) -> None:
    """Whoever had the instance is told that the lease is over, and nothing of theirs is written."""
    store.create(Ticket, "t", Waiting("t"))
    held = claim(store)
    store.set_state(Ticket, "t", Failed("t", "wrong"), **WHO)
    with pytest.raises(LeaseLost):
        held.send(RanOut())
    assert not held.renew()
    assert store.get(Ticket, "t").state == Failed("t", "wrong")
    assert store.leases(Ticket.lease) == []


def test_the_lease_is_over_where_the_state_stays_leased(store: Store, clock: Clock) -> None:
    """Set by hand from one leased state into the same one, nobody has it: it runs out, and others get it then."""
    store.create(Ticket, "t", Waiting("t"))
    held = claim(store)
    store.set_state(Ticket, "t", Doing("t"), **WHO)
    assert not held.renew()
    with pytest.raises(LeaseLost):
        held.send(Asked(NOON))
    with pytest.raises(LeaseRequired):
        store.send(Ticket, "t", Asked(NOON))
    assert [record.worker for record in store.leases(Ticket.lease)] == [""]
    assert store.claim(Ticket.lease, worker="other") is None
    clock.advance(seconds=60)
    assert store.reap(Ticket.lease) == 1
    assert claim(store).version == 5


def test_what_is_brought_to_a_claimable_state_can_be_claimed(store: Store) -> None:
    """From a final state back to waiting: the next claim gets it."""
    store.create(Ticket, "t", Gone("t"))
    assert store.claim(Ticket.lease, worker="w") is None
    store.set_state(Ticket, "t", Waiting("t"), **WHO)
    assert claim(store).key == "t"


def test_what_is_taken_out_of_a_queue_is_not_claimed(store: Store) -> None:
    """From waiting to where nobody claims it: no claim gets it."""
    store.create(Ticket, "t", Waiting("t"))
    store.set_state(Ticket, "t", Stuck("t"), **WHO)
    assert store.claim(Ticket.lease, worker="w") is None
    assert store.queue(Ticket.lease).ready == 0


def test_a_pause_that_is_set_by_hand_belongs_to_nobody(store: Store, clock: Clock) -> None:
    """Whoever had it before has no part in it: behind the pause the lease is nobody's, and runs out as any does."""
    store.create(Ticket, "t", Waiting("t"))
    held = claim(store)
    store.set_state(Ticket, "t", Asking("t", NOON), **WHO)
    with pytest.raises(LeaseLost):
        held.send(Answered())
    store.send(Ticket, "t", Answered())
    with pytest.raises(LeaseRequired):
        store.send(Ticket, "t", Asked(NOON))
    clock.advance(seconds=60)
    assert store.reap(Ticket.lease) == 1
    assert store.get(Ticket, "t").state == Waiting("t")


def test_wake_ups_follow(store: Store, clock: Clock) -> None:
    """The time of the state that was left is forgotten, and that of the new one kept."""
    store.create(Ticket, "t", Waiting("t"))
    store.create(Ticket, "u", Waiting("u"))
    store.set_state(Ticket, "t", Asking("t", clock() + timedelta(hours=1)), **WHO)
    store.set_state(Ticket, "u", Asking("u", clock() + timedelta(hours=1)), **WHO)
    store.set_state(Ticket, "u", Stuck("u"), **WHO)
    clock.advance(hours=2)
    assert [due.key for due in store.due(Ticket)] == ["t"]
    assert store.wake(Ticket) == 1
    assert store.get(Ticket, "t").state == Failed("t", "nobody has answered")


# ---------------------------------------------------------------- rows that cannot be read


def test_a_state_that_cannot_be_read_is_repaired(shared_url: str) -> None:
    """A body that no code reads is replaced by hand; what was kept beside it is made anew."""
    with open_store(shared_url) as store:
        store.create(Ticket, "t", Asking("t", NOON))
    run_by_hand(shared_url, """UPDATE snapshot SET body = '{"body":{},"type":"Mystery"}', state = 'mystery'""")
    with open_store(shared_url) as store:
        with pytest.raises(UnreadableRow):
            store.get(Ticket, "t")
        receipt = store.set_state(Ticket, "t", Waiting("t"), **WHO)
        assert (receipt.from_state, receipt.state) == (Payload, Waiting("t"))
        assert store.due(Ticket) == []
        assert claim(store).version == 3
        assert store.history(Ticket, "t")[1].from_path == "mystery"


# ---------------------------------------------------------------- what is refused


@frozen
class Stranger(Payload): ...


stranger: Any = Stranger()
nothing: Any = None
seven: Any = 7


REFUSED: list[tuple[Callable[[Store], object], type[Exception], str]] = [
    (lambda s: s.set_state(Ticket, "t", Stuck("t"), by="", why="x"), InvalidQuery, "by '' is no text"),
    (lambda s: s.set_state(Ticket, "t", Stuck("t"), by="anna", why=""), InvalidQuery, "why '' is no text"),
    (lambda s: s.set_state(Ticket, "t", Stuck("t"), by="anna", why=nothing), InvalidQuery, "why None is no text"),
    (lambda s: s.set_state(Ticket, "t", Stuck("t"), by="anna", why=" "), InvalidQuery, "why ' ' is blank"),
    (lambda s: s.set_state(Ticket, "zebra", Stuck("t"), **WHO), NotFound, "there is no Ticket 'zebra'"),
    (lambda s: s.set_state(Ticket, "t", stranger, **WHO), UnknownState, "Stranger is no state of Ticket"),
    (lambda s: s.set_state(Ticket, "t", Stuck("other"), **WHO), AlreadyExists, "which is unique"),
    (lambda s: s.set_state(Ticket, "t", Stuck("t"), expect=Failed, **WHO), StaleState, "expected Failed"),
    (lambda s: s.set_state(Ticket, "t", Stuck("t"), expect=seven, **WHO), InvalidQuery, "expect=7"),
    (lambda s: s.set_state(Ticket, "t", Stuck("\ud800"), **WHO), EncodeError, "half a character|surrogate"),
]


@pytest.mark.parametrize(("attempt", "error", "told"), REFUSED)
def test_a_refused_repair_changes_nothing(
    store: Store, attempt: Callable[[Store], object], error: type[Exception], told: str
) -> None:
    """Without who and why, for what is not there, or into what cannot be: one clear error, and nothing written."""
    store.create(Ticket, "t", Waiting("t"))
    store.create(Ticket, "u", Failed("other", "x"))
    with pytest.raises(error, match=told):
        attempt(store)
    assert len(store.history(Ticket, "t")) == 1
    assert store.get(Ticket, "t").state == Waiting("t")
    assert claim(store).state == Doing("t")


def test_an_expected_superstate(store: Store) -> None:
    """`expect` may name a superstate, and keeps the repair from an instance that was moved meanwhile."""
    store.create(Pipeline, "a", Backlog())
    with pytest.raises(StaleState):
        store.set_state(Pipeline, "a", Qa(), expect=Archived, **WHO)
    assert store.set_state(Pipeline, "a", Qa(), expect=Backlog, **WHO).version == 2


def test_a_repair_by_another_program_is_seen(shared_url: str) -> None:
    """A program that has moved an instance again and again decides anew where another one has set it by hand."""
    with open_store(shared_url) as store, open_store(shared_url) as other:
        store.create(Ticket, "t", Failed("t", "x"))
        for _ in range(3):
            store.send(Ticket, "t", Retried())
            store.set_state(Ticket, "t", Failed("t", "y"), **WHO)
        other.set_state(Ticket, "t", Stuck("t"), **WHO)
        with pytest.raises(TransitionNotAllowed, match="Ticket 't' in stuck refuses Retried"):
            store.send(Ticket, "t", Retried())
        assert len(store.history(Ticket, "t")) == 8
