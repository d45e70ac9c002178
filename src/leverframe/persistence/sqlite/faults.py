"""What an error of SQLite means to the caller: the one place where its codes become errors of this package."""

from __future__ import annotations

from leverframe.errors import NotADatabase, ReadOnly, StoreError, StoreFailure, StoreFull, StoreTimeout
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.files import NOT_WRITABLE, may_write
from leverframe.persistence.sqlite.location import Location

__all__ = ["fault", "is_busy", "is_corrupt", "opening_fault"]

# SQLite's primary result codes; the extended ones keep them in the low byte.
BUSY = 5
LOCKED = 6
READONLY = 8
CORRUPT = 11
FULL = 13
CANTOPEN = 14
NOTADB = 26

PRIMARY = 0xFF


def code_of(error: sqlite3.Error) -> int:
    """The extended result code; errors that the driver itself raises have none."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0)


def is_busy(error: sqlite3.Error) -> bool:
    return code_of(error) & PRIMARY in (BUSY, LOCKED)


def is_corrupt(error: sqlite3.Error) -> bool:
    return code_of(error) & PRIMARY in (CORRUPT, NOTADB)


def fault(error: sqlite3.Error, location: Location, *, committing: bool = False) -> StoreError:
    """What to raise for an error of an open database; `committing`, for one of a COMMIT."""
    primary = code_of(error) & PRIMARY
    if primary == FULL:
        return StoreFull(location.text)
    if primary in (BUSY, LOCKED):
        return StoreTimeout(location.text, location.timeout)
    # A WAL database whose folder may not be written says CANTOPEN; so does a process with too many open files.
    if primary == READONLY or (primary == CANTOPEN and not may_write(location.path)):
        return ReadOnly(location.text, NOT_WRITABLE)
    if is_corrupt(error):
        return StoreFailure(location.text, f"the file is damaged ({error}); restore it from a backup")
    return StoreFailure(location.text, f"SQLite reports: {error}", committing)


def opening_fault(error: sqlite3.Error, location: Location) -> StoreError:
    """What to raise for an error on the way to an open database."""
    if is_corrupt(error):
        return NotADatabase(location.text, f"is no readable SQLite database ({error}); name another file")
    return fault(error, location)
