"""Jobs for agents on a store: due, claimed, tried again, counted; and rate limits that are over."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from storytelling import job, key, started, story

from leverframe import (
    Handler,
    InvalidQuery,
    LeaseLost,
    LeaseRequired,
    Permanent,
    Positive,
    Store,
    Transient,
    Worker,
)
from leverframe.coordination.processes import this_process
from leverframe.machines.amounts import Count
from leverframe.machines.execution import (
    AgentName,
    Execution,
    HitRateLimit,
    Idle,
    RateLimited,
    SpawnedSuccessfully,
    SpawnRequested,
)
from leverframe.machines.orchestrator import agent_job as a
from leverframe.machines.orchestrator import agent_run as u
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.agent_run import AgentRun, RunId
from leverframe.machines.orchestrator.queueing import (
    HeldJob,
    claim_job,
    count_jobs,
    enqueue_job,
    has_open_job,
    recent_jobs,
    running_jobs,
)
from leverframe.machines.orchestrator.task import Task

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RUN = RunId("run-1")


def claim(store: Store, **more: Any) -> HeldJob:
    held = claim_job(store, worker="w", **more)
    assert held is not None
    return held


def state_of(store: Store, name: str = "job") -> Any:
    return store.get(AgentJob, name).state


# ---------------------------------------------------------------- claims


def test_a_claim_says_who_has_it(store: Store, clock: Any) -> None:
    """A claim counts an attempt, sets started_at, and keeps the run and the process with its start time."""
    enqueue_job(store, "job", job())
    held = claim(store, run_id=RUN)
    state = held.state
    assert (state.attempts, state.started_at, state.run_id) == (1, clock.time, RUN)
    assert state.process is not None
    assert state.process.process_id == os.getpid()
    [record] = store.leases(AgentJob.lease)
    assert (record.key, record.worker, record.token, record.expires_at) == ("job", "w", held.token, None)
    assert record.process == this_process()


def test_the_oldest_that_is_due(store: Store, clock: Any) -> None:
    """The oldest due job comes first; one that is deferred holds no slot, blocks nobody, and is due at its time."""
    enqueue_job(store, "later", job(), delay=5 * MINUTE)
    for name in ("first", "second"):
        clock.advance(seconds=1)
        enqueue_job(store, name, job())
    assert [claim(store, at_most=2).key for _ in range(2)] == ["first", "second"]
    assert claim_job(store, worker="w", at_most=2) is None
    clock.advance(minutes=5, seconds=-2, microseconds=-1)
    assert claim_job(store, worker="w") is None
    clock.advance(microseconds=1)
    assert claim(store, at_most=3).key == "later"
    assert claim_job(store, worker="w") is None


def test_a_delay_and_a_time(store: Store, clock: Any) -> None:
    """A job that names its time takes no delay beside it, and nothing is queued."""
    with pytest.raises(InvalidQuery):
        enqueue_job(store, "job", job(available_at=clock.time), delay=MINUTE)
    assert store.find(AgentJob) == []


def test_no_more_than_the_limit(store: Store) -> None:
    """As many jobs run at one time as the call says; an end makes room."""
    for number in range(3):
        enqueue_job(store, f"job-{number}", job())
    held = [claim(store, at_most=2) for _ in range(2)]
    assert claim_job(store, worker="w", at_most=2) is None
    held[0].send(a.Finished())
    assert claim(store, at_most=2).key == "job-2"


def test_its_moves_are_its_owners(store: Store) -> None:
    """Finished, Faulted and Throttled are the owner's to send; Claimed and Reaped are the store's."""
    enqueue_job(store, "job", job())
    held = claim(store)
    before = store.get(AgentJob, "job")
    events = (a.Finished(), a.Faulted("x"), a.Throttled("x"), a.Reaped(a.Overdue()))
    for event in events:
        with pytest.raises(LeaseRequired):
            store.send(AgentJob, "job", event)
    assert store.get(AgentJob, "job") == before
    assert held.send(a.Finished()).moved


# ---------------------------------------------------------------- the two budgets


def test_faults(store: Store) -> None:
    """A fault goes back to Queued while attempts are left, at once and with its error; then the job is Failed."""
    enqueue_job(store, "job", job())
    first = claim(store).send(a.Faulted("it broke")).state
    assert first == job(attempts=Count(1), error="it broke")
    last = claim(store).send(a.Faulted("it broke again")).state
    assert isinstance(last, a.Failed)
    assert (last.attempts, last.error) == (2, "it broke again")
    assert claim_job(store, worker="w") is None


def test_transient_failures(store: Store, clock: Any) -> None:
    """A transient failure is waited out: 20 s, 40, 80 and so on to 600, and the attempt is given back each time."""
    enqueue_job(store, "job", job())
    for failures, seconds in enumerate((20, 40, 80, 160, 320, 600, 600), start=1):
        back = claim(store).send(a.Throttled("busy")).state
        available_at = clock.time + seconds * SECOND
        assert back == job(transient_attempts=Count(failures), available_at=available_at, error="busy")
        clock.time = available_at - timedelta(microseconds=1)
        assert claim_job(store, worker="w") is None
        clock.time = available_at


def test_retry_after(store: Store, clock: Any) -> None:
    """A Retry-After is a floor, cut at the cap."""
    enqueue_job(store, "job", job())
    for asked, seconds in ((5, 20), (90, 90), (9999, 600)):
        back: Any = claim(store).send(a.Throttled("busy", asked * SECOND)).state
        assert back.available_at == clock.time + seconds * SECOND
        clock.time = back.available_at


@pytest.mark.parametrize(
    ("raised", "queued"),
    [
        (ValueError("no"), job(attempts=Count(1), error="ValueError: no")),
        (Permanent("no such branch"), job(attempts=Count(1), error="no such branch")),
    ],
)
def test_a_handler_that_raises(store: Store, raised: Exception, queued: a.Queued) -> None:
    """What a worker's handler raises is a fault."""
    enqueue_job(store, "job", job())
    assert handle(store, raised) == queued


