"""The machine `Run` in a store: what its page says of leases, sentence by sentence."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any, Protocol

import pytest
from everything import everything
from runs import THEN, begin, claim, claim_all, cost_of, pending, reap_all

from leverframe import InvalidQuery, LeaseLost, LeaseRequired, NotFound, Store, TransitionNotAllowed, open_store
from leverframe.coordination.held import Held
from leverframe.machines.amounts import Count
from leverframe.machines.run import (
    ApprovalRequested,
    Approved,
    Cancel,
    Cancelled,
    Completed,
    DeadlinePassed,
    ErrorCode,
    Failed,
    FailedWithError,
    LeaseAcquired,
    LeaseExpired,
    Pending,
    Rejected,
    Run,
    Running,
    Succeeded,
    TimedOut,
    ToolFailed,
    ToolFinished,
    ToolRequested,
    WaitingApproval,
    WaitingTool,
)
from leverframe.persistence.leases import LeaseRow
from leverframe.typed.values import Positive

TTL = timedelta(seconds=60)

CODE = ErrorCode("E-1")

LATE = timedelta(days=365)


class Clock(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **units: float) -> datetime: ...


def lease_of(store: Store, key: str = "a") -> LeaseRow | None:
    """What is kept beside a run."""
    backend = store._backend  # pyright: ignore[reportPrivateUsage]  # what is not there cannot be seen from outside
    loaded = backend.read().load("Run", key)
    assert loaded is not None
    return backend.read().lease(loaded.snapshot.instance)


def path(store: Store, key: str = "a") -> str:
    return store.get(Run, key).path


def wait_for_tool(store: Store) -> Held[Run, Running]:
    begin(store, "a")
    held = claim(store)
    held.send(ToolRequested())
    return held


def wait_for_approval(store: Store, clock: Clock) -> Held[Run, Running]:
    begin(store, "a")
    held = claim(store)
    held.send(ApprovalRequested(clock() + timedelta(days=30)))
    return held


# ---------------------------------------------------------------- claims


def test_the_oldest_is_claimed(store: Store, clock: Clock) -> None:
    """The oldest Pending run is claimed first, whatever its key; then there is none."""
    for key in "cab":
        begin(store, key)
        clock.advance(seconds=1)
    assert [claim(store).key for _ in range(3)] == ["c", "a", "b"]
    assert store.claim(Run.lease, worker="w") is None


def test_a_claim_begins_an_attempt(store: Store, clock: Clock) -> None:
    """A claimed run is Running, its attempt counted and its start set by the store's clock."""
    begin(store, "a")
    clock.advance(seconds=7)
    held = claim(store)
    assert (held.state.attempt_count, held.state.started_at) == (1, clock())
    assert store.get(Run, "a").state == held.state


def test_a_lease_runs_for_sixty_seconds(store: Store, clock: Clock) -> None:
    """Beside a Running run are its worker, token, heartbeat, and the end of its lease, 60 seconds away."""
    begin(store, "a")
    held = claim(store, "builder")
    [lease] = store.leases(Run.lease)
    assert (lease.key, lease.worker, lease.token) == ("a", "builder", held.token)
    assert (lease.heartbeat_at, lease.expires_at) == (clock(), clock() + TTL)


def test_each_run_goes_to_one_thread(store: Store) -> None:
    """However many threads ask at once, each run goes to exactly one."""
    begin(store, *(f"run-{number}" for number in range(30)))
    barrier = Barrier(6)

    def work(number: int) -> list[object]:
        barrier.wait()
        keys: list[object] = []
        while (held := store.claim(Run.lease, worker=f"w{number}")) is not None:
            keys.append(held.key)
        return keys

    with ThreadPoolExecutor(6) as pool:
        keys = [key for found in pool.map(work, range(6)) for key in found]
    assert sorted(map(str, keys)) == sorted(f"run-{number}" for number in range(30))


def test_each_run_goes_to_one_process(shared_url: str) -> None:
    """However many processes ask at once, each run of a project goes to exactly one, and no other project's."""
    keys = [f"run-{number}" for number in range(40)]
    with open_store(shared_url) as store:
        begin(store.scoped("shop"), *keys)
        begin(store.scoped("blog"), "theirs")
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        claimers = [pool.submit(claim_all, shared_url, f"w{number}", "shop") for number in range(3)]
        claimed = [key for claimer in claimers for key in claimer.result()]
    assert sorted(claimed) == sorted(keys)
    with open_store(shared_url) as store:
        assert {len(store.scoped("shop").history(Run, key)) for key in keys} == {2, 3}
        assert store.scoped("blog").count(Run) == {Pending: 1}


