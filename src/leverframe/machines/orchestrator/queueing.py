"""How does a job get to an agent, and what goes on with those that are there?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve, frozen

from leverframe import InvalidQuery, Positive, Stored
from leverframe.coordination.held import Held
from leverframe.coordination.processes import started_at, this_process
from leverframe.errors import Key
from leverframe.machines.orchestrator.agent_job import AgentJob, AgentJobState, Claimed, Process, Queued, Running
from leverframe.machines.orchestrator.agent_run import AgentRun, AgentRunState, Exited, RunId
from leverframe.machines.orchestrator.task import TaskKey, task_key

if TYPE_CHECKING:
    from leverframe import Store

__all__ = [
    "HeldJob",
    "RunningJob",
    "StoredJob",
    "claim_job",
    "count_jobs",
    "enqueue_job",
    "has_open_job",
    "recent_jobs",
    "running_jobs",
]

HeldJob: TypeAlias = Held[AgentJob, Running]
StoredJob: TypeAlias = Stored[AgentJob, AgentJobState]
StoredRun: TypeAlias = Stored[AgentRun, AgentRunState]


# ---------------------------------------------------------------- to an agent


def enqueue_job(store: Store, key: Key, job: Queued, *, delay: timedelta | None = None) -> StoredJob:
    """Queue a job, that it may be claimed when `delay` has passed by the store's clock; nobody waits for it meanwhile.

    Raises `InvalidQuery` where the job names another time, and as `Store.create` does.

    >>> from datetime import timedelta
    >>> from leverframe import open_store
    >>> from leverframe.machines.orchestrator.agent_run import AgentName
    >>> job = Queued(agent=AgentName("builder"), text="build it")
    >>> with open_store("sqlite://") as store:
    ...     _ = enqueue_job(store, "job-1", job, delay=timedelta(minutes=10))
    ...     print(claim_job(store, worker="builder-1"))
    None
    """
    if delay is not None and job.available_at is not None:
        raise InvalidQuery(AgentJob.machine_name, "delay= and available_at are two times; give one of them")
    return store.create(AgentJob, key, job if delay is None else evolve(job, available_at=store.now() + delay))


def claim_job(store: Store, *, worker: str, run_id: RunId | None = None, at_most: int | None = None) -> HeldJob | None:
    """Claim the oldest job that is due and that nothing holds back, for this process; None if there is none.

    The run that the agent will have is named by `run_id`, so that a reaper finds out how it ended.  At most `at_most`
    jobs are held at one time.  Raises as `Store.claim` does.

    >>> from leverframe import open_store
    >>> from leverframe.machines.orchestrator.agent_job import Finished
    >>> from leverframe.machines.orchestrator.agent_run import AgentName
    >>> with open_store("sqlite://") as store:
    ...     _ = enqueue_job(store, "job-1", Queued(agent=AgentName("builder"), text="build it"))
    ...     held = claim_job(store, worker="builder-1", run_id=RunId("run-1"), at_most=3)
    ...     held.send(Finished()).to_state.__name__
    'Succeeded'
    """
    own = this_process()
    begun = started_at(own)
    process = None if begun is None else Process(Positive(own.number), begun)
    return store.claim(AgentJob.lease, worker=worker, at_most=at_most, event=Claimed(run_id, process), process=own)


# ---------------------------------------------------------------- what goes on


def count_jobs(store: Store) -> dict[type[AgentJobState], int]:
    """How many jobs are in each state, each state among them; nothing is scanned.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     [(state.__name__, number) for state, number in count_jobs(store).items()]
    [('Queued', 0), ('Running', 0), ('Succeeded', 0), ('Failed', 0)]
    """
    counts = store.count(AgentJob)
    return {leaf: counts[leaf] for leaf in AgentJob.leaves()}


def recent_jobs(store: Store, number: int) -> list[StoredJob]:
    """The jobs that have changed last, so many, the newest change first."""
    return store.find(AgentJob, limit=number)


def has_open_job(store: Store, task: TaskKey) -> bool:
    """Whether anything is queued or running for a task.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     has_open_job(store, ("shop", "SHOP-001"))
    False
    """
    # One look at all of them: between two, a job could go from the one state to the other.
    return any(isinstance(job.state, Queued | Running) for job in store.find(AgentJob, where={"task": task_key(*task)}))


@frozen
class RunningJob:
    """A job that is Running, for `age` by now.

    `exit_code` is that of its run, and `exited_for` how long ago it ended; None while it has not, or is not known.
    """

    job: Stored[AgentJob, Running]
    age: timedelta
    exit_code: int | None = None
    exited_for: timedelta | None = None


def running_jobs(store: Store) -> list[RunningJob]:
    """The jobs that are Running, the longest first.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     running_jobs(store)
    []
    """
    jobs = store.find(AgentJob, Running)
    runs = exits_of(store, [job.state.run_id for job in jobs])
    now = store.now()
    found: list[RunningJob] = []
    for job in jobs:
        age, run = now - job.state.started_at, None if job.state.run_id is None else runs.get(job.state.run_id)
        found.append(
            RunningJob(job, age) if run is None else RunningJob(job, age, run.exit_code, now - run.finished_at)
        )
    return sorted(found, key=lambda each: each.age, reverse=True)


def exits_of(store: Store, run_ids: Iterable[RunId | None]) -> dict[RunId, Exited]:
    """Of these runs those that have ended."""
    runs = runs_of(store, run_ids)
    return {run_id: run.state for run_id, run in runs.items() if isinstance(run.state, Exited)}


def runs_of(store: Store, run_ids: Iterable[RunId | None]) -> dict[RunId, StoredRun]:
    """These runs, as far as they are known, by one question; none is decoded yet."""
    asked = [run_id for run_id in run_ids if run_id is not None]
    return {RunId(str(run.key)): run for run in store.find(AgentRun, keys=asked)} if asked else {}
