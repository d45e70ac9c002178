"""Statements that a test makes on a store's database by itself, past the store, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from waiting import until

from leverframe.persistence.postgres.location import parse_location as parse_server
from leverframe.persistence.postgres.pool import connect
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.location import parse_location as parse_file

__all__ = ["ask_by_hand", "run_by_hand", "until_alone"]

# A killed client's statement still ends on the server.
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()"""


def run_by_hand(url: str, *statements: str) -> None:
    """Run statements, each committed by itself."""
    for statement in statements:
        ask_by_hand(url, statement)


def ask_by_hand(url: str, statement: str) -> Sequence[tuple[Any, ...]]:
    """The rows of a statement, which is committed."""
    if url.startswith("sqlite:"):
        return ask_file(str(parse_file(url).path), statement)
    with connect(parse_server(url)) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def ask_file(path: str, statement: str) -> Sequence[tuple[Any, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


def until_alone(url: str) -> None:
    """Wait until nobody else who goes by this URL's `application_name` is connected; files need no waiting."""
    if not url.startswith("sqlite:"):
        until(lambda: ask_by_hand(url, OTHERS)[0][0] == 0)
