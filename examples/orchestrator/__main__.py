"""The command: makes the stories, keeps workers at work, shows what happens, and ends when all stories have.

    python -m examples.orchestrator --stories 5 --workers 3

It keeps nothing itself.  Killed and started again with the same repository, it goes on.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from pathlib import Path

from leverframe import Store, open_store
from leverframe.machines.pipeline import Active, Done, Pipeline

from .crew import Crew
from .progress import Progress
from .repository import GitError, Repository
from .settings import Settings
from .story import Stories

__all__ = ["main"]

CHECK = '''"""Runs every test of the repository."""

import runpy
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, "features")
for test in sorted(Path("features").glob("test_*.py")):
    runpy.run_path(str(test))
'''
FILES = {"check.py": CHECK, "README": "Made by agents.\n"}
GATES = (f"{shlex.quote(sys.executable)} check.py",)
"""For a repository that has its own check, as one that is made here."""

LOOK_EVERY = 0.2


class Unsuitable(Exception):
    """Stories cannot be merged in that repository."""


def main(arguments: list[str] | None = None) -> int:
    """0 if every story is done, 1 if one has failed, 2 if there is no work to be done in that repository."""
    options = parser().parse_args(arguments)
    try:
        settings = prepare(options)
    except (GitError, Unsuitable) as problem:
        print(problem, file=sys.stderr)
        return 2
    with open_store(settings.url) as store:
        print(f"repository {settings.repository}, store {store.location}", flush=True)
        return run(store, settings, options.stories, options.workers)


def prepare(options: argparse.Namespace) -> Settings:
    """Find the repository, or make it.  Raises `Unsuitable`, `GitError`."""
    repository, gates = find_repository(options.repository, options.into, tuple(options.gate))
    check(repository)
    repository.folder.mkdir(exist_ok=True)
    return Settings(
        repository=str(repository.path),
        into=options.into,
        url=options.db or f"sqlite:///{repository.folder}/store.db",
        seed=options.seed,
        faults=options.faults,
        rate_limits=options.rate_limits,
        mistakes=options.mistakes,
        attempts=options.attempts,
        rounds=options.rounds,
        gates=gates,
    )


def run(store: Store, settings: Settings, number: int, workers: int) -> int:
    """Until every story has ended, however often anything is killed."""
    stories, progress = Stories(store, settings), Progress(store)
    for name in [f"story-{each}" for each in range(1, number + 1)]:
        stories.begin(name)
    with Crew(settings, workers) as crew:
        while store.find(Pipeline, Active, limit=1):
            crew.replace_ended()
            stories.give_up()
            progress.show()
            time.sleep(LOOK_EVERY)
    progress.show()
    return 0 if set(store.count(Pipeline)) == {Done} else 1


# ---------------------------------------------------------------- what it is told


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m examples.orchestrator", description=__doc__)
    add = made.add_argument
    add("--stories", type=int, default=5, help="how many there are to be")
    add("--workers", type=int, default=3, help="how many processes work on them")
    add("--repository", type=Path, help="where it is, or is to be made; a temporary folder without it")
    add("--into", default="main", help="the branch that stories are merged into")
    add("--db", help="URL of the store; a SQLite file inside of the repository without it")
    add("--gate", action="append", default=[], help="a command that a branch has to pass; may be repeated")
    add("--seed", type=int, default=1, help="picks which agents have trouble")
    add("--faults", type=float, default=0.0, help="share of steps behind which an agent fails")
    add("--rate-limits", type=float, default=0.0, help="share of steps before which it is told to come back later")
    add("--mistakes", type=float, default=0.0, help="share of rounds whose work does not pass the gates")
    add("--attempts", type=int, default=10, help="how often a job is tried before its story is blocked")
    add("--rounds", type=int, default=3, help="how often an agent and the gates are tried before it is blocked")
    return made


def find_repository(path: Path | None, into: str, gates: tuple[str, ...]) -> tuple[Repository, tuple[str, ...]]:
    """The repository, and what its branches have to pass; it is made where there is none."""
    path = Path(tempfile.mkdtemp(prefix="orchestrator-"), "stories.git") if path is None else path.absolute()
    if not path.exists():
        Repository.create(path, into, FILES)
    repository = Repository(path, into)
    return repository, gates or find_gates(repository)


def find_gates(repository: Repository) -> tuple[str, ...]:
    """The repository's own check, if it has one."""
    if repository.tip(repository.into) is None:
        return ()
    return GATES if repository.git("ls-tree", "--name-only", repository.into, "check.py") else ()


def check(repository: Repository) -> None:
    """Raises `Unsuitable` where stories cannot be merged."""
    path, into = repository.path, repository.into
    if repository.tip(into) is None:
        raise Unsuitable(f"{path} has no branch {into}; make it, or name another one by --into")
    if f"branch refs/heads/{into}" in repository.git("worktree", "list", "--porcelain").splitlines():
        raise Unsuitable(f"{into} is checked out in {path}; check out another branch there, or name one by --into")


if __name__ == "__main__":
    sys.exit(main())
