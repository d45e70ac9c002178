"""What a worker does with a job or a merge that it has claimed."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from leverframe import BackOff, LeaseLost, Positive, Store
from leverframe.machines.orchestrator.agent_job import (
    AgentJob,
    AgentJobEvent,
    Faulted,
    Finished,
    Queued,
    Throttled,
)

from .agent import COME_BACK_LATER
from .merging import Conflict, merge_once
from .node import Node
from .settings import Settings
from .story import CODER, Job, MergeJob, Stories, parts_of

__all__ = ["PACKAGE", "ROOT", "Work"]

PACKAGE = __package__ or ""
ROOT = Path(__file__).parents[PACKAGE.count(".") + 1]
"""From where the package is found by other processes."""

BACK_OFF = BackOff(base=timedelta(milliseconds=250), cap=timedelta(seconds=5))


class GateKilled(Exception):
    """A command that was killed has said nothing of the branch."""


class Work:
    """What a worker does with what it has claimed."""

    def __init__(self, store: Store, settings: Settings, number: int) -> None:
        self.store = store
        self.settings = settings
        self.repository = settings.open_repository()
        self.stories = Stories(store, settings)
        self.node = Node(store, number)
        self.logs = self.repository.folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)

    def do_job(self, job: Job) -> AgentJobEvent | None:
        """A step of a story.  What is raised becomes a fault, as the machine says."""
        story, step, _ = parts_of(job.key)
        if not self.stories.is_active(story):
            return Finished()
        self.node.begin(story, step)
        try:
            if step == CODER:
                return self.run_agent(job)
            self.run_gates(job)
            return None
        except Exception:
            self.node.exited(story, 1)
            raise

    def do_merge(self, job: MergeJob) -> None:
        story, asked = str(job.key), job.state
        if not self.stories.is_active(story):
            self.stories.conflicted(job, "somebody has archived the story")
            return
        try:
            commit = merge_once(self.repository, story, asked.tip, job.token)
        except Conflict as conflict:
            self.stories.conflicted(job, str(conflict))
        else:
            self.stories.merged(job, commit)

    # ------------------------------------------------------------ agents

    def run_agent(self, job: Job) -> AgentJobEvent | None:
        story, _, number = parts_of(job.key)
        attempt = job.state.attempts + job.state.transient_attempts
        program = [sys.executable, "-m", f"{PACKAGE}.agent", *map(str, (story, number, attempt, job.token))]
        code = self.run(job, program, ROOT, self.settings.without_store())
        if code == COME_BACK_LATER:
            self.come_back_later(job, story)
            return None
        self.node.exited(story, code)
        if code != 0:
            return Faulted(f"the agent ended with {code}")
        self.stories.coded(job)
        return None

    def come_back_later(self, job: Job, story: str) -> None:
        queued = job.send(Throttled("rate limit", back_off=BACK_OFF)).state
        if isinstance(queued, Queued) and queued.available_at is not None:
            self.node.hit_rate_limit(story, queued.available_at)

    # ------------------------------------------------------------ gates

    def run_gates(self, job: Job) -> None:
        """Run the commands on the branch as it is, and tell what they said."""
        story, *_ = parts_of(job.key)
        tip = self.repository.tip(story)
        commits_ahead = 0 if tip is None else self.repository.commits_ahead(tip)
        if tip is None or commits_ahead == 0:
            self.node.exited(story, 0)
            self.stories.nothing_to_merge(job)
            return
        refused = self.refusing_gate(job, story, tip)
        self.node.exited(story, 0 if refused is None else 1)
        if refused is None:
            self.stories.passed(job, tip, Positive(commits_ahead))
        else:
            self.stories.held_up(job, refused)

    def refusing_gate(self, job: Job, story: str, tip: str) -> str | None:
        """The first command that does not end with 0; None if all do.  Raises `GateKilled`."""
        with self.repository.worktree(f"{story}-gates", job.token, tip) as folder:
            for gate in self.settings.gates:
                code = self.run(job, shlex.split(gate), folder)
                if code < 0:
                    raise GateKilled(f"{gate} was killed by signal {-code}")
                if code != 0:
                    return f"{gate} ended with {code}"
        return None

    # ------------------------------------------------------------ programs

    def run(self, job: Job, program: Sequence[str], folder: Path, told: Settings | None = None) -> int:
        """Run a program for as long as the lease is this worker's; its exit code.  Raises `LeaseLost`."""
        story, *_ = parts_of(job.key)
        with (self.logs / f"{story}.log").open("ab") as log:
            process = subprocess.Popen(
                program, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        with process:
            try:
                if told is not None:
                    told.tell(process)
                self.node.spawned(story)
                while True:
                    try:
                        return process.wait(timeout=1)
                    except subprocess.TimeoutExpired:
                        self.check(job)
                        self.node.beat(story)
            finally:
                process.kill()

    def check(self, job: Job) -> None:
        """Raises `LeaseLost`.  A lease without an end is not renewed, by which others are told that they have lost."""
        if self.store.get(AgentJob, job.key).version != job.version:
            raise LeaseLost(AgentJob.__name__, job.key, job.token, job.worker)
