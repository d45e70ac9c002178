"""The table that is adopted from: read, and never written.  On SQLite or PostgreSQL, a table or a view.

Everything is read in one transaction that may only read, so that it is of one time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from attrs import frozen

from leverframe.errors import CannotAdopt, StoreError
from leverframe.persistence.opening import check_installed
from leverframe.wording import did_you_mean, without_secrets

__all__ = ["Column", "Source", "open_source"]

AT_ONCE = 500

ROW_NUMBER = "rowid"
"""What SQLite calls the number of a row that has no key of its own."""


@frozen
class Column:
    """A column: its name, and its type as the database calls it."""

    name: str
    kind: str


class Source(ABC):
    """One table."""

    def __init__(self, location: str, table: str) -> None:
        self.location = location
        self.table = table
        self.columns: tuple[Column, ...] = ()
        self.key: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.location}, table {self.table}"

    @property
    @abstractmethod
    def quoted(self) -> str:
        """The table's name in SQL."""

    @abstractmethod
    def _batches(self, statement: str) -> Iterator[list[tuple[Any, ...]]]: ...

    def names(self) -> list[str]:
        """The names of its columns."""
        return [column.name for column in self.columns]

    def number(self, where: str) -> int:
        """How many rows there are.  Raises `CannotAdopt`."""
        return int(self._all(f"SELECT count(*) FROM {self.quoted}{condition(where)}")[0][0])

    def values(self, column: str, where: str, limit: int | None = None) -> list[tuple[Any, int]]:
        """The values of a column, the most frequent first, each with how many rows have it.  Raises `CannotAdopt`."""
        name = quote(column)
        told = f"SELECT {name}, count(*) FROM {self.quoted}{condition(where)} GROUP BY {name} ORDER BY count(*) DESC"
        return [(value, rows) for value, rows in self._all(told if limit is None else f"{told} LIMIT {limit}")]

    def rows(self, columns: Sequence[str], where: str) -> Iterator[list[tuple[Any, ...]]]:
        """All rows with these columns, in batches, in the order of the table's key if it has one."""
        order = f" ORDER BY {', '.join(map(quote, self.key))}" if self.key else ""
        named = ", ".join(map(quote, columns))
        return self._batches(f"SELECT {named} FROM {self.quoted}{condition(where)}{order}")

    def _all(self, statement: str) -> list[tuple[Any, ...]]:
        return [row for rows in self._batches(statement) for row in rows]


def condition(where: str) -> str:
    return f" WHERE ({where})" if where.strip() else ""


def quote(name: str) -> str:
    """A name in SQL.

    >>> print(quote("the name"))
    "the name"
    """
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


@contextmanager
def open_source(url: str, table: str) -> Generator[Source]:
    """The table of this name where a URL points to.  Raises `CannotAdopt`, `CannotOpen`.

    On PostgreSQL the name may have the schema in front, `public.orders`; otherwise the search path finds it, or the
    `schema` that the URL gives.
    """
    scheme = url.partition(":")[0].lower()
    if scheme == "sqlite":
        with open_file(url, table) as source:
            yield source
    elif scheme in ("postgresql", "postgres"):
        check_installed(url)
        with open_server(url, table) as source:
            yield source
    else:
        problem = f"names no database{did_you_mean(scheme, ['sqlite', 'postgresql'])}; write sqlite:///shop.db"
        raise CannotAdopt(without_secrets(url) or "an empty URL", (problem,))


# ---------------------------------------------------------------- SQLite


