"""The example's table of repairs, in small, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from attrs import evolve
from documents import ROOT
from postgres_server import Server

from adopting.make_database import COLUMNS, TABLE, rows
from leverframe.adoption.mapping import AdoptionMapping, read_mapping
from leverframe.persistence.sqlite.driver import sqlite3

__all__ = ["MAPPING", "clean_rows", "make_file", "make_on_server", "mapping_of"]

MAPPING = ROOT / "examples" / "adopting" / "repairs.toml"

Row = dict[str, Any]

WHOLE = {"shop": "harbour", "status": "new", "bike": "racer", "customer_no": "C1", "urgent": "Y", "created": 1600000000}


def clean_rows(number: int) -> list[Row]:
    """So many rows that fit."""
    return [{**row, **WHOLE, "ticket": row["id"]} for row in rows(number)]


def make_file(folder: Path, made: Sequence[Row]) -> str:
    """The URL of a new file with these rows."""
    path = folder / "workshop.db"
    with closing(sqlite3.connect(str(path))) as connection:
        connection.execute(TABLE)
        connection.executemany(insert("repair", "?"), [values(row) for row in made])
        connection.commit()
    return f"sqlite:///{path}"


def make_on_server(server: Server, made: Sequence[Row]) -> tuple[str, str]:
    """The URL of a database, and the name of a table in it with these rows."""
    schema = f"{server.fresh_url().rpartition('schema=')[2]}_old"
    with psycopg.connect(server.url) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        made_so = TABLE.replace("CREATE TABLE repair", f"CREATE TABLE {schema}.repair")
        # What is dirt in a file's column of numbers, a server's does not take.
        connection.execute(made_so.replace("INTEGER", "bigint").replace("finished bigint", "finished text").encode())
        with connection.cursor() as cursor:
            told = [values({**row, "finished": row["finished"] and str(row["finished"])}) for row in made]
            cursor.executemany(insert(f"{schema}.repair", "%s").encode(), told)
    return server.url, f"{schema}.repair"


def values(row: Row) -> list[Any]:
    return [row[name] for name in COLUMNS]


def insert(table: str, mark: str) -> str:
    return f"INSERT INTO {table} ({', '.join(COLUMNS)}) VALUES ({', '.join([mark] * len(COLUMNS))})"


def mapping_of(table: str = "repair", **changes: Any) -> AdoptionMapping:
    """The example's mapping."""
    return evolve(read_mapping(str(MAPPING)), table=table, **changes)
