"""What the orchestrator of the examples does at each point where something may go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from orchestra import read_merges
from waiting import until

import orchestrator
from leverframe import LeaseLost, Store, Worker, open_store
from leverframe.coordination.processes import Process, this_process
from leverframe.machines.execution import Completed, Execution
from leverframe.machines.orchestrator.agent_job import AgentJob, HostRestarted, Queued, Succeeded
from leverframe.machines.pipeline import (
    Abandon,
    Abandoned,
    Blocked,
    Done,
    GatesFailed,
    Merge,
    MergeFailed,
    Pipeline,
    Qa,
)
from orchestrator.__main__ import FILES, GATES, main
from orchestrator.agent import COME_BACK_LATER, do_step, run_agent
from orchestrator.crew import Crew
from orchestrator.merging import Conflict, merge, merge_once
from orchestrator.repository import OPTIONS, GitError, Repository
from orchestrator.settings import Settings
from orchestrator.story import Stories
from orchestrator.story_merge import Merged as MergeMade
from orchestrator.story_merge import StoryMerge
from orchestrator.story_merge import Waiting as MergeWaits
from orchestrator.workers import make_worker

STORY = "story-1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    repository = Repository.create(tmp_path / "stories.git", "main", FILES)
    url = f"sqlite:///{tmp_path / 'store.db'}?durability=normal"
    return Settings(repository=str(repository.path), into="main", url=url, attempts=2, rounds=2, gates=GATES)


@pytest.fixture
def repository(settings: Settings) -> Repository:
    return settings.open_repository()


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings.url) as opened:
        yield opened


@pytest.fixture
def work(store: Store, settings: Settings) -> Callable[..., Any]:
    """Begin the story if it is not there, and work until nothing is ready; the story's state."""

    def run(**changes: Any) -> Any:
        changed = evolve(settings, **changes)
        Stories(store, changed).begin(STORY)
        make_worker(store, changed, 0).run(once=True)
        return store.get(Pipeline, STORY).state

    return run


def make_branch(repository: Repository, name: str, files: dict[str, str]) -> str:
    """A branch with one commit; the commit."""
    do_step(repository, name, f"{name}/1/by hand", files, token=1)
    tip = repository.tip(name)
    assert tip is not None
    return tip


def events(store: Store, machine: Any, key: Any) -> list[str]:
    return [type(entry.event).__name__ for entry in store.history(machine, key)[1:]]


# ---------------------------------------------------------------- the way of a story


def test_a_story_is_merged(store: Store, repository: Repository, work: Callable[..., Any]) -> None:
    """A story passes agent, gates and merge; the payloads are what git says."""
    state = work()
    assert isinstance(state, Done)
    assert read_merges(repository) == {state.merge_commit: STORY}
    assert repository.base() == state.merge_commit
    (merging,) = [e.state for e in store.history(Pipeline, STORY) if isinstance(e.state, Merge)]
    assert (merging.feature_branch, merging.commits_ahead) == (STORY, 2)
    assert isinstance(store.get(StoryMerge, STORY).state, MergeMade)
    assert [each.state.exit_code for each in store.find(Execution, Completed)] == [0]


def test_gates_that_do_not_pass_send_a_story_back(
    store: Store, repository: Repository, work: Callable[..., Any]
) -> None:
    """A gate's exit code is an event: the story goes back to an agent, and is blocked when that does not help."""
    state = work(mistakes=1.0)
    assert isinstance(state, Blocked)
    assert state.reason.startswith("gates failed in 2 rounds")
    assert events(store, Pipeline, STORY).count(GatesFailed.__name__) == 2
    assert read_merges(repository) == {}


