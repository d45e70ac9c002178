"""Who may use a store: threads, blocks and processes, other programs, and nobody once it is closed or gone."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_orders import full_creation, full_move, version
from waiting import LONG, until

from leverframe.errors import StoreClosed, StoreFailure, StoreTimeout, StoreVanished
from leverframe.persistence.sqlite import SQLiteBackend, open_sqlite
from leverframe.persistence.sqlite.driver import sqlite3


@pytest.fixture
def backend(path: Path) -> Iterator[SQLiteBackend]:
    opened = open_sqlite(f"sqlite:///{path}?durability=normal")
    with opened.write() as writer:
        writer.create(full_creation("one"))
    yield opened
    opened.close()


def run(code: str, *arguments: object) -> str:
    """The output of a Python program, which must end well."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---------------------------------------------------------------- threads, files and processes


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
        writer.create(full_creation("one"))
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
                writer.create(full_creation(f"{number}-{turn}"))
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
