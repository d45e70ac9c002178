"""Who waits for messages sleeps until the file has changed."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Watch"]

LOOKS_EVERY = 0.02
"""Seconds between two looks at the number that SQLite changes with each commit: a look reads no table."""


class Watch:
    """Sleeps until `changes` answers otherwise than when it was made, or for a while."""

    def __init__(self, changes: Callable[[], int]) -> None:
        self._changes = changes
        self._seen = changes()

    def sleep(self, seconds: float) -> bool:
        """At most so many seconds; whether something was committed."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, LOOKS_EVERY))
            seen = self._changes()
            if seen != self._seen:
                self._seen = seen
                return True
        return False
