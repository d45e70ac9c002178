"""Stories, jobs and runs, as a program of the orchestrator makes them; also in many processes at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from leverframe import NonEmpty, open_store
from leverframe.machines.orchestrator.agent_job import Queued
from leverframe.machines.orchestrator.agent_run import AgentName, Effort, ModelName, OutputPath, Started
from leverframe.machines.orchestrator.deliveries import deliver
from leverframe.machines.orchestrator.opening import open_task
from leverframe.machines.orchestrator.task import (
    Advance,
    BranchName,
    Created,
    ExternalIssueId,
    Task,
    TaskKey,
    task_key,
)

__all__ = ["THEN", "deliver_all", "job", "key", "open_all", "started", "story"]

THEN = datetime(2025, 1, 1, tzinfo=UTC)


def key(number: int = 1, repository: str = "shop") -> TaskKey:
    return task_key(repository, f"SHOP-{number:03}")


def story(issue: str, branch: str = "") -> Created:
    return Created(
        title=NonEmpty("a story"),
        branch=BranchName(branch or f"feat/{issue}"),
        external_issue_id=ExternalIssueId(issue),
    )


def job(of: TaskKey | None = None, **more: Any) -> Queued:
    return Queued(agent=AgentName("builder"), text="build it", task=of, **more)


def started(of: TaskKey | None = None, **more: Any) -> Started:
    return Started(
        agent=AgentName("builder"),
        model=ModelName("large"),
        effort=Effort("high"),
        output_path=OutputPath("/runs/1"),
        task=of,
        started_at=THEN,
        **more,
    )


# ---------------------------------------------------------------- many at once


def open_all(url: str, issues: list[str]) -> list[tuple[str, Any, bool]]:
    """Make a task of each issue: which one it is, and whether it was made here."""
    found: list[tuple[str, Any, bool]] = []
    with open_store(url) as store:
        for issue in issues:
            task, created = open_task(store, "shop", "SHOP-001", story(issue))
            found.append((issue, task.key, created))
    return found


def deliver_all(url: str, ids: list[str]) -> list[tuple[str, bool, bool, int]]:
    """Deliver an Advance under each id: whether it was applied, and came before, and to which version it led."""
    found: list[tuple[str, bool, bool, int]] = []
    with open_store(url) as store:
        for each in ids:
            came = deliver(store, Task, key(), Advance(), source="tracker", kind="status", body="{}", delivery_id=each)
            state: Any = came.delivery.state
            found.append((each, came.applied, came.duplicate, state.version))
    return found
