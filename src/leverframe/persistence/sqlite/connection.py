"""How is a connection to SQLite set up, and what does running a statement on it look like?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leverframe.errors import StoreVanished
from leverframe.persistence.sqlite.driver import checkpoints_safely, sqlite3
from leverframe.persistence.sqlite.faults import fault
from leverframe.persistence.sqlite.files import GONE, Identity, file_uri, identity
from leverframe.persistence.sqlite.location import MEMORY, Location

__all__ = ["Parameters", "Row", "connect", "connect_reader", "roll_back", "set_busy_timeout", "set_up_writer"]

# What a SELECT gives; its columns' types are those of the statement, which no type checker reads.
Row = tuple[Any, ...]
Parameters = Sequence[object]

# The store's statements are about thirty, those that `finding.py` makes come in some dozens of shapes.
KEPT_STATEMENTS = 256

MILLISECONDS = 1000
LONGEST_BUSY_TIMEOUT = 2**31 - 1


def connect(location: Location, *, create: bool = False) -> sqlite3.Connection:
    """A connection that begins no transaction by itself; any thread may use it, one at a time."""
    target = MEMORY if location.path is None else file_uri(location.path, "mode=rwc" if create else "mode=rw")
    connection = sqlite3.connect(
        target,
        timeout=min(location.timeout, LONGEST_BUSY_TIMEOUT / MILLISECONDS),
        isolation_level=None,
        check_same_thread=False,
        cached_statements=KEPT_STATEMENTS,
        uri=location.path is not None,
    )
    try:
        set_up(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def set_up(connection: sqlite3.Connection) -> None:
    if not checkpoints_safely():
        connection.execute("PRAGMA wal_autocheckpoint = 0")


def set_up_writer(connection: sqlite3.Connection, location: Location) -> None:
    """What only the connection that writes needs."""
    connection.execute(f"PRAGMA synchronous = {location.durability.upper()}")
    if location.durability == "full":
        # macOS keeps what fsync() wrote in the disk's cache; elsewhere this changes nothing.
        connection.execute("PRAGMA fullfsync = 1")
    # Whatever is deleted, or changes, is overwritten: an earlier body must not outlive its instance in a free page.
    connection.execute("PRAGMA secure_delete = ON")
    # Whoever has the turn finds SQLite's own lock free, unless a program without our lock file writes too:
    # `transaction.py` waits for that one with what is left of the timeout.
    set_busy_timeout(connection, 0)


def connect_reader(location: Location, opened: Identity | None) -> sqlite3.Connection:
    """One more connection to the file that was opened, and to no other of that name."""
    try:
        connection = connect(location)
    except sqlite3.Error as error:
        if location.path is not None and identity(location.path) is None:
            raise StoreVanished(location.text, GONE) from error
        raise fault(error, location) from error
    if location.path is not None and identity(location.path) != opened:
        connection.close()
        raise StoreVanished(location.text, GONE)
    return connection


def set_busy_timeout(connection: sqlite3.Connection, seconds: float) -> None:
    milliseconds = min(int(seconds * MILLISECONDS), LONGEST_BUSY_TIMEOUT)
    connection.execute(f"PRAGMA busy_timeout = {milliseconds}")


def roll_back(connection: sqlite3.Connection) -> None:
    """End the transaction, if SQLite has not ended it already: it does on a full disk."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
