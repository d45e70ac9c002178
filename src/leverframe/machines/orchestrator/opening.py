"""How does an external issue become a task, once, however many see it at the same time?"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from leverframe import AlreadyExists, Stored
from leverframe.machines.orchestrator.task import Created, Repository, Task, TaskKey, TaskState, WorkItemId

if TYPE_CHECKING:
    from leverframe import Store

__all__ = ["StoredTask", "open_task"]

StoredTask: TypeAlias = Stored[Task, TaskState]


def open_task(store: Store, repository: str, first_id: str, story: Created) -> tuple[StoredTask, bool]:
    """The task of an external issue, and whether it was made by this call.

    It is made once for each `external_issue_id`, however many ask at once: all get the same task, also when it is Done
    or Cancelled by now, and one of them made it.  Its work-item id is `first_id`, or the next one behind that which is
    free in the repository, of the same prefix and no less wide.  Raises `InvalidValue`, and as `Store.create` does.

    >>> from leverframe import open_store
    >>> from leverframe.machines.orchestrator.task import *
    >>> def story(issue):
    ...     branch = BranchName(f"story-{issue}")
    ...     return Created(title=NonEmpty("a story"), branch=branch, external_issue_id=ExternalIssueId(issue))
    >>> with open_store("sqlite://") as store:
    ...     for issue in ("issue-8", "issue-9", "issue-8"):
    ...         task, created = open_task(store, "shop", "SHOP-001", story(issue))
    ...         print(task.key, created)
    ('shop', 'SHOP-001') True
    ('shop', 'SHOP-002') True
    ('shop', 'SHOP-001') False
    """
    key = Repository(repository), WorkItemId(first_id)
    while True:
        for known in store.find(Task, where={"external_issue_id": story.external_issue_id}):
            return known, False
        try:
            return store.create(Task, key, story), True
        except AlreadyExists as taken:
            if not taken.field:
                key = next_free(store, key)


def next_free(store: Store, key: TaskKey) -> TaskKey:
    """The key behind this one that no task has now."""
    repository, work_item = key
    taken = set(store.keys(Task, prefix=(repository,)))
    while (repository, work_item) in taken:
        work_item = work_item.following()
    return repository, work_item
