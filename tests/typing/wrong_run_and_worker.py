"""Runs and workers used wrongly."""

from __future__ import annotations

from attrs import frozen

from leverframe import Event, Held, Machine, Observed, Payload, Staleness, Store, on, state
from leverframe.machines import Pipeline, Run, Worker
from leverframe.machines.run import LeaseAcquired, Pending, Running, Succeeded
from leverframe.machines.worker import Completed, Fail, Retry, Watched, WorkerState, Working, WorkStarted


def moves(store: Store) -> None:
    store.send(Worker, "task-7", Fail())  # E: a failure has a reason
    store.send(Worker, "task-7", LeaseAcquired())  # E: an event of another machine
    store.send(Worker, "task-7", WorkStarted(), expect="assigned")  # E: a path where a class belongs
    store.send(Worker, "task-7", WorkStarted(), Working)  # E: the expected state has a name
    store.send(Worker, "task-7", Retry(), expect=Completed)  # R: the expected state never takes it


def fires(store: Store) -> None:
    handle = store.get(Worker, "task-7").handle
    handle.as_(Completed).fire(Worker.fail, Fail("why"))  # E: a completed worker does not fail
    handle.as_(Working).fire(Worker.retry, Retry())  # E: only a failed one is tried again
    handle.as_(Watched).fire(Worker.conflict_found, WorkStarted())  # E: another event, out of another state


def watches(store: Store) -> None:
    store.beat(Worker)  # E: no key
    store.beat(Worker, 7)  # E: a key is a string
    store.beat("worker", "task-7")  # E: no machine
    store.beat(Pipeline, "story-7")  # R: it declares no staleness
    store.observe(Worker, 10)  # E: a limit has a name
    store.observe(Worker, limit="10")  # E: and is a number
    store.observe(int)  # E: no machine
    seen = store.observe_one(Worker, "task-7")
    print(seen.stored.state.reason)  # E: only a failed worker has one
    print(seen.is_stale)  # E: the level knows that
    print(seen.heartbeat_at.year)  # E: perhaps there was none
    seen.level = seen.level  # E: a level is computed


def assigns(store: Store) -> None:
    narrow: Observed[Worker, Working] = store.observe_one(Worker, "task-7")  # E: which state it is in is not known
    foreign: Observed[Run, WorkerState] = store.observe_one(Worker, "task-7")  # E: of another machine
    pending: Held[Run, Pending] | None = store.resume(Run.lease, "run-1", worker="w")  # E: what is held is Running
    print(narrow, foreign, pending)


def runs(store: Store, held: Held[Run, Running]) -> None:
    store.resume(Run.lease, worker="w")  # E: no key
    store.resume(Run.lease, "run-1")  # E: whose lease
    store.resume(Run, "run-1", worker="w")  # E: a machine where its lease belongs
    store.resume(Worker.staleness, "run-1", worker="w")  # E: no lease
    store.resume(Run.lease, "run-1", worker="w").send(Succeeded())  # E: perhaps there is none
    held.send(WorkStarted())  # E: an event of another machine
    print(held.state.completed_at)  # E: a Running run has none


Staleness(Watched)  # E: what is watched has a name
Staleness(watched=Watched, warn=5)  # E: a span is a timedelta
Staleness(watched="working")  # E: a path where a class belongs
Staleness(warn=None)  # E: nothing is watched, and no span given


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

    def announce_creation(self, state: Idle) -> list[str]:  # E: for every state, and what is told is messages
        return ["created"]
