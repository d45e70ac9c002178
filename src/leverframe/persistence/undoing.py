"""What a program has noted of a transaction that is not committed, and has to forget where it is taken back."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Undoing"]


class Undoing(threading.local):
    """By thread, what is to be done if the transaction that it is inside of is taken back."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def note(self, undo: Callable[[], None]) -> None:
        """If it is taken back, do this."""
        self._undo.append(undo)

    def keep(self) -> None:
        """It is committed."""
        self._undo.clear()

    def undo(self) -> None:
        """It is taken back: undo what was noted, the last first."""
        while self._undo:
            self._undo.pop()()
