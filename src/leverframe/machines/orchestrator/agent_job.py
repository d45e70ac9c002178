"""AgentJob: a piece of work for an agent, queued, with two budgets of retries.

A fault uses up an attempt.  A transient failure - a rate limit, an overload, the network - does not: it is waited out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeAlias

from attrs import field, frozen

from leverframe import Event, InvalidValue, Machine, Payload, Positive, lookup, on, state
from leverframe.coordination.back_off import BackOff
from leverframe.coordination.failing import Failures
from leverframe.coordination.gates import Freeze, Gates
from leverframe.coordination.limits import Limit
from leverframe.coordination.policies import Lease, Over
from leverframe.coordination.retrying import Permanent, Retry, Transient
from leverframe.machines.amounts import ZERO, Count, of_kind
from leverframe.machines.carrying import become
from leverframe.machines.orchestrator.agent_run import AgentName, Exited, RunId
from leverframe.machines.orchestrator.repository_gate import Frozen, RepoGate
from leverframe.machines.orchestrator.task import Task, TaskKey

# ---------------------------------------------------------------- values


@frozen
class Process:
    """A process of the host that claimed the job.  Numbers are used again: its start tells it from a later one."""

    process_id: Positive
    started_at: datetime


DEFAULT_ATTEMPTS = Positive(2)


# ---------------------------------------------------------------- waiting out transient failures

NO_TIME = timedelta()


def check_not_negative(owner: object, attribute: Any, value: timedelta) -> None:
    if value < NO_TIME:
        raise InvalidValue(f"{type(owner).__name__}.{attribute.name}", "be no less than nothing", value)


def check_no_chance(owner: object, attribute: Any, value: BackOff) -> None:
    if value.jitter:
        raise InvalidValue(f"{type(owner).__name__}.{attribute.name}", "have no jitter: a move has none", value)


DEFAULT_BACK_OFF = BackOff()


def transient_delay(
    failures: Positive, retry_after: timedelta | None = None, back_off: BackOff = DEFAULT_BACK_OFF
) -> timedelta:
    """How long to wait after so many transient failures, this one counted.

    delay = max(min(cap, base * 2^failures), min(cap, retry_after))

    >>> [transient_delay(Positive(failures)).seconds for failures in range(1, 8)]
    [20, 40, 80, 160, 320, 600, 600]
    >>> transient_delay(Positive(1), timedelta(seconds=45)).seconds
    45
    """
    return back_off.delay(failures, retry_after)


# ---------------------------------------------------------------- what a reaper finds


@frozen
class ProcessGone:
    """The process of the job is not there any more."""

    def __str__(self) -> str:
        return "its process is gone"


@frozen
class ExitRecorded:
    """The job's run has ended, and nobody told the job."""

    exit_code: int

    def __str__(self) -> str:
        return f"its run has exited with {self.exit_code}"


@frozen
class Overdue:
    """The job has run longer than any may."""

    def __str__(self) -> str:
        return "it has run for too long"


@frozen
class EndedByHand:
    """Somebody has ended the job's lease."""

    def __str__(self) -> str:
        return "somebody has ended its lease"


Finding: TypeAlias = ProcessGone | ExitRecorded | Overdue | EndedByHand


@frozen(kw_only=True)
class Patience:
    """How long a reaper waits after the recorded exit of a run, and for a job to end."""

    grace: timedelta = timedelta(minutes=5)
    backstop: timedelta = timedelta(hours=4)


DEFAULT_PATIENCE = Patience()


# ---------------------------------------------------------------- states


@frozen(kw_only=True)
class Work(Payload):
    """What every job has.  No gate holds one without a task."""

    agent: AgentName
    text: str
    task: TaskKey | None = None
    max_attempts: Positive = DEFAULT_ATTEMPTS
    attempts: Count = field(default=ZERO, validator=of_kind(Count))
    transient_attempts: Count = field(default=ZERO, validator=of_kind(Count))


@frozen(kw_only=True)
class Queued(Work):
    """Waiting; `error` tells why it is back, if it is."""

    available_at: datetime | None = None
    error: str | None = None


@frozen(kw_only=True)
class Claimant(Work):
    """It was claimed at `started_at`."""

    started_at: datetime
    run_id: RunId | None = None

    def __attrs_post_init__(self) -> None:
        if self.attempts < 1:
            raise InvalidValue("attempts", "be at least 1 in a job that was claimed", self.attempts)


@frozen(kw_only=True)
class Running(Claimant):
    process: Process | None = None
    error: str | None = None


@frozen(kw_only=True)
class Succeeded(Claimant):
    finished_at: datetime


@frozen(kw_only=True)
class Failed(Claimant):
    finished_at: datetime
    error: str


AgentJobState: TypeAlias = Queued | Running | Succeeded | Failed


# ---------------------------------------------------------------- events


@frozen
class Claimed(Event):
    run_id: RunId | None = None
    process: Process | None = None


@frozen
class Finished(Event): ...


