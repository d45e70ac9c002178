"""Threads that share a commit share no failure but those of the commit: each is told its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from group_calls import Call, creating, end, failing, line_up, together, written
from waiting import LONG, until

from leverframe.errors import StoreClosed, StoreError, StoreFailure, StoreFull, StoreVanished
from leverframe.persistence.backend import Writer
from leverframe.persistence.rows import Creation
from leverframe.persistence.sqlite import SQLiteBackend

# ---------------------------------------------------------------- failures of one


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), GeneratorExit(), MemoryError()])
@pytest.mark.parametrize("culprit", [0, 1, 2])
def test_a_failure_is_its_own_callers(backend: SQLiteBackend, culprit: int, error: BaseException) -> None:
    """Work that raises, whatever it raises, takes back its own rows and counts; the caller who is told is its own."""
    works: list[Callable[[Writer], Any]] = [creating(key) for key in "abc"]
    works[culprit] = failing("abc"[culprit], error)
    calls = together(backend, *works)
    assert [call.error for call in calls] == [error if number == culprit else None for number in range(3)]
    assert written(backend) == " ".join(key for number, key in enumerate("abc") if number != culprit)


def test_a_failure_that_was_swallowed(on_file: SQLiteBackend) -> None:
    """Work that goes on after a failure of the database fails, and the others do not."""
    on_file.connection.execute(
        "CREATE TRIGGER broken AFTER INSERT ON journal WHEN NEW.body = 'bad' BEGIN SELECT RAISE(FAIL, 'broken'); END"
    )

    def swallow(writer: Writer) -> None:
        with pytest.raises(StoreFailure, match="broken"):
            writer.create(Creation("Order", "x", "new", "New", "bad", 1, 1))

    for works in ([creating("a"), swallow, creating("b")], [swallow, creating("c"), creating("d")]):
        told = [call.error for call in together(on_file, *works)]
        assert [isinstance(error, StoreFailure) for error in told] == [work is swallow for work in works]
    assert written(on_file) == "a b c d"


def test_an_interrupt_of_the_leader(backend: SQLiteBackend) -> None:
    """An interrupt that comes while another's work is done is the leader's; the others' is done later, and once."""

    def interrupted(writer: Writer) -> int:
        number = creating("b")(writer)
        if threading.get_ident() == calls[0].ident:
            raise KeyboardInterrupt
        return number

    with backend.write():
        calls = line_up(backend, creating("a"), interrupted, creating("c"), creating("d"))
    end(calls)
    assert [type(call.error) for call in calls] == [KeyboardInterrupt, *[type(None)] * 3]
    assert written(backend) == "b c d"


@pytest.mark.parametrize("culprit", [0, 1, 2, 3])
def test_a_transaction_that_is_lost(on_file: SQLiteBackend, culprit: int) -> None:
    """Where SQLite takes back the whole transaction, each is done again by itself, and only the culprit fails."""
    on_file.connection.execute(
        "CREATE TRIGGER broken AFTER INSERT ON journal WHEN NEW.body = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'lost'); END"
    )
    works: list[Callable[[Writer], Any]] = [creating(key) for key in "abcd"]
    works[culprit] = lambda writer: writer.create(Creation("Order", "x", "new", "New", "bad", 1, 1))
    calls = together(on_file, *works)
    assert [isinstance(call.error, StoreFailure) for call in calls] == [number == culprit for number in range(4)]
    assert written(on_file) == " ".join(key for number, key in enumerate("abcd") if number != culprit)
    assert max(len(call.done_by) for call in calls) <= 2


@pytest.mark.parametrize("culprit", [0, 1, 2, 3])
def test_a_full_disk(on_file: SQLiteBackend, culprit: int) -> None:
    """Who asks for more room than there is is told so; who asks for little is served."""
    pages = on_file.connection.execute("PRAGMA page_count").fetchone()[0]
    on_file.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    works: list[Callable[[Writer], Any]] = [creating(key) for key in "abcd"]
    works[culprit] = lambda writer: writer.create(Creation("Order", "x", "new", "New", "x" * 100_000, 1, 1))
    calls = together(on_file, *works)
    assert [isinstance(call.error, StoreFull) for call in calls] == [number == culprit for number in range(4)]
    assert written(on_file) == " ".join(key for number, key in enumerate("abcd") if number != culprit)