def test_a_run_that_was_claimed_again_starts_anew(store: Store, clock: Clock) -> None:
    """Each claim sets the start anew and counts an attempt."""
    begin(store, "a")
    first = claim(store)
    clock.advance(seconds=60)
    store.reap(Run.lease)
    clock.advance(seconds=5)
    second = claim(store)
    assert (second.state.attempt_count, second.state.started_at) == (2, clock())
    assert second.token > first.token


# ---------------------------------------------------------------- heartbeats


def test_heartbeats_come_every_fifteen_seconds() -> None:
    """The policy says how often a worker's lease is renewed, and for how long."""
    policy: Any = Run.lease
    assert (policy.heartbeat, policy.ttl, policy.max_runtime) == (timedelta(seconds=15), TTL, None)


def test_a_heartbeat_extends_the_lease(store: Store, clock: Clock) -> None:
    """A heartbeat lets the lease last 60 seconds from then on, as often as it comes; it is no move."""
    begin(store, "a")
    held = claim(store)
    for _ in range(10):
        clock.advance(seconds=15)
        assert held.renew()
        [lease] = store.leases(Run.lease)
        assert (lease.heartbeat_at, lease.expires_at) == (clock(), clock() + TTL)
    assert len(store.history(Run, "a")) == 2
    assert store.reap(Run.lease) == 0


def test_only_the_holder_extends_it(store: Store, clock: Clock) -> None:
    """The heartbeat of whoever had it before changes nothing for the holder, though it has the same name."""
    begin(store, "a")
    late = claim(store)
    clock.advance(seconds=60)
    store.reap(Run.lease)
    claim(store)
    clock.advance(seconds=30)
    assert not late.renew()
    [lease] = store.leases(Run.lease)
    assert lease.expires_at == clock() + TTL / 2


# ---------------------------------------------------------------- tokens

OUT_OF_RUNNING: list[Any] = [
    ToolRequested(),
    ApprovalRequested(THEN),
    Succeeded(),
    FailedWithError(CODE, "it broke"),
    DeadlinePassed(),
]


def named(event: Any) -> str:
    return type(event).__name__


@pytest.mark.parametrize("event", OUT_OF_RUNNING, ids=named)
def test_moves_of_a_running_run_need_the_token(store: Store, event: Any) -> None:
    """They are refused without a token, and with an old one; the holder makes them."""
    begin(store, "a")
    late = claim(store)
    store.send(Run, "a", Cancel())
    store.delete(Run, "a")
    begin(store, "a")
    held = claim(store)
    before = everything(store, "a", machine=Run)
    with pytest.raises(LeaseRequired):
        store.send(Run, "a", event)
    with pytest.raises(LeaseLost):
        late.send(event)
    assert everything(store, "a", machine=Run) == before
    assert held.send(event).from_state is Running


@pytest.mark.parametrize("event", [LeaseAcquired(), LeaseExpired()], ids=named)
def test_the_store_alone_claims_and_reaps(store: Store, event: Any) -> None:
    """The events of a claim and of a lease that has run out are taken from nobody, not even from the holder."""
    begin(store, "b", "a")
    held = claim(store)
    before = everything(store, "a", "b", machine=Run)
    for key in "ab":
        with pytest.raises((LeaseRequired, TransitionNotAllowed)):
            store.send(Run, key, event)
    with pytest.raises((LeaseRequired, TransitionNotAllowed)):
        held.send(event)
    assert everything(store, "a", "b", machine=Run) == before


def test_cancel_needs_no_token_and_fences_the_holder(store: Store) -> None:
    """Anybody may cancel a Running run; whoever held it can no longer write or renew, and is told."""
    begin(store, "a")
    held = claim(store)
    assert store.send(Run, "a", Cancel()).to_state is Cancelled
    before = everything(store, "a", machine=Run)
    for event in OUT_OF_RUNNING:
        with pytest.raises(LeaseLost) as lost:
            held.send(event)
        assert (lost.value.token, lost.value.worker) == (held.token, "w")
    assert not held.renew()
    assert everything(store, "a", machine=Run) == before


