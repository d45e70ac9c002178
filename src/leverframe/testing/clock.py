"""The time of a simulation: it stands still until somebody moves it."""

from __future__ import annotations

from datetime import datetime

from leverframe.persistence.instants import from_microseconds, to_microseconds
from leverframe.testing.chance import START

__all__ = ["SECOND", "VirtualClock"]

SECOND = 1_000_000
"""Microseconds."""


class VirtualClock:
    """A clock as `open_store` takes it.

    >>> clock = VirtualClock()
    >>> clock.advance(60 * SECOND)
    >>> clock().minute
    1
    """

    def __init__(self) -> None:
        self.began = to_microseconds(START)
        self.microseconds = self.began

    def __call__(self) -> datetime:
        return from_microseconds(self.microseconds)

    def advance(self, microseconds: int) -> None:
        """Let so many microseconds pass."""
        self.microseconds += microseconds

    def seconds(self) -> float:
        """The time as a clock tells it that only goes forward."""
        return self.passed / SECOND

    @property
    def passed(self) -> int:
        """Microseconds since the simulation began."""
        return self.microseconds - self.began
