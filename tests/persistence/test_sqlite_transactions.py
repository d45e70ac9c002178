"""What becomes of a transaction that cannot be finished: everything is as before, and the next one gets its turn."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlite_orders import full_creation, full_move, version

from leverframe.errors import StoreFailure, StoreFull
from leverframe.persistence.rows import Move, NewMessage
from leverframe.persistence.sqlite import SQLiteBackend, open_sqlite

TABLES = ("snapshot", "journal", "state_count", "lookup", "delivery", "message", "cursor")


@pytest.fixture
def backend(path: Path) -> Iterator[SQLiteBackend]:
    opened = open_sqlite(f"sqlite:///{path}?durability=normal")
    with opened.write() as writer:
        writer.create(full_creation("one"))
    yield opened
    opened.close()


def contents(backend: SQLiteBackend) -> dict[str, list[Any]]:
    return {table: backend.connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


# ---------------------------------------------------------------- failures in the block


@pytest.mark.parametrize("how", ["ABORT", "ROLLBACK", "FAIL"])
@pytest.mark.parametrize(
    ("when", "table"),
    [
        ("UPDATE", "snapshot"),
        ("INSERT", "journal"),
        ("INSERT", "delivery"),
        ("DELETE", "lookup"),
        ("INSERT", "lookup"),
        ("INSERT", "message"),
        ("UPDATE", "state_count"),
        ("INSERT", "state_count"),
    ],
)
def test_a_move_fails_as_a_whole(backend: SQLiteBackend, when: str, table: str, how: str) -> None:
    """Whichever statement of a move fails, and however, every table is as before and the next move is made."""
    trigger = f"CREATE TRIGGER broken AFTER {when} ON {table} BEGIN SELECT RAISE({how}, 'broken'); END"
    backend.connection.execute(trigger)
    before = contents(backend)
    with pytest.raises(StoreFailure, match="SQLite reports: broken"), backend.write() as writer:
        writer.move(full_move())
    assert contents(backend) == before
    backend.connection.execute("DROP TRIGGER broken")
    with backend.write() as writer:
        assert writer.move(full_move()) is not None


def test_a_failure_cannot_be_swallowed(backend: SQLiteBackend) -> None:
    """A block that catches a failure and goes on is refused: nothing half-written is ever committed."""
    backend.connection.execute("CREATE TRIGGER broken AFTER INSERT ON message BEGIN SELECT RAISE(ROLLBACK, 'x'); END")
    before = contents(backend)
    with pytest.raises(StoreFailure, match="can only be rolled back"):
        swallow_failures(backend)
    assert contents(backend) == before


def swallow_failures(backend: SQLiteBackend) -> None:
    with backend.write() as writer:
        with pytest.raises(StoreFailure, match="SQLite reports: x"):
            writer.move(full_move())
        with pytest.raises(StoreFailure, match="can only be rolled back"):
            writer.save_cursor("name", 1)


def test_a_value_that_cannot_be_stored(backend: SQLiteBackend) -> None:
    """What the driver refuses to take, in the middle of a move, takes the rest of the move with it."""
    before = contents(backend)
    said = NewMessage("t", "k", "c", "\ud800")
    moved = Move("Order", 1, 1, "new", "paid", "Paid", "{}", "{}", 2, 2, None, (said,))
    with pytest.raises(StoreFailure, match="can only be rolled back"), backend.write() as writer:
        with pytest.raises(UnicodeEncodeError):
            writer.move(moved)
    assert contents(backend) == before


def test_the_callers_exception_rolls_back(backend: SQLiteBackend) -> None:
    """An exception of the caller's own leaves the block as it is, with nothing written."""
    before = contents(backend)
    with pytest.raises(ZeroDivisionError):
        move_and_fail(backend)
    assert contents(backend) == before


def move_and_fail(backend: SQLiteBackend) -> None:
    with backend.write() as writer:
        writer.move(full_move())
        raise ZeroDivisionError


def test_no_room_left(backend: SQLiteBackend) -> None:
    """On a full disk the move is refused as StoreFull; with room again, the same move is made."""
    pages = backend.connection.execute("PRAGMA page_count").fetchone()[0]
    backend.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    before = contents(backend)
    with pytest.raises(StoreFull, match="no room left on the device; nothing written"), backend.write() as writer:
        writer.move(full_move(body="x" * 100_000))
    assert contents(backend) == before
    backend.connection.execute("PRAGMA max_page_count = 1000000")
    with backend.write() as writer:
        assert writer.move(full_move(body="x" * 100_000)) is not None


def test_a_commit_that_fails(backend: SQLiteBackend) -> None:
    """What is found out at the commit only is rolled back as well, and the turn is given back."""
    execute = backend.connection.execute
    execute("PRAGMA foreign_keys = 1")
    execute("CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT")
    execute("CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED) STRICT")
    execute("CREATE TRIGGER t AFTER INSERT ON journal BEGIN INSERT INTO child VALUES (7); END")
    before = contents(backend)
    with pytest.raises(StoreFailure, match="FOREIGN KEY"), backend.write() as writer:
        writer.move(full_move())
    assert contents(backend) == before
    execute("DROP TRIGGER t")
    with backend.write() as writer:
        assert writer.move(full_move()) is not None


# ---------------------------------------------------------------- interrupts


# Where CPython looks for signals: at the start of a function, and behind a call of one written in C.
SIGNAL_POINTS = ("call", "c_return")


def interrupt_at(step: int) -> None:
    """Raise KeyboardInterrupt at the n-th place in the package where a signal could be handled."""
    steps = count(1)

    def watch(frame: FrameType, event: str, _argument: object) -> None:
        ours = event in SIGNAL_POINTS and "leverframe" in frame.f_code.co_filename
        if ours and next(steps) == step:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(watch)


def moved_with_interrupt(backend: SQLiteBackend, move: Move, step: int) -> bool:
    """Make a move and interrupt it at a step; whether it was interrupted."""
    before = sys.getprofile()
    try:
        interrupt_at(step)
        with backend.write() as writer:
            writer.move(move)
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(before)
    return False


# An interrupt inside `__del__` cannot be raised to anybody: Python says so and goes on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_anywhere_gives_the_turn_back(path: Path) -> None:
    """Wherever an interrupt comes, the move is made whole or not at all, and the next one is not kept waiting."""
    backend = open_sqlite(f"sqlite:///{path}?durability=normal&timeout=0")
    with backend.write() as writer:
        writer.create(full_creation("one"))
    expected = 1
    for step in count(1):
        interrupted = moved_with_interrupt(backend, full_move(expected), step)
        gc.collect()
        now = version(backend)
        assert now in (expected, expected + 1)
        assert len(backend.read().journal(1)) == len(backend.read().messages(0, None, 9999)) == now
        with backend.write() as writer:
            writer.save_cursor("step", step)
        expected = now
        if not interrupted:
            break
    assert expected > 1
    backend.close()


def test_a_block_that_is_never_left(backend: SQLiteBackend) -> None:
    """A transaction that is dropped without its end is rolled back, and the next one gets its turn."""
    dropped = backend.write()
    writer = dropped.__enter__()
    writer.move(full_move())
    del dropped, writer
    gc.collect()
    with backend.write():
        pass
    assert version(backend) == 1
