"""Claims of one instance by its key, of what somebody has left, and of what is next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import errands
import pytest
from attrs import frozen
from errands import Begun, Errand, Finished, GivenUp, Left, Open, Over, Resumed, Run, Waiting

from by_hand import run_by_hand
from leverframe import (
    AlreadyExists,
    Event,
    InvalidQuery,
    LeaseLost,
    LeaseRequired,
    Machine,
    Payload,
    Store,
    UnreadableRow,
    lookup,
    on,
    open_store,
    state,
)
from leverframe.coordination.held import Held
from leverframe.coordination.not_claimed import NotClaimed
from leverframe.coordination.policies import Lease, WakeUp
from leverframe.errors import TransitionNotAllowed
from leverframe.machines import job as j
from leverframe.machines.job import Job, Watermark, enqueue


def everything(store: Store) -> Any:
    found = [(each.key, each.state, each.version) for each in store.find(Errand)]
    return found, [(lease.key, lease.worker, lease.token, lease.expires_at) for lease in store.leases(Errand.lease)]


def refused(store: Store, key: str, **terms: Any) -> NotClaimed:
    """Why it is not claimed, and nothing is changed."""
    before = everything(store)
    claimed = store.claim_or_reason(Errand.lease, worker="w2", key=key, **terms)
    assert isinstance(claimed, NotClaimed)
    assert store.claim(Errand.lease, worker="w2", key=key, **terms) is None
    assert everything(store) == before
    return claimed


def claimed(store: Store, key: str, **terms: Any) -> Held[Errand, Run]:
    held = store.claim(Errand.lease, worker="w1", key=key, **terms)
    assert held is not None
    return held


# ---------------------------------------------------------------- which step it is


def test_a_step_has_a_name_of_its_own(store: Store) -> None:
    """Machine, key and version are the same however often a step is tried again, and another step's are others."""
    steps: list[tuple[str, Any, int]] = []

    def note(held: Held[Errand, Run]) -> None:
        steps.append((Errand.machine_name, held.key, held.version))

    store.create(Errand, "a", Open())
    held = claimed(store, "a")
    note(held)
    with pytest.raises(TransitionNotAllowed):
        held.send(Resumed())
    assert held.renew()

    def take_back() -> None:
        with store.transaction():
            held.send(Waiting())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        take_back()
    note(held)
    held.send(Waiting())
    assert store.history(Errand, "a")[-1].version == steps[0][2] + 1
    assert len(set(steps)) == 1


def test_a_step_of_another_claim_is_another(store: Store, clock: Any) -> None:
    """Who claims what was given up begins a step that nobody has begun before."""
    store.create(Errand, "a", Open())
    first = claimed(store, "a")
    clock.advance(seconds=60)
    assert store.reap(Errand.lease) == 1
    again = claimed(store, "a")
    assert again.version > first.version


# ---------------------------------------------------------------- by key


def test_by_key(store: Store, clock: Any) -> None:
    """A given key is what is claimed, whatever has waited for longer."""
    for key in ("first", "second"):
        store.create(Errand, key, Open())
        clock.advance(seconds=1)
    held = store.claim_or_reason(Errand.lease, worker="w1", key="second")
    assert isinstance(held, Held)
    assert (held.key, held.state, held.version) == ("second", Run(), 2)
    assert store.claim_many(Errand.lease, worker="w1", limit=5)[0].key == "first"


def test_missing(store: Store) -> None:
    """A key that is not there is refused so."""
    assert refused(store, "errand").reason == "missing"


def test_made_first(store: Store, clock: Any) -> None:
    """With `create` a missing instance is made first, in the same transaction; one that is there is taken as it is."""
    held = claimed(store, "errand", create=Open(to="sea"))
    assert held.state == Run(to="sea")
    assert [entry.at for entry in store.history(Errand, "errand")] == [clock.time, clock.time]
    store.create(Errand, "there", Open(to="lake"))
    assert claimed(store, "there", create=Open(to="sea")).state == Run(to="lake")


def test_refused_is_not_made(store: Store) -> None:
    """What is refused is not made either, and the next one may be made."""
    assert refused(store, "errand", create=Open(wanted=False)).reason == "not_claimable"
    assert store.find(Errand) == []
    claimed(store, "errand", create=Open())


