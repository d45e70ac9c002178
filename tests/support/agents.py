"""Workers of the shipped machine, for tests of a store."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from waiting import until

from leverframe import StaleState, Store, open_store
from leverframe.machines.carrying import become
from leverframe.machines.worker import Assigned, BranchName, TaskId, Worker, Working, Worktree

__all__ = ["THEN", "agent", "hire", "race_of_a_process", "send_racing"]

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


def send_racing(store: Store, key: str, event: Any) -> str:
    try:
        receipt = store.send(Worker, key, event, expect=Working)
    except StaleState as stale:
        return f"expected {stale.expected}, stale in {stale.state}"
    return f"won to {Worker.path(receipt.to_state)}"


def race_of_a_process(url: str, me: str, opponent: str, event: Any, keys: list[str]) -> list[str]:
    """Move each worker, each time as soon as the opponent has come to it too; what came of it."""
    outcomes: list[str] = []
    with open_store(url) as store:
        for key in keys:
            hire(store, f"{me} at {key}")
            until(partial(store.find, Worker, prefix=f"{opponent} at {key}"))
            outcomes.append(send_racing(store, key, event))
    return outcomes
