"""What is wrong with a file that a machine is compared with."""

from __future__ import annotations

from attrs import define

from leverframe.errors.root import LeverframeError

__all__ = ["LockFileError"]


@define(slots=False, repr=False)
class LockFileError(LeverframeError, ValueError):
    """A lock file cannot be read; `path` is its name, `problem` says why."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path} {self.problem}; write it anew with: leverframe lock MACHINE... -o {self.path}"