def test_to_be_made_without_a_key(store: Store) -> None:
    """What is to be made has to be named."""
    anything: Any = store
    with pytest.raises(InvalidQuery, match="key="):
        anything.claim(Errand.lease, worker="w1", create=Open())


def test_final(store: Store) -> None:
    """What has come to its end is not claimable."""
    store.create(Errand, "errand", Over())
    assert refused(store, "errand").reason == "not_claimable"


def test_guard(store: Store) -> None:
    """What a guard refuses is not claimable, and the detail says which guard."""
    store.create(Errand, "errand", Open(wanted=False))
    found = refused(store, "errand")
    assert found.reason == "not_claimable"
    assert "is_wanted" in found.detail


def test_not_yet(store: Store, clock: Any) -> None:
    """What has to wait is refused with the time from which on it can be claimed."""
    later = clock.time + timedelta(minutes=5)
    store.create(Errand, "errand", Open(not_before=later))
    assert refused(store, "errand") == NotClaimed(reason="not_yet", detail="it is in open", until=later)
    clock.advance(minutes=5)
    claimed(store, "errand")


def test_already_claimed(store: Store, clock: Any) -> None:
    """What somebody has is refused with the end of that lease, though it has run out: nothing takes it over."""
    claimed(store, "errand", create=Open())
    end = clock.time + timedelta(seconds=60)
    assert refused(store, "errand") == NotClaimed(reason="already_claimed", detail="it is in run", until=end)
    clock.advance(minutes=5)
    assert refused(store, "errand").reason == "already_claimed"
    assert store.reap(Errand.lease) == 1
    claimed(store, "errand")


def test_paused(store: Store) -> None:
    """What pauses is claimed already, without an end that is known."""
    claimed(store, "errand", create=Open()).send(Waiting())
    found = refused(store, "errand")
    assert (found.reason, found.until) == ("already_claimed", None)


def test_with_an_event(store: Store) -> None:
    """The event of a claim may be given."""
    store.create(Errand, "errand", Open())
    assert claimed(store, "errand", event=Begun("blue")).state.badge == "blue"


def test_unique_value_is_taken(store: Store) -> None:
    """A claim by key that would take another's unique value is refused with that; without a key it is passed by."""
    for key in ("a", "b"):
        store.create(Errand, key, Open())
    claimed(store, "a", event=Begun("blue"))
    before = everything(store)
    with pytest.raises(AlreadyExists, match="badge"):
        store.claim(Errand.lease, worker="w2", key="b", event=Begun("blue"))
    assert store.claim(Errand.lease, worker="w2", event=Begun("blue")) is None
    assert everything(store) == before
    claimed(store, "b", event=Begun("red"))


def test_limit_that_is_none(store: Store) -> None:
    """A limit is refused for a lease that has none, and one below 1 anywhere."""
    from leverframe.machines.run import Run as AgentRun

    with pytest.raises(InvalidQuery, match="at_most"):
        store.claim(AgentRun.lease, worker="w", at_most=3)
    with pytest.raises(InvalidQuery, match="at_most"):
        store.claim(Errand.lease, worker="w", at_most=0)


def test_in_a_transaction(store: Store) -> None:
    """A claim joins a transaction, and goes with it."""

    def claim_and_fail() -> None:
        with store.transaction():
            claimed(store, "errand", create=Open())
            assert refused(store, "new", create=Open(wanted=False)).reason == "not_claimable"
            raise KeyError

    with pytest.raises(KeyError):
        claim_and_fail()
    assert everything(store) == ([], [])


def test_of_one_tenant(store: Store) -> None:
    """A claim sees the instances of its tenant alone, by key and without."""
    ours, theirs = store.scoped("ours"), store.scoped("theirs")
    theirs.create(Errand, "errand", Open())
    assert ours.claim(Errand.lease, worker="w1") is None
    assert refused(ours, "errand").reason == "missing"
    assert refused(store, "errand").reason == "missing"
    claimed(ours, "errand", create=Open())
    claimed(theirs, "errand")


# ---------------------------------------------------------------- rows that cannot be read


def test_a_row_that_cannot_be_read(shared_url: str) -> None:
    """It is passed by, and keeps nobody from the others; asked for by its key it says so."""
    with open_store(shared_url) as store:
        for key in ("bad", "good"):
            store.create(Errand, key, Open())
    run_by_hand(shared_url, "UPDATE snapshot SET body = '{}' WHERE key = 'bad'")
    with open_store(shared_url) as store:
        assert [held.key for held in store.claim_many(Errand.lease, worker="w", limit=5)] == ["good"]
        with pytest.raises(UnreadableRow):
            store.claim(Errand.lease, worker="w", key="bad")


