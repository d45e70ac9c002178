"""Run: one agent run, leased by a worker.

The lease itself - worker, token, until when, last heartbeat - is kept beside the run.  That it was acquired, and that
it has run out, are events.

A project's runs are those of a tenant, `project = store.scoped("shop")`, and no other project sees them:

    held = project.claim(Run.lease, worker=worker)              the oldest one, for 60 seconds
    with held: held.send(ToolRequested())                       renewed every 15 seconds; while it waits, not at all
    project.send(Run, key, ToolFinished())                      by anybody: a new lease for the worker, who takes it up
    held = project.resume(Run.lease, key, worker=worker)
    project.reap(Run.lease)                                     once a minute: runs whose lease has run out
    project.wake(Run)                                           and approvals whose deadline has passed
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from leverframe import Event, InvalidValue, Machine, NonEmpty, Payload, Positive, lookup, on, state
from leverframe.coordination.failing import Failures
from leverframe.coordination.policies import Lease, WakeUp
from leverframe.machines.amounts import NO_COST, ZERO, Count, check_cost, exact_sum, of_kind
from leverframe.machines.carrying import become

# ---------------------------------------------------------------- values


class ProjectId(NonEmpty):
    """The project that a run belongs to; no other one sees it."""


class ErrorCode(NonEmpty):
    """What kind of error it was."""


class Sha256(NonEmpty):
    """A digest: 64 hex digits."""

    pattern = r"[0-9a-f]{64}"


LEASE_LOST = ErrorCode("E-RUN-002")
DEFAULT_ATTEMPTS = Positive(3)


# ---------------------------------------------------------------- states


@frozen(kw_only=True)
class Recorded(Payload):
    """What every run has.  It is never attempted more often than it may be."""

    project_id: ProjectId
    created_at: datetime
    max_attempts: Positive = DEFAULT_ATTEMPTS
    attempt_count: Count = field(default=ZERO, validator=of_kind(Count))
    cost_usd: Decimal = field(default=NO_COST, validator=check_cost)
    step_count: Count = field(default=ZERO, validator=of_kind(Count))

    def __attrs_post_init__(self) -> None:
        if self.attempt_count > self.max_attempts:
            raise InvalidValue("attempt_count", f"be at most max_attempts, {self.max_attempts}", self.attempt_count)


@frozen(kw_only=True)
class Pending(Recorded):
    """Nobody has it, and an attempt is left."""

    error_code: ErrorCode | None = None
    error_detail: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.attempt_count >= self.max_attempts:
            raise InvalidValue("attempt_count", f"be below max_attempts, {self.max_attempts}", self.attempt_count)


@frozen(kw_only=True)
class Started(Recorded):
    """It was claimed, the last time at `started_at`."""

    started_at: datetime

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.attempt_count < 1:
            raise InvalidValue("attempt_count", "be at least 1 in a run that was started", self.attempt_count)


@frozen(kw_only=True)
class Unfailed(Started):
    """Whatever went wrong on the way was no end."""

    error_code: ErrorCode | None = None
    error_detail: str | None = None


@frozen
class Running(Unfailed): ...


@frozen
class WaitingTool(Unfailed): ...


@frozen(kw_only=True)
class WaitingApproval(Unfailed):
    deadline: datetime


@frozen(kw_only=True)
class Completed(Unfailed):
    completed_at: datetime
    output_sha256: Sha256 | None = None


@frozen(kw_only=True)
class TimedOut(Unfailed):
    completed_at: datetime


@frozen(kw_only=True)
class Failed(Started):
    completed_at: datetime
    error_code: ErrorCode
    error_detail: str


@frozen(kw_only=True)
class Cancelled(Recorded):
    """Perhaps before it was started."""

    started_at: datetime | None = None
    completed_at: datetime
    error_code: ErrorCode | None = None
    error_detail: str | None = None


RunState: TypeAlias = Pending | Running | WaitingTool | WaitingApproval | Completed | Failed | Cancelled | TimedOut


# ---------------------------------------------------------------- events


@frozen(kw_only=True)
class Spending(Event):
    """What every event may say: what was spent since the last one."""

    added_cost_usd: Decimal = field(default=NO_COST, validator=check_cost)
    added_step_count: Count = field(default=ZERO, validator=of_kind(Count))


@frozen(kw_only=True)
class Accounted(Spending):
    """An event that may also say what went wrong."""

    error_code: ErrorCode | None = None
    error_detail: str | None = None


@frozen
class Failure(Spending):
    """An event that has to."""

    error_code: ErrorCode
    error_detail: str


@frozen
class LeaseAcquired(Accounted): ...


@frozen
class LeaseExpired(Accounted): ...


@frozen
class Cancel(Accounted): ...


@frozen
class ToolRequested(Accounted): ...


@frozen
class ToolFinished(Accounted): ...


@frozen
class ToolFailed(Failure): ...


@frozen
class ApprovalRequested(Accounted):
    deadline: datetime


@frozen
class Approved(Accounted): ...


@frozen
class Rejected(Accounted): ...


@frozen
class DeadlinePassed(Accounted): ...


@frozen
class Succeeded(Accounted):
    output_sha256: Sha256 | None = None


@frozen
class FailedWithError(Failure): ...


RunEvent: TypeAlias = (
    LeaseAcquired
    | LeaseExpired
    | Cancel
    | ToolRequested
    | ToolFinished
    | ToolFailed
    | ApprovalRequested
    | Approved
    | Rejected
    | DeadlinePassed
    | Succeeded
    | FailedWithError
)


# ---------------------------------------------------------------- the machine

R = TypeVar("R", bound=Recorded)


def settle(s: Pending | Unfailed, e: Accounted | Failure, kind: type[R], **changes: Any) -> R:
    """The next state, with what the event says was spent and went wrong."""
    accounts = {
        "cost_usd": exact_sum(s.cost_usd, e.added_cost_usd),
        "step_count": Count(s.step_count + e.added_step_count),
        "error_code": s.error_code if e.error_code is None else e.error_code,
        "error_detail": s.error_detail if e.error_detail is None else e.error_detail,
    }
    return become(s, kind, **accounts | changes)


def approval_deadline(s: RunState) -> datetime | None:
    """When an approval comes too late."""
    return s.deadline if isinstance(s, WaitingApproval) else None


class Run(Machine[RunState, RunEvent]):
    """One agent run, leased by a worker."""

    pending = state(Pending, initial=True)
    running = state(Running)
    waiting_tool = state(WaitingTool)
    waiting_approval = state(WaitingApproval)
    completed = state(Completed, final=True)
    failed = state(Failed, final=True)
    cancelled = state(Cancelled, final=True)
    timed_out = state(TimedOut, final=True)

    project_id = lookup()

    @on
    def lease_acquired(self, s: Pending, e: LeaseAcquired) -> Running:
        return settle(s, e, Running, attempt_count=Count(s.attempt_count + 1), started_at=self.now())

    @on
    def lease_expired(self, s: Running, e: LeaseExpired) -> Pending | Failed:
        if s.attempt_count < s.max_attempts:
            return settle(s, e, Pending)
        detail = f"the lease ran out on the last attempt (max_attempts={s.max_attempts})"
        return settle(s, e, Failed, completed_at=self.now(), error_code=LEASE_LOST, error_detail=detail)

    @on
    def cancel(self, s: Pending | Running | WaitingTool, e: Cancel) -> Cancelled:
        return settle(s, e, Cancelled, completed_at=self.now())

    @on
    def tool_requested(self, s: Running, e: ToolRequested) -> WaitingTool:
        return settle(s, e, WaitingTool)

    @on
    def tool_finished(self, s: WaitingTool, e: ToolFinished) -> Running:
        return settle(s, e, Running)

    @on
    def tool_failed(self, s: WaitingTool, e: ToolFailed) -> Failed:
        return settle(s, e, Failed, completed_at=self.now())

    @on
    def approval_requested(self, s: Running, e: ApprovalRequested) -> WaitingApproval:
        return settle(s, e, WaitingApproval, deadline=e.deadline)

    @on
    def approved(self, s: WaitingApproval, e: Approved) -> Running:
        return settle(s, e, Running)

    @on
    def rejected(self, s: WaitingApproval, e: Rejected) -> Cancelled:
        return settle(s, e, Cancelled, completed_at=self.now())

    @on
    def deadline_passed(self, s: Running | WaitingApproval, e: DeadlinePassed) -> TimedOut:
        return settle(s, e, TimedOut, completed_at=self.now())

    @on
    def succeeded(self, s: Running, e: Succeeded) -> Completed:
        return settle(s, e, Completed, completed_at=self.now(), output_sha256=e.output_sha256)

    @on
    def failed_with_error(self, s: Running, e: FailedWithError) -> Failed:
        return settle(s, e, Failed, completed_at=self.now())

    lease = Lease(
        claim=lease_acquired,
        expiry=lease_expired,
        ttl=timedelta(seconds=60),
        heartbeat=timedelta(seconds=15),
        free=(cancel,),
        pauses=(WaitingTool, WaitingApproval),
    )

    failures = Failures(Failed, TimedOut)

    deadline = WakeUp(deadline_passed, at=approval_deadline)
