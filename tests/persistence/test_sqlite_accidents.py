"""What befalls an open store from outside: closed, its file gone, opened again, its process forked and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from waiting import LONG

from leverframe import Store
from leverframe.errors import StoreClosed, StoreVanished
from leverframe.persistence.rows import Creation
from leverframe.persistence.sqlite import SQLiteBackend, open_sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def backend(path: Path) -> Iterator[SQLiteBackend]:
    opened = open_sqlite(f"sqlite:///{path}?durability=normal")
    yield opened
    opened.close()


NEW = Creation("Machine", "key", "state", "State", "{}", 1, 1)


def test_closing_inside_of_a_write(backend: SQLiteBackend) -> None:
    """A store that is closed inside of a write is closed when that ends, and what it wrote is kept."""
    with backend.write() as writer:
        writer.create(NEW)
        backend.close()
        before = backend.released
    assert (before, backend.released) == (False, True)
    with pytest.raises(StoreClosed):
        backend.read()


def test_an_error_inside_of_a_block_that_closes(path: Path) -> None:
    """What a block raised comes out of it, though another thread's write keeps the store from being closed at once."""
    backend = open_sqlite(f"sqlite:///{path}", timeout=0.05)
    go_on = threading.Event()
    begun = threading.Event()

    def write_slowly() -> None:
        with backend.write():
            begun.set()
            go_on.wait(LONG)

    slow = threading.Thread(target=write_slowly)
    slow.start()
    begun.wait(LONG)
    with pytest.raises(ValueError, match="the block"), Store(backend, lambda: datetime.now(UTC)):
        raise ValueError("the block")
    go_on.set()
    slow.join(LONG)
    assert backend.released


def test_a_file_that_goes_during_a_write(backend: SQLiteBackend, path: Path) -> None:
    """A file that is deleted in the middle of a write takes no commit."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(pytest.raises(StoreVanished))
        stack.enter_context(backend.write()).create(NEW)
        path.unlink()


def test_reading_a_file_that_is_gone(backend: SQLiteBackend, path: Path) -> None:
    """A file that was deleted is not read any more."""
    backend.read().cursor("x")
    path.unlink()
    with pytest.raises(StoreVanished):
        backend.read().cursor("x")


def locks_of_this_process() -> list[str]:
    found = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
    return sorted(" ".join(words[1:]) for words in found if words[1] == "POSIX" and words[4] == str(os.getpid()))


def test_another_store_on_an_open_file(path: Path) -> None:
    """To open a file again, or to fail to, does not end the locks that SQLite has on it in this process."""
    with contextlib.closing(open_sqlite(f"sqlite:///{path}")) as first:
        first.read().cursor("x")
        before = locks_of_this_process()
        assert before
        second = open_sqlite(f"sqlite:///{path}")
        second.close()
        assert locks_of_this_process() == before


def test_a_child_whose_parent_was_killed(path: Path) -> None:
    """A child that was forked off inside a write does not keep the turn when its parent is killed."""
    program = """
import os, sys, time
from leverframe.persistence.sqlite import open_sqlite
backend = open_sqlite(sys.argv[1])
with backend.write():
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(600)
    time.sleep(600)
"""
    url = f"sqlite:///{path}"
    parent = subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        parent.kill()
        parent.wait()
        with contextlib.closing(open_sqlite(url, timeout=LONG)) as backend, backend.write() as writer:
            writer.save_cursor("reader", 1)
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()
