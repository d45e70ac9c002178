"""At most so many at once, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque

__all__ = ["Permits"]


class Permits:
    """A number of permits.  One that is given back goes to whoever waits longest, and to nobody who came later."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    def take(self, timeout: float) -> bool:
        """Wait for a permit; False if none was given back in time."""
        turn = self._queue_up()
        if turn is None:
            return True
        try:
            taken = turn.acquire(timeout=timeout)
        except BaseException:
            if not self._leave_queue(turn):
                self.give_back()
            raise
        # One that was handed over in the last moment is ours.
        return taken or not self._leave_queue(turn)

    def give_back(self) -> None:
        """Hand a permit to the next one, or keep it for whoever comes."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._number += 1

    def let_all_in(self) -> None:
        """Let all who wait go on at once, and all who come."""
        with self._lock:
            self._number += 1 << 30
            while self._waiting:
                self._waiting.popleft().release()

    def _queue_up(self) -> threading.Lock | None:
        """The lock that is released when it is our turn; None if it is now."""
        with self._lock:
            if self._number:
                self._number -= 1
                return None
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
            return turn

    def _leave_queue(self, turn: threading.Lock) -> bool:
        """Wait no more; False if it was our turn meanwhile."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return True
            return False