def test_a_pending_run_is_cancelled_and_not_claimed(store: Store) -> None:
    """A cancelled run is nobody's to claim."""
    begin(store, "a")
    store.send(Run, "a", Cancel())
    assert store.claim(Run.lease, worker="w") is None
    assert lease_of(store) is None


# ---------------------------------------------------------------- waiting


def test_a_waiting_run_has_no_heartbeat(store: Store, clock: Clock) -> None:
    """While a run waits no lease runs, and there is no heartbeat; who had it is kept."""
    held = wait_for_tool(store)
    assert not held.renew()
    lease = lease_of(store)
    assert lease is not None
    assert (lease.worker, lease.token, lease.heartbeat_at, lease.expires_at) == ("w", None, None, None)
    assert store.leases(Run.lease) == []


def test_a_waiting_run_is_not_reaped(store: Store, clock: Clock) -> None:
    """However long a run waits, for a tool or for an approval, it is not reaped, and not claimed."""
    wait_for_tool(store)
    store.create(Run, "b", pending())
    claim(store).send(ApprovalRequested(clock() + 2 * LATE))
    clock.advance(days=365)
    assert store.reap(Run.lease) == 0
    assert store.claim(Run.lease, worker="other") is None
    assert (path(store, "a"), path(store, "b")) == ("waiting_tool", "waiting_approval")


@pytest.mark.parametrize(
    ("event", "reached"),
    [(ToolFinished(), Running), (ToolFailed(CODE, "it broke"), Failed), (Cancel(), Cancelled)],
    ids=["ToolFinished", "ToolFailed", "Cancel"],
)
def test_tool_results_and_cancel_need_no_token(store: Store, event: Any, reached: type[Any]) -> None:
    """Anybody may say what came of a tool, or cancel a run that waits for one."""
    wait_for_tool(store)
    assert store.send(Run, "a", event).to_state is reached


@pytest.mark.parametrize(
    ("event", "reached"), [(Approved(), Running), (Rejected(), Cancelled)], ids=["Approved", "Rejected"]
)
def test_approvals_need_no_token(store: Store, clock: Clock, event: Any, reached: type[Any]) -> None:
    """Anybody may approve or reject."""
    wait_for_approval(store, clock)
    assert store.send(Run, "a", event).to_state is reached


def test_a_run_that_waits_for_approval_is_not_cancelled(store: Store, clock: Clock) -> None:
    """To end it is to reject it: Cancel is not in the table there."""
    wait_for_approval(store, clock)
    with pytest.raises(TransitionNotAllowed):
        store.send(Run, "a", Cancel())


def test_coming_back_by_the_worker_itself(store: Store, clock: Clock) -> None:
    """The worker that tells of its tool goes on under a fresh lease with a fresh token."""
    held = wait_for_tool(store)
    before = held.token
    clock.advance(hours=5)
    held.send(ToolFinished())
    assert held.token > before
    [lease] = store.leases(Run.lease)
    assert (lease.worker, lease.token) == ("w", held.token)
    assert (lease.claimed_at, lease.heartbeat_at, lease.expires_at) == (clock(), clock(), clock() + TTL)
    clock.advance(seconds=15)
    assert held.renew()
    assert held.send(Succeeded()).to_state is Completed


def test_coming_back_by_somebody_else(store: Store, clock: Clock) -> None:
    """After somebody else's approval the lease is the worker's again, fresh, under a token that it has to take up."""
    held = wait_for_approval(store, clock)
    clock.advance(hours=5)
    store.send(Run, "a", Approved())
    [lease] = store.leases(Run.lease)
    assert (lease.worker, lease.expires_at) == ("w", clock() + TTL)
    assert lease.token > held.token
    with pytest.raises(LeaseLost):
        held.send(Succeeded())
    with pytest.raises(LeaseRequired):
        store.send(Run, "a", Succeeded())
    resumed = store.resume(Run.lease, "a", worker="w")
    assert resumed is not None
    assert (resumed.token, resumed.worker, resumed.state) == (lease.token, "w", store.get(Run, "a").state)
    assert resumed.send(Succeeded()).to_state is Completed


