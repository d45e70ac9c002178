"""Whose turn is it to write?

Threads of this process stand in a line, and whoever is first in it takes the lock between processes.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from leverframe.errors import ReadOnly, StoreError, StoreFailure, StoreTimeout
from leverframe.persistence.sqlite.files import NOT_WRITABLE
from leverframe.persistence.sqlite.location import Location
from leverframe.persistence.sqlite.lock_file import LockFile

__all__ = ["Line", "Ticket", "Turn"]


WAITS_FOR_ITSELF = (
    "this thread is inside a write of its own, and a second one would wait for ever; "
    "let that one end, and use no store in a handler"
)


class Ticket:
    """One place in the line, or the turn itself once it was called."""

    __slots__ = ("called", "thread")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.called: threading.Lock | None = None


class Line:
    """First come, first served: the turn is handed to the ticket that has waited longest, never up for grabs."""

    __slots__ = ("_guard", "_waiting", "owner")

    def __init__(self) -> None:
        # Re-entrant: the garbage collector may run `leave` for a forgotten ticket in the middle of another call.
        self._guard = threading.RLock()
        self._waiting: deque[Ticket] = deque()
        self.owner: Ticket | None = None

    def enter_at_once(self, ticket: Ticket) -> bool:
        with self._guard:
            if self.owner is None:
                self.owner = ticket
                return True
        return False

    def enter(self, ticket: Ticket, seconds: float) -> bool:
        """Wait for the turn, at most so long.  After any exception the ticket is out of the line."""
        called = ticket.called = threading.Lock()
        called.acquire()
        try:
            if not self._stand_in_line(ticket) and not called.acquire(timeout=bounded(seconds)):
                self._withdraw(ticket)
            return self.owner is ticket
        except BaseException:
            self._withdraw(ticket)
            self.leave(ticket)
            raise

    def leave(self, ticket: Ticket) -> None:
        """Hand the turn on; no harm if the ticket does not have it."""
        with self._guard:
            if self._waiting and self._waiting[0] is ticket:
                self._waiting.popleft()
            if self.owner is ticket:
                # Named before it leaves the line: an interrupt in between must not lose it.
                self.owner = self._waiting[0] if self._waiting else None
                if self.owner is not None and self.owner.called is not None:
                    self._waiting.popleft()
                    self.owner.called.release()

    def waiting(self) -> int:
        return len(self._waiting)

    def _stand_in_line(self, ticket: Ticket) -> bool:
        with self._guard:
            if self.owner is None:
                self.owner = ticket
                return True
            self._waiting.append(ticket)
            return False

    def _withdraw(self, ticket: Ticket) -> None:
        """Take the ticket out of the line, unless it has been given the turn, or never stood there."""
        with self._guard:
            if ticket in self._waiting and self.owner is not ticket:
                self._waiting.remove(ticket)


class Turn:
    """The right to write to one database: among threads by the line, among processes by the lock file."""

    __slots__ = ("_location", "_lock_file", "line")

    def __init__(self, location: Location, lock_file: LockFile | None) -> None:
        self.line = Line()
        self._location = location
        self._lock_file = lock_file

    def take(self, ticket: Ticket) -> float:
        """Wait for the turn; the seconds that are left of the timeout.

        Raises `StoreTimeout`, and `StoreFailure` for a thread that has the turn already.  After any exception
        the turn is not taken.
        """
        try:
            if self.line.enter_at_once(ticket) and (self._lock_file is None or self._lock_file.lock_at_once()):
                return self._location.timeout
            return self._wait(ticket, time.monotonic() + self._location.timeout)
        except BaseException as error:
            self.give_back(ticket)
            if isinstance(error, OSError) and not isinstance(error, StoreTimeout):
                raise self._lock_file_fault(error) from error
            raise

    def extend_to_processes(self) -> bool:
        """Whether the turn, taken among threads, could at once be had among processes too."""
        try:
            return self._lock_file is None or self._lock_file.lock_at_once()
        except OSError:
            return False

    def give_back(self, ticket: Ticket) -> None:
        """Let the next one write; no harm if the ticket does not have the turn."""
        if self.line.owner is ticket:
            if self._lock_file is not None:
                self._lock_file.unlock()
            self.line.leave(ticket)

    def belongs_to(self, thread: int) -> bool:
        owner = self.line.owner
        return owner is not None and owner.thread == thread

    def is_held_by(self, ticket: Ticket) -> bool:
        return self.line.owner is ticket

    def waiting(self) -> int:
        """How many threads of this process stand in line."""
        return self.line.waiting()

    def close(self) -> None:
        """Do without the lock file from here on: who still stands in line comes to see that all is closed."""
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def _lock_file_fault(self, error: OSError) -> StoreError:
        if isinstance(error, PermissionError):
            return ReadOnly(self._location.text, NOT_WRITABLE)
        return StoreFailure(self._location.text, f"its lock file cannot be used: {error}")

    def _wait(self, ticket: Ticket, deadline: float) -> float:
        if self.line.owner is not ticket and self.belongs_to(ticket.thread):
            raise StoreFailure(self._location.text, WAITS_FOR_ITSELF)
        if not (self.line.owner is ticket or self.line.enter(ticket, deadline - time.monotonic())):
            raise StoreTimeout(self._location.text, self._location.timeout)
        if not (self._lock_file is None or self._lock_file.lock(deadline - time.monotonic())):
            raise StoreTimeout(self._location.text, self._location.timeout)
        return max(0.0, deadline - time.monotonic())


def bounded(seconds: float) -> float:
    """What a lock takes as its timeout; a negative one would mean for ever."""
    return min(max(0.0, seconds), threading.TIMEOUT_MAX)
