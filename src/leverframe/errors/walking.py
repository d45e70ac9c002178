"""What a path through a machine came to that must not be."""

from __future__ import annotations

from attrs import define

from leverframe.errors.root import LeverframeError

__all__ = ["PathFailed"]


@define(slots=False, repr=False)
class PathFailed(LeverframeError, AssertionError):
    """On the path `path` of a machine something happened that must not, or it cannot be gone: `problem`."""

    machine: str
    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.machine}, path {self.path}: {self.problem}"