def test_a_handler_that_raises_transient(store: Store, clock: Any) -> None:
    """What a worker's handler raises as transient is waited out, no shorter than the other side has asked for."""
    enqueue_job(store, "job", job())
    queued = handle(store, Transient("busy", retry_after=45 * SECOND))
    assert queued == job(transient_attempts=Count(1), available_at=clock.time + 45 * SECOND, error="busy")


def handle(store: Store, raised: Exception) -> Any:
    """What a job is behind one claim by a worker."""
    seen: list[Any] = []

    def fail(held: HeldJob) -> a.Finished:
        if seen:
            return a.Finished()
        seen.append(held.key)
        raise raised

    Worker(store, [Handler(AgentJob.lease, fail)], concurrency=1).run(once=True)
    return store.history(AgentJob, "job")[2].state


def test_who_comes_late(store: Store) -> None:
    """Whoever ends a job first wins; the late one is told, and changes nothing."""
    enqueue_job(store, "job", job())
    late = claim(store)
    store.release(AgentJob.lease, "job", by="anna", why="it hangs")
    assert state_of(store) == job(attempts=Count(1), error="reaped: somebody has ended its lease")
    claim(store)
    before = store.get(AgentJob, "job")
    with pytest.raises(LeaseLost):
        late.send(a.Finished())
    assert store.get(AgentJob, "job") == before


def test_whether_it_is_still_held(store: Store) -> None:
    """A lease without an end is renewed for as long as it is its owner's, and nothing is changed by that."""
    enqueue_job(store, "job", job())
    held = claim(store)
    with held:
        assert held.renew()
    [record] = store.leases(AgentJob.lease)
    assert record.expires_at is None
    store.release(AgentJob.lease, "job")
    assert not held.renew()


# ---------------------------------------------------------------- what goes on


