"""Claims used rightly: what is claimed is typed by its lease, and no cast is needed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_type

from leverframe import Receipt, Store
from leverframe.coordination.dependencies import Dependency
from leverframe.coordination.held import Held
from leverframe.coordination.not_claimed import NotClaimed
from leverframe.machines import Job, Run
from leverframe.machines.job import Claimed, JobState, Pending, Running, Succeeded, Watermark, enqueue
from leverframe.machines.orchestrator import Task
from leverframe.machines.run import LeaseAcquired, ProjectId
from leverframe.machines.run import Pending as PendingRun
from leverframe.machines.run import Running as RunningRun


def claims(store: Store) -> None:
    assert_type(store.claim(Job.lease, worker="w"), Held[Job, Running] | None)
    assert_type(store.claim(Job.lease, worker="w", at_most=3), Held[Job, Running] | None)
    assert_type(store.claim(Run.lease, worker="w"), Held[Run, RunningRun] | None)
    assert_type(store.claim_many(Job.lease, worker="w", limit=3, at_most=3), list[Held[Job, Running]])
    assert_type(store.claim(Job.lease, worker="w", event=Claimed()), Held[Job, Running] | None)
    assert_type(store.claim_many(Run.lease, worker="w", limit=3, event=LeaseAcquired()), list[Held[Run, RunningRun]])


def claims_by_key(store: Store) -> None:
    key = ("index", "shop")
    assert_type(store.claim(Job.lease, worker="w", key=key), Held[Job, Running] | None)
    assert_type(store.claim(Job.lease, worker="w", key=key, create=Pending()), Held[Job, Running] | None)
    pending = PendingRun(project_id=ProjectId("shop"), created_at=datetime.now(UTC))
    assert_type(
        store.claim_or_reason(Run.lease, worker="w", key="r", create=pending), Held[Run, RunningRun] | NotClaimed
    )
    assert_type(
        store.claim(Job.lease, worker="w", key=key, create=Pending(), event=Claimed()), Held[Job, Running] | None
    )
    assert_type(store.claim_or_reason(Job.lease, worker="w"), Held[Job, Running] | NotClaimed)
    outcome = store.claim_or_reason(Job.lease, worker="w", key=key, create=Pending(), at_most=3)
    assert_type(outcome, Held[Job, Running] | NotClaimed)
    if isinstance(outcome, NotClaimed):
        assert_type(outcome.reason, str)
        assert_type(outcome.until, datetime | None)
    else:
        assert_type(outcome.state.started_at, datetime)
        assert_type(outcome.now, JobState)


def works(store: Store) -> None:
    held = store.claim(Job.lease, worker="w")
    while held is not None:
        assert_type(held.send_and_claim(Succeeded(Watermark(1)), at_most=3), Receipt[JobState])
        held = held.next
    assert_type(enqueue(store, "index", "shop", Watermark(7)), Receipt[JobState])


def waits(store: Store) -> None:
    assert_type(store.add_dependency(Task, ("shop", "T-2"), on=("shop", "T-1")), bool)
    assert_type(store.unmet_dependencies(Task, ("shop", "T-2")), list[Dependency])
    assert_type([found.on for found in store.dependencies(Task)], list[str | tuple[str, ...]])
