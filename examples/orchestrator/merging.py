"""Merges in git, each made once: git is asked first whether it was, and the branch is moved by compare-and-set only."""

from __future__ import annotations

from pathlib import Path

from .repository import GitError, Repository

__all__ = ["Conflict", "merge", "merge_once"]


class Conflict(Exception):
    """The branch cannot be merged."""


def merge_once(repository: Repository, story: str, tip: str, token: int) -> str:
    """Merge a story, unless that is done; the commit that has merged it.  Raises `Conflict`, `GitError`."""
    while True:
        # First what is there, then the question: a merge that is made behind this moves the branch.
        old = repository.base()
        if found := repository.find_merge(story):
            return found
        with repository.worktree(f"{story}-merge", token, old) as folder:
            new = merge(repository, folder, story, tip, token)
        if new == old or repository.move(repository.into, new, old):
            return new


def merge(repository: Repository, folder: Path, story: str, tip: str, token: int) -> str:
    """Merge in a copy; its last commit: the one before, where somebody has merged the branch by hand.

    Raises `Conflict`, `GitError`.
    """
    message = f"Merge {story}\n\nStory: {story}\nLease: {token}"
    done = repository.try_git("merge", "--no-ff", "--quiet", "--message", message, tip, at=folder)
    # A git that was killed, or has failed, has not found a conflict.
    if done.returncode == 1 and repository.git("ls-files", "--unmerged", at=folder):
        raise Conflict((done.stdout or done.stderr).strip())
    if done.returncode != 0:
        raise GitError(f"git merge ended with {done.returncode}: {done.stderr.strip()}")
    return repository.git("rev-parse", "HEAD", at=folder)