@frozen
class Faulted(Event):
    error: str


@frozen
class Throttled(Event):
    """A transient failure.  `jitter`, if somebody wants it, is waited on top."""

    error: str
    retry_after: timedelta | None = None
    back_off: BackOff = field(default=DEFAULT_BACK_OFF, validator=check_no_chance)
    jitter: timedelta = field(default=NO_TIME, validator=check_not_negative)


@frozen
class HostRestarted(Event):
    """No fault of the job, but its attempt counts all the same: the next claim may be one more than `max_attempts`."""


@frozen
class Reaped(Event):
    why: Finding


AgentJobEvent: TypeAlias = Claimed | Finished | Faulted | Throttled | HostRestarted | Reaped


# ---------------------------------------------------------------- the machine


def task_of(job: AgentJobState) -> TaskKey | None:
    """Whose gates a job has to pass."""
    return job.task


def available_from(job: Queued, now: datetime) -> datetime:
    """From when on a job can be claimed."""
    return job.available_at or now


def reaped_because(why: Over) -> Reaped:
    """What a store says of a lease that is over."""
    findings: dict[Over, Finding] = {
        "run_out": Overdue(),
        "process_gone": ProcessGone(),
        "released": EndedByHand(),
    }
    return Reaped(findings[why])


def faulted_by(error: BaseException) -> Faulted:
    """What a handler's exception is to a job."""
    return Faulted(describe(error))


def throttled_by(error: Transient) -> Throttled:
    return Throttled(describe(error), error.retry_after)


def describe(error: BaseException) -> str:
    told = str(error)
    return told if isinstance(error, Permanent | Transient) else f"{type(error).__name__}: {told}"


def why_frozen(gate: Frozen) -> str:
    return gate.reason


def all_agents(_job: AgentJobState, _key: str) -> str:
    """What a limit is for: the agents are counted together."""
    return "agents"


class AgentJob(Machine[AgentJobState, AgentJobEvent]):
    """A piece of work for an agent, queued, with two budgets of retries."""

    queued = state(Queued, initial=True)
    running = state(Running)
    succeeded = state(Succeeded, final=True)
    failed = state(Failed, final=True)

    task = lookup()

    @on
    def claimed(self, s: Queued, e: Claimed) -> Running:
        attempts = Count(s.attempts + 1)
        return become(s, Running, attempts=attempts, started_at=self.now(), run_id=e.run_id, process=e.process)

    @on
    def finished(self, s: Running, e: Finished) -> Succeeded:
        return become(s, Succeeded, finished_at=self.now())

    @on
    def faulted(self, s: Running, e: Faulted) -> Queued | Failed:
        return self.after_fault(s, e.error)

    @on
    def throttled(self, s: Running, e: Throttled) -> Queued:
        failures = Positive(s.transient_attempts + 1)
        delay = transient_delay(failures, e.retry_after, e.back_off) + e.jitter
        return become(
            s,
            Queued,
            attempts=Count(s.attempts - 1),
            transient_attempts=Count(failures),
            available_at=self.now() + delay,
            error=e.error,
        )

    @on
    def host_restarted(self, s: Running, e: HostRestarted) -> Queued:
        return become(s, Queued)

    @on
    def reaped(self, s: Running, e: Reaped) -> Queued | Succeeded | Failed:
        if e.why == ExitRecorded(0):
            return become(s, Succeeded, finished_at=self.now())
        return self.after_fault(s, f"reaped: {e.why}")

    # For as long as the agent takes: what has been left alone is found by other signs (`reaping.py`).
    lease = Lease(
        claim=claimed,
        expiry=reaped,
        expired=reaped_because,
        release=host_restarted,
        ttl=None,
        free=(host_restarted,),
        ready=available_from,
        limit=Limit(per=all_agents),
        gates=Gates(subject=task_of, of=Task, freeze=Freeze(by=RepoGate, state=Frozen, why=why_frozen)),
    )

    # No failure is for good here: whatever an agent could not do, it may do in its next attempt.
    retry = Retry(fault=faulted_by, permanent=faulted_by, transient=throttled_by)

    failures = Failures(Failed)

    def after_fault(self, s: Running, error: str) -> Queued | Failed:
        if s.attempts < s.max_attempts:
            return become(s, Queued, error=error)
        return become(s, Failed, finished_at=self.now(), error=error)


def reap(
    job: Running, exited: Exited | None, now: datetime, *, process_gone: bool, patience: Patience = DEFAULT_PATIENCE
) -> Reaped | None:
    """What to tell a running job that may have been left alone: three signs, the surest first; None if it was not.

    `process_gone` is what the host says of the job's process, `exited` what is recorded of its run.
    """
    if process_gone:
        return Reaped(ProcessGone())
    if exited is not None and now - exited.finished_at > patience.grace:
        return Reaped(ExitRecorded(exited.exit_code))
    return Reaped(Overdue()) if now - job.started_at > patience.backstop else None
