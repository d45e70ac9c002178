"""Worker: one coding agent on one branch.

Whoever moves a worker names the state that it believes the worker is in:

    move(store, key, WorkStarted(), believed=Assigned)

`Fail` needs no such name: `store.send` makes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from leverframe import Event, Machine, Message, NonEmpty, Payload, Receipt, on, state
from leverframe.coordination.failing import Failures
from leverframe.coordination.staleness import Staleness
from leverframe.errors import Key
from leverframe.machines.carrying import become
from leverframe.typed.refusing import never_taken

if TYPE_CHECKING:
    from leverframe import Store

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
class Watched(Assignment):
    """The agent is at work, and has to show that it lives."""


@frozen
class Assigned(Watched): ...


@frozen
class Working(Watched): ...


@frozen
class Conflicted(Assignment): ...


@frozen
class InReview(Assignment): ...


@frozen
class Approved(Assignment): ...


@frozen(kw_only=True)
class Failed(Assignment):
    reason: str


@frozen
class Completed(Assignment): ...


Unfinished: TypeAlias = Assigned | Working | Conflicted | InReview | Approved | Failed
"""What can fail."""

WorkerState: TypeAlias = Unfinished | Completed


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
    """One coding agent on one branch.

    `leverframe.Worker`, which runs handlers, is another: import this as `Worker as WorkerMachine` beside that one.
    """

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
        return become(s, Failed, state_changed_at=self.now(), reason=e.reason)

    @on
    def retry(self, s: Failed, e: Retry) -> Assigned:
        return become(s, Assigned, state_changed_at=self.now())

    def announce_creation(self, state: WorkerState) -> list[Message]:
        task = state.task_id
        body = {"task_id": task, "branch": state.branch, "worktree": state.worktree, "description": state.description}
        return [Message("orchestrator", "task_assign", correlation_id=task, body=body)]

    def announce(self, before: WorkerState, event: WorkerEvent, after: WorkerState) -> list[Message]:
        task, left = before.task_id, self.path(type(before))
        if isinstance(event, Fail):
            body = {"from": left, "task_id": task, "reason": event.reason}
            return [Message("worker", "task_failed", correlation_id=task, body=body)]
        body = {"from": left, "to": self.path(type(after)), "task_id": task}
        return [Message("worker", "state_change", correlation_id=task, body=body)]

    failures = Failures(Failed)

    staleness = Staleness(
        watched=Watched, warn=timedelta(minutes=5), stale=timedelta(minutes=15), dead=timedelta(minutes=30)
    )


# ---------------------------------------------------------------- moving one


def move(store: Store, key: Key, event: WorkerEvent, *, believed: type[Payload]) -> Receipt[WorkerState]:
    """Send an event to a worker that is believed to be in this state.

    Raises, in this order, and nothing is written then: `TransitionNotAllowed` where that state never takes the event,
    whatever is stored; `NotFound` where there is no such worker; `StaleState` where it is in another state.

    >>> from datetime import UTC, datetime
    >>> from leverframe import open_store
    >>> now = datetime(2026, 1, 2, tzinfo=UTC)
    >>> assigned = Assigned(task_id=TaskId("t-1"), branch=BranchName("fix"), worktree=Worktree("/trees/fix"),
    ...                     created_at=now, state_changed_at=now)
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Worker, "t-1", assigned)
    ...     move(store, "t-1", WorkStarted(), believed=Assigned).to_state.__name__
    'Working'
    """
    refusal = never_taken(Worker, believed, event)
    if refusal is not None:
        refusal.key = key
        raise refusal
    receipt: Receipt[WorkerState] = store.send(Worker, key, event, expect=believed)
    return receipt
