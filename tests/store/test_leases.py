"""Claims, leases, fencing tokens and renewals, as every store keeps them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any, Protocol, cast

import pytest
from leased_errands import (
    TRIES,
    Answered,
    Asked,
    Asking,
    CalledOff,
    Doing,
    Done,
    Errand,
    ErrandState,
    Finished,
    GivenUp,
    Hurried,
    Noted,
    Open,
    PutOff,
    RanOut,
    Remarked,
    Taken,
)

from by_hand import run_by_hand
from leverframe import InvalidQuery, LeaseLost, LeaseRequired, Store, TransitionNotAllowed, UnreadableRow, open_store
from leverframe.coordination.held import Held

TTL = 60
"""Seconds."""

MAX_RUNTIME = 300


class Clock(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **units: float) -> datetime: ...


def create(store: Store, *names: str, urgency: int = 0, not_before: datetime | None = None) -> None:
    for name in names:
        store.create(Errand, name, Open(name, urgency, not_before))


def claim(store: Store, worker: str = "w") -> Held[Errand, Doing]:
    held = store.claim(Errand.lease, worker=worker)
    assert held is not None
    return held


def state_of(store: Store, key: str) -> ErrandState:
    return store.get(Errand, key).state


def is_unchanged(store: Store, key: str) -> Callable[[], bool]:
    """To be asked later: whether nothing of the instance has changed since."""
    before = store.history(Errand, key)
    return lambda: [entry.seq for entry in store.history(Errand, key)] == [entry.seq for entry in before]


# ---------------------------------------------------------------- who gets what


def test_nothing_is_claimed_where_nothing_is_ready(store: Store) -> None:
    """In an empty store a claim gives None."""
    assert store.claim(Errand.lease, worker="w") is None


def test_a_claim_is_a_move_of_the_machine(store: Store) -> None:
    """What is claimed is in the state that the claim's own event leads to, and the journal has that event."""
    create(store, "a")
    held = claim(store)
    assert (held.key, held.state, held.version) == ("a", Doing("a", 1), 2)
    assert [entry.event for entry in store.history(Errand, "a")] == [None, Taken()]
    assert store.count(Errand) == {Doing: 1}


def test_a_claim_can_say_more(store: Store) -> None:
    """The event of a claim can be given."""
    create(store, "a")
    store.claim(Errand.lease, worker="w", event=Taken(by="w"))
    assert store.history(Errand, "a")[-1].event == Taken(by="w")


@pytest.mark.parametrize("event", [RanOut(), Done(), Taken, "taken"], ids=repr)
def test_an_event_that_claims_nothing(store: Store, event: Any) -> None:
    """An event by which nobody gets the lease is refused, and nothing is claimed, whatever is ready."""
    create(store, "a")
    unchanged = is_unchanged(store, "a")
    ways: list[Callable[[], object]] = [
        lambda: store.claim(Errand.lease, worker="w", event=event),
        lambda: store.claim(Errand.lease, worker="w", key="a", event=event),
        lambda: store.claim_or_reason(Errand.lease, worker="w", key="a", event=event),
        lambda: store.claim_many(Errand.lease, worker="w", limit=1, event=event),
    ]
    for claim_with in ways:
        with pytest.raises(InvalidQuery, match="claims nothing; give Taken"):
            claim_with()
    assert unchanged()


def test_a_process_that_is_none(store: Store) -> None:
    """Whoever claims for something else than a process is refused, and nothing is claimed."""
    create(store, "a")
    unchanged = is_unchanged(store, "a")
    with pytest.raises(InvalidQuery, match="process='4711' is none"):
        store.claim(Errand.lease, worker="w", process="4711")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]  # the wrong value is the point
    assert unchanged()


def test_what_was_made_first_is_claimed_first(store: Store, clock: Clock) -> None:
    """Of those that are ready the one made first comes first, whatever its key."""
    for name in "cab":
        create(store, name)
        clock.advance(seconds=1)
    assert [claim(store).key for _ in range(3)] == ["c", "a", "b"]
    assert store.claim(Errand.lease, worker="w") is None


def test_what_was_made_at_one_time_is_claimed_in_order(store: Store) -> None:
    """Those made at the same microsecond come in the order in which they were stored."""
    create(store, "c", "a", "b")
    assert [claim(store).key for _ in range(3)] == ["c", "a", "b"]


