"""Whose turn is it to write?

Threads of this process stand in a line, and whoever is first in it takes the lock between processes.
"""

from __future__ import annotations

import copy
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from leverframe.errors import ReadOnly, StoreError, StoreFailure, StoreTimeout
from leverframe.persistence.sqlite.files import NOT_WRITABLE
from leverframe.persistence.sqlite.location import Location
from leverframe.persistence.sqlite.lock_file import LockFile

__all__ = ["Line", "Ticket", "Turn", "Work"]

Work: TypeAlias = Callable[[Any], Any]
"""What is done with a writer."""

WAITS_FOR_ITSELF = (
    "this thread is inside a write of its own, and a second one would wait for ever; "
    "let that one end, and use no store in a handler"
)


class Ticket:
    """One place in the line, or the turn itself once it was called.

    `work` is what whoever has the turn may do along with its own, for `tenant`; None if the place's owner wants a turn
    of its own.  Once the ticket is `settled` its work is done, and `result` or `error` is what came of it.
    """

    __slots__ = ("called", "error", "result", "settled", "tenant", "thread", "work")

    def __init__(self, work: Work | None = None, tenant: str = "") -> None:
        self.thread = threading.get_ident()
        self.called: threading.Lock | None = None
        self.work = work
        self.tenant = tenant
        self.settled = False
        self.result: Any = None
        self.error: BaseException | None = None

    def call(self) -> None:
        """Let its owner go on; a second time it does nothing."""
        if self.called is not None and self.called.locked():
            self.called.release()


class Line:
    """First come, first served: the turn is handed to the ticket that has waited longest, never up for grabs.

    The owner of the turn may take along what waits, in its order.  When it leaves, who was taken along and is settled
    is called, and who is not stands in front again.
    """

    __slots__ = ("_guard", "_waiting", "owner", "taken")

    def __init__(self) -> None:
        # Re-entrant: the garbage collector may run `leave` for a forgotten ticket in the middle of another call.
        self._guard = threading.RLock()
        self._waiting: deque[Ticket] = deque()
        self.taken: list[Ticket] = []
        self.owner: Ticket | None = None

    def enter_at_once(self, ticket: Ticket) -> bool:
        with self._guard:
            if self.owner is None:
                self.owner = ticket
                return True
        return False

    def enter(self, ticket: Ticket, seconds: float) -> bool:
        """Wait for the turn, at most so long; False also if the ticket was settled meanwhile.

        Who was taken along waits until it is settled.  After any exception the ticket is out of the line.
        """
        called = ticket.called = threading.Lock()
        called.acquire()
        try:
            called_in_time = self._stand_in_line(ticket) or called.acquire(timeout=bounded(seconds))
            if not (called_in_time or self._withdraw(ticket)):
                called.acquire()
            return self.owner is ticket
        except BaseException:
            self._forget(ticket)
            self.leave(ticket)
            raise

    def leave(self, ticket: Ticket) -> None:
        """Hand the turn on; no harm if the ticket does not have it."""
        with self._guard:
            if self.owner is ticket and not (self._waiting or self.taken):
                self.owner = None
                return
            try:
                self._hand_on(ticket)
            except BaseException:  # an interrupt, which must leave nobody uncalled
                self._hand_on(ticket)
                raise

    def waiting(self) -> int:
        return len(self._waiting)

    # ------------------------------------------------------------ taking along

    def take_along(self) -> Ticket | None:
        """The next in line, whose work the owner of the turn does now; None if that wants a turn of its own."""
        with self._guard:
            following = self._waiting[0] if self._waiting else None
            if following is None or following.work is None:
                return None
            # Noted before it leaves the line: an interrupt in between must not lose it.
            self.taken.append(following)
            self._waiting.popleft()
            return following

    def settle(self, error: BaseException | None = None) -> None:
        """What was done for those who were taken along counts, or has come to nothing by this error."""
        with self._guard:
            for ticket in self.taken:
                if error is not None:
                    ticket.error = twin(error)
                ticket.settled = True

    def separate(self) -> None:
        """Put those who were taken along in front again, each for a turn of its own."""
        with self._guard:
            for ticket in self.taken:
                ticket.work = ticket.result = ticket.error = None
            self._let_go()

    # ------------------------------------------------------------ steps

    def _hand_on(self, ticket: Ticket) -> None:
        """Done twice, it does what was left undone the first time, and no more."""
        if self.owner is ticket:
            self._let_go()
            if self._waiting and self._waiting[0] is ticket:
                self._waiting.popleft()
            self.owner = self._waiting[0] if self._waiting else None
        if self.owner is not None and self._waiting and self._waiting[0] is self.owner:
            self.owner.call()
            self._waiting.popleft()

    def _let_go(self) -> None:
        for ticket in self.taken:
            if ticket.settled:
                ticket.call()
        for ticket in reversed(self.taken):
            if not (ticket.settled or ticket in self._waiting):
                self._waiting.appendleft(ticket)
        self.taken.clear()

    def _stand_in_line(self, ticket: Ticket) -> bool:
        with self._guard:
            if self.owner is None:
                self.owner = ticket
                return True
            self._waiting.append(ticket)
            return False

    def _withdraw(self, ticket: Ticket) -> bool:
        """Take the ticket out of the line, unless it has been given the turn; False if it was taken along."""
        with self._guard:
            if ticket in self._waiting and self.owner is not ticket:
                self._waiting.remove(ticket)
            return ticket not in self.taken

    def _forget(self, ticket: Ticket) -> None:
        """Nobody waits for this ticket any more, whether or not its work is being done."""
        with self._guard:
            if not self._withdraw(ticket):
                self.taken.remove(ticket)


class Turn:
    """The right to write to one database: among threads by the line, among processes by the lock file."""

    __slots__ = ("_location", "_lock_file", "line")

    def __init__(self, location: Location, lock_file: LockFile | None) -> None:
        self.line = Line()
        self._location = location
        self._lock_file = lock_file

    def take(self, ticket: Ticket) -> float | None:
        """Wait for the turn; the seconds that are left of the timeout, or None if the ticket was settled meanwhile.

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

    def _wait(self, ticket: Ticket, deadline: float) -> float | None:
        if self.line.owner is not ticket and self.belongs_to(ticket.thread):
            raise StoreFailure(self._location.text, WAITS_FOR_ITSELF)
        if not (self.line.owner is ticket or self.line.enter(ticket, deadline - time.monotonic())):
            if ticket.settled:
                return None
            raise StoreTimeout(self._location.text, self._location.timeout)
        if not (self._lock_file is None or self._lock_file.lock(deadline - time.monotonic())):
            raise StoreTimeout(self._location.text, self._location.timeout)
        return max(0.0, deadline - time.monotonic())


def bounded(seconds: float) -> float:
    """What a lock takes as its timeout; a negative one would mean for ever."""
    return min(max(0.0, seconds), threading.TIMEOUT_MAX)


def twin(error: BaseException) -> BaseException:
    """The same error once more: no two threads raise one object."""
    other = copy.copy(error)
    other.__cause__ = error.__cause__
    return other
