"""SQLite's own half of `upkeep.py`: one point in time, bytes that are gone for good, and rows as they are."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from leverframe.persistence.asking import Parameters
from leverframe.persistence.backend import Reader, Writer
from leverframe.persistence.handing import HandingWriter
from leverframe.persistence.migration import COPYING
from leverframe.persistence.sqlite.connection import connect_reader, set_busy_timeout
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.faults import fault
from leverframe.persistence.sqlite.location import Location
from leverframe.persistence.sqlite.reader import SQLiteVerbs
from leverframe.persistence.sqlite.turn import Ticket, Turn
from leverframe.persistence.tables import Table
from leverframe.persistence.tending import TendingWriter
from leverframe.persistence.upkeep import Figures, Numbers, Row

if TYPE_CHECKING:
    from leverframe.persistence.sqlite.session import Session

__all__ = ["SQLiteTending", "SQLiteUpkeep"]

# SQLite gives the highest number that there is and one more, so that without this row it would give that of the last
# instance again once it is deleted, to somebody who may still ask for the deleted one's journal by it.
RESERVE = """
INSERT INTO snapshot (instance, machine, key, state, body, version, created_at, changed_at)
SELECT ?1, '', '', '', '', 0, 0, 0 WHERE ?1 > (SELECT coalesce(max(instance), 0) FROM snapshot)
ON CONFLICT (tenant, machine, key) DO UPDATE SET instance = excluded.instance"""

MARK = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('leverframe', ?, datetime('now'))"

UNMARK = "DELETE FROM _sqlite_migrations WHERE migration_set = 'leverframe' AND name = ?"

FORGET_SEQUENCES = "DELETE FROM sqlite_sequence WHERE name IN ('journal', 'message')"

CONTINUE_SEQUENCES = "INSERT INTO sqlite_sequence (name, seq) VALUES ('journal', ?), ('message', ?)"

CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"

WAITS_FOR_READERS = 5.0
"""Seconds at most, while which nobody writes."""


class SQLiteTending(SQLiteVerbs, TendingWriter, HandingWriter):
    """What a writer does in words of SQLite's own."""

    __slots__ = ()

    _connection: sqlite3.Connection
    _location: Location

    def remove_instances(self, instances: Sequence[int]) -> int:
        number = super().remove_instances(instances)
        self._execute_alone(RESERVE, (max(instances),))
        return number

    def add_rows(self, table: Table, rows: Sequence[Row]) -> None:
        try:
            self._connection.executemany(table.add(), rows)
        except sqlite3.Error as error:
            raise fault(error, self._location) from error

    def begin_copy(self, source: str) -> None:
        for statement in COPYING.statements:
            self._execute_alone(statement, ())
        self._execute_alone(f"INSERT INTO {COPYING.name} (source) VALUES (?)", (source,))
        self._execute_alone(MARK, (COPYING.name,))

    def finish_copy(self, numbers: Numbers) -> None:
        self._execute_alone(FORGET_SEQUENCES, ())
        self._execute_alone(CONTINUE_SEQUENCES, (numbers.seq, numbers.position))
        self._execute_alone(RESERVE, (numbers.instance,))
        self._execute_alone(f"DROP TABLE {COPYING.name}", ())
        self._execute_alone(UNMARK, (COPYING.name,))


class StillReader(SQLiteVerbs):
    """What was committed at one time: a connection with a transaction that stays open."""

    __slots__ = ("_connection", "_location")

    def __init__(self, connection: sqlite3.Connection, location: Location) -> None:
        self._connection = connection
        self._location = location

    def _rows(self, statement: str, parameters: Parameters) -> list[Row]:
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise fault(error, self._location) from error


class SQLiteUpkeep(ABC):
    """What is asked of the database as a whole."""

    session: Session

    @property
    def where(self) -> Location:
        return self.session.where

    @property
    def turn(self) -> Turn:
        return self.session.turn

    @property
    def connection(self) -> sqlite3.Connection:
        return self.session.connection

    @property
    def released(self) -> bool:
        return self.session.released

    @abstractmethod
    def write(self) -> AbstractContextManager[Writer]: ...

    @contextmanager
    def at_one_time(self) -> Generator[Reader]:
        self.session.check_usable()
        if self.where.path is None:
            # The one connection there is shows what is committed only to whoever has the turn.
            with self.write() as writer:
                yield writer
            return
        connection = connect_reader(self.where, self.session.opened)
        try:
            reader = StillReader(connection, self.where)
            connection.execute("BEGIN")
            reader.applied()  # the first read chooses the time
            yield reader
        finally:
            connection.close()

    def wipe(self) -> None:
        """Move the log into the file and cut it to nothing: it holds pages as they were before.

        A reader that stays for longer than a few seconds keeps the log as it is; the next checkpoint makes up for it.
        """
        self._run_alone(CHECKPOINT)

    def compact(self) -> None:
        self._run_alone("VACUUM", CHECKPOINT)

    def _run_alone(self, *statements: str) -> None:
        """Run what cannot be part of a transaction, while nobody writes."""
        self.session.check_usable()
        ticket = Ticket()
        self.turn.take(ticket)
        try:
            set_busy_timeout(self.connection, min(WAITS_FOR_READERS, self.where.timeout))
            for statement in statements:
                self.connection.execute(statement).fetchall()
        except sqlite3.Error as error:
            raise fault(error, self.where) from error
        finally:
            set_busy_timeout(self.connection, 0)
            self.turn.give_back(ticket)

    def figures(self) -> Figures:
        database, path = f"SQLite {sqlite3.sqlite_version}", self.where.path
        if path is None:
            return Figures(database, driver(), 0)
        return Figures(database, driver(), size_of(path), size_of(f"{path}-wal"))


def driver() -> str:
    name = sqlite3.__name__
    number = version(name) if name != "sqlite3" else f"of Python {sys.version.split()[0]}"
    return f"{name} {number}"


def size_of(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
