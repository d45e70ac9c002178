"""What is open, for all who use one database: connection, turn, and when these are given back."""

from __future__ import annotations

import contextlib
from os import getpid
from threading import get_ident

from leverframe.errors import StoreClosed
from leverframe.persistence.obstacles import CLOSED, FORKED
from leverframe.persistence.sqlite.driver import checkpoints_safely, sqlite3
from leverframe.persistence.sqlite.files import Identity, note_closed
from leverframe.persistence.sqlite.location import Location
from leverframe.persistence.sqlite.source import FileSource, MemorySource, Source
from leverframe.persistence.sqlite.turn import Ticket, Turn
from leverframe.persistence.sqlite.writer import SQLiteWriter

__all__ = ["Session"]

# A move writes four to six pages, so that this is about the thousand pages at which SQLite checkpoints by itself.
COMMITS_BETWEEN_CHECKPOINTS = 200


class Session:
    """One open database, shared by the backends of all its tenants."""

    def __init__(self, location: Location, turn: Turn, connection: sqlite3.Connection, opened: Identity | None) -> None:
        self.where = location
        self.opened = opened
        self.turn = turn
        self.connection = connection
        self.source = self._make_source()
        self.process = getpid()
        self.closed = False
        self.released = False
        self.checkpoints_itself = checkpoints_safely()
        self._pieces = 0
        self.joined: SQLiteWriter | None = None
        """The writer of `transaction()`, while some thread is inside of it."""

    def joined_writer(self) -> SQLiteWriter | None:
        """The writer of `transaction()`, for the thread that is inside of it."""
        joined = self.joined
        return joined if joined is not None and self.turn.belongs_to(get_ident()) else None

    def close(self) -> None:
        """Refuse all calls from here on, wait for a write that is under way, and give back all that is held.

        If that write lasts for longer than the timeout, or is this thread's own, it gives back all when it ends.
        """
        self.closed = True
        self.release(self.where.timeout)

    def release(self, seconds: float = 0.0) -> None:
        """Give back what a closed store holds, if its turn to write comes within so many seconds."""
        # A connection must not be closed where it was not opened: that would end its owner's file locks.
        if self.released or getpid() != self.process:
            return
        ticket = Ticket()
        try:
            if not self.turn.belongs_to(ticket.thread) and self.turn.line.enter(ticket, seconds):
                self._release_all()
        finally:
            self.turn.give_back(ticket)

    def check_usable(self) -> None:
        if getpid() != self.process:
            raise StoreClosed(self.where.text, FORKED)
        if self.closed:
            raise StoreClosed(self.where.text, CLOSED)

    def after_commit(self, pieces: int) -> None:
        """Checkpoint now and then, while nobody else writes, where SQLite must not do so by itself."""
        self._pieces += pieces
        if self._pieces >= COMMITS_BETWEEN_CHECKPOINTS:
            self._pieces = 0
            self._checkpoint()

    def _release_all(self) -> None:
        if not self.released:
            self.released = True
            self.source.close()
            if not self.checkpoints_itself and self.turn.extend_to_processes():
                self._checkpoint()
            self.connection.close()
            self.turn.close()
            if self.opened is not None:
                note_closed(self.opened)

    def _checkpoint(self) -> None:
        # What was committed is safe without it: one that fails is made up for by the next.
        with contextlib.suppress(sqlite3.Error):
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _make_source(self) -> Source:
        if self.where.path is None:
            return MemorySource(self.connection, self.where, self.turn)
        return FileSource(self.where, self.opened)