def test_counts(store: Store) -> None:
    """Each state is counted, also where no job is in it."""
    assert list(count_jobs(store).items()) == [(a.Queued, 0), (a.Running, 0), (a.Succeeded, 0), (a.Failed, 0)]
    for number in range(4):
        enqueue_job(store, f"job-{number}", job(max_attempts=Positive(1)))
    claim(store).send(a.Faulted("x"))
    claim(store).send(a.Finished())
    claim(store)
    assert count_jobs(store) == {a.Queued: 1, a.Running: 1, a.Succeeded: 1, a.Failed: 1}


def test_the_most_recent(store: Store, clock: Any) -> None:
    """The most recent N, whatever their states, the newest change first."""
    for number in range(5):
        clock.advance(seconds=1)
        enqueue_job(store, f"job-{number}", job())
    clock.advance(seconds=1)
    claim(store)
    assert [found.key for found in recent_jobs(store, 3)] == ["job-0", "job-4", "job-3"]


def test_is_anything_open(store: Store) -> None:
    """Whether anything is queued or running for this task; what has ended, or is another's, does not count."""
    store.create(Task, key(1), story("issue-1"))
    assert not has_open_job(store, key(1))
    enqueue_job(store, "job", job(key(1)))
    assert has_open_job(store, key(1))
    assert not has_open_job(store, key(2))
    held = claim(store)
    assert has_open_job(store, key(1))
    held.send(a.Finished())
    assert not has_open_job(store, key(1))


def test_running_jobs(store: Store, clock: Any) -> None:
    """Running jobs, the longest first, with their age, and their run's exit code and age where that has ended."""
    for number in range(4):
        enqueue_job(store, f"job-{number}", job())
    for number in range(3):
        claim(store, run_id=RunId(f"run-{number}"))
        clock.advance(minutes=1)
    claim(store)
    for number in range(2):
        store.create(AgentRun, f"run-{number}", started())
    store.send(AgentRun, "run-0", u.Finished(137))
    clock.advance(seconds=30)
    found = [(each.job.key, each.age, each.exit_code, each.exited_for) for each in running_jobs(store)]
    assert found == [
        ("job-0", 3.5 * MINUTE, 137, 30 * SECOND),
        ("job-1", 2.5 * MINUTE, None, None),
        ("job-2", 1.5 * MINUTE, None, None),
        ("job-3", 0.5 * MINUTE, None, None),
    ]


# ---------------------------------------------------------------- rate limits


def test_a_rate_limit_that_is_over(store: Store, clock: Any) -> None:
    """A RateLimited execution is due again at resume_at: it is listed then, and nothing is sent."""
    resume_at = clock.time + 5 * MINUTE
    store.create(Execution, ("story-7", "node"), Idle())
    for event in (SpawnRequested(AgentName("builder")), HitRateLimit(resume_at)):
        store.send(Execution, ("story-7", "node"), event)
    clock.advance(minutes=5, microseconds=-1)
    assert store.due(Execution) == []
    clock.advance(microseconds=1)
    [due] = store.due(Execution)
    assert (due.key, due.path, due.at) == (("story-7", "node"), "rate_limited", resume_at)
    assert store.wake(Execution) == 0
    assert isinstance(store.get(Execution, ("story-7", "node")).state, RateLimited)
    store.send(Execution, ("story-7", "node"), SpawnedSuccessfully())
    assert store.due(Execution) == []


def test_a_later_rate_limit(store: Store, clock: Any) -> None:
    """A later rate limit is due at its own time."""
    store.create(Execution, ("story-7", "node"), RateLimited(AgentName("builder"), clock.time + MINUTE))
    store.send(Execution, ("story-7", "node"), SpawnedSuccessfully())
    store.send(Execution, ("story-7", "node"), HitRateLimit(clock.time + 2 * MINUTE))
    clock.advance(minutes=1)
    assert store.due(Execution) == []
    clock.advance(minutes=1)
    assert len(store.due(Execution)) == 1


def test_a_worker_that_stops_gives_its_job_back(store: Store) -> None:
    """The owner of a job gives it back as a host that restarts: Queued again, attempts kept."""
    enqueue_job(store, "job", job())
    lease: Any = AgentJob.lease
    back = claim(store).send(lease.release_event()).state
    assert back == evolve(job(), attempts=Count(1))
