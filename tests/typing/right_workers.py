"""Workers used rightly: a handler is typed by the lease that it is for."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_type

from leverframe import Event, Handler, Held, Permanent, Retry, Store, Transient, Worker, WorkerEnded, WorkerHooks
from leverframe.machines import job
from leverframe.machines.orchestrator import agent_job as a
from leverframe.machines.orchestrator.agent_job import AgentJob, Claimed
from leverframe.machines.orchestrator.agent_run import RunId
from leverframe.machines.run import ErrorCode, FailedWithError, Run, RunEvent, Running, Succeeded


def build(held: Held[Run, Running]) -> Succeeded:
    assert_type(held.state, Running)
    return Succeeded()


def try_it(held: Held[Run, Running]) -> RunEvent | None:
    try:
        return build(held)
    except ConnectionError as error:
        raise Transient("the network", retry_after=timedelta(seconds=5)) from error
    except ValueError as error:
        raise Permanent(str(error)) from error


def by_itself(held: Held[Run, Running]) -> None:
    held.send(Succeeded())


def index(held: Held[job.Job, job.Running]) -> job.Succeeded:
    return job.Succeeded(held.state.input_watermark)


def do_job(held: Held[AgentJob, a.Running]) -> a.Finished:
    assert_type(held.state.run_id, RunId | None)
    return a.Finished()


class Counting(WorkerHooks):
    done = 0

    def reaped(self, machine: str, number: int) -> None:
        self.done += number


def failed(error: BaseException) -> FailedWithError:
    return FailedWithError(error_code=ErrorCode("E-1"), error_detail=str(error))


def run(store: Store) -> None:
    assert_type(Handler(Run.lease, build), Handler[Run, Running])
    Handler(Run.lease, try_it)
    Handler(Run.lease, by_itself)
    assert_type(Handler(AgentJob.lease, do_job, claim=lambda: Claimed(RunId("run-1"))), Handler[AgentJob, a.Running])
    Handler(Run.lease, lambda held: Succeeded(added_step_count=held.state.step_count))
    worker = Worker(store, [Handler(Run.lease, build), Handler(job.Job.lease, index)], concurrency=8, hooks=Counting())
    assert_type(worker.run(once=True), WorkerEnded)
    retry = Retry(fault=failed, permanent=failed)
    assert_type(retry.event_of(ValueError()), Event)
