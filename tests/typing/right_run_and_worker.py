"""Runs and workers used rightly: leases, pauses and heartbeats know their machine, and no cast is needed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_type

from attrs import frozen

from leverframe import (
    Event,
    Held,
    Machine,
    Message,
    Observed,
    Payload,
    Receipt,
    Staleness,
    StalenessLevel,
    Store,
    Stored,
    on,
    state,
)
from leverframe.machines import Run, Worker
from leverframe.machines.run import LeaseAcquired, Running, RunState, Succeeded, ToolFinished, ToolRequested
from leverframe.machines.worker import (
    Approved,
    Assigned,
    BranchName,
    Conflicted,
    ConflictFound,
    Fail,
    Failed,
    TaskId,
    Watched,
    WorkerState,
    Working,
    WorkStarted,
    Worktree,
)


def moves(store: Store, now: datetime) -> None:
    task, branch, worktree = TaskId("task-7"), BranchName("fix"), Worktree("/trees/fix")
    assigned = Assigned(task_id=task, branch=branch, worktree=worktree, created_at=now, state_changed_at=now)
    assert_type(store.create(Worker, "task-7", assigned), Stored[Worker, WorkerState])
    assert_type(store.send(Worker, "task-7", WorkStarted(), expect=Assigned), Receipt[WorkerState])
    store.send(Worker, "task-7", Fail("it broke"))
    handle = Worker.start(assigned)
    assert_type(handle.as_(Working).fire(Worker.conflict_found, ConflictFound()).state, Conflicted)
    assert_type(handle.as_(Approved).fire(Worker.fail, Fail("it broke")).state, Failed)
    assert_type(handle.as_(Failed).fire(Worker.fail, Fail("again")).state.reason, str)


def watches(store: Store, now: datetime) -> None:
    store.beat(Worker, "task-7")
    for seen in store.observe(Worker, limit=10):
        assert_type(seen, Observed[Worker, WorkerState])
        assert_type(seen.stored, Stored[Worker, WorkerState])
        assert_type(seen.stored.state.task_id, TaskId)
        assert_type(seen.heartbeat_at, datetime | None)
        assert_type(seen.level, StalenessLevel)
        assert_type(seen.level.is_stale, bool)
    one = store.observe_one(Worker, ("task", "7"))
    assert_type(one, Observed[Worker, WorkerState])
    assert_type(Worker.staleness.level(one.stored.state, one.heartbeat_at, now), StalenessLevel)
    wide: Observed[Worker, Payload] = one
    print(wide)


def runs(store: Store) -> None:
    held = store.claim(Run.lease, worker="builder-1", event=LeaseAcquired())
    assert_type(held, Held[Run, Running] | None)
    if held is None:
        return
    assert_type(held.state, Running)
    assert_type(held.send(ToolRequested()), Receipt[RunState])
    assert_type(held.now, RunState)
    store.send(Run, "run-1", ToolFinished())
    resumed = store.resume(Run.lease, "run-1", worker="builder-1")
    assert_type(resumed, Held[Run, Running] | None)
    if resumed is not None:
        with resumed:
            assert_type(resumed.send(Succeeded()).state, RunState)
    assert_type(store.reap(Run.lease), int)


@frozen
class Idle(Payload): ...


@frozen
class Busy(Payload): ...


@frozen
class Go(Event): ...


class Watchful(Machine[Idle | Busy, Go]):
    idle = state(Idle)
    busy = state(Busy)

    @on
    def go(self, s: Idle, e: Go) -> Busy:
        return Busy()

    def announce_creation(self, state: Payload) -> list[Message]:
        return [Message("board", type(state).__name__)]

    staleness = Staleness(watched=[Idle, Busy], warn=timedelta(minutes=1))


one_state = Staleness(watched=Watched)
