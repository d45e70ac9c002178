"""Tasks, their jobs and their gates, as tests of the orchestrator's machines make them."""

from __future__ import annotations

from typing import TypeAlias

from leverframe import NonEmpty, Store
from leverframe.coordination.held import Held
from leverframe.coordination.not_claimed import NotClaimed
from leverframe.machines.orchestrator import agent_job, task
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.agent_run import AgentName
from leverframe.machines.orchestrator.task import Repository, Task, TaskKey, WorkItemId

__all__ = ["HeldJob", "add_job", "add_task", "claim_all", "end", "key_of", "refusal"]

HeldJob: TypeAlias = Held[AgentJob, agent_job.Running]


def key_of(number: int, repository: str = "shop") -> TaskKey:
    return Repository(repository), WorkItemId(f"T-{number:03}")


def add_task(store: Store, number: int, repository: str = "shop") -> TaskKey:
    key = key_of(number, repository)
    branch, issue = task.BranchName(f"b-{number}"), task.ExternalIssueId(f"{repository}-{number}")
    store.create(Task, key, task.Created(title=NonEmpty("a story"), branch=branch, external_issue_id=issue))
    return key


def add_job(store: Store, name: str, of: TaskKey | None) -> str:
    store.create(AgentJob, name, agent_job.Queued(agent=AgentName("builder"), text="build it", task=of))
    return name


def end(store: Store, key: TaskKey) -> None:
    """Bring a task to Done, from the stage in which it is."""
    while not isinstance(store.get(Task, key).state, task.Done):
        store.send(Task, key, task.Advance())


def claim_all(store: Store, at_most: int | None = None) -> list[HeldJob]:
    return store.claim_many(AgentJob.lease, worker="w", limit=100, at_most=at_most)


def refusal(store: Store, job: str, at_most: int | None = None) -> NotClaimed:
    """Why the job is not claimed; without a key it is not either, and nothing is changed."""
    before = store.get(AgentJob, job)
    claimed = store.claim_or_reason(AgentJob.lease, worker="w", key=job, at_most=at_most)
    assert isinstance(claimed, NotClaimed)
    assert store.get(AgentJob, job) == before
    return claimed
