"""A story: from the backlog through an agent, the gates and a merge.

Each step ends in one transaction: the story moves, the next step is queued, and the job that did it is finished under
its lease.  A process that is killed has done all of that or nothing; one that is late is refused by its lease, and
nothing of it is written.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeAlias

from leverframe import AlreadyExists, Held, NonEmpty, Positive, StaleState, Store, TransitionNotAllowed
from leverframe.machines.orchestrator.agent_job import AgentJob, Failed, Finished, Queued, Running
from leverframe.machines.orchestrator.agent_run import AgentName
from leverframe.machines.pipeline import (
    Active,
    Backlog,
    Block,
    BranchName,
    Coding,
    DepsMet,
    GatesFailed,
    GatesPassed,
    GatesStarted,
    GitSha,
    Merge,
    MergeFailedFinal,
    MergeSucceeded,
    Pipeline,
    Qa,
)

from .settings import Settings
from .story_merge import Conflicted, Ended, Merging, StoryMerge, Waiting

__all__ = ["CODER", "GATES", "Stories", "parts_of"]

CODER = "coder"
GATES = "gates"

Job: TypeAlias = Held[AgentJob, Running]
MergeJob: TypeAlias = Held[StoryMerge, Merging]


def parts_of(key: Any) -> tuple[str, str, int]:
    """What the key of an `AgentJob` names: the story, the step, and in which round of it."""
    story, step, number = key
    return str(story), str(step), int(number)


class Stories:
    """The moves of all stories in one store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings

    def is_active(self, story: str) -> bool:
        """Whether anything is to be done still; somebody may have archived it."""
        return isinstance(self.store.get(Pipeline, story).state, Active)

    # ------------------------------------------------------------ steps

    def begin(self, story: str) -> None:
        """Put a story into the backlog and start it, unless it is there."""
        try:
            with self.store.transaction():
                self.store.create(Pipeline, story, Backlog())
                self.store.send(Pipeline, story, DepsMet())
                self.queue(story, CODER, 1)
        except AlreadyExists:
            return

    def coded(self, job: Job) -> None:
        """The agent is done: on to the gates."""
        story, _, number = parts_of(job.key)
        with self.ending(job):
            self.store.send(Pipeline, story, GatesStarted(), expect=Coding)
            self.queue(story, GATES, number)

    def passed(self, job: Job, tip: str, commits_ahead: Positive) -> None:
        """The gates have let the branch through, as it was at `tip`: on to the merge."""
        story, *_ = parts_of(job.key)
        branch, repository = BranchName(story), NonEmpty(self.settings.repository)
        asked = Waiting(repository=repository, branch=branch, tip=GitSha(tip), commits_ahead=commits_ahead)
        with self.ending(job):
            self.store.send(Pipeline, story, GatesPassed(branch, commits_ahead), expect=Qa)
            self.store.create(StoryMerge, story, asked)

    def held_up(self, job: Job, reason: str) -> None:
        """A gate has not let it through: back to an agent, but not for ever."""
        story, _, number = parts_of(job.key)
        with self.ending(job):
            self.store.send(Pipeline, story, GatesFailed(reason), expect=Qa)
            if number < self.settings.rounds:
                self.queue(story, CODER, number + 1)
            else:
                self.store.send(Pipeline, story, Block(f"gates failed in {number} rounds: {reason}"))

    def nothing_to_merge(self, job: Job) -> None:
        """`GatesPassed` cannot be written without a commit, so this is a case of its own."""
        story, *_ = parts_of(job.key)
        with self.ending(job):
            self.store.send(Pipeline, story, Block("there is nothing to merge"), expect=Qa)

    def merged(self, job: MergeJob, commit: str) -> None:
        self.end_merge(job, MergeSucceeded(GitSha(commit)), Ended(GitSha(commit)))

    def conflicted(self, job: MergeJob, reason: str) -> None:
        self.end_merge(job, MergeFailedFinal(reason), Conflicted(reason))

    def give_up(self) -> None:
        """Block the stories of jobs that are out of attempts."""
        for job in self.store.find(AgentJob, Failed):
            story, step, _ = parts_of(job.key)
            reason = f"{step}: {job.state.error}"
            self.store.send(Pipeline, story, Block(reason), delivery_id=f"failed {job.key}", on_refused="return")

    # ------------------------------------------------------------ parts

    def queue(self, story: str, step: str, number: int) -> None:
        """A job for a step; it is there at most once."""
        attempts = Positive(self.settings.attempts)
        job = Queued(agent=AgentName(step), text=f"{step} of {story}, round {number}", max_attempts=attempts)
        self.store.create(AgentJob, (story, step, str(number)), job)

    @contextmanager
    def ending(self, job: Job) -> Generator[None]:
        """What the block writes is written together with the end of the job, or not at all.

        A story that somebody has archived meanwhile moves no more; its job ends all the same.
        """
        try:
            with self.store.transaction():
                yield
                # Last: if the lease is over, this raises, and takes back the rest.
                job.send(Finished())
        except (StaleState, TransitionNotAllowed):
            job.send(Finished())

    def end_merge(self, job: MergeJob, told: MergeSucceeded | MergeFailedFinal, end: Ended | Conflicted) -> None:
        """As `ending`, of a merge."""
        try:
            with self.store.transaction():
                self.store.send(Pipeline, job.key, told, expect=Merge)
                job.send(end)
        except (StaleState, TransitionNotAllowed):
            job.send(end)
