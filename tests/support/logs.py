"""Logs for tests of the command line, and what a replay printed and left in a database."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

__all__ = ["CLICK", "DIRTY", "ROOT", "create_line", "event_line", "rows_of", "totals", "write_log"]

ROOT = Path(__file__).parents[2]
STORIES = ROOT / "examples" / "stories"
CLICK = STORIES / "click.jsonl"
DIRTY = STORIES / "xstate-dirty.jsonl"

AT = "2024-01-02T03:04:05+00:00"


def event_line(
    key: str | list[str], event: str, *, at: str = AT, top: dict[str, Any] | None = None, **fields: Any
) -> str:
    """A line with an event; `top` holds further fields of the line itself."""
    return json.dumps({"id": key, "at": at, "event": {"type": event, **fields}, **(top or {})})


def create_line(key: str | list[str], state: str, *, at: str = AT, **fields: Any) -> str:
    """A line that creates an instance."""
    return json.dumps({"id": key, "at": at, "create": {"type": state, **fields}})


def write_log(path: Path, *lines: str | bytes) -> Path:
    """A log with these lines."""
    path.write_bytes(b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines))
    return path


def rows_of(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for when it was recorded."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: _rows(connection, name) for name in tables if name != "_sqlite_migrations"}


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})") if name != "recorded_at"]
    return sorted(connection.execute(f"SELECT {', '.join(columns)} FROM {table}"), key=repr)


def totals(**numbers: Any) -> dict[str, Any]:
    """What `replay --json` prints: these numbers, and 0 for the others."""
    zero: dict[str, Any] = {
        "stories": 0,
        "events": 0,
        "moved": 0,
        "refused": 0,
        "malformed": 0,
        "duplicates": 0,
        "states": {},
    }
    return zero | numbers
