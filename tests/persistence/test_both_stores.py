"""The two stores are one catalogue in two dialects: what one of them has, the other has too, or it is listed here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres_server import Server

from by_hand import ask_by_hand
from leverframe import open_store
from leverframe.persistence import statements
from leverframe.persistence.backend import Backend, Reader, Writer
from leverframe.persistence.finding import find_statement
from leverframe.persistence.postgres.backend import PostgresBackend
from leverframe.persistence.postgres.migrations import MIGRATIONS as POSTGRES_MIGRATIONS
from leverframe.persistence.postgres.reader import PostgresReader
from leverframe.persistence.postgres.statements import POSTGRES
from leverframe.persistence.postgres.writer import PostgresWriter
from leverframe.persistence.rows import KeyRange, Query
from leverframe.persistence.sqlite.backend import SQLiteBackend
from leverframe.persistence.sqlite.migrations import MIGRATIONS as SQLITE_MIGRATIONS
from leverframe.persistence.sqlite.reader import SQLiteReader
from leverframe.persistence.sqlite.writer import SQLiteWriter
from leverframe.persistence.statements import SQLITE, Dialect

HALVES: dict[Any, tuple[Any, Any]] = {
    Reader: (SQLiteReader, PostgresReader),
    Writer: (SQLiteWriter, PostgresWriter),
    Backend: (SQLiteBackend, PostgresBackend),
}

# ---------------------------------------------------------------- what differs, and is meant to

POSTGRES_TABLES = {
    "count_change": "counts are appended as changes, because two moves that change one row wait for each other",
    "numbering": "messages are numbered by their transaction, and not by a sequence",
    "migration": "SQLite's migrations are in sqlite-utils' own table",
    "tenant_role": "a server has roles, and can bind one to a tenant; who may open a file may read all of it",
}

SQLITE_TABLES = {
    "_sqlite_migrations": "sqlite-utils' own",
    "sqlite_sequence": "SQLite's own",
}

POSTGRES_READERS = {
    "now": "the time is the server's; a file has no clock but this machine's",
    "tends_all": "a server may hide the rows of other tenants",
}

# The writer fills it, who reads only does not: nobody may change then what was read.
FILLED_BY_WRITERS = "held"

DECIDES_IN_TURN = {SQLiteBackend: True, PostgresBackend: False}


# ---------------------------------------------------------------- methods


def verbs(protocol: Any) -> dict[str, Any]:
    """The public methods that a protocol names, its parents' too."""
    return {
        name: member for name, member in inspect.getmembers(protocol, inspect.isfunction) if not name.startswith("_")
    }


def parameters(function: Callable[..., Any]) -> list[tuple[str, object, object]]:
    return [(each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()]


PAIRS = [
    pytest.param(protocol, half, id=f"{protocol.__name__}-{half.__name__}")
    for protocol, halves in HALVES.items()
    for half in halves
]


@pytest.mark.parametrize(("protocol", "half"), PAIRS)
def test_methods_are_those_of_the_protocol(protocol: Any, half: Any) -> None:
    """Both stores have every method that `backend.py` asks for, with the same parameters and defaults."""
    asked = {name: parameters(member) for name, member in verbs(protocol).items()}
    assert {name: parameters(getattr(half, name, lambda: None)) for name in asked} == asked


def test_readers_have_nothing_more() -> None:
    """A verb that reads is on both stores, or listed here as one store's own."""
    of_sqlite, of_postgres = set(verbs(SQLiteReader)), set(verbs(PostgresReader))
    assert of_sqlite - set(verbs(Reader)) == set()
    assert of_postgres - of_sqlite == set(POSTGRES_READERS)


@pytest.mark.parametrize("half", DECIDES_IN_TURN)
def test_turns(half: Any) -> None:
    """Whether a decision is taken in one's turn to write is declared on the backend."""
    assert half.decides_in_turn is DECIDES_IN_TURN[half]


# ---------------------------------------------------------------- migrations and tables


def test_migrations() -> None:
    """The steps by which both came to their tables have the same numbers, in order, and the same names."""
    names = [migration.name for migration in SQLITE_MIGRATIONS]
    assert [migration.name for migration in POSTGRES_MIGRATIONS] == names
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]


@pytest.fixture(scope="module")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"
    open_store(url).close()
    return url


@pytest.fixture(scope="module")
def postgres_url(postgres_server: Server) -> str:
    url = postgres_server.fresh_url()
    open_store(url).close()
    return url


COLUMNS_OF_SQLITE = """
SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'
ORDER BY t.name, c.cid"""

COLUMNS_OF_POSTGRES = """
SELECT table_name, column_name FROM information_schema.columns AS c JOIN pg_class AS t ON t.relname = c.table_name
WHERE table_schema = current_schema() AND t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace
ORDER BY table_name COLLATE "C", ordinal_position"""

