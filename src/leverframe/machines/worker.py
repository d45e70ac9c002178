"""Worker: one coding agent on one branch.

`Unfinished` is entered once, when the worker is created: every move before the last one stays inside of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import TypeAlias

from attrs import frozen

from leverframe import Event, Machine, Message, NonEmpty, Payload, State, entering, on, state
from leverframe.machines.carrying import become

# ---------------------------------------------------------------- values


class TaskId(NonEmpty):
    """The name of the task that is worked on."""


class BranchName(NonEmpty):
    """The name of a branch."""


class Worktree(NonEmpty):
    """The folder that the branch is checked out in."""


# ---------------------------------------------------------------- states


@frozen(kw_only=True)
class Assignment(Payload):
    """What every worker has."""

    task_id: TaskId
    branch: BranchName
    worktree: Worktree
    description: str | None = None
    created_at: datetime
    state_changed_at: datetime


@frozen
class Unfinished(Assignment):
    """Every state but Completed: what can fail."""


@frozen
class Watched(Unfinished):
    """The agent is at work, and has to show that it lives."""


@frozen
class Assigned(Watched): ...


@frozen
class Working(Watched): ...


@frozen
class Conflicted(Unfinished): ...


@frozen
class InReview(Unfinished): ...


@frozen
class Approved(Unfinished): ...


@frozen(kw_only=True)
class Failed(Unfinished):
    reason: str


@frozen
class Completed(Assignment): ...


WorkerState: TypeAlias = Assigned | Working | Conflicted | InReview | Approved | Failed | Completed


# ---------------------------------------------------------------- events


@frozen
class WorkStarted(Event): ...


@frozen
class ReviewRequested(Event): ...


@frozen
class ConflictFound(Event): ...


@frozen
class ReviewApproved(Event): ...


@frozen
class WorkCompleted(Event): ...


@frozen
class Fail(Event):
    reason: str


@frozen
class Retry(Event): ...


WorkerEvent: TypeAlias = WorkStarted | ReviewRequested | ConflictFound | ReviewApproved | WorkCompleted | Fail | Retry


# ---------------------------------------------------------------- the machine


class Worker(Machine[WorkerState, WorkerEvent]):
    """One coding agent on one branch."""

    class unfinished(State.Compound):
        assigned = state(Assigned, initial=True)
        working = state(Working)
        conflicted = state(Conflicted)
        in_review = state(InReview)
        approved = state(Approved)
        failed = state(Failed)

    completed = state(Completed, final=True)

    @on
    def work_started(self, s: Assigned | Conflicted | InReview | Approved, e: WorkStarted) -> Working:
        return become(s, Working, state_changed_at=self.now())

    @on
    def review_requested(self, s: Working | Conflicted, e: ReviewRequested) -> InReview:
        return become(s, InReview, state_changed_at=self.now())

    @on
    def conflict_found(self, s: Working, e: ConflictFound) -> Conflicted:
        return become(s, Conflicted, state_changed_at=self.now())

    @on
    def review_approved(self, s: InReview, e: ReviewApproved) -> Approved:
        return become(s, Approved, state_changed_at=self.now())

    @on
    def work_completed(self, s: Approved, e: WorkCompleted) -> Completed:
        return become(s, Completed, state_changed_at=self.now())

    @on
    def fail(self, s: Unfinished, e: Fail) -> Failed:
        changed = s.state_changed_at if isinstance(s, Failed) else self.now()
        return become(s, Failed, state_changed_at=changed, reason=e.reason)

    @on
    def retry(self, s: Failed, e: Retry) -> Assigned:
        return become(s, Assigned, state_changed_at=self.now())

    @entering
    def tell_created(self, s: Unfinished) -> list[Message]:
        body = {"task_id": s.task_id, "branch": s.branch, "worktree": s.worktree, "description": s.description}
        return [Message("orchestrator", "task_assign", correlation_id=s.task_id, body=body)]

    def announce(self, before: WorkerState, event: WorkerEvent, after: WorkerState) -> list[Message]:
        task, left = before.task_id, self.path(type(before))
        if isinstance(event, Fail):
            body = {"from": left, "task_id": task, "reason": event.reason}
            return [Message("worker", "task_failed", correlation_id=task, body=body)]
        body = {"from": left, "to": self.path(type(after)), "task_id": task}
        return [Message("worker", "state_change", correlation_id=task, body=body)]


# ---------------------------------------------------------------- staleness


class Staleness(Enum):
    """How long a worker has been silent."""

    OK = "ok"
    WARN = "warn"
    STALE = "stale"
    DEAD = "dead"

    @property
    def is_stale(self) -> bool:
        """Whether somebody has to look."""
        return self in (Staleness.STALE, Staleness.DEAD)


@frozen(kw_only=True)
class Thresholds:
    """Over which age of the last heartbeat a worker is no longer OK, WARN, STALE."""

    warn: timedelta = timedelta(minutes=5)
    stale: timedelta = timedelta(minutes=15)
    dead: timedelta = timedelta(minutes=30)


DEFAULT_THRESHOLDS = Thresholds()


def staleness(
    worker: WorkerState, last_heartbeat: datetime | None, now: datetime, thresholds: Thresholds = DEFAULT_THRESHOLDS
) -> Staleness:
    """What the last heartbeat says about a worker.  Nobody watches one that is not at work: it is OK."""
    if not isinstance(worker, Watched):
        return Staleness.OK
    if last_heartbeat is None or now - last_heartbeat > thresholds.dead:
        return Staleness.DEAD
    if now - last_heartbeat > thresholds.stale:
        return Staleness.STALE
    return Staleness.WARN if now - last_heartbeat > thresholds.warn else Staleness.OK
