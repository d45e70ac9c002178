"""Where do reads come from?  From a pool of connections to a file, or from the one connection to memory."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Protocol

from leverframe.errors import StoreClosed, StoreVanished
from leverframe.persistence.obstacles import CLOSED
from leverframe.persistence.sqlite.connection import Parameters, Row, connect_reader
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.faults import fault
from leverframe.persistence.sqlite.files import GONE, Identity, identity
from leverframe.persistence.sqlite.location import Location
from leverframe.persistence.sqlite.turn import Ticket, Turn

__all__ = ["FileSource", "MemorySource", "Source"]


class Source(Protocol):
    """Something that runs a SELECT to its end."""

    def rows(self, statement: str, parameters: Parameters) -> list[Row]: ...

    def changes(self) -> AbstractContextManager[Callable[[], int]]:
        """For a block: asks for a number that is another one after each commit."""
        ...

    def close(self) -> None: ...


class FileSource:
    """Connections that are lent for one statement each.

    A statement has its connection for itself, so that closing the store never pulls one from under a thread;
    and there are as many as ever read at once, however many threads come and go.
    """

    def __init__(self, location: Location, opened: Identity | None) -> None:
        self._location = location
        self._opened = opened
        self._free: deque[sqlite3.Connection] = deque()
        self._closed = False

    def rows(self, statement: str, parameters: Parameters) -> list[Row]:
        connection = self._borrow()
        try:
            return connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise fault(error, self._location) from error
        finally:
            self._free.append(connection)
            if self._closed:
                self.close()

    @contextmanager
    def changes(self) -> Generator[Callable[[], int]]:
        # The number is one connection's own: it has to be the same one each time.
        with closing(self._borrow()) as connection:
            yield lambda: self._change(connection)

    def _change(self, connection: sqlite3.Connection) -> int:
        if self._closed:
            raise StoreClosed(self._location.text, CLOSED)
        try:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise fault(error, self._location) from error

    def close(self) -> None:
        """Close what is free; what is lent is closed by whoever brings it back."""
        self._closed = True
        while self._free:
            try:
                connection = self._free.pop()
            except IndexError:  # somebody else took the last one
                return
            connection.close()

    def _borrow(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreClosed(self._location.text, CLOSED)
        if self._location.path is not None and identity(self._location.path) != self._opened:
            raise StoreVanished(self._location.text, GONE)
        try:
            return self._free.pop()
        except IndexError:
            return connect_reader(self._location, self._opened)


class MemorySource:
    """The one connection there is.  A read waits for its turn like a write, and so sees only what is committed."""

    def __init__(self, connection: sqlite3.Connection, location: Location, turn: Turn) -> None:
        self._connection = connection
        self._location = location
        self._turn = turn
        self._closed = False

    def rows(self, statement: str, parameters: Parameters) -> list[Row]:
        ticket = Ticket()
        try:
            self._turn.take(ticket)
            if self._closed:
                raise StoreClosed(self._location.text, CLOSED)
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise fault(error, self._location) from error
        finally:
            self._turn.give_back(ticket)

    @contextmanager
    def changes(self) -> Generator[Callable[[], int]]:
        # There is one connection, which does not count its own commits: each look is worth it.
        yield itertools.count().__next__

    def close(self) -> None:
        self._closed = True
