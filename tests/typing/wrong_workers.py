"""Workers used wrongly."""

from __future__ import annotations

from leverframe import Handler, Held, Retry, Store, Transient, Worker
from leverframe.machines import job
from leverframe.machines.run import Completed, Pending, Run, RunEvent, Running, Succeeded


def build(held: Held[Run, Running]) -> Succeeded:
    return Succeeded()


def index(held: Held[job.Job, job.Running]) -> job.Succeeded:
    return job.Succeeded(held.state.input_watermark)


def pending(held: Held[Run, Pending]) -> RunEvent:
    return Succeeded()


def foreign(held: Held[Run, Running]) -> job.Succeeded:
    return job.Succeeded(job.Watermark(1))


def text(held: Held[Run, Running]) -> str:
    return "done"


def state(held: Held[Run, Running]) -> Completed:
    raise NotImplementedError


def nothing() -> Succeeded:
    return Succeeded()


def handlers(store: Store) -> None:
    Handler(Run.lease, index)  # E: a handler of another machine's lease
    Handler(job.Job.lease, build)  # E: the other way round
    Handler(Run.lease, pending)  # E: a claim leads into another state
    Handler(Run.lease, foreign)  # E: an event of another machine
    Handler(Run.lease, text)  # E: no event
    Handler(Run.lease, state)  # E: a state is no event
    Handler(Run.lease, nothing)  # E: it is given what was claimed
    Handler(Run.lease, Succeeded())  # E: no function
    Handler(Run.lease, build, claim=Succeeded())  # E: what makes an event, not one event
    Handler(Run.lease, build, claim=lambda: "claimed")  # E: no event
    Handler(Run, build)  # E: a machine is no lease
    Handler(Run.succeeded, build)  # E: a move is no lease
    Handler(Run.lease, lambda held: held.state.retry_at)  # E: no such field
    Worker(store, [build])  # E: for which lease?
    Worker(store, {Run.lease: build})  # E: handlers stand in a list
    Worker(store, [Handler(Run.lease, build)], grace=5)  # E: a span is a timedelta
    Worker(store, [Handler(Run.lease, build)], 8)  # E: what else there is to say has a name
    Worker(store, [Handler(Run.lease, build)]).run(True)  # E: that too
    Transient("busy", 5)  # E: a span is a timedelta


def sends(held: Held[Run, Running]) -> None:
    held.send(job.Succeeded(job.Watermark(1)))  # E: an event of another machine
    print(held.state.completed_at)  # E: a run that is running has not ended


Retry(fault=lambda error: Succeeded())  # E: what of those that are permanent?
Retry(fault=str, permanent=lambda error: Succeeded())  # E: a text is no event
