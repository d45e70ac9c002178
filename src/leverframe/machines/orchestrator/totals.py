"""What have an agent's runs taken, for a task or a whole repository?

The runs are found by one query, along an index, and added up here: to the last digit, on every database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from leverframe.machines.amounts import Count
from leverframe.machines.orchestrator.agent_run import NO_USAGE, AgentRun, Exited, Usage
from leverframe.machines.orchestrator.task import Repository, TaskKey, task_key

if TYPE_CHECKING:
    from leverframe import Store

__all__ = ["Totals", "repository_totals", "task_totals"]


@frozen
class Totals:
    """How many runs there were, how many of them have ended, and what these took together."""

    runs: Count
    exited: Count
    usage: Usage


def task_totals(store: Store, task: TaskKey) -> Totals:
    """What the runs for a task have taken.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     task_totals(store, ("shop", "SHOP-001")).usage.cost_usd
    Decimal('0')
    """
    return totals_where(store, "task", task_key(*task))


def repository_totals(store: Store, repository: str) -> Totals:
    """What the runs for a repository have taken, those without a task among them.

    >>> from datetime import UTC, datetime
    >>> from decimal import Decimal
    >>> from leverframe import open_store
    >>> from leverframe.machines.orchestrator.agent_run import *
    >>> from leverframe.machines.orchestrator.task import task_key
    >>> words = {"agent": AgentName("builder"), "model": ModelName("large"), "effort": Effort("high")}
    >>> words |= {"output_path": OutputPath("/runs/1"), "task": task_key("shop", "SHOP-001")}
    >>> started = Started(**words, started_at=datetime.now(UTC))
    >>> with open_store("sqlite://") as store:
    ...     for number in range(3):
    ...         _ = store.create(AgentRun, f"run-{number}", started)
    ...         _ = store.send(AgentRun, f"run-{number}", Finished(0, Usage(cost_usd=Decimal("0.10"))))
    ...     repository_totals(store, "shop").usage.cost_usd
    Decimal('0.3')
    """
    return totals_where(store, "repository", Repository(repository))


def totals_where(store: Store, field: str, value: object) -> Totals:
    runs = [run.state for run in store.find(AgentRun, where={field: value})]
    usages = [run.usage for run in runs if isinstance(run, Exited)]
    return Totals(Count(len(runs)), Count(len(usages)), sum(usages, start=NO_USAGE))
