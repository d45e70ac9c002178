"""The repository: git as a program of its own, and nothing that is not in it after a crash.

Two promises carry the rest.  A branch moves only by compare-and-set (`move`): who comes late changes nothing.  And what
was done is found by the trailers of its commit (`find`): nobody has to remember it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["GitError", "Repository"]

OPTIONS = {
    "user.name": "Orchestrator",
    "user.email": "orchestrator@leverframe.invalid",
    "commit.gpgSign": "false",
    "core.hooksPath": os.devnull,
    "core.autocrlf": "false",
    "gc.auto": "0",
    "advice.detachedHead": "false",
}
NOTHING = "0" * 40
"""What git calls a branch that is not there."""

STALE = 3.0
"""Seconds after which a lock file was left by a git that was killed: git holds one for milliseconds."""

PATIENCE = 20.0
"""Seconds for which a branch that is locked is tried again."""


class GitError(Exception):
    """git refused."""


class Repository:
    """A repository at a path, bare or not; `into` is the branch that stories are merged into."""

    def __init__(self, path: Path, into: str) -> None:
        self.path = path
        self.into = into

    @property
    def folder(self) -> Path:
        """A folder inside of git's own, which no clone or commit ever sees."""
        return self.git_folder / "orchestrator"

    @property
    def git_folder(self) -> Path:
        return Path(self.git("rev-parse", "--path-format=absolute", "--git-common-dir"))

    def git(self, *arguments: str, at: Path | None = None) -> str:
        """What git prints.  Raises `GitError`."""
        done = self.try_git(*arguments, at=at)
        if done.returncode != 0:
            raise GitError(f"git {arguments[0]}: {(done.stderr or done.stdout).strip()}")
        return done.stdout.strip()

    def try_git(self, *arguments: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
        options = [text for name, value in OPTIONS.items() for text in ("-c", f"{name}={value}")]
        return subprocess.run(
            ["git", *options, *arguments],
            cwd=at or self.path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )

    # ------------------------------------------------------------ branches

    def tip(self, branch: str) -> str | None:
        """The last commit of a branch; None if there is none.  Raises `GitError`."""
        done = self.try_git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        # A git that was killed has not said that there is none.
        if done.returncode not in (0, 1):
            raise GitError(f"git rev-parse ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip() or None

    def base(self) -> str:
        """The last commit of `into`.  Raises `GitError`."""
        return self.git("rev-parse", "--verify", f"refs/heads/{self.into}")

    def commits_ahead(self, commit: str) -> int:
        """How many commits it has that `into` has not."""
        return int(self.git("rev-list", "--count", f"refs/heads/{self.into}..{commit}"))

    def find(self, branch: str, trailer: str, value: str) -> str | None:
        """The commit of a branch that says so of itself; None if there is none."""
        if self.tip(branch) is None:
            return None
        return self.git("log", "-1", "--format=%H", f"--grep=^{trailer}: {value}$", f"refs/heads/{branch}") or None

    def find_merge(self, story: str) -> str | None:
        """The commit that has merged a story into `into`; None if there is none."""
        into = f"refs/heads/{self.into}"
        return (
            self.git("log", "-1", "--merges", "--first-parent", "--format=%H", f"--grep=^Story: {story}$", into) or None
        )

    def move(self, branch: str, new: str, old: str | None) -> bool:
        """Compare-and-set: let a branch that is at `old` be at `new`; False, and nothing is changed, if it is not."""
        reference, deadline = f"refs/heads/{branch}", time.monotonic() + PATIENCE
        while True:
            done = self.try_git("update-ref", reference, new, old or NOTHING)
            if done.returncode == 0:
                return True
            if self.tip(branch) != old:
                return False
            if time.monotonic() > deadline:
                raise GitError(f"git update-ref: {done.stderr.strip()}")
            # Somebody else is moving it at this moment; or was, and was killed.
            self._remove_stale_locks(reference)
            time.sleep(0.05)

    def _remove_stale_locks(self, reference: str) -> None:
        """A git that wakes up again after this finds its lock gone, and fails."""
        for lock in (self.git_folder / "HEAD.lock", self.git_folder / f"{reference}.lock"):
            try:
                if time.time() - lock.stat().st_mtime > STALE:
                    lock.unlink()
            except FileNotFoundError:
                continue

    # ------------------------------------------------------------ worktrees

    @contextmanager
    def worktree(self, work: str, token: int, commit: str) -> Generator[Path]:
        """A checked-out copy for the owner of a lease alone, on no branch, while the block runs.

        Copies for the same work under earlier leases are removed: their owners have been killed, or are late.
        """
        folder = self.folder / "worktrees" / work
        self._remove_earlier(folder, token)
        folder.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(prefix=f"{token}-", dir=folder))
        try:
            self._check_out(path, commit)
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _check_out(self, path: Path, commit: str) -> None:
        """What `git worktree add` does, but for telling the repository.

        A git that is killed while it does that leaves files that are empty, and `git worktree` fails from then on.
        """
        own = path / ".git"
        own.mkdir()
        (own / "commondir").write_text(f"{self.git_folder}\n", encoding="utf-8")
        (own / "HEAD").write_text(self.git("rev-parse", "--verify", f"{commit}^{{commit}}") + "\n", encoding="utf-8")
        self.git("read-tree", "--reset", "-u", "HEAD", at=path)

    def _remove_earlier(self, folder: Path, token: int) -> None:
        for path in folder.iterdir() if folder.exists() else ():
            if int(path.name.partition("-")[0]) < token:
                shutil.rmtree(path, ignore_errors=True)

    def commit(self, worktree: Path, message: str) -> str:
        """Commit all that is there; the commit."""
        self.git("add", "--all", at=worktree)
        self.git("commit", "--quiet", "--allow-empty", "--message", message, at=worktree)
        return self.git("rev-parse", "HEAD", at=worktree)

    # ------------------------------------------------------------ a fresh one

    @classmethod
    def create(cls, path: Path, into: str, files: Mapping[str, str]) -> Repository:
        """Make a bare one with a first commit; whole, or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            work = Path(folder)
            first = cls(work, into)
            first.git("init", "--quiet", f"--initial-branch={into}")
            for name, text in files.items():
                (work / name).write_text(text, encoding="utf-8")
            first.commit(work, "First commit")
            first.git("config", "core.bare", "true")
            (work / ".git").rename(path)
        return cls(path, into)


def environment() -> dict[str, str]:
    """The process's own, without what git would make of it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return own | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