INDEXES_OF_SQLITE = """
SELECT name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%' AND substr(tbl_name, 1, 1) <> '_'"""

INDEXES_OF_POSTGRES = """
SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND indexname NOT LIKE '%_pkey'"""


def test_tables(sqlite_url: str, postgres_url: str) -> None:
    """Both have the same tables, of the same columns in the same order, but for those that are listed here."""
    of_sqlite = [row for row in ask_by_hand(sqlite_url, COLUMNS_OF_SQLITE) if row[0] not in SQLITE_TABLES]
    of_postgres = [row for row in ask_by_hand(postgres_url, COLUMNS_OF_POSTGRES) if row[0] not in POSTGRES_TABLES]
    assert of_postgres == of_sqlite


def test_indexes(sqlite_url: str, postgres_url: str) -> None:
    """Both have indexes of the same names."""
    of_sqlite = {name for (name,) in ask_by_hand(sqlite_url, INDEXES_OF_SQLITE)}
    assert {name for (name,) in ask_by_hand(postgres_url, INDEXES_OF_POSTGRES)} == of_sqlite


# ---------------------------------------------------------------- statements

SPOKEN = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|SAVEPOINT|ROLLBACK|RELEASE)\b")
HOLE = re.compile(r"/\*(\)?\w+\(?)\*/")

RANGES = (KeyRange("a", "b"), KeyRange("x", None))
LOOKUPS = (("label", '"A"'), ("city", '"B"'))

QUERIES = {
    "everything": Query("Parcel"),
    "newest": Query("Parcel", limit=3),
    "one state": Query("Parcel", ("lost",)),
    "newest of two states": Query("Parcel", ("lost", "found"), limit=3),
    "one range": Query("Parcel", None, RANGES[:1]),
    "ranges of states": Query("Parcel", ("lost", "found"), RANGES, limit=3),
    "many ranges": Query("Parcel", None, tuple(KeyRange(f"{n:03}", f"{n:03}!") for n in range(201))),
    "look-ups": Query("Parcel", ("lost",), RANGES, LOOKUPS, 3),
}


def catalogue(dialect: Dialect) -> list[tuple[str, str]]:
    """Every statement by its name; those of a find as they are put together."""
    return list(told_by(dialect))


def told_by(dialect: Dialect) -> Iterator[tuple[str, str]]:
    for name, text in vars(statements).items():
        if isinstance(text, str) and name.isupper() and SPOKEN.match(text):
            yield name, text
    for name, query in QUERIES.items():
        found = find_statement(query, dialect)
        assert found is not None
        yield name, found[0]
    yield "count", dialect.count
    yield "newest_of_each", dialect.newest_of_each


@pytest.mark.parametrize(("name", "statement"), catalogue(POSTGRES))
def test_statement_for_postgres(name: str, statement: str) -> None:
    """PostgreSQL's spelling has no hole that nobody fills, and as many parameters, each as psycopg writes them."""
    spelled = POSTGRES.spell(statement)
    assert set(HOLE.findall(spelled)) <= {FILLED_BY_WRITERS}, name
    assert "?" not in spelled
    assert spelled.count("%s") == spelled.count("%") == statement.count("?")


@pytest.mark.parametrize(("name", "statement"), catalogue(SQLITE))
def test_statement_for_sqlite(name: str, statement: str) -> None:
    """SQLite's spelling is the statement as it stands, whose holes are comments with a name that PostgreSQL fills."""
    assert SQLITE.spell(statement) == statement, name
    assert set(HOLE.findall(statement)) <= {*POSTGRES.holes, FILLED_BY_WRITERS}
    assert "%s" not in statement


def test_every_hole_is_used() -> None:
    """PostgreSQL fills no hole that no statement has."""
    source = "".join(path.read_text() for path in Path(statements.__file__).parent.glob("*.py"))
    assert set(POSTGRES.holes) <= set(HOLE.findall(source))


def test_catalogue_is_complete() -> None:
    """The tests above have looked at what the store says to a database."""
    names = [name for name, _ in catalogue(SQLITE)]
    assert {"LOAD", "LOAD_WITH_DELIVERY", "MESSAGES", "DECLARE", "SAVE_CURSOR", "newest"} <= set(names)


@pytest.mark.parametrize(("name", "statement"), catalogue(SQLITE))
def test_sqlite_understands(sqlite_url: str, name: str, statement: str) -> None:
    """SQLite takes each statement of the catalogue for the tables that there are."""
    if not statement.startswith(("SAVEPOINT", "ROLLBACK", "RELEASE")):
        assert ask_by_hand(sqlite_url, "EXPLAIN " + statement.replace("?", "NULL")) != []
