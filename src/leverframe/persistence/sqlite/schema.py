"""Is this file ours, is it of our age, and how is it made so?

What has to be asked each time a file is opened is asked in plain SQL; sqlite-utils, which is slow to import,
is needed only where there is something to change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from leverframe.errors import CannotOpen, NewerSchema, NotADatabase, UnfinishedCopy
from leverframe.persistence.migration import COPYING, UNFINISHED, Migration
from leverframe.persistence.sqlite.connection import roll_back
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.location import Location
from leverframe.wording import join_names

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["APPLICATION_ID", "check_ours", "is_up_to_date", "migrate"]

# "LFRM"; it stands in the header of the file, where `file` and other programs can see it.
APPLICATION_ID = 0x4C46524D

MIGRATION_SET = "leverframe"

TABLES = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
KEEPS_MIGRATIONS = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlite_migrations'"
APPLIED = "SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY name"


def check_ours(connection: sqlite3.Connection, location: Location) -> None:
    """Refuse a database that another program made; an empty one is nobody's yet."""
    mark = number(connection, "PRAGMA application_id")
    if mark != APPLICATION_ID and (mark or number(connection, TABLES)):
        problem = "is a database of another program; name a new file for leverframe's own"
        raise NotADatabase(location.text, problem)


def is_up_to_date(connection: sqlite3.Connection, location: Location, known: Sequence[Migration]) -> bool:
    """Whether nothing is left to do.  Raises `UnfinishedCopy`, `NewerSchema` (it has seen more than we know)."""
    if number(connection, "PRAGMA application_id") != APPLICATION_ID:
        return False
    applied = applied_names(connection)
    names = [migration.name for migration in known]
    unknown = [name for name in applied if name not in names]
    if COPYING.name in unknown:
        raise UnfinishedCopy(location.text, UNFINISHED)
    if unknown:
        problem = f"was written by a newer leverframe: it has {join_names(unknown)}, which this one does not know"
        raise NewerSchema(location.text, f"{problem}; install that version or a later one")
    return len(applied) == len(names) and journal_mode(connection) == wanted_mode(location)


def migrate(connection: sqlite3.Connection, location: Location, known: Sequence[Migration]) -> None:
    """Bring the file to our age, in one transaction that also reads what is left to do."""
    check_ours(connection, location)
    use_log(connection, location)
    connection.execute("BEGIN IMMEDIATE")
    try:
        check_ours(connection, location)
        if not is_up_to_date(connection, location, known):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            apply(connection, known)
        connection.execute("COMMIT")
    finally:
        roll_back(connection)


def use_log(connection: sqlite3.Connection, location: Location) -> None:
    """Switch to the write-ahead log, which lets readers read while somebody writes."""
    connection.execute("PRAGMA journal_mode = WAL")
    if journal_mode(connection) != wanted_mode(location):
        problem = "SQLite cannot keep a write-ahead log there; put the file on a local disk"
        raise CannotOpen(location.text, problem)


def wanted_mode(location: Location) -> str:
    return "memory" if location.path is None else "wal"


def apply(connection: sqlite3.Connection, known: Sequence[Migration]) -> None:
    """Hand the steps to sqlite-utils, whose transactions become savepoints in ours."""
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    migrations = Migrations(MIGRATION_SET)
    for migration in known:
        migrations(name=migration.name)(Step(migration))
    # Plugins of sqlite-utils that somebody installed have no business in our file.
    migrations.apply(Database(connection, recursive_triggers=False, execute_plugins=False))


class Step:
    """A migration as sqlite-utils wants it: something with a name that takes a database."""

    def __init__(self, migration: Migration) -> None:
        self.__name__ = migration.name
        self._statements = migration.statements

    def __call__(self, db: Database, /) -> None:
        for statement in self._statements:
            db.conn.execute(statement)


def applied_names(connection: sqlite3.Connection) -> list[str]:
    if not number(connection, KEEPS_MIGRATIONS):
        return []
    return [name for (name,) in connection.execute(APPLIED, (MIGRATION_SET,))]


def journal_mode(connection: sqlite3.Connection) -> str:
    return cast(str, connection.execute("PRAGMA journal_mode").fetchone()[0])


def number(connection: sqlite3.Connection, statement: str) -> int:
    return cast(int, connection.execute(statement).fetchone()[0])