@contextmanager
def open_file(url: str, table: str) -> Generator[Source]:
    from leverframe.persistence.sqlite.driver import sqlite3
    from leverframe.persistence.sqlite.files import file_uri
    from leverframe.persistence.sqlite.location import parse_location

    location = parse_location(url)
    if location.path is None:
        raise CannotAdopt(location.text, ("is a new database in memory, which has no table; name a file",))
    try:
        connection = sqlite3.connect(file_uri(location.path, "mode=ro"), uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise CannotAdopt(location.text, (f"cannot be opened: {error}",)) from error
    # What is no text, in a column of text, does not fit; it must not keep all other rows from being read.
    connection.text_factory = decode
    with closing(connection):
        try:
            connection.execute("BEGIN")
            yield FileSource(connection, location.text, table)
        except sqlite3.Error as error:
            raise CannotAdopt(location.text, (f"cannot be read: {error}",)) from error


def decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


class FileSource(Source):
    """A table of an SQLite file."""

    def __init__(self, connection: Any, location: str, table: str) -> None:
        from sqlite_utils import Database

        super().__init__(location, table)
        self._connection = connection
        database: Any = Database(connection)
        names = [*database.table_names(), *database.view_names()]
        if table not in names:
            raise CannotAdopt(location, (f"has no table {table!r}{did_you_mean(table, names)}",))
        found: Any = database[table]
        self.columns = tuple(Column(column.name, column.type) for column in found.columns)
        keys = {column.name for column in found.columns if column.is_pk}
        self.key = tuple(name for name in self.names() if name in keys)
        if not self.key and table in database.table_names() and ROW_NUMBER not in self.names():
            self.key = self._row_number()

    def _row_number(self) -> tuple[str, ...]:
        """Its rows have numbers, unless it was made without."""
        try:
            self._all(f"SELECT {ROW_NUMBER} FROM {self.quoted} LIMIT 0")
        except CannotAdopt:
            return ()
        return (ROW_NUMBER,)

    @property
    def quoted(self) -> str:
        return quote(self.table)

    def _batches(self, statement: str) -> Iterator[list[tuple[Any, ...]]]:
        from leverframe.persistence.sqlite.driver import sqlite3

        try:
            cursor = self._connection.execute(statement)
            while rows := cursor.fetchmany(AT_ONCE):
                yield rows
        except sqlite3.Error as error:
            raise CannotAdopt(self.place, (f"cannot be read: {error}",)) from error


# ---------------------------------------------------------------- PostgreSQL


@contextmanager
def open_server(url: str, table: str) -> Generator[Source]:
    import psycopg

    from leverframe.persistence.postgres.faults import opening_fault
    from leverframe.persistence.postgres.location import parse_location

    location = parse_location(url)
    try:
        connection = psycopg.connect(**location.conninfo)  # type: ignore[arg-type]  # libpq's options are texts
    except psycopg.Error as error:
        problem: StoreError = opening_fault(error, location)
        raise problem from error
    with closing(connection):
        try:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            if "schema=" in url.partition("?")[2]:
                connection.execute("SELECT set_config('search_path', %s, false)", (location.schema,))
            yield ServerSource(connection, location.text, table)
        except psycopg.Error as error:
            raise CannotAdopt(location.text, (f"cannot be read: {first_line(error)}",)) from error


COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute AS a
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""

KEY = """
SELECT a.attname FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY array_position(i.indkey::int[], a.attnum::int)"""

TABLES = """
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1"""


class ServerSource(Source):
    """A table on a PostgreSQL server."""

    def __init__(self, connection: Any, location: str, table: str) -> None:
        super().__init__(location, table)
        self._connection = connection
        if connection.execute("SELECT to_regclass(%s)", (self.quoted,)).fetchone()[0] is None:
            names = [name for (name,) in connection.execute(TABLES)]
            raise CannotAdopt(location, (f"has no table {table!r}{did_you_mean(table, names)}",))
        self.columns = tuple(Column(*row) for row in connection.execute(COLUMNS, (self.quoted,)))
        self.key = tuple(name for (name,) in connection.execute(KEY, (self.quoted,)))

    @property
    def quoted(self) -> str:
        return ".".join(map(quote, self.table.split(".", 1)))

    def _batches(self, statement: str) -> Iterator[list[tuple[Any, ...]]]:
        import psycopg

        try:
            # On the server, so that what is not read yet takes no memory here.
            with self._connection.cursor(name="leverframe_rows") as cursor:
                cursor.execute(statement.encode())
                while rows := cursor.fetchmany(AT_ONCE):
                    yield rows
        except psycopg.Error as error:
            self._connection.rollback()
            raise CannotAdopt(self.place, (f"cannot be read: {first_line(error)}",)) from error


def first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
