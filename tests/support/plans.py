"""What a store says to its database during a call, and which tables that reads from end to end."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from leverframe import Store
from leverframe.persistence.postgres.location import parse_location as parse_server
from leverframe.persistence.postgres.pool import connect
from leverframe.persistence.postgres.saying import SpokenConnection
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.location import parse_location as parse_file

__all__ = ["said_by", "scanned"]

Said = tuple[str, Any]

SPOKEN = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")

PLACE = re.compile(r"%(?:s|\((\w+)\)s)")


@contextmanager
def said_by(store: Store) -> Generator[list[Said]]:
    """Every statement that the block makes the store say, with its parameters."""
    said: list[Said] = []
    with pytest.MonkeyPatch.context() as patch:
        if store.location.startswith("sqlite"):
            listen_to_sqlite(store, patch, said)
        else:
            listen_to_postgres(patch, said)
        yield said
    said[:] = [each for each in said if SPOKEN.match(each[0])]


def listen_to_sqlite(store: Store, patch: pytest.MonkeyPatch, said: list[Said]) -> None:
    from leverframe.persistence.asking import ReadingVerbs
    from leverframe.persistence.sqlite.reader import SQLiteReader
    from leverframe.persistence.sqlite.writer import SQLiteWriter

    def listening(method: Any) -> Any:
        def say(place: ReadingVerbs, statement: str, parameters: Any) -> Any:
            said.append((statement, parameters))
            return method(place, statement, parameters)

        return say

    patch.setattr(SQLiteReader, "_rows", listening(SQLiteReader._rows))  # pyright: ignore[reportPrivateUsage]
    for name in ("_run", "_execute"):
        patch.setattr(SQLiteWriter, name, listening(getattr(SQLiteWriter, name)))


def listen_to_postgres(patch: pytest.MonkeyPatch, said: list[Said]) -> None:
    execute: Any = psycopg.Connection.execute

    def listening(connection: Any, statement: bytes | sql.Composed, parameters: Any = None, **options: Any) -> Any:
        if isinstance(statement, bytes):
            said.append((statement.decode(), parameters))
        return execute(connection, statement, parameters, **options)

    say: Any = SpokenConnection.say

    def listening_to_say(connection: Any, statement: str, values: Any) -> Any:
        said.append((statement, values))
        return say(connection, statement, values)

    patch.setattr(psycopg.Connection, "execute", listening)
    patch.setattr(SpokenConnection, "say", listening_to_say)


def scanned(url: str, said: Said) -> set[str]:
    """The tables that the statement reads from end to end, however the database plans it."""
    return scanned_by_sqlite(url, *said) if url.startswith("sqlite") else scanned_by_postgres(url, *said)


# ---------------------------------------------------------------- SQLite


def scanned_by_sqlite(url: str, statement: str, parameters: Any) -> set[str]:
    connection = sqlite3.connect(str(parse_file(url).path))
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    connection.close()
    names: dict[str, str] = {
        alias: table for table, alias in re.findall(r"(?:FROM|JOIN)\s+(\w+)\s+AS\s+(\w+)", statement)
    }
    # A SCAN may go along an index, and reads all of it all the same.
    scans = [str(detail).split()[1] for *_, detail in rows if str(detail).startswith("SCAN ")]
    return {names.get(scan, scan) for scan in scans}


# ---------------------------------------------------------------- PostgreSQL


def scanned_by_postgres(url: str, statement: str, parameters: Any) -> set[str]:
    found: set[str] = set()
    with connect(parse_server(url)) as connection:
        for mode in ("force_generic_plan", "force_custom_plan"):
            connection.execute("SELECT set_config('plan_cache_mode', %s, false)", (mode,))
            connection.execute("DEALLOCATE ALL")
            found |= set(scans_in(planned(connection, statement, parameters)))
    return found


def planned(connection: psycopg.Connection[Any], statement: str, parameters: Any) -> dict[str, Any]:
    numbers: dict[str, int] = {}
    unnamed = itertools.count()

    def numbered(place: re.Match[str]) -> str:
        return f"${numbers.setdefault(place[1] or str(next(unnamed)), len(numbers) + 1)}"

    text = PLACE.sub(numbered, statement)
    values = [named(parameters)[name] for name in numbers]
    connection.execute(f"PREPARE asked AS {text}".encode())
    given = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, values))) if values else sql.SQL("")
    row = connection.execute(sql.SQL("EXPLAIN (FORMAT JSON) EXECUTE asked {}").format(given)).fetchone()
    assert row is not None
    plan = json.loads(row[0]) if isinstance(row[0], str) else row[0]
    return dict(plan[0]["Plan"])


def named(parameters: Any) -> Mapping[str, object]:
    """The values by their names, or by their places."""
    return (
        parameters if isinstance(parameters, Mapping) else {str(n): value for n, value in enumerate(parameters or ())}
    )  # pyright: ignore[reportUnknownVariableType]  # psycopg takes both


def scans_in(plan: dict[str, Any]) -> Generator[str]:
    # An index without a condition on it is read from end to end too.
    if plan["Node Type"] == "Seq Scan" or ("Index Name" in plan and "Index Cond" not in plan):
        yield str(plan.get("Relation Name", plan.get("Index Name")))
    for part in plan.get("Plans", ()):
        yield from scans_in(part)