def test_a_resumed_lease_lasts_its_whole_time(store: Store, clock: Clock) -> None:
    """From the time at which the worker takes it up again, it lasts for 60 seconds, and is renewed as any other."""
    wait_for_tool(store)
    store.send(Run, "a", ToolFinished())
    clock.advance(seconds=40)
    resumed = store.resume(Run.lease, "a", worker="w")
    assert resumed is not None
    assert store.leases(Run.lease)[0].expires_at == clock() + TTL
    clock.advance(seconds=15)
    assert resumed.renew()
    assert len(store.history(Run, "a")) == 4


def test_there_is_nothing_to_resume(store: Store, clock: Clock) -> None:
    """A worker resumes what it had, and not while that waits, is Pending or over, or is another's."""

    def resume(worker: str = "w") -> Held[Run, Running] | None:
        return store.resume(Run.lease, "a", worker=worker)

    begin(store, "a")
    assert resume() is None
    held = claim(store)
    held.send(ToolRequested())
    assert resume() is None
    store.send(Run, "a", ToolFinished())
    before = everything(store, "a", machine=Run)
    assert resume("other") is None
    assert everything(store, "a", machine=Run) == before
    clock.advance(seconds=60)
    store.reap(Run.lease)
    assert resume() is None
    claim(store, "other").send(Succeeded())
    assert (resume(), resume("other")) == (None, None)


def test_what_is_not_there_is_not_resumed(store: Store) -> None:
    """To resume a run that does not exist is `NotFound`; a worker has a name."""
    with pytest.raises(NotFound):
        store.resume(Run.lease, "a", worker="w")
    begin(store, "a")
    with pytest.raises(InvalidQuery):
        store.resume(Run.lease, "a", worker="")


def test_a_run_that_nobody_resumes_is_reaped(store: Store, clock: Clock) -> None:
    """The lease given behind a pause runs out as any other: a worker that is gone does not block the run."""
    wait_for_tool(store)
    store.send(Run, "a", ToolFinished())
    clock.advance(seconds=60)
    assert store.reap(Run.lease) == 1
    assert path(store) == "pending"
    assert store.resume(Run.lease, "a", worker="w") is None


def test_resuming_beside_a_reaper(store: Store, clock: Clock) -> None:
    """Where a worker resumes and a reaper reaps at once, one of them has it, and the other knows."""
    begin(store, *(f"r{number}" for number in range(20)), max_attempts=Positive(9))
    for held in store.claim_many(Run.lease, worker="w", limit=20):
        held.send(ToolRequested())
        store.send(Run, held.key, ToolFinished())
    clock.advance(seconds=60)
    barrier = Barrier(2)

    def resume() -> list[Held[Run, Running] | None]:
        barrier.wait()
        return [store.resume(Run.lease, f"r{number}", worker="w") for number in range(20)]

    def reap() -> int:
        barrier.wait()
        return sum(store.reap(Run.lease, limit=1) for _ in range(20))

    with ThreadPoolExecutor(2) as pool:
        resuming, reaping = pool.submit(resume), pool.submit(reap)
        resumed, reaped = [each for each in resuming.result() if each], reaping.result()
    assert len(resumed) + reaped == 20
    assert [held.send(Succeeded()).to_state for held in resumed] == [Completed] * len(resumed)


# ---------------------------------------------------------------- leaving

