"""Workers of the shipped machine, for tests of a store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from leverframe import Store
from leverframe.machines.carrying import become
from leverframe.machines.worker import Assigned, BranchName, TaskId, Worker, Worktree

__all__ = ["THEN", "agent", "hire"]

THEN = datetime(2025, 1, 1, tzinfo=UTC)


def agent(key: str, kind: type[Any] = Assigned, **more: Any) -> Any:
    """A worker in a state."""
    assigned = Assigned(
        task_id=TaskId(key),
        branch=BranchName(f"feat/{key}"),
        worktree=Worktree(f"/trees/{key}"),
        created_at=THEN,
        state_changed_at=THEN,
    )
    return become(assigned, kind, **more)


def hire(store: Store, *keys: str, kind: type[Any] = Assigned, **more: Any) -> None:
    """Create workers in a state."""
    for key in keys:
        store.create(Worker, key, agent(key, kind, **more))
