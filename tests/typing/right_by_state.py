"""Generated modules used rightly: the state that comes next is known, and no cast is needed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_type

import job_typed
import pipeline_typed
from pipeline_typed import send, send_to, start

from leverframe import Handle, Positive, Receipt, Store, in_state
from leverframe.machines import Job, Pipeline
from leverframe.machines.job import Claimed, Done, Enqueued, Error, Pending, Running, Watermark
from leverframe.machines.pipeline import (
    Abandon,
    Abandoned,
    Active,
    Backlog,
    Block,
    Blocked,
    BranchName,
    Coding,
    DepsMet,
    GatesStarted,
    Merge,
    PipelineState,
    Qa,
    QaSkipped,
    Unblock,
)
from leverframe.machines.pipeline import Done as Merged


def walks(now: datetime) -> None:
    backlog = start(Backlog(), now)
    assert_type(backlog, Handle[Pipeline, Backlog])
    coding = send(backlog, DepsMet())
    assert_type(coding, Handle[Pipeline, Coding])
    assert_type(send(coding, GatesStarted(), now), Handle[Pipeline, Qa])
    merge = send(coding, QaSkipped(BranchName("fix"), Positive(2)))
    assert_type(merge, Handle[Pipeline, Merge])
    assert_type(merge.state.feature_branch, BranchName)
    assert_type(send(send(merge, Block("waits")), Unblock()), Handle[Pipeline, Backlog])


def superstates(handle: Handle[Pipeline, PipelineState], active: Handle[Pipeline, Active]) -> None:
    assert_type(send(active, Block("waits")), Handle[Pipeline, Blocked])
    if in_state(handle, Qa):
        assert_type(send(handle, Abandon()), Handle[Pipeline, Abandoned])
    assert_type(send(handle.as_(Merged), Abandon()), Handle[Pipeline, Abandoned])


def several(either: Handle[Pipeline, Coding | Qa], wider: Handle[Pipeline, Active | Merged]) -> None:
    assert_type(send(either, Block("waits")), Handle[Pipeline, Blocked])
    assert_type(send(wider, Abandon()), Handle[Pipeline, Abandoned])


def in_place(job: Handle[Job, Pending]) -> None:
    assert_type(job_typed.send(job, Enqueued(Watermark(3))), Handle[Job, Pending | Running | Done | Error])
    assert_type(job_typed.send(job, Claimed()), Handle[Job, Running])


def stored(store: Store) -> None:
    receipt = send_to(store, "story-7", DepsMet(), expect=Backlog, delivery_id="webhook-7", why="it is time")
    assert_type(receipt, Receipt[Backlog | Coding])
    send_to(store, "story-7", Block("waits"), expect=Active, at=datetime.now(UTC), by="ann")
    send_to(store, "story-7", Abandon(), expect=Merged, on_refused="return")
    assert_type(job_typed.send_to(store, ("index", "shop"), Claimed(), expect=Pending).version, int)


def plain(handle: Handle[Pipeline, Backlog]) -> Handle[Pipeline, PipelineState]:
    return pipeline_typed.send(handle, DepsMet())
