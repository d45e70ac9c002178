"""Which jobs were left alone, and what becomes of them?  Each is flipped once, by whoever is first.

A job is flipped only while it has the lease that was looked at: one that was claimed anew meanwhile is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from leverframe import LeaseLost, LeaseRecord, NotFound, Stored, TransitionNotAllowed, UnreadableRow
from leverframe.coordination.passing import PassedBy
from leverframe.coordination.processes import Process, is_gone, this_process, was_left_behind
from leverframe.errors import Key
from leverframe.machines.orchestrator.agent_job import (
    DEFAULT_PATIENCE,
    AgentJob,
    AgentJobEvent,
    AgentJobState,
    Finding,
    HostRestarted,
    Patience,
    Reaped,
    Running,
    reap,
)
from leverframe.machines.orchestrator.agent_run import Exited, RunId
from leverframe.machines.orchestrator.queueing import StoredRun, runs_of

if TYPE_CHECKING:
    from leverframe import Store

__all__ = ["ReapedJob", "reap_jobs", "requeue_after_restart"]

ALL = 2**31
"""Leases are as many as are worked on at one time."""


@frozen
class ReapedJob:
    """A job that was left alone: what was found, and what it is now; None where somebody else was faster."""

    key: Key
    why: Finding
    state: AgentJobState | None


def reap_jobs(
    store: Store, *, patience: Patience = DEFAULT_PATIENCE, gone: Callable[[Process], bool | None] = is_gone
) -> list[ReapedJob]:
    """Tell the jobs that are Running and were left alone; call it now and then, in any number of programs at once.

    Three signs, the surest first: the process that claimed the job is gone from this host, which is a fault; its run
    has an exit code recorded longer ago than the grace time, 0 is a success and any other a fault; it has run for
    longer than the backstop, a fault.  `gone` says of a process whether it is not there any more, None where it cannot
    tell.

    A job that cannot be read, or told, keeps none of the others from being so; that is raised behind them.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     reap_jobs(store)
    []
    """
    # The leases first: a job that is claimed anew behind this has another one by then.
    leases = store.leases(AgentJob.lease, limit=ALL)
    jobs = {job.key: job for job in store.find(AgentJob, Running)}
    runs = runs_of(store, run_ids(jobs.values()))
    now, found, passed = store.now(), list[ReapedJob](), PassedBy()
    for lease in (each for each in leases if each.key in jobs):
        try:
            event = finding(jobs[lease.key], runs, now, patience, process_gone=bool(gone(lease.process)))
            if event is not None:
                found.append(ReapedJob(lease.key, event.why, flip(store, lease, event)))
        except Exception as error:
            passed.note(lease.token, error)
    passed.tell()
    return found


def run_ids(jobs: Iterable[Stored[AgentJob, Running]]) -> Iterator[RunId | None]:
    """The runs of those that can be read."""
    for job in jobs:
        with suppress(UnreadableRow):
            yield job.state.run_id


def finding(
    stored: Stored[AgentJob, Running],
    runs: Mapping[RunId, StoredRun],
    now: datetime,
    patience: Patience,
    *,
    process_gone: bool,
) -> Reaped | None:
    """What to tell a job; None if it was not left alone."""
    job = stored.state
    run = None if job.run_id is None else runs.get(job.run_id)
    exited = run.state if run is not None and isinstance(run.state, Exited) else None
    return reap(job, exited, now, process_gone=process_gone, patience=patience)


def requeue_after_restart(store: Store, *, host: Process | None = None, alone: bool = False) -> list[Key]:
    """Put the jobs that this host has left Running back into the queue, their attempts kept; which ones.

    Call it when a program starts.  A job is of this host if the process that claimed it was: hosts that share a store
    need names of their own.  It was left if the host was started anew since, or that process is gone.  In a container
    that is started anew this cannot be told; with `alone`, the caller says that its process is the only one of its
    host's name that works on jobs: all others were left.  `host` is the process that asks.

    A job that cannot be read, or told, keeps none of the others from being so; that is raised behind them.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     requeue_after_restart(store)
    []
    """
    own = this_process() if host is None else host
    leases, requeued, passed = store.leases(AgentJob.lease, limit=ALL), list[Key](), PassedBy()
    for lease in (each for each in leases if was_left_behind(each.process, own, alone=alone)):
        try:
            if flip(store, lease, HostRestarted()) is not None:
                requeued.append(lease.key)
        except Exception as error:
            passed.note(lease.token, error)
    passed.tell()
    return requeued


def flip(store: Store, lease: LeaseRecord, event: AgentJobEvent) -> AgentJobState | None:
    """What the job is behind the event; None if somebody else was faster."""
    try:
        state: AgentJobState = store.end_lease(AgentJob.lease, lease, event).state
    except (LeaseLost, NotFound, TransitionNotAllowed):
        return None
    return state