# ---------------------------------------------------------------- what somebody has left


def left(store: Store, clock: Any) -> Held[Job, j.Running]:
    enqueue(store, "index", "left", Watermark(1))
    held = store.claim(Job.lease, worker="w1")
    assert held is not None
    clock.advance(hours=1)
    return held


def test_taken_over_first(store: Store, clock: Any) -> None:
    """What somebody has left comes before all that is ready, by one move, under a fresh token."""
    enqueue(store, "index", "older", Watermark(1))
    late = store.claim(Job.lease, worker="w1")
    enqueue(store, "index", "newer", Watermark(1))
    clock.advance(hours=1)
    first, second = store.claim_many(Job.lease, worker="w2", limit=2)
    assert late is not None
    assert (first.key, second.key) == (late.key, ("index", "newer"))
    assert first.token > late.token
    assert store.history(Job, first.key)[-1].event == j.TakenOver()


def test_taken_over_once(store: Store, clock: Any) -> None:
    """It is taken over by one of those who ask, and is theirs for a whole lease."""
    left(store, clock)
    assert store.claim(Job.lease, worker="w2") is not None
    assert store.claim(Job.lease, worker="w3") is None
    clock.advance(hours=1)
    assert store.claim(Job.lease, worker="w3") is not None


def test_renewed_is_not_taken_over(store: Store, clock: Any) -> None:
    """A lease that has run out and is renewed before anybody looks is nobody else's."""
    late = left(store, clock)
    assert late.renew()
    assert store.claim(Job.lease, worker="w2") is None
    assert late.send(j.Succeeded(Watermark(1))).moved


def test_late_owner(store: Store, clock: Any) -> None:
    """Until somebody takes it over, who was late may end it; then never."""
    late = left(store, clock)
    held = store.claim(Job.lease, worker="w2", key=late.key)
    assert held is not None
    with pytest.raises(LeaseLost):
        late.send(j.Succeeded(Watermark(1)))
    assert not late.renew()
    assert held.send(j.Succeeded(Watermark(1))).moved


def test_takeover_is_for_the_store(store: Store, clock: Any) -> None:
    """Nobody sends the event of a takeover by hand."""
    late = left(store, clock)
    with pytest.raises(LeaseRequired):
        store.send(Job, late.key, j.TakenOver())
    assert store.get(Job, late.key).version == late.version


# ---------------------------------------------------------------- what is next


def test_send_and_claim(store: Store) -> None:
    """An end and the next claim are one transaction."""
    for key in ("a", "b"):
        store.create(Errand, key, Open())
    held = store.claim(Errand.lease, worker="w1")
    assert held is not None
    receipt = held.send_and_claim(Finished())
    assert (receipt.state, held.ended) == (Over(), True)
    following = held.next
    assert following is not None
    assert (following.key, following.worker) == ("b", "w1")
    following.send_and_claim(Finished())
    assert following.next is None
    numbers = [store.history(Errand, key)[-1].seq for key in ("a", "b")]
    assert following.token < numbers[1]
    assert following.token > numbers[0]


def test_send_and_claim_makes_room_for_itself(store: Store) -> None:
    """The slot that the end frees is there for the next claim."""
    for key in ("a", "b"):
        store.create(Errand, key, Open())
    held = store.claim(Errand.lease, worker="w1", at_most=1)
    assert held is not None
    assert store.claim(Errand.lease, worker="w1", at_most=1) is None
    held.send_and_claim(Finished(), at_most=1)
    assert held.next is not None


def test_send_and_claim_that_is_late(store: Store, clock: Any) -> None:
    """Who has lost the lease gets nothing else, and nothing is written."""
    for key in ("a", "b"):
        store.create(Errand, key, Open())
    held = claimed(store, "a")
    clock.advance(minutes=2)
    store.reap(Errand.lease)
    before = everything(store)
    with pytest.raises(LeaseLost):
        held.send_and_claim(Finished())
    assert everything(store) == before


def test_send_and_claim_that_is_refused(store: Store) -> None:
    """Where the event is refused nothing is claimed."""
    for key in ("a", "b"):
        store.create(Errand, key, Open())
    held = claimed(store, "a")
    before = everything(store)
    with pytest.raises(TransitionNotAllowed):
        held.send_and_claim(Resumed())
    assert everything(store) == before