def test_a_higher_priority_comes_first(store: Store, clock: Clock) -> None:
    """Age decides within one priority only, negative ones included."""
    create(store, "late", urgency=-5)
    create(store, "old")
    clock.advance(seconds=1)
    create(store, "young")
    create(store, "urgent", urgency=7)
    assert [claim(store).key for _ in range(4)] == ["urgent", "old", "young", "late"]


def test_a_priority_can_change(store: Store) -> None:
    """A move in place that changes the priority changes the place in the queue."""
    create(store, "a", "b")
    store.send(Errand, "b", Hurried(1))
    assert claim(store).key == "b"


def test_a_time_before_which_it_cannot_be_claimed(store: Store, clock: Clock) -> None:
    """What is not ready yet is passed by, and is ready when its time has come, to the microsecond."""
    ready_at = clock() + timedelta(seconds=10)
    create(store, "later", urgency=9, not_before=ready_at)
    create(store, "now")
    assert claim(store).key == "now"
    clock.advance(seconds=10, microseconds=-1)
    assert store.claim(Errand.lease, worker="w") is None
    clock.advance(microseconds=1)
    assert claim(store).key == "later"


def test_what_had_to_wait_stands_behind_what_was_there(store: Store, clock: Clock) -> None:
    """What was put off is as old as the time that it waited for."""
    create(store, "put off", not_before=clock() + timedelta(seconds=10))
    clock.advance(seconds=5)
    create(store, "older")
    clock.advance(seconds=10)
    create(store, "younger")
    assert [claim(store).key for _ in range(3)] == ["older", "put off", "younger"]


def test_what_comes_back_keeps_its_age(store: Store, clock: Clock) -> None:
    """An instance whose lease ran out is older than those made since its own making."""
    create(store, "a")
    claim(store)
    clock.advance(seconds=TTL)
    create(store, "b")
    assert store.reap(Errand.lease) == 1
    assert [claim(store).key, claim(store).key] == ["a", "b"]


def test_many_are_claimed_in_one_transaction(store: Store) -> None:
    """`claim_many` gives as many as there are, at most the limit, each with a token of its own."""
    create(store, *"abcde")
    held = store.claim_many(Errand.lease, worker="w", limit=3)
    assert [each.key for each in held] == ["a", "b", "c"]
    assert len({each.token for each in held}) == 3
    assert [each.key for each in store.claim_many(Errand.lease, worker="w", limit=3)] == ["d", "e"]
    assert store.claim_many(Errand.lease, worker="w", limit=3) == []


def test_many_are_claimed_over_priorities(store: Store) -> None:
    """A limit that one priority does not fill goes on with the next one."""
    for urgency, name in enumerate("abcd"):
        create(store, name, urgency=urgency)
    assert [each.key for each in store.claim_many(Errand.lease, worker="w", limit=3)] == ["d", "c", "b"]


