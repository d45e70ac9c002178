"""How does one transaction begin and end?  Turn, begin, the caller's block, commit or roll back, turn given back."""

from __future__ import annotations

from os import getpid
from types import TracebackType

from leverframe.errors import StoreClosed, StoreFailure, StoreVanished
from leverframe.persistence.obstacles import CLOSED, OVER
from leverframe.persistence.sqlite.connection import roll_back, set_busy_timeout
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.faults import fault, is_busy
from leverframe.persistence.sqlite.files import GONE, identity
from leverframe.persistence.sqlite.session import Session
from leverframe.persistence.sqlite.turn import Ticket
from leverframe.persistence.sqlite.writer import SQLiteWriter

__all__ = ["Transaction"]

USED = "a transaction is used once; begin another with write()"


class Transaction(SQLiteWriter):
    """A writer as the block of a `with`.  Everything in it is committed at its end, or nothing of it.

    The turn goes back whatever happens, an interrupt in the middle of this very code included: what an
    interrupt keeps `__exit__` from doing is done when the object goes away.
    """

    __slots__ = ("_committing", "_session", "_ticket")

    def __init__(self, session: Session, tenant: str = "") -> None:
        super().__init__(session.connection, session.where, tenant)
        self._session = session
        self._ticket: Ticket | None = None
        self._committing = False

    def __enter__(self) -> SQLiteWriter:
        if self._ticket is not None:
            raise StoreFailure(self._location.text, USED)
        self._take_turn(Ticket())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        ticket = self._ticket
        if ticket is None:
            return
        try:
            if kind is None:
                self._commit(ticket)
        finally:
            self._end(ticket)

    def __del__(self) -> None:
        # An interrupt in `__init__` leaves an object without a ticket.
        ticket = getattr(self, "_ticket", None)
        if ticket is not None:
            self._give_up(ticket)

    # ------------------------------------------------------------ steps

    def _take_turn(self, ticket: Ticket) -> bool:
        """Wait for the turn, and begin; False if somebody else has settled the ticket meanwhile."""
        session = self._session
        if session.closed or session.process != getpid():
            session.check_usable()
        self._ticket = ticket
        try:
            seconds = session.turn.take(ticket)
            if seconds is None:
                return False
            if session.closed:
                # It was closed while this thread stood in line.
                raise StoreClosed(self._location.text, CLOSED)
            self._begin(seconds)
        except BaseException:
            self._give_up(ticket)
            raise
        return True

    def _begin(self, seconds: float) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            wait_to_begin(self._session, seconds, error)

    def _commit(self, ticket: Ticket) -> None:
        self._write_out()
        self._session.turn.give_back(ticket)
        self._ticket = None

    def _write_out(self) -> None:
        session = self._session
        if session.process != getpid():
            session.check_usable()
        self.flush()
        check_present(session)
        self._committing = True
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._committing = False
            raise fault(error, self._location, committing=True) from error
        if not session.checkpoints_itself:
            session.after_commit(1 + len(session.turn.line.taken))
        self._obstacle = OVER

    def _end(self, ticket: Ticket) -> None:
        if self._ticket is not None:
            self._give_up(ticket)
            self._ticket = None
        if self._session.closed:
            self._session.release()

    def _give_up(self, ticket: Ticket) -> None:
        """Roll back what is not committed, and let the next one write; a second time it does nothing."""
        session = self._session
        # In a process that was forked off in the middle, transaction and lock are its parent's.
        if session.turn.is_held_by(ticket) and session.process == getpid():
            self.end()
            try:
                if not session.released:
                    roll_back(session.connection)
            except sqlite3.Error as error:
                raise fault(error, session.where) from error
            finally:
                session.turn.give_back(ticket)


def check_present(session: Session) -> None:
    """A file that was deleted would take writes, and lose them, without a word: SQLite does not look."""
    path = session.where.path
    if path is not None and identity(path) != session.opened:
        raise StoreVanished(session.where.text, GONE)


def wait_to_begin(session: Session, seconds: float, error: sqlite3.Error) -> None:
    """Wait for a program that writes without our lock file, with what time is left."""
    if not is_busy(error):
        raise fault(error, session.where) from error
    begin_patiently(session, seconds)


def begin_patiently(session: Session, seconds: float) -> None:
    connection = session.connection
    try:
        set_busy_timeout(connection, seconds)
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        raise fault(error, session.where) from error
    finally:
        set_busy_timeout(connection, 0)
