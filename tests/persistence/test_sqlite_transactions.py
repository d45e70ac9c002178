"""What becomes of a transaction that cannot be finished: everything is as before, and the next one gets its turn."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from waiting import LONG, until

from leverframe.errors import StoreClosed, StoreFailure, StoreFull, StoreTimeout, StoreVanished
from leverframe.persistence.backend import Creation, LookupValue, Move, NewMessage
from leverframe.persistence.sqlite import SQLiteBackend, open_sqlite
from leverframe.persistence.sqlite.driver import sqlite3

TABLES = ("snapshot", "journal", "state_count", "lookup", "delivery", "message", "cursor")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def backend(path: Path) -> Iterator[SQLiteBackend]:
    opened = open_sqlite(f"sqlite:///{path}?durability=normal")
    with opened.write() as writer:
        writer.create(creation("one"))
    yield opened
    opened.close()


def creation(key: str) -> Creation:
    said = (NewMessage("t", "k", "c", "{}"),)
    return Creation("Order", key, "new", "New", "{}", 1, 1, (LookupValue("f", key, True),), said)


def full_move(seen: int = 1, body: str = "{}") -> Move:
    """A move that writes to every table."""
    lookups = (LookupValue("f", "v", True), LookupValue("g", "w", False))
    said = (NewMessage("t", "k", "c", "{}"),)
    return Move("Order", 1, seen, "new", "paid", "Paid", body, "{}", 2, 2, lookups, said, f"d{seen}")


def contents(backend: SQLiteBackend) -> dict[str, list[Any]]:
    return {table: backend.connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


def version(backend: SQLiteBackend) -> int:
    loaded = backend.read().load("Order", "one")
    assert loaded is not None
    return loaded.snapshot.version


def run(code: str, *arguments: object) -> str:
    """The output of a Python program, which must end well."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
        writer.create(creation("one"))
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


# ---------------------------------------------------------------- who may use it


def test_a_write_inside_a_write(backend: SQLiteBackend) -> None:
    """A thread that asks for a second transaction inside its own is told so; the first one goes on."""
    with backend.write() as writer:
        with pytest.raises(StoreFailure, match="let that one end"), backend.write():
            pass
        writer.move(full_move())
    assert version(backend) == 2


def test_a_transaction_is_entered_once(backend: SQLiteBackend) -> None:
    """Entering the same transaction inside itself is refused; the first one goes on."""
    transaction = backend.write()
    with transaction as writer:
        with pytest.raises(StoreFailure, match="used once"), transaction:
            pass
        writer.move(full_move())
    assert version(backend) == 2


def test_reads_see_what_is_committed(backend: SQLiteBackend) -> None:
    """A read beside a transaction that is open, in its thread or another's, sees nothing of it."""
    with backend.write() as writer:
        writer.move(full_move())
        assert version(backend) == 1
    assert version(backend) == 2


def test_memory_is_read_between_transactions() -> None:
    """In memory a read of another thread waits for the transaction's end, and its own thread's is refused."""
    backend = open_sqlite("sqlite://")
    seen: list[int] = []
    with backend.write() as writer:
        writer.create(creation("one"))
        with pytest.raises(StoreFailure, match="let that one end"):
            version(backend)
        reader = threading.Thread(target=lambda: seen.append(version(backend)))
        reader.start()
        until(backend.turn.waiting)
        writer.move(full_move())
    reader.join(LONG)
    assert seen == [2]
    backend.close()


def test_threads_write_and_read_together(backend: SQLiteBackend) -> None:
    """Threads that write in turn and read at once lose nothing, and leave no more connections than read at once."""

    def work(number: int) -> None:
        for turn in range(20):
            with backend.write() as writer:
                writer.create(creation(f"{number}-{turn}"))
            assert backend.read().load("Order", f"{number}-{turn}") is not None

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert backend.read().count("Order")[0].number == 121


@pytest.mark.parametrize("url", ["sqlite://", "file"])
def test_a_closed_store(path: Path, url: str) -> None:
    """After closing, which may be done twice, reading and writing are refused."""
    backend = open_sqlite(url if url != "file" else f"sqlite:///{path}")
    reader = backend.read()
    backend.close()
    backend.close()
    with pytest.raises(StoreClosed, match=r"was closed; open_store\(\) a new one"):
        backend.read()
    with pytest.raises(StoreClosed, match="was closed"), backend.write():
        pass
    with pytest.raises(StoreClosed, match="was closed"):
        reader.cursor("x")


def test_closing_waits_for_a_write(backend: SQLiteBackend) -> None:
    """A store is closed when the transaction under way has ended, and whoever waits for a turn is told."""
    told: list[str] = []

    def write_late() -> None:
        try:
            with backend.write():
                pass
        except StoreClosed as error:
            told.append(error.problem)

    with backend.write() as writer:
        late = threading.Thread(target=write_late)
        late.start()
        until(lambda: backend.turn.waiting() == 1)
        closer = threading.Thread(target=backend.close)
        closer.start()
        until(lambda: backend.turn.waiting() == 2)
        writer.move(full_move())
    closer.join(LONG)
    late.join(LONG)
    assert told == ["was closed"]


