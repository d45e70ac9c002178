"""Is this schema ours, is it of our age, and how is it made so?"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from leverframe.errors import NewerSchema, NotADatabase, UnfinishedCopy, UnsupportedServer
from leverframe.persistence.migration import COPYING, UNFINISHED, Migration
from leverframe.persistence.postgres.faults import opening_fault
from leverframe.persistence.postgres.location import Location
from leverframe.persistence.postgres.migrations import TABLES
from leverframe.persistence.postgres.pool import Connection
from leverframe.persistence.postgres.statements import ORDINAL_BITS
from leverframe.wording import join_names

__all__ = ["has_store", "prepare"]

OLDEST = 140000
"""`server_version_num` of PostgreSQL 14, the first with all that the statements use."""

VERSIONS = 10000

# One number for each schema: who migrates another one does not wait.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('leverframe ' || %s, 0))"

# A table of this name that looks otherwise is another program's.
KEEPS_MIGRATIONS = """
SELECT count(*) = 2 FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attname IN ('name', 'applied_at') AND NOT attisdropped"""

APPLIED = "SELECT name FROM migration ORDER BY name"

MARK = 'CREATE TABLE migration (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, applied_at timestamptz NOT NULL)'

APPLY = "INSERT INTO migration (name, applied_at) VALUES (%s, clock_timestamp())"

HAS_SCHEMA = "SELECT 1 FROM pg_namespace WHERE nspname = %s"

STRANGERS = """
SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND c.relname = ANY(%s) ORDER BY c.relname"""

# The highest transaction that a message was numbered by, and the one that would number the next.  Messages may have
# been deleted: then cursors and consumers tell how far they went, but for those that were set to be beyond all.
NUMBERED = f"""
SELECT greatest((SELECT max(position) FROM message),
        (SELECT max(position) FROM cursor WHERE position < 1::bigint << 62),
        (SELECT max(position) FROM consumer WHERE position < 1::bigint << 62), 0) >> {ORDINAL_BITS},
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint + shift FROM numbering"""

SHIFT = "UPDATE numbering SET shift = shift + %s"


def prepare(connection: Connection, location: Location, known: Sequence[Migration]) -> None:
    """Bring the schema to our age, whoever else tries the same.

    Raises `UnsupportedServer`, `NotADatabase`, `NewerSchema`, `AccessDenied`.
    """
    check_version(connection, location)
    try:
        if not is_up_to_date(connection, location, known):
            with connection.transaction():
                connection.execute(LOCK, (location.schema,))
                migrate(connection, location, known)
        continue_numbers(connection, location)
    except psycopg.Error as error:
        raise opening_fault(error, location) from error


def has_store(connection: Connection, location: Location) -> bool:
    """Whether the schema was made by some leverframe, of whatever age; it is left as it is.  Raises `AccessDenied`."""
    try:
        return bool(applied_names(connection, location))
    except psycopg.Error as error:
        raise opening_fault(error, location) from error


def check_version(connection: Connection, location: Location) -> None:
    version = connection.info.server_version
    if version < OLDEST:
        problem = f"the server is PostgreSQL {version // VERSIONS}; {OLDEST // VERSIONS} or newer is needed"
        raise UnsupportedServer(location.text, problem)


def is_up_to_date(connection: Connection, location: Location, known: Sequence[Migration]) -> bool:
    """Whether nothing is left to do.  Raises `UnfinishedCopy`, `NewerSchema` (it has seen more than we know)."""
    applied = applied_names(connection, location)
    names = [migration.name for migration in known]
    unknown = [name for name in applied if name not in names]
    if COPYING.name in unknown:
        raise UnfinishedCopy(location.text, UNFINISHED)
    if unknown:
        problem = f"was written by a newer leverframe: it has {join_names(unknown)}, which this one does not know"
        raise NewerSchema(location.text, f"{problem}; install that version or a later one")
    return len(applied) == len(names)


def applied_names(connection: Connection, location: Location) -> list[str]:
    row = connection.execute(KEEPS_MIGRATIONS, (f"{location.schema}.migration",)).fetchone()
    if row is None or not row[0]:
        return []
    return [name for (name,) in connection.execute(APPLIED)]


def migrate(connection: Connection, location: Location, known: Sequence[Migration]) -> None:
    """What is left to do, in the transaction that also reads what that is."""
    if is_up_to_date(connection, location, known):
        return
    applied = applied_names(connection, location)
    if not applied:
        begin(connection, location)
    for migration in known:
        if migration.name not in applied:
            for statement in migration.statements:
                connection.execute(statement.encode())
            connection.execute(APPLY, (migration.name,))


def begin(connection: Connection, location: Location) -> None:
    strangers = [name for (name,) in connection.execute(STRANGERS, (location.schema, list(TABLES)))]
    if strangers:
        problem = f"has tables of another program ({join_names(strangers)}); name another one with ?schema="
        raise NotADatabase(location.text, f"schema {location.schema} {problem}")
    if connection.execute(HAS_SCHEMA, (location.schema,)).fetchone() is None:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(location.schema)))
    connection.execute(MARK)


def continue_numbers(connection: Connection, location: Location) -> None:
    """Number new messages behind all there are, also in a backup brought back to a younger server."""
    last, following = numbered(connection)
    if last >= following:
        with connection.transaction():
            connection.execute(LOCK, (location.schema,))
            last, following = numbered(connection)
            connection.execute(SHIFT, (max(0, last - following + 1),))


def numbered(connection: Connection) -> tuple[int, int]:
    row = connection.execute(NUMBERED.encode()).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