def test_counts_that_cannot_be_written(on_file: SQLiteBackend) -> None:
    """What fails only when the counts of all are written fails for the one whose count it is."""
    on_file.connection.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON state_count WHEN NEW.state = 'bad' "
        "BEGIN SELECT RAISE(ABORT, 'no such count'); END"
    )
    calls = together(
        on_file,
        creating("a"),
        lambda writer: writer.create(Creation("Order", "x", "bad", "New", "{}", 1, 1)),
        creating("b"),
    )
    assert [str(call.error or "") for call in calls] == ["", str(calls[1].error), ""]
    assert "no such count" in str(calls[1].error)
    assert written(on_file) == "a b"


def test_a_store_used_inside_of_anothers_turn(backend: SQLiteBackend) -> None:
    """Work that writes to the store again is refused, though it is done by a thread that is not its own."""
    calls = together(backend, creating("a"), lambda _: backend.commit(creating("x")), creating("b"))
    assert [type(call.error) for call in calls] == [type(None), StoreFailure, type(None)]
    assert "this thread is inside a write of its own" in str(calls[1].error)
    assert written(backend) == "a b"


# ---------------------------------------------------------------- failures of all


def test_a_commit_that_fails(on_file: SQLiteBackend) -> None:
    """Where the commit fails all are told, each by an error of its own, and nothing is written."""
    execute = on_file.connection.execute
    execute("PRAGMA foreign_keys = 1")
    execute("CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT")
    execute("CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED) STRICT")
    execute("CREATE TRIGGER t AFTER INSERT ON journal BEGIN INSERT INTO child VALUES (7); END")
    calls = together(on_file, creating("a"), failing("b", ValueError()), creating("c"))
    check_told_alike(calls, StoreFailure, "FOREIGN KEY")
    assert written(on_file) == ""
    execute("DROP TRIGGER t")
    assert [call.error for call in together(on_file, creating("a"), creating("b"))] == [None, None]


def test_a_file_that_is_gone(on_file: SQLiteBackend, path: Path) -> None:
    """Before the commit it is made sure that the file is still there; if not, all are told."""

    def remove(writer: Writer) -> None:
        creating("b")(writer)
        path.unlink()

    check_told_alike(together(on_file, creating("a"), remove, creating("c")), StoreVanished, "deleted or replaced")
    assert not path.exists()


def check_told_alike(calls: list[Call], kind: type[StoreError], problem: str) -> None:
    errors = [call.error for call in calls]
    assert [type(error) for error in errors] == [kind] * len(calls)
    assert [problem in str(error) for error in errors] == [True] * len(calls)
    assert len({id(error) for error in errors}) == len(calls)
    assert len({str(error.__cause__) for error in errors if error is not None}) == 1


def test_a_store_that_is_closed_meanwhile(backend: SQLiteBackend) -> None:
    """What is done when a store is closed is written; who still waits is told, and nobody for ever."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(writer: Writer) -> int:
        begun.set()
        go_on.wait(LONG)
        return creating("a")(writer)

    with backend.write():
        calls = line_up(backend, slow)
    begun.wait(LONG)
    calls += line_up(backend, creating("b"), creating("c"))
    closer = threading.Thread(target=backend.close)
    closer.start()
    until(lambda: backend.turn.waiting() == 3)
    go_on.set()
    end(calls)
    closer.join(LONG)
    assert [type(call.error) for call in calls] == [type(None), StoreClosed, StoreClosed]
    assert calls[0].result == 1
    assert backend.released


FORK = """
import os, sys, threading, time
from leverframe.errors import StoreClosed
from leverframe.persistence.sqlite import open_sqlite

backend = open_sqlite(f"sqlite:///{sys.argv[1]}")
children = []

def fork(writer):
    writer.save_cursor("second", 2)
    child = os.fork()
    if child == 0:
        here.append(threading.get_ident())
    else:
        children.append(child)

here = []

def lead():
    try:
        backend.commit(lambda writer: writer.save_cursor("first", 1))
    except StoreClosed as error:
        os._exit(0 if here and error.problem == "was opened in another process" else 1)
    if here:
        os._exit(2)

def line_up(target, *arguments):
    thread, before = threading.Thread(target=target, args=arguments), backend.turn.waiting()
    thread.start()
    while backend.turn.waiting() == before:
        time.sleep(0.001)
    return thread

with backend.write():
    threads = [line_up(lead), line_up(backend.commit, fork)]
    threads.append(line_up(backend.commit, lambda writer: writer.save_cursor("third", 3)))
for thread in threads:
    thread.join(60)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
print([backend.read().cursor(name) for name in ("first", "second", "third")])
backend.close()
"""


def test_a_fork_in_a_group(path: Path) -> None:
    """A process that is forked off in the middle of a group is refused, and its parent's group is committed."""
    done = subprocess.run(
        [sys.executable, "-c", FORK, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[0]\n[1, 2, 3]\n"), done.stderr
