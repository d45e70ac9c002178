"""Databases for one measurement each: a file of SQLite's, a schema on the PostgreSQL server, and the rows in them."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

from postgres_server import Server, running_server

from benchmarks.store import fresh_file
from leverframe.persistence.postgres.location import parse_location
from leverframe.persistence.postgres.pool import connect
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.location import parse_location as parse_file

__all__ = ["SERVERS", "FilePlace", "Place", "SchemaPlace", "file_place", "peer_schema", "schema_place"]

SERVERS = ExitStack()
"""What is to be stopped at the end."""

WAITING = ("fsync", "full_page_writes", "synchronous_commit")
"""Settings of the server that have to be on: without them it would not wait for the disk."""

COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"""

TABLES = "SELECT string_agg(quote_ident(relname), ', ') FROM pg_stat_user_tables WHERE schemaname = current_schema()"


class Place(Protocol):
    """Where a database is, and a way to its rows past everything that is measured.

    Attributes: `url`; `counts`, the tables in which a store counts its instances; `settling`, statements that do what
    has been done meanwhile where a store was filled over time.
    """

    @property
    def url(self) -> str: ...
    @property
    def counts(self) -> tuple[str, ...]: ...
    @property
    def settling(self) -> tuple[str, ...]: ...

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements; the rows of the last one."""
        ...

    def columns(self, table: str) -> list[str]:
        """The columns of a table, in order."""
        ...

    def tidy(self) -> None:
        """Do at once what the database does by itself from time to time."""
        ...


class FilePlace:
    """A file of SQLite's."""

    counts = ("state_count",)
    settling = ("PRAGMA wal_checkpoint(TRUNCATE)",)

    def __init__(self, url: str) -> None:
        self.url = url
        path = parse_file(url).path
        if path is None:
            raise RuntimeError("a database in memory cannot be looked at from outside")
        self.path = str(path)

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            rows: list[tuple[Any, ...]] = []
            for statement in statements:
                rows = connection.execute(statement).fetchall()
        return rows

    def columns(self, table: str) -> list[str]:
        return [name for (name,) in self.run(f"SELECT name FROM pragma_table_info('{table}') ORDER BY cid")]

    def tidy(self) -> None:
        """SQLite does nothing behind one's back."""


class SchemaPlace:
    """A schema on the server."""

    counts = ("state_count", "count_change")
    settling = (
        "SELECT setval(pg_get_serial_sequence('snapshot', 'instance'), (SELECT max(instance) FROM snapshot))",
        "VACUUM (FREEZE, ANALYZE)",
        "CHECKPOINT",
    )

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def peer_url(self) -> str:
        """The URL for those who know nothing of leverframe's."""
        separator = "&" if "?" in server().url else "?"
        options = f"-csearch_path={parse_location(self.url).schema} -csynchronous_commit=on"
        return f"{server().url}{separator}options={quote(options)}"

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        with closing(connect(parse_location(self.url))) as connection:
            rows: list[tuple[Any, ...]] = []
            for statement in statements:
                cursor = connection.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def columns(self, table: str) -> list[str]:
        return [name for (name,) in self.run(COLUMNS.format(table=table))]

    def tidy(self) -> None:
        """Otherwise autovacuum comes to some of those that are compared, each minute, and not to the others."""
        tables = self.run(TABLES)[0][0]
        self.run(f"VACUUM (ANALYZE) {tables}")


@contextmanager
def file_place(durability: str) -> Generator[FilePlace]:
    with fresh_file(durability) as url:
        yield FilePlace(url)


@contextmanager
def schema_place() -> Generator[SchemaPlace]:
    """A schema that is not there yet, and is gone afterwards."""
    url = server().fresh_url("&durability=full")
    try:
        yield SchemaPlace(url)
    finally:
        server().run(f"DROP SCHEMA IF EXISTS {parse_location(url).schema} CASCADE")


@contextmanager
def peer_schema() -> Generator[SchemaPlace]:
    """The same, but the schema is there, and empty: a peer makes its tables in it."""
    with schema_place() as place:
        server().run(f"CREATE SCHEMA {parse_location(place.url).schema}")
        yield place


@cache
def server() -> Server:
    """The server of this run, started when it is first needed.  Raises unless it waits for the disk."""
    started = SERVERS.enter_context(running_server(hurried=False))
    print(f"PostgreSQL {started.run('SHOW server_version')[0][0]}", flush=True)
    for setting in WAITING:
        if started.run(f"SHOW {setting}") != [("on",)]:
            raise RuntimeError(f"the server runs with {setting} off, so that no figure would be true of one in use")
    return started
