"""PostgreSQL's own half of `upkeep.py`: one point in time, rows that are gone for good, and rows as they are."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version

import psycopg

from leverframe.persistence.asking import Parameters
from leverframe.persistence.backend import Reader
from leverframe.persistence.handing import HandingWriter
from leverframe.persistence.migration import COPYING
from leverframe.persistence.postgres.faults import fault
from leverframe.persistence.postgres.location import Location
from leverframe.persistence.postgres.pool import Connection, Pool
from leverframe.persistence.postgres.reader import PostgresVerbs
from leverframe.persistence.postgres.scope import Scope
from leverframe.persistence.postgres.statements import ORDINAL_BITS, POSTGRES
from leverframe.persistence.tables import BELONGINGS, SNAPSHOT, TABLES, Table
from leverframe.persistence.tending import TendingWriter
from leverframe.persistence.upkeep import Figures, Numbers, Row

__all__ = ["PostgresTending", "PostgresUpkeep"]

CHANGE_COUNT = "INSERT INTO count_change (tenant, machine, state, type_name, number) VALUES (?, ?, ?, ?, ?)"

MARK = "INSERT INTO migration (name, applied_at) VALUES (?, clock_timestamp())"

UNMARK = "DELETE FROM migration WHERE name = ?"

CONTINUE_SEQUENCE = "SELECT setval(pg_get_serial_sequence(?, ?), greatest(?::bigint, 1), ?::bigint > 0)"

# The transaction that numbers the next message comes behind all positions that there were.
CONTINUE_POSITIONS = f"""
UPDATE numbering SET shift = greatest(shift,
    (?::bigint >> {ORDINAL_BITS}) + 1 - pg_snapshot_xmax(pg_current_snapshot())::text::bigint)"""

SIZE = """
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c WHERE c.relkind = 'r'
AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'snapshot'::regclass)"""

OLDEST = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"""

VERSIONS = 10000


class PostgresTending(PostgresVerbs, TendingWriter, HandingWriter):
    """What a writer does in words of PostgreSQL's own."""

    __slots__ = ()

    _connection: Connection
    _location: Location

    def _change_count(self, tenant: str, machine: str, state: str, type_name: str, change: int) -> None:
        self._execute_alone(CHANGE_COUNT, (tenant, machine, state, type_name, change))

    def add_rows(self, table: Table, rows: Sequence[Row]) -> None:
        try:
            with self._connection.cursor() as cursor:
                cursor.executemany(POSTGRES.spell(table.add()).encode(), rows)
        except psycopg.Error as error:
            raise fault(error, self._location, self._connection) from error

    def clear(self) -> None:
        super().clear()
        self._execute_alone("DELETE FROM count_change", ())

    def begin_copy(self, source: str) -> None:
        for statement in COPYING.statements:
            self._execute_alone(statement, ())
        self._execute_alone(f"INSERT INTO {COPYING.name} (source) VALUES (?)", (source,))
        self._execute_alone(MARK, (COPYING.name,))

    def finish_copy(self, numbers: Numbers) -> None:
        for table, column, number in (("snapshot", "instance", numbers.instance), ("journal", "seq", numbers.seq)):
            self._rows(CONTINUE_SEQUENCE, (table, column, number, number))
        self._execute_alone(CONTINUE_POSITIONS, (numbers.position,))
        self._execute_alone(f"DROP TABLE {COPYING.name}", ())
        self._execute_alone(UNMARK, (COPYING.name,))


class StillReader(PostgresVerbs):
    """What was committed at one time: a connection with a transaction that stays open."""

    __slots__ = ("_connection", "_location")

    def __init__(self, connection: Connection, location: Location) -> None:
        self._connection = connection
        self._location = location

    def _rows(self, statement: str, parameters: Parameters) -> list[Row]:
        try:
            return self._connection.execute(POSTGRES.spell(statement).encode(), parameters).fetchall()
        except psycopg.Error as error:
            raise fault(error, self._location, self._connection) from error


class PostgresUpkeep:
    """What is asked of the database as a whole."""

    where: Location
    pool: Pool
    scope: Scope

    @contextmanager
    def at_one_time(self) -> Generator[Reader]:
        with self.pool.lend(self.scope) as connection:
            reader = StillReader(connection, self.where)
            try:
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            except psycopg.Error as error:
                raise fault(error, self.where, connection) from error
            try:
                reader.applied()  # the first read chooses the time
                yield reader
            finally:
                # Where the connection is lost the server has ended it.
                with suppress(psycopg.Error):
                    connection.rollback()

    def wipe(self) -> None:
        """Take deleted rows out of the tables' files; a transaction that still sees them keeps them there."""
        with self.pool.lend() as connection:
            for table in (SNAPSHOT, *BELONGINGS):
                # Whoever may not, or waits too long, leaves it to the server's own vacuum.
                with suppress(psycopg.Error):
                    connection.execute(f"VACUUM (INDEX_CLEANUP ON) {table.name}".encode())

    def compact(self) -> None:
        with self.pool.lend() as connection:
            try:
                for table in TABLES:
                    connection.execute(f"VACUUM (FULL, ANALYZE) {table.name}".encode())
            except psycopg.Error as error:
                raise fault(error, self.where, connection) from error

    def figures(self) -> Figures:
        with self.pool.lend() as connection:
            try:
                size = connection.execute(SIZE.encode()).fetchall()[0][0]
                oldest = connection.execute(OLDEST.encode()).fetchall()[0][0]
            except psycopg.Error as error:
                raise fault(error, self.where, connection) from error
            number = connection.info.server_version
        database = f"PostgreSQL {number // VERSIONS}.{number % VERSIONS}"
        return Figures(database, f"psycopg {version('psycopg')}", size, None, oldest)
