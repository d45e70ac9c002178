"""The store's SQLite half: how a database is opened, and how one tenant's work is done in it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TypeVar

from leverframe.errors import CannotOpen, StoreFailure
from leverframe.persistence.backend import Reader, Writer
from leverframe.persistence.migration import Migration
from leverframe.persistence.obstacles import ENDED, NESTED
from leverframe.persistence.rows import Move, Refusal
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
from leverframe.persistence.sqlite.joined import JoinedReader
from leverframe.persistence.sqlite.location import Location, parse_location
from leverframe.persistence.sqlite.lock_file import LockFile
from leverframe.persistence.sqlite.migrations import MIGRATIONS
from leverframe.persistence.sqlite.reader import SQLiteReader
from leverframe.persistence.sqlite.schema import APPLICATION_ID, check_ours, is_up_to_date, migrate
from leverframe.persistence.sqlite.session import Session
from leverframe.persistence.sqlite.transaction import Transaction
from leverframe.persistence.sqlite.turn import Ticket, Turn
from leverframe.persistence.sqlite.upkeep import SQLiteUpkeep
from leverframe.persistence.sqlite.waking import Watch
from leverframe.persistence.sqlite.writer import SQLiteWriter

__all__ = ["SQLiteBackend", "open_sqlite"]

T = TypeVar("T")

LOCK_FILE = "-lock"

WAITS_INSIDE = "is inside of a transaction, which nobody else can write to; wait outside of it"

NANOSECONDS = 1_000
"""In a microsecond."""


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
        return SQLiteBackend(Session(location, turn, open_writer(location, turn, migrations), opened))
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
    """One open database, as one tenant sees it.  Any thread may use it; a process that was forked off may not."""

    decides_in_turn = True
    longest_indexed: int | None = None
    numbers_without_gaps = True
    shows_own_messages = True

    def __init__(self, session: Session, tenant: str = "") -> None:
        self.session = session
        self.tenant = tenant
        self._reader = SQLiteReader(session.source, tenant)

    @property
    def location(self) -> str:
        return self.session.where.text

    def scoped(self, tenant: str) -> SQLiteBackend:
        return SQLiteBackend(self.session, tenant)

    def whole(self) -> SQLiteBackend:
        """The same: a file keeps nothing from those who can read it."""
        return self

    def now(self) -> int:
        return time.time_ns() // NANOSECONDS

    def read(self) -> Reader:
        session = self.session
        session.check_usable()
        joined = None if session.joined is None else session.joined_writer()
        if joined is None:
            return self._reader
        return joined if joined.tenant == self.tenant else JoinedReader(joined, self.tenant)

    def write(self) -> Transaction:
        """A transaction of its own: waits its turn, commits at the block's end, rolls back on any exception."""
        return Transaction(self.session, self.tenant)

    def commit(self, work: Callable[[Writer], T]) -> T:
        session = self.session
        joined = None if session.joined is None else session.joined_writer()
        if joined is not None:
            session.check_usable()
            return joined.run_apart(partial(flushed, work), self.tenant)
        return Group(session, self.tenant).do(work)

    def era(self) -> int:
        return 0

    def recent_now(self) -> None:
        """A file has no clock but this machine's, which is told with each call."""

    def recall(self, machine: str, key: str) -> None:
        """Nothing: a decision is taken in its turn, and reading there is cheap."""

    def move_in(self, era: int, move: Move) -> int | None:  # noqa: ARG002  # there is one
        return self.move(move)

    def move_at_once(self, moves: Sequence[Move]) -> list[int | None]:
        return self.commit(lambda writer: writer.move_all(moves))

    def move_both(self, era: int, first: Move, second: Move) -> tuple[int, int | None] | None:  # noqa: ARG002  # a turn is held
        def move(writer: Writer) -> tuple[int, int | None] | None:
            seq = writer.move(first)
            return None if seq is None else (seq, writer.move(second))

        return self.commit(move)

    def move(self, move: Move) -> int | None:
        return self.commit(lambda writer: writer.move(move))

    def refuse(self, refusal: Refusal) -> bool:
        return self.commit(lambda writer: writer.refuse(refusal))

    @contextlib.contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        if self.is_joined():
            raise StoreFailure(self.location, NESTED)
        session = self.session
        with self.write() as writer:
            session.joined = writer
            try:
                yield session.connection
            finally:
                session.joined = None
            if not session.connection.in_transaction:
                raise StoreFailure(self.location, ENDED)

    @contextlib.contextmanager
    def watch(self) -> Generator[Watch]:
        if self.is_joined():
            raise StoreFailure(self.location, WAITS_INSIDE)
        self.session.check_usable()
        with self.session.source.changes() as changes:
            yield Watch(changes)

    def is_joined(self) -> bool:
        return self.session.joined_writer() is not None

    def close(self) -> None:
        self.session.close()


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
