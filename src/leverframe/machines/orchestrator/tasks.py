"""Which task is that, and how far is it?  What is asked about tasks, each by an index."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from leverframe import NotFound, Stored
from leverframe.machines.orchestrator.opening import StoredTask
from leverframe.machines.orchestrator.task import (
    ApprovalGiven,
    ApprovalRequested,
    BranchName,
    Development,
    ExternalIssueId,
    Task,
    TaskKey,
    Unfinished,
)

if TYPE_CHECKING:
    from leverframe import Store

__all__ = [
    "UnfinishedTask",
    "approval_took",
    "task_by_branch",
    "task_by_issue",
    "task_by_work_item",
    "tasks_by_work_item",
    "tasks_in_development",
    "unfinished_tasks",
]


# ---------------------------------------------------------------- one task


def task_by_issue(store: Store, external_issue_id: str) -> StoredTask | None:
    """The task of an external issue; None if there is none.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     print(task_by_issue(store, "issue-9"))
    None
    """
    return next(iter(store.find(Task, where={"external_issue_id": ExternalIssueId(external_issue_id)})), None)


def task_by_branch(store: Store, repository: str, branch: str) -> StoredTask | None:
    """The task of a repository that has this branch, the one changed last if several have; None if none has."""
    return next(iter(store.find(Task, prefix=(repository,), where={"branch": BranchName(branch)}, limit=1)), None)


def task_by_work_item(store: Store, repository: str, work_item: str) -> StoredTask | None:
    """The task of a repository that has this work-item id; None if none has."""
    try:
        return store.get(Task, (repository, work_item))
    except NotFound:
        return None


# ---------------------------------------------------------------- many


def tasks_by_work_item(store: Store, work_item: str) -> list[StoredTask]:
    """The tasks that have this work-item id, one of each repository at most, the newest change first.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     tasks_by_work_item(store, "SHOP-001")
    []
    """
    return store.find(Task, where={"work_item": work_item})


@frozen
class UnfinishedTask:
    """A task that is neither Done nor Cancelled; `seconds` since its last change, by the store's clock."""

    task: Stored[Task, Unfinished]
    seconds: float


def unfinished_tasks(store: Store) -> list[UnfinishedTask]:
    """Every unfinished task, the one without change for longest first.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     unfinished_tasks(store)
    []
    """
    found = store.find(Task, Unfinished)
    now = store.now()
    return [UnfinishedTask(task, (now - task.changed_at).total_seconds()) for task in reversed(found)]


def tasks_in_development(store: Store, repository: str) -> list[Stored[Task, Development]]:
    """Every task of a repository that is in Development, the newest change first.  One at a time is the rule.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     tasks_in_development(store, "shop")
    []
    """
    return store.find(Task, Development, prefix=(repository,))


# ---------------------------------------------------------------- approvals


def approval_took(store: Store, task: TaskKey) -> timedelta | None:
    """How long a human took over an approval: from the first request to the first answer, whatever is repeated.

    It is read from the journal.  None while there is no request, or no answer to it.  Raises `NotFound`.

    >>> from datetime import UTC, datetime, timedelta
    >>> from leverframe import open_store
    >>> from leverframe.machines.orchestrator.task import *
    >>> times = iter(datetime(2026, 1, 2, hour, tzinfo=UTC) for hour in range(24))
    >>> story = Analysis(title=NonEmpty("a"), branch=BranchName("b"), external_issue_id=ExternalIssueId("c"))
    >>> key = task_key("shop", "SHOP-001")
    >>> with open_store("sqlite://", clock=lambda: next(times)) as store:
    ...     _ = store.create(Task, key, story)
    ...     for event in (ApprovalRequested(), ApprovalRequested(), ApprovalGiven()):
    ...         _ = store.send(Task, key, event)
    ...     print(approval_took(store, key))
    2:00:00
    """
    asked: datetime | None = None
    for entry in store.history(Task, task):
        if asked is None and isinstance(entry.event, ApprovalRequested):
            asked = entry.at
        elif asked is not None and isinstance(entry.event, ApprovalGiven):
            return entry.at - asked
    return None
