"""The store's SQLite half: what is open, who may use it, and how it is opened and closed."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from os import getpid
from threading import get_ident
from typing import TypeVar

from leverframe.errors import CannotOpen, StoreClosed, StoreFailure
from leverframe.persistence.backend import Loaded, Move, Reader, Refusal, Writer
from leverframe.persistence.migration import Migration
from leverframe.persistence.sqlite.connection import connect, set_up_writer
from leverframe.persistence.sqlite.driver import OLDEST, checkpoints_safely, is_too_old, sqlite3, warn_once
from leverframe.persistence.sqlite.faults import opening_fault
from leverframe.persistence.sqlite.files import (
    OPENING,
    Identity,
    check_openable,
    file_uri,
    is_marked_by_another,
    is_open_here,
    note_closed,
    note_open,
)
from leverframe.persistence.sqlite.group import Group
from leverframe.persistence.sqlite.location import Location, parse_location
from leverframe.persistence.sqlite.lock_file import LockFile
from leverframe.persistence.sqlite.migrations import MIGRATIONS
from leverframe.persistence.sqlite.reader import SQLiteReader
from leverframe.persistence.sqlite.schema import APPLICATION_ID, check_ours, is_up_to_date, migrate
from leverframe.persistence.sqlite.source import CLOSED, FileSource, MemorySource, Source
from leverframe.persistence.sqlite.transaction import Transaction
from leverframe.persistence.sqlite.turn import Ticket, Turn
from leverframe.persistence.sqlite.upkeep import SQLiteUpkeep
from leverframe.persistence.sqlite.waking import Watch
from leverframe.persistence.sqlite.writer import ENDED, SQLiteWriter

__all__ = ["SQLiteBackend", "open_sqlite"]

T = TypeVar("T")

LOCK_FILE = "-lock"

WAITS_INSIDE = "is inside of a transaction, which nobody else can write to; wait outside of it"

NESTED = "is inside of a transaction already; one block is enough"

NANOSECONDS = 1_000
"""In a microsecond."""

FORKED = "was opened in another process"

# A move writes four to six pages, so that this is about the thousand pages at which SQLite checkpoints by itself.
COMMITS_BETWEEN_CHECKPOINTS = 200


def open_sqlite(
    url: str,
    *,
    durability: str | None = None,
    timeout: float | None = None,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> SQLiteBackend:
    """Open the database that `url` names; a file that is not there is made.

    `durability` is "full" (the default: what was committed survives a power cut) or "normal" (it survives the
    end of the process, and a power cut may take the last commits).  `timeout` is how many seconds a write waits
    for its turn.  Both can also stand in the URL, behind a question mark.

    >>> backend = open_sqlite("sqlite:///:memory:")
    >>> backend.read().cursor("a name")
    0
    >>> backend.close()
    """
    location = parse_location(url, durability, timeout)
    check_library(location)
    opened = look_into(location)
    turn = Turn(location, open_lock_file(location))
    try:
        return SQLiteBackend(location, turn, open_writer(location, turn, migrations), opened)
    except BaseException:
        turn.close()
        if opened is not None:
            note_closed(opened)
        raise


def look_into(location: Location) -> Identity | None:
    """Refuse what is no database of ours, and note which file is opened."""
    if location.path is None:
        return None
    with OPENING:
        check_openable(location)
        if not is_open_here(location.path):
            check_stranger(location)
        try:
            return note_open(location.path)
        except OSError as error:
            raise CannotOpen(location.text, f"the file cannot be made: {error.strerror}") from error


class SQLiteBackend(SQLiteUpkeep):
    """One open database.  Any thread may use it; a process that was forked off may not."""

    decides_in_turn = True
    longest_indexed: int | None = None
    numbers_without_gaps = True
    shows_own_messages = True

    def __init__(self, location: Location, turn: Turn, connection: sqlite3.Connection, opened: Identity | None) -> None:
        self.where = location
        self.opened = opened
        self.turn = turn
        self.connection = connection
        self._source = self._make_source()
        self._reader = SQLiteReader(self._source)
        self.process = getpid()
        self.closed = False
        self.released = False
        self.checkpoints_itself = checkpoints_safely()
        self._pieces = 0
        self._joined: SQLiteWriter | None = None

    @property
    def location(self) -> str:
        return self.where.text

    def now(self) -> int:
        return time.time_ns() // NANOSECONDS

    def read(self) -> Reader:
        self.check_usable()
        return self._reader if self._joined is None else self._joined_writer() or self._reader

    def write(self) -> Transaction:
        """A transaction of its own: waits its turn, commits at the block's end, rolls back on any exception."""
        return Transaction(self)

    def commit(self, work: Callable[[Writer], T]) -> T:
        joined = None if self._joined is None else self._joined_writer()
        if joined is not None:
            self.check_usable()
            return joined.run_apart(partial(flushed, work))
        return Group(self).do(work)

    def recall(self, machine: str, key: str) -> None:
        """Nothing: a decision is taken in its turn, and reading there is cheap."""

    def move_recalled(self, move: Move) -> None:
        """Nothing was recalled."""

    def remember(self, machine: str, written: Loaded) -> None:
        """As `recall`."""

    def move(self, move: Move) -> int | None:
        return self.commit(lambda writer: writer.move(move))

    def refuse(self, refusal: Refusal) -> bool:
        return self.commit(lambda writer: writer.refuse(refusal))

    @contextlib.contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        if self.is_joined():
            raise StoreFailure(self.location, NESTED)
        with self.write() as writer:
            self._joined = writer
            try:
                yield self.connection
            finally:
                self._joined = None
            if not self.connection.in_transaction:
                raise StoreFailure(self.location, ENDED)

    @contextlib.contextmanager
    def watch(self) -> Generator[Watch]:
        if self.is_joined():
            raise StoreFailure(self.location, WAITS_INSIDE)
        self.check_usable()
        with self._source.changes() as changes:
            yield Watch(changes)

    def is_joined(self) -> bool:
        return self._joined_writer() is not None

    def _joined_writer(self) -> SQLiteWriter | None:
        """The writer of `transaction()`, for the thread that is inside of it."""
        joined = self._joined
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
            raise StoreClosed(self.location, FORKED)
        if self.closed:
            raise StoreClosed(self.location, CLOSED)

    def after_commit(self, pieces: int) -> None:
        """Checkpoint now and then, while nobody else writes, where SQLite must not do so by itself."""
        self._pieces += pieces
        if self._pieces >= COMMITS_BETWEEN_CHECKPOINTS:
            self._pieces = 0
            self._checkpoint()

    def _release_all(self) -> None:
        if not self.released:
            self.released = True
            self._source.close()
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