def test_each_claimer_gets_another(store: Store) -> None:
    """However many threads claim at once, every instance goes to exactly one of them."""
    create(store, *(str(number) for number in range(40)))
    barrier = Barrier(8)
    got: list[list[object]] = [[] for _ in range(8)]

    def work(mine: list[object]) -> None:
        barrier.wait()
        while (held := store.claim(Errand.lease, worker="w")) is not None:
            mine.append(held.key)

    threads = [Thread(target=work, args=(mine,)) for mine in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = [key for mine in got for key in mine]
    assert sorted(keys, key=str) == sorted(map(str, range(40)))


@pytest.mark.parametrize("worker", ["", "\udc80"])
def test_a_worker_has_a_name(store: Store, worker: str) -> None:
    """A worker's name that is no readable text is refused, and nothing is claimed."""
    create(store, "a")
    with pytest.raises(InvalidQuery):
        store.claim(Errand.lease, worker=worker)
    assert state_of(store, "a") == Open("a")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_at_least_one(store: Store, limit: int) -> None:
    """A limit below one is refused, and nothing is claimed."""
    create(store, "a")
    with pytest.raises(InvalidQuery):
        store.claim_many(Errand.lease, worker="w", limit=limit)
    assert state_of(store, "a") == Open("a")


# ---------------------------------------------------------------- whose moves they are


def test_the_owner_moves_it(store: Store) -> None:
    """Whoever has the lease makes the moves of the leased state; the last one ends the lease."""
    create(store, "a")
    held = claim(store)
    assert held.send(Noted("one")).state == Doing("a", 1, ("one",))
    assert held.now == Doing("a", 1, ("one",))
    receipt = held.send(Done())
    assert (receipt.moved, receipt.version, held.version) == (True, 4, 4)
    assert state_of(store, "a") == Finished("a")
    with pytest.raises(LeaseLost):
        held.send(Noted("two"))


def test_nobody_else_moves_it(store: Store) -> None:
    """In the leased state an event without the lease is refused, and nothing is written."""
    create(store, "a")
    claim(store)
    unchanged = is_unchanged(store, "a")
    with pytest.raises(LeaseRequired) as refused:
        store.send(Errand, "a", Noted("mine"))
    assert (refused.value.machine, refused.value.key, refused.value.path) == ("Errand", "a", "doing")
    with pytest.raises(LeaseRequired):
        store.send_many(Errand, [("a", Noted("mine"))])
    assert unchanged()


@pytest.mark.parametrize("event", [Taken(), RanOut()])
def test_the_moves_of_the_lease_itself_are_sent_by_nobody(store: Store, event: Taken | RanOut) -> None:
    """The events by which a lease is given, or runs out, are refused from anybody, its owner included."""
    create(store, "a", "b")
    held = claim(store)
    unchanged = is_unchanged(store, "a")
    for key in ("a", "b"):
        with pytest.raises((LeaseRequired, TransitionNotAllowed)):
            store.send(Errand, key, event)
    with pytest.raises((LeaseRequired, TransitionNotAllowed)):
        held.send(event)
    assert unchanged()
    assert state_of(store, "b") == Open("b")


def test_who_makes_the_moves_of_the_lease_is_said(store: Store) -> None:
    """That the store alone makes a move is told to the owner too, and not that a lease is missing."""
    create(store, "a")
    held = claim(store)
    with pytest.raises(
        LeaseRequired, match=r"takes RanOut from the store alone, .*; call claim\(\) or reap\(\)"
    ) as refused:
        held.send(RanOut())
    assert refused.value.by_store
    with pytest.raises(LeaseRequired, match="only from whoever has its lease") as refused:
        store.send(Errand, "a", Noted("mine"))
    assert not refused.value.by_store


def test_a_free_move_is_anybodys(store: Store) -> None:
    """A free move needs no lease; one that leaves the leased state ends the lease, and its owner is told."""
    create(store, "a")
    held = claim(store)
    store.send(Errand, "a", CalledOff())
    unchanged = is_unchanged(store, "a")
    with pytest.raises(LeaseLost) as lost:
        held.send(Done())
    assert (lost.value.machine, lost.value.key, lost.value.worker, lost.value.token) == ("Errand", "a", "w", held.token)
    assert unchanged()
    assert held.renew() is False


def test_a_free_move_in_place_leaves_the_lease(store: Store) -> None:
    """A free move that stays in the leased state takes nothing from the owner, who goes on from there."""
    create(store, "a")
    held = claim(store)
    store.send(Errand, "a", Remarked("by the way"))
    assert held.renew() is True
    assert held.send(Noted("mine")).state == Doing("a", 1, ("by the way", "mine"))


def test_a_machine_without_a_lease_is_no_concern_of_it(store: Store) -> None:
    """What is not leased is moved by anybody, as before it had ever been."""
    create(store, "a")
    store.send(Errand, "a", Hurried(3))
    held = claim(store)
    held.send(PutOff())
    store.send(Errand, "a", CalledOff())
    assert state_of(store, "a") == GivenUp("a", "called off")


def test_several_leases_are_sent_under_together(store: Store) -> None:
    """Events under several leases are one transaction, with a receipt each, also for machines that others moved."""
    create(store, *"abc")
    held = store.claim_many(Errand.lease, worker="w", limit=3)
    store.send(Errand, "b", Remarked("by the way"))
    receipts = store.send_all([(each, Noted("mine")) for each in held])
    assert [receipt.version for receipt in receipts] == [3, 4, 3]
    assert receipts[1].state == Doing("b", 1, ("by the way", "mine"))
    store.send_all([(each, Done()) for each in held])
    assert store.count(Errand)[cast("type[ErrandState]", Finished)] == 3
    assert [each.ended for each in held] == [True, True, True]


def test_nothing_is_sent_where_one_lease_is_lost(store: Store) -> None:
    """Where one of several leases is over, none of the events is written."""
    create(store, *"abc")
    held = store.claim_many(Errand.lease, worker="w", limit=3)
    store.send(Errand, "b", CalledOff())
    with pytest.raises(LeaseLost):
        store.send_all([(each, Done()) for each in held])
    assert [state_of(store, key) for key in "ac"] == [Doing("a", 1), Doing("c", 1)]
    assert held[0].send(Done()).moved


# ---------------------------------------------------------------- running out


def test_a_lease_runs_out_at_its_end(store: Store, clock: Clock) -> None:
    """A lease is live until its ttl has passed; at that very moment it has run out."""
    create(store, "a")
    claim(store)
    clock.advance(seconds=TTL, microseconds=-1)
    assert store.reap(Errand.lease) == 0
    clock.advance(microseconds=1)
    assert store.reap(Errand.lease) == 1
    assert state_of(store, "a") == Open("a", tries=1)
    assert store.history(Errand, "a")[-1].event == RanOut()


def test_what_has_run_out_is_handled_once(store: Store, clock: Clock) -> None:
    """A second reaper finds nothing to do."""
    create(store, *"abc")
    store.claim_many(Errand.lease, worker="w", limit=3)
    clock.advance(seconds=TTL)
    assert store.reap(Errand.lease, limit=2) == 3
    unchanged = is_unchanged(store, "a")
    assert store.reap(Errand.lease) == 0
    assert unchanged()


def test_reapers_beside_each_other_handle_each_once(store: Store, clock: Clock) -> None:
    """However many reap at once, each lease that ran out is handled by exactly one of them."""
    create(store, *(str(number) for number in range(30)))
    store.claim_many(Errand.lease, worker="w", limit=30)
    clock.advance(seconds=TTL)
    barrier = Barrier(4)
    handled: list[int] = []

    def reap() -> None:
        barrier.wait()
        handled.append(store.reap(Errand.lease, limit=3))

    threads = [Thread(target=reap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(handled) == 30
    assert {len(store.history(Errand, str(number))) for number in range(30)} == {3}


def test_a_late_owner_changes_nothing(store: Store, clock: Clock) -> None:
    """Who comes back after the lease has gone to somebody else is told, and has written nothing."""
    create(store, "a")
    late = claim(store, "slow")
    clock.advance(seconds=TTL)
    store.reap(Errand.lease)
    present = claim(store, "quick")
    unchanged = is_unchanged(store, "a")
    with pytest.raises(LeaseLost):
        late.send(Done())
    assert late.renew() is False
    assert unchanged()
    assert present.token > late.token
    present.send(Done())
    assert state_of(store, "a") == Finished("a")


def test_an_owner_may_end_what_nobody_took(store: Store, clock: Clock) -> None:
    """A lease that has run out, but was taken by nobody yet, is still its owner's."""
    create(store, "a")
    held = claim(store)
    clock.advance(seconds=10 * TTL)
    held.send(Done())
    assert state_of(store, "a") == Finished("a")
    assert store.reap(Errand.lease) == 0


def test_a_machine_says_what_becomes_of_it(store: Store, clock: Clock) -> None:
    """The machine's own table says where an instance goes when its lease has run out for the last time."""
    create(store, "a")
    for _ in range(TRIES):
        claim(store)
        clock.advance(seconds=TTL)
        store.reap(Errand.lease)
    assert state_of(store, "a") == GivenUp("a", "tried too often")
    assert store.claim(Errand.lease, worker="w") is None


def test_one_that_cannot_be_read_keeps_nobody_back(shared_url: str, clock: Clock) -> None:
    """A row that no longer decodes is told when all others are reaped, and is passed by in claims."""
    with open_store(shared_url, clock=clock) as store:
        create(store, *"abcdef")
        store.claim_many(Errand.lease, worker="w", limit=3)
        for key in "ad":
            run_by_hand(shared_url, f"UPDATE snapshot SET body = '{{}}' WHERE key = '{key}'")
        clock.advance(seconds=TTL)
        with pytest.raises(UnreadableRow) as error:
            store.reap(Errand.lease, limit=1)
        assert error.value.key == "a"
        assert {state_of(store, key) for key in "bc"} == {Open("b", tries=1), Open("c", tries=1)}
        assert [held.key for held in store.claim_many(Errand.lease, worker="w", limit=10)] == ["b", "c", "e", "f"]


# ---------------------------------------------------------------- renewing


def test_a_renewed_lease_lasts_its_whole_time_from_then_on(store: Store, clock: Clock) -> None:
    """A renewal lets the lease last for its ttl from the time of the renewal; it is no move."""
    create(store, "a")
    held = claim(store)
    unchanged = is_unchanged(store, "a")
    clock.advance(seconds=40)
    assert held.renew() is True
    assert unchanged()
    clock.advance(seconds=TTL, microseconds=-1)
    assert store.reap(Errand.lease) == 0
    clock.advance(microseconds=1)
    assert store.reap(Errand.lease) == 1


def test_nothing_is_renewed_for_ever(store: Store, clock: Clock) -> None:
    """However often it is renewed, a lease runs out when its longest time is over."""
    create(store, "a")
    held = claim(store)
    for _ in range(MAX_RUNTIME // 30 - 1):
        clock.advance(seconds=30)
        assert held.renew() is True
    clock.advance(seconds=30, microseconds=-1)
    assert store.reap(Errand.lease) == 0
    clock.advance(microseconds=1)
    assert store.reap(Errand.lease) == 1


def test_a_block_is_renewed_by_itself(url: str) -> None:
    """Inside of `with` nobody has to renew; behind it nobody does."""
    with open_store(url) as store:
        create(store, "a")
        held = claim(store)
        with held:
            assert held.lost.is_set() is False
        held.send(Done())


# ---------------------------------------------------------------- pausing


def test_a_pause_has_no_lease(store: Store, clock: Clock) -> None:
    """While it pauses nothing runs out, nothing is renewed, nobody claims it, and anybody may send."""
    create(store, "a")
    held = claim(store)
    held.send(Asked())
    clock.advance(days=30)
    assert (held.renew(), store.reap(Errand.lease)) == (False, 0)
    assert store.claim(Errand.lease, worker="w") is None
    assert store.send(Errand, "a", Answered()).state == Doing("a", 1)


def test_behind_a_pause_the_lease_is_a_new_one(store: Store, clock: Clock) -> None:
    """Back in the leased state whoever had the lease has a new one, with a token of its own and its whole time."""
    create(store, "a")
    held = claim(store)
    before = held.token
    held.send(Asked())
    clock.advance(seconds=500)
    held.send(Answered())
    assert held.token > before
    clock.advance(seconds=TTL, microseconds=-1)
    assert store.reap(Errand.lease) == 0
    held.send(Done())
    assert state_of(store, "a") == Finished("a")


def test_the_old_token_is_worth_nothing_behind_a_pause(store: Store) -> None:
    """Where somebody else ended the pause, the owner's old token no longer counts."""
    create(store, "a")
    held = claim(store)
    held.send(Asked())
    store.send(Errand, "a", Answered())
    unchanged = is_unchanged(store, "a")
    with pytest.raises(LeaseLost):
        held.send(Done())
    assert unchanged()


# ---------------------------------------------------------------- times of calls


def test_a_given_time_touches_no_lease(store: Store, clock: Clock) -> None:
    """`at=` is the time of the decision alone: a lease runs by the store's clock."""
    create(store, "a")
    held = claim(store)
    held.send(Asked(), at=datetime(2040, 1, 1, tzinfo=UTC))
    held.send(Answered(), at=datetime(2020, 1, 1, tzinfo=UTC))
    clock.advance(seconds=TTL, microseconds=-1)
    assert store.reap(Errand.lease) == 0
    clock.advance(microseconds=1)
    assert store.reap(Errand.lease) == 1


# ---------------------------------------------------------------- what is kept


def test_a_deleted_instance_has_no_lease(store: Store) -> None:
    """Deleted while it is held, an instance is gone: the owner is told, and there is nothing to reap."""
    create(store, "a")
    held = claim(store)
    store.delete(Errand, "a")
    with pytest.raises(Exception, match="a"):
        held.send(Done())
    assert held.renew() is False


def test_a_transaction_that_is_taken_back_gives_no_lease(store: Store) -> None:
    """A claim inside of a transaction that is rolled back has never been."""
    create(store, "a")

    def fail() -> None:
        with store.transaction():
            claim(store)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert state_of(store, "a") == Open("a")
    assert claim(store).key == "a"


def test_what_is_taken_back_was_never_sent(store: Store) -> None:
    """After a transaction that is rolled back the owner has the lease as before it, and goes on."""
    create(store, "a", "b")
    held, other = claim(store), claim(store)

    def fail() -> None:
        with store.transaction():
            held.send(Asked())
            held.send(Answered())
            store.send_all([(other, Done())])
            held.send(Done())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (held.ended, other.ended, held.now) == (False, False, Doing("a", 1))
    assert held.renew() is True
    assert held.send(Noted("mine")).version == 3
    assert other.send(Done()).version == 3


def test_a_lease_of_a_claim_that_was_taken_back_is_worth_nothing(store: Store) -> None:
    """What was claimed in a transaction that is rolled back is nobody's, though another claim led to its version."""
    create(store, "a")
    taken: list[Held[Errand, Doing]] = []

    def fail() -> None:
        with store.transaction():
            taken.append(claim(store, "early"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    present = claim(store, "late")
    assert present.version == taken[0].version
    unchanged = is_unchanged(store, "a")
    with pytest.raises(LeaseLost):
        taken[0].send(Done())
    assert unchanged()


def test_a_lease_outlives_its_store(shared_url: str, clock: Clock) -> None:
    """Closed and opened again, a store knows who has what, and what has run out."""
    with open_store(shared_url, clock=clock) as store:
        create(store, "a")
        claim(store)
    with open_store(shared_url, clock=clock) as store:
        assert store.claim(Errand.lease, worker="w") is None
        clock.advance(seconds=TTL)
        assert store.reap(Errand.lease) == 1


def test_what_was_made_in_the_leased_state_runs_out_too(store: Store, clock: Clock) -> None:
    """An instance that is created in the leased state is nobody's, and that ends as any lease does."""
    store.create(Errand, "a", Doing("a", 1))
    with pytest.raises(LeaseRequired):
        store.send(Errand, "a", Done())
    clock.advance(seconds=TTL)
    assert store.reap(Errand.lease) == 1
    assert claim(store).state == Doing("a", 2)


# ---------------------------------------------------------------- waking up


def test_what_is_due_is_found(store: Store, clock: Clock) -> None:
    """A state that names a time is due when that has come, to the microsecond, and not before."""
    create(store, "a")
    until = clock() + timedelta(seconds=10)
    claim(store).send(Asked(until))
    clock.advance(seconds=10, microseconds=-1)
    assert (store.due(Errand), store.wake(Errand)) == ([], 0)
    clock.advance(microseconds=1)
    assert [(due.key, due.path, due.name, due.at) for due in store.due(Errand)] == [("a", "asking", "answer", until)]


def test_it_is_woken_up_once(store: Store, clock: Clock) -> None:
    """The move that the time is for is made once, however often somebody looks."""
    create(store, "a")
    claim(store).send(Asked(clock() + timedelta(seconds=10)))
    clock.advance(seconds=10)
    assert (store.wake(Errand), store.wake(Errand)) == (1, 0)
    assert state_of(store, "a") == GivenUp("a", "no answer")
    assert len(store.history(Errand, "a")) == 4


def test_what_left_the_state_is_not_woken_up(store: Store, clock: Clock) -> None:
    """A time that a state named is forgotten when that state is left."""
    create(store, "a")
    held = claim(store)
    held.send(Asked(clock() + timedelta(seconds=10)))
    held.send(Answered())
    clock.advance(seconds=20)
    assert (store.due(Errand), store.wake(Errand)) == ([], 0)


def test_a_state_may_name_no_time(store: Store, clock: Clock) -> None:
    """Where a state names no time, nothing is ever due."""
    create(store, "a")
    claim(store).send(Asked(None))
    clock.advance(days=1000)
    assert store.due(Errand) == []


def test_many_are_woken_up_earliest_first(store: Store, clock: Clock) -> None:
    """All that are due are woken up, in batches, in the order of their times."""
    create(store, *"abcde")
    for seconds, held in zip((5, 1, 4, 2, 3), store.claim_many(Errand.lease, worker="w", limit=5), strict=True):
        held.send(Asked(clock() + timedelta(seconds=seconds)))
    clock.advance(seconds=4)
    assert [due.key for due in store.due(Errand)] == ["b", "d", "e", "c"]
    assert store.wake(Errand, limit=2) == 4
    assert store.count(Errand) == {Asking: 1, GivenUp: 4}


def test_wakers_beside_each_other_wake_each_once(store: Store, clock: Clock) -> None:
    """However many look at once, each wake-up is made by exactly one of them."""
    create(store, *(str(number) for number in range(20)))
    for held in store.claim_many(Errand.lease, worker="w", limit=20):
        held.send(Asked(clock()))
    barrier = Barrier(4)
    woken: list[int] = []

    def wake() -> None:
        barrier.wait()
        woken.append(store.wake(Errand, limit=3))

    threads = [Thread(target=wake) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(woken) == 20
    assert store.count(Errand)[cast("type[ErrandState]", GivenUp)] == 20
