"""The orchestrator of the examples as a crowd of processes: run, killed, and what they have left is read."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from attrs import define, field, frozen
from documents import ROOT
from waiting import LONG

from leverframe import Machine, Store, decide, open_store
from leverframe.machines.execution import Completed, Execution, Idle, RateLimited
from leverframe.machines.orchestrator.agent_job import AgentJob, Finished, Succeeded
from leverframe.machines.pipeline import Done, GatesPassed, MergeSucceeded, Pipeline
from orchestrator.repository import Repository
from orchestrator.story_merge import StoryMerge

__all__ = ["Command", "check_all", "kill_at_random", "processes"]

MACHINES: tuple[type[Machine[Any, Any]], ...] = (Pipeline, AgentJob, StoryMerge, Execution)

GIT_KILLED = 2
"""How the command ends when the git is killed that it starts with."""

# ---------------------------------------------------------------- the command


@define
class Command:
    """The command for one repository, which can be started again and again."""

    repository: Path
    url: str
    options: tuple[str, ...]
    stories: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.repository.with_suffix(".log")

    def start(self) -> None:
        told = ["--stories", str(self.stories), "--repository", str(self.repository), "--db", self.url, *self.options]
        program = [sys.executable, "-W", "error", "-m", "examples.orchestrator", *told]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(program, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)

    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        assert self.process is not None
        return self.process.poll()

    def wait(self) -> int:
        """Run it to its end; its exit code."""
        assert self.process is not None
        try:
            return self.process.wait(2 * LONG)
        finally:
            self.process.kill()

    def finish(self) -> None:
        """Run it to its end, which has to be a good one."""
        code = self.wait()
        assert code == 0, self.log.read_text(encoding="utf-8")


# ---------------------------------------------------------------- processes


@frozen
class Victim:
    number: int
    kind: str


def processes(repository: Path) -> list[Victim]:
    """The processes at work in a repository, the command among them."""
    found = [(int(path.name), kind_of(path, os.fsencode(repository))) for path in Path("/proc").glob("[0-9]*")]
    return [Victim(number, kind) for number, kind in found if kind is not None]


def kind_of(process: Path, repository: bytes) -> str | None:
    with suppress(OSError):
        words = (process / "cmdline").read_bytes().split(b"\0")
        if words[0] == b"git" and os.fsencode(os.readlink(process / "cwd")).startswith(repository):
            return "git"
        if any(repository in word for word in words):
            kinds = {b"examples.orchestrator": "command", b"examples.orchestrator.workers": "worker"}
            kinds[b"examples.orchestrator.agent"] = "agent"
            return next((kinds[word] for word in words if word in kinds), None)
    return None


# ---------------------------------------------------------------- kills

Choice: TypeAlias = Callable[[Path], list[Victim]]
"""Who is to be killed now; nobody while it is not the moment for that."""


def any_of(kind: str) -> Choice:
    return lambda repository: [victim for victim in processes(repository) if victim.kind == kind][:1]


def all_workers_in_a_merge(repository: Path) -> list[Victim]:
    merging = any((repository / "orchestrator" / "worktrees").glob("*-merge/*"))
    return [victim for victim in processes(repository) if victim.kind == "worker"] if merging else []


MOMENTS: dict[str, Choice] = {
    "agent": any_of("agent"),
    "worker": any_of("worker"),
    "command": any_of("command"),
    "git": any_of("git"),
    "merge": all_workers_in_a_merge,
    "everything": processes,
}

PATIENCE = 5.0
"""Seconds after which another moment is waited for."""


@define
class Killing:
    """Kills at moments that a seed picks, and starts what was killed."""

    command: Command
    seed: int
    kills: Counter[str] = field(factory=Counter[str])

    def run(self, number: int) -> Counter[str]:
        chance = random.Random(self.seed)
        self.command.start()
        while self.kills.total() < number:
            self._start_again()
            name = chance.choice(list(MOMENTS))
            self._kill(name, MOMENTS[name], chance.random() * 0.2)
        self._start_again()
        return self.kills

    def _start_again(self) -> None:
        code = self.command.ended()
        assert code in (None, 0, GIT_KILLED, -signal.SIGKILL), self.command.log.read_text(encoding="utf-8")
        if code == 0:
            self.command.stories += 1
        if code is not None:
            self.command.start()

    def _kill(self, name: str, choice: Choice, later: float) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.command.ended() is None and time.monotonic() < deadline:
            if victims := choice(self.command.repository):
                # git is over in a moment.
                time.sleep(0 if name in ("git", "merge") else later)
                killed = [self._kill_one(victim) for victim in victims]
                self.kills[name] += any(killed)
                return
            time.sleep(0.002)

    def _kill_one(self, victim: Victim) -> bool:
        """Whether it was there still."""
        try:
            os.kill(victim.number, signal.SIGKILL)
        except ProcessLookupError:
            return False
        if victim.kind == "command" and self.command.process is not None:
            self.command.process.wait()
        return True


def kill_at_random(command: Command, number: int, seed: int) -> Counter[str]:
    """Kill so many times, then run to the end; how often what was killed."""
    kills = Killing(command, seed).run(number)
    if command.wait() == GIT_KILLED:
        command.start()
    command.finish()
    return kills


# ---------------------------------------------------------------- what is left


def check_all(command: Command) -> None:
    """Every story is done once, in the store and in git; nothing is held, and nobody is left."""
    names = {f"story-{number}" for number in range(1, command.stories + 1)}
    with open_store(command.url) as store:
        for machine in MACHINES:
            check_journals(store, machine)
        repository = Repository(command.repository, "main")
        check_stories(store, repository, names)
        check_steps(store, repository, names)
        check_leases(store)
        assert store.examine().findings == ()
    assert processes(command.repository) == []


def check_journals(store: Store, machine: type[Machine[Any, Any]]) -> None:
    """Each snapshot is what its journal replays to, and versions have no gap."""
    for stored in store.find(machine):
        entries = store.history(machine, stored.key)
        assert [entry.version for entry in entries] == list(range(1, stored.version + 1))
        state: Any = entries[0].state
        for entry in entries[1:]:
            assert entry.event is not None
            state = decide(machine, state, entry.event, entry.at).state
            assert state == entry.state, (stored.key, entry)
        assert stored.state == state


def check_stories(store: Store, repository: Repository, names: set[str]) -> None:
    """Each is done once, by the one merge of it, of as many commits as its payload says."""
    assert {str(stored.key) for stored in store.find(Pipeline)} == names
    merges = read_merges(repository)
    assert sorted(merges.values()) == sorted(names)
    for name in names:
        done = store.get(Pipeline, name).state
        assert isinstance(done, Done)
        assert merges[done.merge_commit] == name
        events = [entry.event for entry in store.history(Pipeline, name)]
        assert [type(event) for event in events].count(MergeSucceeded) == 1
        (passed,) = [event for event in events if isinstance(event, GatesPassed)]
        merge = done.merge_commit
        assert int(repository.git("rev-list", "--count", f"{merge}^1..{merge}^2")) == passed.commits_ahead


def read_merges(repository: Repository) -> dict[str, str]:
    """By its commit, which story was merged."""
    lines = repository.git(
        "log", "--merges", "--format=%H %(trailers:key=Story,valueonly,separator=%x20)", repository.into
    )
    return dict(line.split(" ", 1) for line in lines.splitlines())


def check_steps(store: Store, repository: Repository, names: set[str]) -> None:
    """Each step of each round is one commit, and each job has finished once."""
    steps = repository.git(
        "log", "--no-merges", "--format=%(trailers:key=Step,valueonly,separator=%x20)", "main"
    ).split()
    rounds = [(str(job.key[0]), int(job.key[2])) for job in store.find(AgentJob) if job.key[1] == "coder"]
    wanted = [f"{name}/{number}/{step}" for name, number in rounds for step in steps_of(number)]
    assert sorted(steps) == sorted(wanted)
    for job in store.find(AgentJob):
        assert isinstance(job.state, Succeeded)
        assert [type(entry.event) for entry in store.history(AgentJob, job.key)].count(Finished) == 1


def steps_of(number: int) -> tuple[str, ...]:
    return ("function", "test") if number == 1 else ("mended",)


def check_leases(store: Store) -> None:
    """Nothing is held or waits, and no worker seems to be at anything."""
    for queue in (store.queue(AgentJob.lease), store.queue(StoryMerge.lease)):
        assert (queue.ready, queue.later, queue.leased) == (0, 0, 0)
    assert all(isinstance(each.state, Completed | Idle | RateLimited) for each in store.find(Execution))