# ---------------------------------------------------------------- policies that come later


def plain_errand(name: str) -> Any:
    """Errands as they were before anybody leased them."""

    class Plain(Machine[errands.ErrandState, Begun | Left | Finished | GivenUp | Waiting | Resumed]):
        machine_name = "Errand"
        open = state(Open, initial=True)
        run = state(Run)
        held = state(errands.Held)
        over = state(Over, final=True)

        @on
        def begun(self, s: Open, e: Begun) -> Run:
            return Run(to=s.to, badge=e.badge)

        @on
        def left(self, s: Run, e: Left) -> Open:
            return Open(to=s.to)

        @on
        def finished(self, s: Run, e: Finished) -> Over:
            return Over(to=s.to)

        @on
        def given_up(self, s: Run | errands.Held, e: GivenUp) -> Over:
            return Over(to=s.to)

        @on
        def waiting(self, s: Run, e: Waiting) -> errands.Held:
            return errands.Held(to=s.to)

        @on
        def resumed(self, s: errands.Held, e: Resumed) -> Run:
            return Run(to=s.to)

    Plain.__name__ = name
    return Plain


def test_a_lease_that_is_declared_later(shared_url: str, clock: Any) -> None:
    """Instances that were there before can be claimed, the oldest first; what is in work has nobody, and runs out."""
    plain = plain_errand("Errand")
    with open_store(shared_url, clock=clock) as store:
        for key in ("b", "a"):
            store.create(plain, key, Open())
            clock.advance(minutes=1)
        store.create(plain, "run", Run())
        store.create(plain, "over", Over())
        store.scoped("theirs").create(plain, "c", Open())
    with open_store(shared_url, clock=clock) as store:
        assert [held.key for held in store.claim_many(Errand.lease, worker="w", limit=5)] == ["b", "a"]
        theirs = store.scoped("theirs").claim(Errand.lease, worker="w")
        assert theirs is not None
        assert store.reap(Errand.lease) == 0
        theirs.send(Finished())
        clock.advance(seconds=60)
        assert store.reap(Errand.lease) == 3
        assert isinstance(store.get(Errand, "run").state, Open)


def test_a_wake_up_that_is_declared_later(shared_url: str, clock: Any) -> None:
    """Instances that were there before are woken up at their time."""
    plain = plain_errand("Errand")
    with open_store(shared_url, clock=clock) as store:
        store.create(plain, "a", Open(not_before=clock.time + timedelta(minutes=1)))
    with open_store(shared_url, clock=clock) as store:
        assert store.wake(Errand) == 0
        clock.advance(minutes=1)
        assert store.wake(Errand) == 1


@frozen
class Idle(Payload):
    label: str = "x"


@frozen
class Busy(Payload):
    label: str = "x"


@frozen
class Take(Event): ...


@frozen
class Drop(Event): ...


def tool(*, found: bool, timed: bool = False) -> Any:
    """A machine that is the same but for what is declared beside its moves."""

    class Tool(Machine[Idle | Busy, Take | Drop]):
        idle = state(Idle, initial=True)
        busy = state(Busy)
        if found:
            label = lookup()

        @on
        def take(self, s: Idle, e: Take) -> Busy:
            return Busy(s.label)

        @on
        def drop(self, s: Busy, e: Drop) -> Idle:
            return Idle(s.label)

        lease = Lease(claim=take, expiry=drop)
        if timed:
            wake = WakeUp(drop, at=lambda s: None)

    return Tool


def test_what_somebody_has_stays(shared_url: str, clock: Any) -> None:
    """Who has a lease keeps it when something else is declared, and what waits keeps its place."""
    first, second = tool(found=False), tool(found=True, timed=True)
    with open_store(shared_url, clock=clock) as store:
        for key in ("a", "b", "c"):
            store.create(first, key, Idle(key))
            clock.advance(seconds=1)
        held = store.claim(first.lease, worker="w")
        assert held is not None
        token = held.token
    with open_store(shared_url, clock=clock) as store:
        assert [found.key for found in store.find(second, where={"label": "b"})] == ["b"]
        assert [(lease.key, lease.token) for lease in store.leases(second.lease)] == [("a", token)]
        assert [held.key for held in store.claim_many(second.lease, worker="w", limit=5)] == ["b", "c"]