def test_an_agent_that_fails_is_tried_again(store: Store, settings: Settings, work: Callable[..., Any]) -> None:
    """A job that is out of attempts blocks its story, once."""
    work(faults=1.0)
    assert events(store, AgentJob, (STORY, "coder", "1")) == ["Claimed", "Faulted", "Claimed", "Faulted"]
    Stories(store, settings).give_up()
    Stories(store, settings).give_up()
    assert isinstance(store.get(Pipeline, STORY).state, Blocked)
    assert events(store, Pipeline, STORY) == ["DepsMet", "Block"]


def test_a_rate_limit_is_waited_out(store: Store, work: Callable[..., Any]) -> None:
    """An agent that is told to come back later uses up no attempt, and its job is due later."""
    work(rate_limits=1.0, attempts=1)
    job = store.get(AgentJob, (STORY, "coder", "1")).state
    assert isinstance(job, Queued)
    assert (job.attempts, job.transient_attempts) == (0, 1)
    assert job.available_at is not None
    (execution,) = store.find(Execution)
    assert getattr(execution.state, "resume_at", None) == job.available_at


def test_a_conflict_ends_a_story(repository: Repository, work: Callable[..., Any]) -> None:
    """A branch that cannot be merged leaves the main branch as it was."""
    make_branch(repository, STORY, {"README": "one\n"})
    other = make_branch(repository, "other", {"README": "another\n"})
    theirs = merge_once(repository, "other", other, token=1)
    assert isinstance(work(), MergeFailed)
    assert repository.base() == theirs


def test_a_story_without_commits_cannot_be_merged(repository: Repository, work: Callable[..., Any]) -> None:
    """A branch that was merged by hand has nothing to merge, and is blocked instead."""
    settings = Settings(repository=str(repository.path), into="main", url="")
    assert run_agent(settings, STORY, 1, 1, 1) == 0
    tip = repository.tip(STORY)
    assert tip is not None
    assert repository.move("main", tip, repository.base())
    state = work()
    assert isinstance(state, Blocked)
    assert state.reason == "there is nothing to merge"


def test_an_archived_story_is_left_alone(
    store: Store, repository: Repository, settings: Settings, work: Callable[..., Any]
) -> None:
    """The job of a story that somebody has abandoned ends, and nothing is done."""
    Stories(store, settings).begin(STORY)
    store.send(Pipeline, STORY, Abandon())
    assert isinstance(work(), Abandoned)
    assert isinstance(store.get(AgentJob, (STORY, "coder", "1")).state, Succeeded)
    assert repository.tip(STORY) is None


def test_a_story_that_is_archived_meanwhile_ends_its_merge(
    store: Store, repository: Repository, settings: Settings, work: Callable[..., Any]
) -> None:
    """A story that is abandoned before its merge is claimed is not merged."""
    gate = f"{sys.executable} -c pass"
    work(gates=(gate,), attempts=1)
    assert isinstance(store.get(Pipeline, STORY).state, Done)
    second = Stories(store, settings)
    second.begin("story-2")
    job: Any = store.claim(AgentJob.lease, worker="somebody")
    make_branch(repository, "story-2", {"README": "two\n"})
    second.coded(job)
    store.send(Pipeline, "story-2", Abandon())
    work()
    assert events(store, AgentJob, ("story-2", "gates", "1")) == ["Claimed", "Finished"]
    assert sorted(read_merges(repository).values()) == [STORY]


# ---------------------------------------------------------------- after a crash


def test_a_merge_that_nobody_was_told_of(
    store: Store, repository: Repository, settings: Settings, work: Callable[..., Any]
) -> None:
    """Killed between the merge and the event, the merge is found in git and not made again."""
    Stories(store, settings).begin(STORY)
    jobs_only = make_worker(store, settings, 0).handlers[:1]
    Worker(store, jobs_only).run(once=True)
    job = store.claim(StoryMerge.lease, worker="killed")
    assert job is not None
    made = merge_once(repository, STORY, job.state.tip, job.token)
    other = merge_once(repository, "other", make_branch(repository, "other", {"other": "new\n"}), token=1)
    store.release(StoryMerge.lease, STORY)
    state = work()
    assert isinstance(state, Done)
    assert state.merge_commit == made
    assert read_merges(repository) == {made: STORY, other: "other"}
    assert events(store, StoryMerge, STORY) == ["Begun", "Interrupted", "Begun", "Ended"]