ENDS: dict[str, Callable[[Store, Held[Run, Running]], object]] = {
    "Succeeded": lambda _, held: held.send(Succeeded()),
    "FailedWithError": lambda _, held: held.send(FailedWithError(CODE, "it broke")),
    "DeadlinePassed": lambda _, held: held.send(DeadlinePassed()),
    "Cancel": lambda store, _: store.send(Run, "a", Cancel()),
    "ToolFailed": lambda store, held: (
        held.send(ToolRequested()),
        store.send(Run, "a", ToolFailed(CODE, "it broke")),
    ),
    "Rejected": lambda store, held: (held.send(ApprovalRequested(THEN)), store.send(Run, "a", Rejected())),
    "a deadline": lambda store, held: (held.send(ApprovalRequested(THEN)), store.wake(Run)),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_final_state_drops_the_lease(
    store: Store, clock: Clock, end: Callable[[Store, Held[Run, Running]], object]
) -> None:
    """In a final state nothing of lease, worker and heartbeat is left, and the time of completion is set."""
    begin(store, "a")
    held = claim(store)
    clock.advance(seconds=5)
    end(store, held)
    assert lease_of(store) is None
    state = store.get(Run, "a").state
    assert isinstance(state, Completed | Failed | Cancelled | TimedOut)
    assert state.completed_at == clock()


def test_pending_has_no_worker(store: Store, clock: Clock) -> None:
    """A run that goes back to Pending has neither worker nor token nor heartbeat, and can be claimed at once."""
    begin(store, "a")
    claim(store)
    clock.advance(seconds=60)
    store.reap(Run.lease)
    lease = lease_of(store)
    assert lease is not None
    assert (lease.worker, lease.token, lease.heartbeat_at, lease.expires_at, lease.claimed_at) == (None,) * 5
    assert lease.ready_at is not None
    assert claim(store).key == "a"


def test_state_and_lease_change_together(store: Store) -> None:
    """Where the move is taken back, the lease is as it was: both are of one transaction."""
    begin(store, "a")
    held = claim(store)
    before = lease_of(store)

    def taken_back() -> None:
        with store.transaction():
            store.send(Run, "a", Cancel())
            assert lease_of_joined(store) is None
            raise ZeroDivisionError

    def lease_of_joined(store: Store) -> LeaseRow | None:
        backend = store._backend  # pyright: ignore[reportPrivateUsage]  # as above, by the transaction's own eyes
        return backend.commit(lambda writer: writer.lease(held.instance))

    with pytest.raises(ZeroDivisionError):
        taken_back()
    assert (path(store), lease_of(store)) == ("running", before)
    assert held.renew()


# ---------------------------------------------------------------- the reaper


def test_the_reaper_handles_what_has_run_out(store: Store, clock: Clock) -> None:
    """Every Running run whose lease has run out goes back to Pending, and no other; how many is said."""
    begin(store, "lost", "also lost", "alive", "waits", "over", "new")
    held = {each.key: each for each in store.claim_many(Run.lease, worker="w", limit=5)}
    held["waits"].send(ToolRequested())
    held["over"].send(Succeeded())
    clock.advance(seconds=59)
    assert store.reap(Run.lease) == 0
    held["alive"].renew()
    clock.advance(seconds=1)
    assert store.reap(Run.lease) == 2
    paths = {str(found.key): found.path for found in store.find(Run)}
    assert paths == {
        "lost": "pending",
        "also lost": "pending",
        "alive": "running",
        "waits": "waiting_tool",
        "over": "completed",
        "new": "pending",
    }
    assert store.reap(Run.lease) == 0


@pytest.mark.parametrize("most", [1, 3])
def test_the_last_attempt_fails(store: Store, clock: Clock, most: int) -> None:
    """With no attempt left the run is Failed, with code E-RUN-002 and a detail that names max_attempts."""
    begin(store, "a", max_attempts=Positive(most))
    for attempt in range(1, most + 1):
        assert claim(store).state.attempt_count == attempt
        clock.advance(seconds=60)
        assert store.reap(Run.lease) == 1
    state = store.get(Run, "a").state
    assert isinstance(state, Failed)
    assert (state.error_code, state.completed_at) == ("E-RUN-002", clock())
    assert f"max_attempts={most}" in state.error_detail
    assert store.claim(Run.lease, worker="w") is None


def test_two_reaping_threads_handle_each_once(store: Store, clock: Clock) -> None:
    """Of two reapers at once each run is handled by one, and together they report how many there were."""
    begin(store, *(f"run-{number}" for number in range(40)))
    store.claim_many(Run.lease, worker="w", limit=40)
    clock.advance(seconds=60)
    barrier = Barrier(2)

    def reap(_: int) -> int:
        barrier.wait()
        return store.reap(Run.lease, limit=3)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(reap, range(2))) == 40
    assert {len(store.history(Run, f"run-{number}")) for number in range(40)} == {3}


def test_two_reaping_processes_handle_each_once(shared_url: str) -> None:
    """The same of two processes."""
    with open_store(shared_url, clock=lambda: THEN) as store:
        begin(store, *(f"run-{number}" for number in range(40)))
        store.claim_many(Run.lease, worker="w", limit=40)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert sum(pool.map(reap_all, [shared_url] * 2, [THEN + TTL] * 2)) == 40
    with open_store(shared_url) as store:
        assert store.count(Run) == {Pending: 40}
        assert {len(store.history(Run, f"run-{number}")) for number in range(40)} == {3}


# ---------------------------------------------------------------- deadlines