def flushed(work: Callable[[Writer], T], writer: SQLiteWriter) -> T:
    """Do the work, and write its counts too: the user's own statements may read them, or commit what is there."""
    result = work(writer)
    writer.flush()
    return result


# ---------------------------------------------------------------- opening


def check_library(location: Location) -> None:
    if is_too_old():
        needed = ".".join(map(str, OLDEST))
        problem = f"SQLite {sqlite3.sqlite_version} is too old, {needed} is needed; install pysqlite3"
        raise CannotOpen(location.text, problem)
    if not checkpoints_safely():
        warn_once()


def check_stranger(location: Location) -> None:
    """Ask a file that does not carry our mark whose it is, through a connection that cannot change it."""
    path = location.path
    if path is None or not os.path.exists(path) or not is_marked_by_another(path, APPLICATION_ID):
        return
    # With no log beside it the file is all there is; `immutable` then keeps SQLite from making one.
    options = "mode=ro" if os.path.exists(f"{path}-wal") else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(file_uri(path, options), uri=True, timeout=location.timeout)
        try:
            check_ours(connection, location)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise opening_fault(error, location) from error


def open_lock_file(location: Location) -> LockFile | None:
    return None if location.path is None else LockFile(f"{location.path}{LOCK_FILE}")


def open_writer(location: Location, turn: Turn, migrations: Sequence[Migration]) -> sqlite3.Connection:
    """The connection that will write, to a database that is ours and of our age."""
    try:
        connection = connect(location, create=True)
    except sqlite3.Error as error:
        raise opening_fault(error, location) from error
    try:
        prepare(connection, location, turn, migrations)
        set_up_writer(connection, location)
    except sqlite3.Error as error:
        connection.close()
        raise opening_fault(error, location) from error
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, location: Location, turn: Turn, migrations: Sequence[Migration]) -> None:
    if is_up_to_date(connection, location, migrations):
        return
    ticket = Ticket()
    turn.take(ticket)
    try:
        migrate(connection, location, migrations)
    finally:
        turn.give_back(ticket)