def test_a_merge_whose_git_fails_is_tried_later(
    store: Store, repository: Repository, settings: Settings, work: Callable[..., Any]
) -> None:
    """Where git cannot say what there is, the merge waits for another time, and tells why."""
    stories = Stories(store, settings)
    stories.begin(STORY)
    Worker(store, make_worker(store, settings, 0).handlers[:1]).run(once=True)
    base = repository.base()
    repository.git("update-ref", "-d", "refs/heads/main")
    assert isinstance(work(), Merge)
    merging = store.get(StoryMerge, STORY).state
    assert isinstance(merging, MergeWaits)
    assert merging.error is not None
    assert merging.available_at is not None
    repository.git("update-ref", "refs/heads/main", base)
    store.requeue(StoryMerge.lease, STORY)
    assert isinstance(work(), Done)


def test_a_merge_whose_git_is_killed_is_no_conflict(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that ends by a signal while it merges has told nothing of the branch."""
    tip = make_branch(repository, STORY, {"README": "one\n"})
    monkeypatch.setitem(OPTIONS, "alias.merge-and-die", "!kill -9 $$")
    run = Repository.try_git

    def killed(self: Repository, *arguments: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
        return run(self, *(["merge-and-die"] if arguments[0] == "merge" else arguments), at=at)

    monkeypatch.setattr(Repository, "try_git", killed)
    with pytest.raises(GitError):
        merge_once(repository, STORY, tip, token=1)
    assert read_merges(repository) == {}


def test_a_killed_git_has_not_said_that_there_is_nothing(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git that ends by a signal while it looks for a branch, or for a step, has not said that it is not there."""
    make_branch(repository, STORY, {"README": "one\n"})
    monkeypatch.setitem(OPTIONS, "alias.die", "!kill -9 $$")
    run = Repository.try_git

    def killed(self: Repository, *arguments: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
        return run(self, "die", at=at)

    monkeypatch.setattr(Repository, "try_git", killed)
    with pytest.raises(GitError):
        repository.tip(STORY)
    with pytest.raises(GitError):
        repository.find(STORY, "Step", f"{STORY}/1/by hand")


def test_a_gate_that_is_killed_is_run_again(store: Store, work: Callable[..., Any]) -> None:
    """A gate that ends by a signal has told nothing of the branch: its job has failed, and the story does not move."""
    assert isinstance(work(gates=("sh -c 'kill -9 $$'",)), Qa)
    assert events(store, AgentJob, (STORY, "gates", "1")) == ["Claimed", "Faulted", "Claimed", "Faulted"]


def test_a_late_merge_changes_nothing(repository: Repository) -> None:
    """Of two that merge one story, from one look at the branch, the second one is refused and finds the first one's."""
    tip, old = make_branch(repository, STORY, {"README": "one\n"}), repository.base()
    with repository.worktree("late", 1, old) as folder:
        late = merge(repository, folder, STORY, tip, token=1)
        made = merge_once(repository, STORY, tip, token=2)
        assert not repository.move("main", late, old)
    assert repository.base() == made != late
    assert merge_once(repository, STORY, tip, token=1) == made
    assert read_merges(repository) == {made: STORY}


def test_merges_of_two_stories_at_once_are_both_kept(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge that finds the branch moved is made again, on top of the other one."""
    tips = [make_branch(repository, name, {name: "new\n"}) for name in ("story-1", "story-2")]
    move, moves = Repository.move, list[str]()

    def late(self: Repository, branch: str, new: str, old: str | None) -> bool:
        if not moves:
            moves.append(new)
            merge_once(repository, "story-2", tips[1], token=2)
        return move(self, branch, new, old)

    monkeypatch.setattr(Repository, "move", late)
    merge_once(repository, "story-1", tips[0], token=1)
    assert sorted(read_merges(repository).values()) == ["story-1", "story-2"]
    assert repository.git("ls-tree", "--name-only", "main").split() == ["README", "check.py", "story-1", "story-2"]


def test_a_step_is_one_commit(repository: Repository, settings: Settings) -> None:
    """An agent that is started again finds what was done and does the rest; a late one changes nothing."""
    do_step(repository, STORY, f"{STORY}/1/function", {"README": "one\n"}, token=1)
    first = repository.tip(STORY)
    assert run_agent(settings, STORY, 1, 1, 2) == 0
    assert run_agent(settings, STORY, 1, 1, 1) == 0
    assert repository.git("log", "--format=%s", f"main..{STORY}").split() == [f"{STORY}/1/test", f"{STORY}/1/function"]
    assert first is not None
    assert repository.tip(STORY) != first


def test_a_late_agent_cannot_move_the_branch(repository: Repository) -> None:
    """A commit that was made on an old tip is not published."""
    with repository.worktree("late", 1, repository.base()) as folder:
        late = repository.commit(folder, "late")
        tip = make_branch(repository, STORY, {"README": "one\n"})
        assert not repository.move(STORY, late, None)
    assert repository.tip(STORY) == tip


def test_the_exit_code_of_an_agent(settings: Settings) -> None:
    """An agent that is to come back later ends with 75, one that fails with 1."""
    assert run_agent(evolve(settings, rate_limits=1.0), STORY, 1, 1, 1) == COME_BACK_LATER == 75
    assert run_agent(evolve(settings, faults=1.0), STORY, 1, 1, 1) == 1


def test_the_job_of_a_killed_worker_is_done_by_another(
    store: Store, settings: Settings, work: Callable[..., Any]
) -> None:
    """A job whose worker's process is gone is queued again at once, and done."""
    Stories(store, settings).begin(STORY)
    asked = "from leverframe.coordination.processes import this_process as p; print(p().number, p().start)"
    ended = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    gone = Process(this_process().host, *map(int, ended.stdout.split()))
    assert store.claim(AgentJob.lease, worker="killed", process=gone) is not None
    assert isinstance(work(), Done)
    assert events(store, AgentJob, (STORY, "coder", "1")) == ["Claimed", "Reaped", "Claimed", "Finished"]


def test_whoever_has_lost_the_lease_moves_nothing(store: Store, settings: Settings) -> None:
    """The story's move is taken back with the end of the job, where that is refused."""
    stories = Stories(store, settings)
    stories.begin(STORY)
    job: Any = store.claim(AgentJob.lease, worker="somebody")
    store.send(AgentJob, job.key, HostRestarted())
    with pytest.raises(LeaseLost):
        stories.coded(job)
    assert events(store, Pipeline, STORY) == ["DepsMet"]
    assert [each.key for each in store.find(AgentJob)] == [job.key]


# ---------------------------------------------------------------- git


@pytest.mark.parametrize("name", ["HEAD.lock", "refs/heads/main.lock"])
def test_the_lock_of_a_killed_git_is_removed(repository: Repository, name: str) -> None:
    """A branch whose lock was left behind can be moved."""
    lock = repository.git_folder / name
    lock.touch()
    long_ago = time.time() - 3600
    os.utime(lock, (long_ago, long_ago))
    tip = make_branch(repository, STORY, {"README": "one\n"})
    assert repository.move("main", tip, repository.base())
    assert not lock.exists()


def test_the_worktree_of_an_earlier_owner_is_removed(repository: Repository) -> None:
    """Who has the lease now removes what earlier owners left, and nothing of a later one."""
    with repository.worktree("work", 1, "main") as first:
        with repository.worktree("work", 2, "main") as second:
            assert (first.exists(), second.exists()) == (False, True)
            with repository.worktree("work", 1, "main"):
                assert second.exists()
    assert list(first.parent.iterdir()) == []


def test_a_worktree_is_one_as_git_knows_them(repository: Repository) -> None:
    """Git's own commands work in it, on its own files; the repository is not told of it."""
    with repository.worktree("work", 1, "main") as folder:
        assert (folder / "README").read_text() == FILES["README"]
        assert repository.git("status", "--porcelain", at=folder) == ""
        (folder / "README").unlink()
        new = repository.commit(folder, "without")
        assert repository.git("log", "--format=%P", "-1", new) == repository.base()
    assert repository.git("worktree", "list").count("\n") == 0


def test_a_merge_that_git_refuses(repository: Repository) -> None:
    """A conflict is told apart from a git that fails."""
    one, two = (make_branch(repository, name, {"README": name}) for name in ("story-1", "story-2"))
    merge_once(repository, "story-1", one, token=1)
    with pytest.raises(Conflict, match="README"):
        merge_once(repository, "story-2", two, token=2)
    with pytest.raises(GitError):
        repository.git("rev-parse", "--verify", "refs/heads/nothing")


# ---------------------------------------------------------------- the command


def test_a_branch_that_is_checked_out_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A branch whose files somebody has before them is not merged into; nothing is made."""
    bare = Repository.create(tmp_path / "bare.git", "main", FILES)
    bare.git("worktree", "add", "--quiet", str(tmp_path / "mine"), "main")
    assert main(["--repository", str(tmp_path / "mine")]) == 2
    assert "main is checked out" in capsys.readouterr().err
    assert not bare.folder.exists()


def test_a_branch_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A repository without the branch is refused; nothing is made."""
    bare = Repository.create(tmp_path / "bare.git", "main", FILES)
    assert main(["--repository", str(bare.path), "--into", "trunk"]) == 2
    assert "has no branch trunk" in capsys.readouterr().err
    assert not bare.folder.exists()


def test_a_repository_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stories are merged into another branch of a repository that is checked out, with gates of one's own."""
    bare = Repository.create(tmp_path / "bare.git", "main", {"README": "mine\n"})
    bare.git("branch", "stories")
    mine = tmp_path / "mine"
    bare.git("worktree", "add", "--quiet", str(mine), "main")
    gate = "git diff --check stories HEAD"
    assert (
        main(["--repository", str(mine), "--into", "stories", "--stories", "1", "--workers", "1", "--gate", gate]) == 0
    )
    assert "story-1: done" in capsys.readouterr().out
    assert list(read_merges(Repository(bare.path, "stories")).values()) == [STORY]
    assert bare.git("status", "--porcelain", at=mine) == ""


# ---------------------------------------------------------------- what others on the host see


def command_of(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8")


def test_the_store_is_not_named_in_a_command(settings: Settings) -> None:
    """No worker's command has the store's URL in it, where a password may be."""
    with Crew(settings, 1) as crew:
        (worker,) = crew.processes
        until(lambda: "orchestrator.workers" in command_of(worker.pid))
        assert settings.url not in command_of(worker.pid)
    assert worker.returncode == 0


def test_an_agent_is_not_told_of_the_store(settings: Settings, store: Store, repository: Repository) -> None:
    """An agent gets all settings but the store's URL, by its standard input, and does its work with them."""
    number, told = 1, settings.without_store()
    assert told == evolve(settings, url="")
    program = [sys.executable, "-m", "orchestrator.agent", STORY, str(number), "1", "1"]
    agent = subprocess.Popen(program, cwd=Path(orchestrator.__file__).parents[1], stdin=subprocess.PIPE)
    with agent:
        told.tell(agent)
        assert agent.wait(60) == 0
    assert repository.tip(STORY) is not None


def test_settings_are_handed_to_what_has_ended(settings: Settings) -> None:
    """A process that has ended before it was told is no trouble for who tells it."""
    ended = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)
    with ended:
        ended.wait()
        settings.tell(ended)
    assert ended.returncode == 0