def test_an_approval_has_a_deadline(store: Store, clock: Clock) -> None:
    """A run that waits for an approval times out at its deadline, and not before."""
    begin(store, "a")
    deadline = clock() + timedelta(hours=1)
    claim(store).send(ApprovalRequested(deadline))
    clock.advance(hours=1, microseconds=-1)
    assert store.wake(Run) == 0
    clock.advance(microseconds=1)
    assert store.wake(Run) == 1
    assert (path(store), store.wake(Run)) == ("timed_out", 0)


def test_an_approval_in_time_has_none_left(store: Store, clock: Clock) -> None:
    """A run that was approved in time does not time out later."""
    wait_for_approval(store, clock)
    store.send(Run, "a", Approved())
    clock.advance(days=60)
    assert store.wake(Run) == 0
    assert path(store) == "running"


# ---------------------------------------------------------------- what is spent


def test_every_move_may_add_to_cost_and_steps(store: Store, clock: Clock) -> None:
    """A claim, the moves of the holder and those of others add what they say to the cost, exactly, and to the steps."""
    begin(store, "a", cost_usd=Decimal("0.1"))
    spent: dict[str, Any] = {"added_cost_usd": Decimal("0.000000000000000001"), "added_step_count": Count(2)}
    held = store.claim(Run.lease, worker="w", event=LeaseAcquired(**spent))
    assert held is not None
    held.send(ToolRequested(**spent))
    store.send(Run, "a", ToolFinished(**spent))
    resumed = store.resume(Run.lease, "a", worker="w")
    assert resumed is not None
    resumed.send(ApprovalRequested(clock(), **spent))
    store.send(Run, "a", Approved(**spent))
    assert cost_of(store, "a") == ("0.100000000000000005", 10)
    clock.advance(seconds=60)
    store.reap(Run.lease)
    assert cost_of(store, "a") == ("0.100000000000000005", 10)
    store.send(Run, "a", Cancel(**spent))
    assert cost_of(store, "a") == ("0.100000000000000006", 12)


def test_every_move_may_tell_of_an_error(store: Store) -> None:
    """Moves under a lease and without one set error code and detail, which stay until they are set again."""
    begin(store, "a")
    held = claim(store)
    held.send(ToolRequested(error_code=CODE, error_detail="slow"))
    store.send(Run, "a", ToolFinished())
    state = store.get(Run, "a").state
    assert (state.error_code, state.error_detail) == ("E-1", "slow")


# ---------------------------------------------------------------- once a minute


def test_a_reaper_that_looks_once_a_minute(store: Store, clock: Clock) -> None:
    """Each lease is handled at the first look behind its end, by one of two reapers, and no other run is touched."""
    begin(store, "a", "b", "c")
    for _ in range(3):
        claim(store)
        clock.advance(seconds=40)
    seen: list[tuple[int, int, int]] = []
    for _ in range(4):
        seen.append((store.reap(Run.lease), store.reap(Run.lease), store.count(Run)[Running]))
        clock.advance(minutes=1)
    assert seen == [(2, 0, 1), (1, 0, 0), (0, 0, 0), (0, 0, 0)]


# ---------------------------------------------------------------- projects


def test_a_project_never_sees_another_s_runs(store: Store, clock: Clock) -> None:
    """Not in reads, claims, counts, leases, deadlines or the reaper; each has keys of its own."""
    shop, blog = store.scoped("shop"), store.scoped("blog")
    begin(shop, "a", "b", "c")
    held = claim(shop)
    claim(shop).send(ApprovalRequested(clock()))
    clock.advance(seconds=60)
    begin(blog, "a")
    with pytest.raises(NotFound):
        blog.get(Run, "b")
    with pytest.raises(NotFound):
        blog.send(Run, "b", Approved())
    with pytest.raises(NotFound):
        blog.resume(Run.lease, "b", worker="w")
    assert blog.find(Run) == [blog.get(Run, "a")]
    assert blog.count(Run) == {Pending: 1}
    assert (blog.reap(Run.lease), blog.wake(Run), blog.leases(Run.lease)) == (0, 0, [])
    assert claim(blog).key == "a"
    assert blog.claim(Run.lease, worker="w") is None
    blog.send(Run, "a", Cancel())
    assert shop.count(Run) == Counter({Running: 1, WaitingApproval: 1, Pending: 1})
    assert held.send(ToolRequested()).to_state is WaitingTool
    assert (shop.wake(Run), shop.reap(Run.lease)) == (1, 0)
    assert store.count(Run) == {}
