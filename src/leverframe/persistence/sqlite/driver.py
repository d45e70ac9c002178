"""Which SQLite library is used, and is it safe to let it checkpoint on its own?

`pysqlite3` brings a new SQLite along; without it Python's own is taken.  sqlite-utils chooses the same way,
and it has to be the same one: two SQLite libraries in one process drop each other's file locks.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # pysqlite3 is the standard module built anew, and comes without types of its own.
    import sqlite3
else:
    try:
        import pysqlite3 as sqlite3
    except ImportError:
        import sqlite3

__all__ = ["OLDEST", "checkpoints_safely", "has_wal_reset_fix", "is_too_old", "sqlite3", "warn_once"]

Version = tuple[int, int, int]

# STRICT tables came with 3.37, RETURNING with 3.35.
OLDEST: Version = (3, 37, 0)

WARNING = (
    f"SQLite {sqlite3.sqlite_version} can damage a WAL database when two connections write and checkpoint at once; "
    "leverframe now checkpoints only while it holds its write lock, so let no other program write to the file. "
    "Install pysqlite3, or a Python with SQLite 3.51.3 or newer, to be rid of this"
)


def has_wal_reset_fix(version: Version) -> bool:
    """Whether a checkpoint beside another connection's write cannot damage the file.

    >>> has_wal_reset_fix((3, 51, 2)), has_wal_reset_fix((3, 51, 3)), has_wal_reset_fix((3, 44, 6))
    (False, True, True)
    """
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def checkpoints_safely() -> bool:
    return has_wal_reset_fix(linked_version())


def is_too_old() -> bool:
    return linked_version() < OLDEST


def linked_version() -> Version:
    major, minor, patch = sqlite3.sqlite_version_info[:3]
    return major, minor, patch


class Once:
    """Remembers that the warning was given: the filters of `warnings` may be set to repeat it."""

    given = False


def warn_once() -> None:
    """Say once in a process that the linked SQLite has the fault."""
    if not Once.given:
        Once.given = True
        warnings.warn(WARNING, RuntimeWarning, stacklevel=4)