def test_a_deleted_file(backend: SQLiteBackend, path: Path) -> None:
    """A write to a file that was deleted is refused, and no new file appears."""
    backend.read().cursor("x")
    path.unlink()
    with pytest.raises(StoreVanished, match="deleted or replaced while open"), backend.write() as writer:
        writer.move(full_move())
    assert not path.exists()


def test_a_replaced_file(backend: SQLiteBackend, path: Path) -> None:
    """A write is refused where another file has taken the name, and that file is left as it is."""
    path.rename(path.with_suffix(".old"))
    path.write_bytes(b"another")
    with pytest.raises(StoreVanished), backend.write() as writer:
        writer.move(full_move())
    assert path.read_bytes() == b"another"


def test_a_read_does_not_make_a_new_file(path: Path) -> None:
    """A first read after the file was deleted is refused, and no new file appears."""
    backend = open_sqlite(f"sqlite:///{path}")
    path.unlink()
    with pytest.raises(StoreVanished):
        backend.read().cursor("x")
    assert not path.exists()
    backend.close()


FORK = """
import os, sys
from leverframe.errors import StoreClosed
from leverframe.persistence.sqlite import open_sqlite

backend = open_sqlite(f"sqlite:///{sys.argv[1]}")

def refused(call):
    try:
        call()
    except StoreClosed as error:
        return error.problem == "was opened in another process"
    return False

def write():
    with backend.write():
        pass

def child(block):
    writer = block.__enter__() if block else None
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    answers = [refused(backend.read), refused(write)]
    if block:
        answers.append(refused(lambda: block.__exit__(None, None, None)))
    backend.close()
    del block, writer
    os._exit(0 if all(answers) else 1)

assert child(None) == 0
block = backend.write()
assert child(block) == 0
block.save_cursor("name", 1)
block.__exit__(None, None, None)
assert backend.read().cursor("name") == 1
backend.close()
print("both refused")
"""


def test_a_fork(path: Path) -> None:
    """A forked process is refused, also inside a transaction, which its parent then commits undisturbed."""
    assert run(FORK, path) == "both refused\n"


def test_another_program_holds_the_file(backend: SQLiteBackend, path: Path) -> None:
    """A program that writes without our lock file is waited for, no longer than the timeout, and then overtaken."""
    impatient = open_sqlite(f"sqlite:///{path}?timeout=0.05")
    stranger = sqlite3.connect(path, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreTimeout, match=r"waited 0\.05 s for its turn to write"), impatient.write():
        pass
    stranger.execute("COMMIT")
    stranger.close()
    with impatient.write() as writer:
        writer.move(full_move())
    impatient.close()
    assert version(backend) == 2


def test_another_programs_short_write_is_waited_for(backend: SQLiteBackend, path: Path) -> None:
    """A program without our lock file that is done in time costs a wait and no error."""
    stranger = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    stranger.execute("BEGIN IMMEDIATE")
    ending = threading.Timer(0.1, lambda: stranger.execute("COMMIT"))
    ending.start()
    with backend.write() as writer:
        writer.move(full_move())
    ending.join(LONG)
    stranger.close()
    assert version(backend) == 2


# ---------------------------------------------------------------- joined


def test_a_block_that_closes_its_store(backend: SQLiteBackend) -> None:
    """In a block that has closed the store every further call is refused; what was written is committed."""
    with backend.transaction():
        backend.commit(lambda writer: writer.save_cursor("name", 1))
        backend.close()
        with pytest.raises(StoreClosed):
            backend.commit(lambda writer: writer.save_cursor("name", 2))
    with sqlite3.connect(str(backend.where.path)) as connection:
        assert connection.execute("SELECT position FROM cursor").fetchall() == [(1,)]
    connection.close()


def test_counts_are_written_by_each_call(backend: SQLiteBackend) -> None:
    """Whoever asks by SQL of its own, or commits by it, finds the counts of all calls before."""
    with backend.transaction() as connection:
        backend.move(full_move())
        assert connection.execute("SELECT state, number FROM state_count").fetchall() == [("new", 0), ("paid", 1)]


JOINED_FORK = """
import os, sys
from leverframe.errors import StoreClosed
from leverframe.persistence.sqlite import open_sqlite

backend = open_sqlite(f"sqlite:///{sys.argv[1]}")
with backend.transaction():
    child = os.fork()
    if child == 0:
        try:
            backend.commit(lambda writer: writer.save_cursor("name", 1))
        except StoreClosed as error:
            os._exit(0 if error.problem == "was opened in another process" else 1)
        os._exit(2)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    backend.commit(lambda writer: writer.save_cursor("name", 2))
print(backend.read().cursor("name"))
backend.close()
"""


def test_a_fork_in_a_block(path: Path) -> None:
    """A process that is forked off in a block cannot join what is its parent's."""
    assert run(JOINED_FORK, path) == "0\n2\n"
