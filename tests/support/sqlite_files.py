"""Files of SQLite, by what is in them, to the byte."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

from leverframe.persistence.sqlite.driver import sqlite3

__all__ = ["files", "make_database", "url"]


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def files(folder: Path) -> dict[str, str]:
    """What is in a folder, to the byte; the lock file is empty, and no part of the data."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}
    return {name: digest for name, digest in found.items() if not name.endswith("-lock")}


def make_database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
