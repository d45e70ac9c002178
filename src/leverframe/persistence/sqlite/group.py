"""How do threads share a commit?  Whoever has the turn does its own work, and then what waits in line behind it.

Each piece of work that was taken along is done under a savepoint, so that one that raises takes back its own and no
other's.  Nobody is told anything before the commit has succeeded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from os import getpid
from typing import Any, TypeVar, cast

from leverframe.errors import StoreError
from leverframe.persistence.backend import Writer
from leverframe.persistence.sqlite.connection import roll_back
from leverframe.persistence.sqlite.transaction import Transaction
from leverframe.persistence.sqlite.turn import Ticket

__all__ = ["Group"]

T = TypeVar("T")

# Other processes wait meanwhile.
TAKEN_AT_MOST = 63


class Group(Transaction):
    """The transaction of one piece of work, and of those that wait while it is done."""

    __slots__ = ()

    def do(self, work: Callable[[Writer], T]) -> T:
        """Do the work in a turn of this thread, or have it done in another's; its result, once it is committed."""
        session, ticket = self._session, Ticket(work, self.tenant)
        try:
            if not self._take_turn(ticket):
                return cast("T", outcome(ticket))
            result = work(self)
            if session.turn.line.waiting() and not is_main(ticket.thread):
                if not self._take_along():
                    result = self._do_alone(work)
                self._commit_together(ticket)
            else:
                self._commit(ticket)
            return result
        finally:
            if self._ticket is not None or session.closed:
                self._end(ticket)

    def _take_along(self) -> bool:
        """Do the work of those who wait, in their order; False if that has cost the transaction."""
        while (ticket := self._next()) is not None:
            self._do_for(ticket)
            if not self._connection.in_transaction:
                return False
        try:
            self.flush()
        except StoreError:
            return False
        return True

    def _next(self) -> Ticket | None:
        session = self._session
        if session.process != getpid():
            # The work has forked: from here on the connection is the parent's.
            session.check_usable()
        line = session.turn.line
        # Who waits behind a close() is told that the store is closed.
        return None if session.closed or len(line.taken) == TAKEN_AT_MOST else line.take_along()

    def _do_for(self, ticket: Ticket) -> None:
        assert ticket.work is not None
        try:
            ticket.result = self.run_apart(ticket.work, ticket.tenant)
        except KeyboardInterrupt:
            # It is this thread's.  The work of the others is done later.
            raise
        except BaseException as error:
            ticket.error = error

    def _do_alone(self, work: Callable[[Writer], T]) -> T:
        """Begin anew with one's own work, and leave the others to turns of their own: only the culprit fails then."""
        self._session.turn.line.separate()
        roll_back(self._connection)
        self.begin_anew()
        self._begin(self._session.where.timeout)
        return work(self)

    def _commit_together(self, ticket: Ticket) -> None:
        try:
            self._write_out()
        except StoreError as error:
            self._session.turn.line.settle(error)
            raise
        self._session.turn.line.settle()
        self._session.turn.give_back(ticket)
        self._ticket = None

    def _give_up(self, ticket: Ticket) -> None:
        turn = self._session.turn
        if self._committing and turn.is_held_by(ticket) and not self._connection.in_transaction:
            # An interrupt came behind the commit: what was done for the others is done.
            turn.line.settle()
        super()._give_up(ticket)


def is_main(thread: int) -> bool:
    """Whether it is the thread where signals come in: what they raise would be taken for another's failure there."""
    return thread == threading.main_thread().ident


def outcome(ticket: Ticket) -> Any:
    """What came of the work that somebody else has done."""
    error = ticket.error
    if error is None:
        return ticket.result
    try:
        raise error
    finally:
        # The error's traceback knows what knows the error: that would wait for the garbage collector.
        ticket.error = None
        del error
