"""Threads that write at once share a commit, and nothing else: each has its own result, failure and timeout."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from waiting import LONG, until

from leverframe.errors import StoreClosed, StoreError, StoreFailure, StoreFull, StoreTimeout, StoreVanished
from leverframe.persistence.backend import Creation, Move, Writer
from leverframe.persistence.sqlite import SQLiteBackend, group, open_sqlite
from leverframe.persistence.sqlite.lock_file import LockFile
from leverframe.persistence.sqlite.turn import Line, Ticket


class Call(threading.Thread):
    """A piece of work, handed in by a thread of its own, and what that was told."""

    def __init__(self, backend: SQLiteBackend, work: Callable[[Writer], Any]) -> None:
        super().__init__(daemon=True)
        self.backend = backend
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.done_by = list[int | None]()

    def run(self) -> None:
        try:
            self.result = self.backend.commit(self.note)
        except BaseException as error:
            self.error = error

    def note(self, writer: Writer) -> Any:
        self.done_by.append(threading.get_ident())
        return self.work(writer)


def line_up(backend: SQLiteBackend, *works: Callable[[Writer], Any]) -> list[Call]:
    """Let calls stand in line in this order.  Somebody else has to have the turn."""
    calls = [Call(backend, work) for work in works]
    for call in calls:
        before = backend.turn.waiting()
        call.start()
        until(lambda: backend.turn.waiting() > before)  # noqa: B023  # asked at once
    return calls


def end(calls: list[Call]) -> list[Call]:
    for call in calls:
        call.join(LONG)
        assert not call.is_alive()
    return calls


def together(backend: SQLiteBackend, *works: Callable[[Writer], Any]) -> list[Call]:
    """Do all of this as one group: the thread of the first one leads."""
    with backend.write():
        calls = line_up(backend, *works)
    return end(calls)


@pytest.fixture(params=["file", "memory"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLiteBackend]:
    url = "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/store.db?durability=normal"
    opened = open_sqlite(url, timeout=LONG)
    yield opened
    opened.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def on_file(path: Path) -> Iterator[SQLiteBackend]:
    opened = open_sqlite(f"sqlite:///{path}?durability=normal", timeout=LONG)
    yield opened
    opened.close()


def creating(key: str) -> Callable[[Writer], int]:
    return lambda writer: writer.create(Creation("Order", key, "new", "New", "{}", 1, 1))[0]


def failing(key: str, error: BaseException) -> Callable[[Writer], int]:
    def work(writer: Writer) -> int:
        creating(key)(writer)
        raise error

    return work


def written(backend: SQLiteBackend) -> str:
    """The keys, in the order in which they were written, if all else agrees with them."""
    rows = backend.read().instances("Order", 0, 1000)
    counted = sum(row.number for row in backend.read().count("Order"))
    journal = backend.connection.execute("SELECT COUNT(*) FROM journal").fetchone()[0]
    assert counted == len(rows) == journal
    return " ".join(row.key for row in rows)


@pytest.fixture
def commits(backend: SQLiteBackend) -> Iterator[list[str]]:
    """Each COMMIT from here on."""
    said = list[str]()
    backend.connection.set_trace_callback(lambda text: said.append(text) if text == "COMMIT" else None)
    yield said
    backend.connection.set_trace_callback(None)


# ---------------------------------------------------------------- who is in a group


def test_one_commit_for_all_that_wait(backend: SQLiteBackend, commits: list[str]) -> None:
    """What waits is written in its order and committed at once, and each caller has the result of its own work."""
    calls = together(backend, *(creating(key) for key in "abcde"))
    assert [call.result for call in calls] == [1, 2, 3, 4, 5]
    assert {call.done_by[0] for call in calls} == {calls[0].ident}
    assert len(commits) == 2  # the first was that of the turn they waited for
    assert written(backend) == "a b c d e"


def test_work_alone_is_done_in_its_own_thread(backend: SQLiteBackend, commits: list[str]) -> None:
    """Where nobody waits, each piece of work has a commit of its own."""
    for number in (1, 2):
        assert backend.commit(creating(f"{number}")) == number
    assert len(commits) == 2


def test_a_group_is_bounded(backend: SQLiteBackend, commits: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait, a turn ends: other processes wait too."""
    monkeypatch.setattr(group, "TAKEN_AT_MOST", 2)
    calls = together(backend, *(creating(key) for key in "abcde"))
    assert [call.done_by[0] for call in calls] == [calls[leader].ident for leader in (0, 0, 0, 3, 3)]
    assert len(commits) == 3


def test_nobody_is_overtaken(backend: SQLiteBackend) -> None:
    """Who wants a transaction of its own gets it in its turn: those behind it are not taken along before."""

    def write_alone() -> None:
        with backend.write() as writer:
            creating("b")(writer)

    with backend.write():
        first = line_up(backend, creating("a"))
        alone = threading.Thread(target=write_alone)
        alone.start()
        until(lambda: backend.turn.waiting() == 2)
        behind = line_up(backend, creating("c"), creating("d"))
    calls = end([*first, *behind])
    alone.join(LONG)
    assert written(backend) == "a b c d"
    assert [call.done_by[0] for call in calls] == [calls[leader].ident for leader in (0, 1, 1)]


def test_the_main_thread_does_nobody_elses_work(backend: SQLiteBackend) -> None:
    """In the main thread signals raise what they like, and that must be nobody's failure but its own."""
    ready, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with backend.write():
            ready.set()
            go_on.wait(LONG)

    calls = list[Call]()

    def line_up_behind() -> None:
        until(lambda: backend.turn.waiting() == 1)
        calls.extend(line_up(backend, creating("b"), creating("c")))
        go_on.set()

    threads = [threading.Thread(target=target) for target in (hold, line_up_behind)]
    threads[0].start()
    ready.wait(LONG)
    threads[1].start()
    backend.commit(creating("a"))
    for thread in threads:
        thread.join(LONG)
    end(calls)
    assert written(backend) == "a b c"
    assert [call.done_by for call in calls] == [[calls[0].ident]] * 2


def test_the_main_thread_is_taken_along(backend: SQLiteBackend) -> None:
    """What the main thread hands in may be done by another."""
    ready = threading.Event()
    done_by = list[int]()
    calls = list[Call]()

    def hold() -> None:
        with backend.write():
            calls.extend(line_up(backend, creating("a")))
            ready.set()
            until(lambda: backend.turn.waiting() == 2)

    holder = threading.Thread(target=hold)
    holder.start()
    ready.wait(LONG)
    backend.commit(lambda _: done_by.append(threading.get_ident()))
    holder.join(LONG)
    end(calls)
    assert done_by == [calls[0].ident]


def test_a_group_is_one_turn_among_processes(on_file: SQLiteBackend, path: Path) -> None:
    """The lock between processes is held until the whole group is committed."""
    other = LockFile(f"{path}-lock")

    def take(_: Writer) -> bool:
        return other.lock_at_once()

    calls = together(on_file, take, take, take)
    assert [call.result for call in calls] == [False] * 3
    assert other.lock_at_once()
    other.close()


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


def test_each_piece_counts_for_checkpoints(on_file: SQLiteBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where we checkpoint ourselves, it is done after so many pieces of work, in however few commits."""
    monkeypatch.setattr("leverframe.persistence.sqlite.backend.COMMITS_BETWEEN_CHECKPOINTS", 4)
    on_file.checkpoints_itself = False
    said = list[str]()
    on_file.connection.set_trace_callback(lambda text: said.append(text) if "checkpoint" in text else None)
    together(on_file, creating("a"), creating("b"), creating("c"))
    on_file.connection.set_trace_callback(None)
    assert len(said) == 1


# ---------------------------------------------------------------- waiting


def test_a_timeout_before_the_work_was_begun(tmp_path: Path) -> None:
    """Who waits for longer than the timeout is told so, and the work is not done later."""
    impatient = open_sqlite(f"sqlite:///{tmp_path}/store.db?durability=normal", timeout=0.02)
    call = Call(impatient, creating("a"))
    with impatient.write():
        call.start()
        end([call])
    assert isinstance(call.error, StoreTimeout)
    assert call.done_by == []
    assert written(impatient) == ""
    impatient.close()


def taken_along(line: Line, leader: Ticket, seconds: float) -> tuple[Ticket, threading.Thread]:
    """A ticket that waits no longer than this for its turn, and was taken along in time; its thread."""
    line.enter_at_once(leader)
    while True:
        ticket = Ticket(lambda _: None)
        thread = threading.Thread(target=line.enter, args=(ticket, seconds))
        thread.start()
        until(lambda: line.waiting() or not thread.is_alive())  # noqa: B023  # asked at once
        if line.take_along() is ticket:
            return ticket, thread
        seconds *= 2


def test_no_timeout_once_the_work_was_begun() -> None:
    """Who was taken along waits for what comes of it, however long that takes."""
    line, leader = Line(), Ticket()
    ticket, thread = taken_along(line, leader, 0.01)
    thread.join(0.05)
    assert thread.is_alive()
    line.settle()
    line.leave(leader)
    thread.join(LONG)
    assert not thread.is_alive()
    assert (ticket.settled, line.owner, line.waiting()) == (True, None, 0)


def test_a_leader_that_leaves_without_a_word() -> None:
    """Who was taken along and not settled stands in front again, in the same order, and gets the turn."""
    line, leader, last = Line(), Ticket(), Ticket()
    first, first_thread = taken_along(line, leader, LONG)
    second, second_thread = taken_along(line, leader, LONG)
    last_thread = threading.Thread(target=line.enter, args=(last, LONG))
    last_thread.start()
    until(line.waiting)
    line.leave(leader)
    first_thread.join(LONG)
    owners = [line.owner]
    line.leave(first)
    second_thread.join(LONG)
    owners.append(line.owner)
    line.leave(second)
    last_thread.join(LONG)
    assert [*owners, line.owner] == [first, second, last]


@pytest.fixture
def interruptible() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_follower_that_is_interrupted() -> None:
    """Who no longer waits for its work, taken along or not, is nobody's concern: the turn passes it by."""
    line, leader = Line(), Ticket()
    line.enter_at_once(leader)
    ticket = Ticket(lambda _: None)

    def take_along_and_interrupt() -> None:
        until(line.waiting)
        line.take_along()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    other = threading.Thread(target=take_along_and_interrupt)
    other.start()
    with pytest.raises(KeyboardInterrupt):
        line.enter(ticket, LONG)
    other.join(LONG)
    line.leave(leader)
    assert (line.owner, line.waiting(), line.taken) == (None, 0, [])


def test_many_threads(backend: SQLiteBackend) -> None:
    """However threads meet, what was acknowledged is there, and what raised is not."""
    expected = set[str]()

    def work(name: int) -> None:
        for number in range(40):
            key = f"{name}-{number}"
            if number % 5 == 4:
                with pytest.raises(ValueError, match="x"):
                    backend.commit(failing(key, ValueError("x")))
            else:
                backend.commit(creating(key))
                expected.add(key)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert set(written(backend).split()) == expected
    assert len(expected) == 8 * 32


# ---------------------------------------------------------------- interrupts anywhere


class InterruptedCall(Call):
    """A call that is interrupted at the n-th place in the package where a signal could be handled."""

    def __init__(self, backend: SQLiteBackend, work: Callable[[Writer], Any], step: int) -> None:
        super().__init__(backend, work)
        self.step = step
        self.interrupted = False

    def run(self) -> None:
        steps = count(1)

        def watch(frame: Any, event: str, _argument: object) -> None:
            ours = event in ("call", "c_return") and "leverframe" in frame.f_code.co_filename
            if ours and next(steps) == self.step:
                sys.setprofile(None)
                self.interrupted = True
                raise KeyboardInterrupt

        sys.setprofile(watch)
        super().run()


# An interrupt inside `__del__` cannot be raised to anybody: Python says so and goes on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("victim", [0, 1])
def test_an_interrupt_anywhere(on_file: SQLiteBackend, victim: int) -> None:
    """Wherever an interrupt comes, to who leads or who is led, the others' work is done once, and nobody waits on."""
    on_file.commit(creating("subject"))
    step = 0
    for step in count(1):
        calls = [Call(on_file, moving(step, number)) for number in range(3)]
        calls[victim] = interrupted = InterruptedCall(on_file, calls[victim].work, step)
        with on_file.write():
            for call in calls:
                before = on_file.turn.waiting()
                call.start()
                until(lambda: on_file.turn.waiting() > before or not call.is_alive())  # noqa: B023  # asked at once
        end(calls)
        others = [call.result for number, call in enumerate(calls) if number != victim]
        assert others == [f"{step}-{number}" for number in range(3) if number != victim]
        if not interrupted.interrupted:
            break
    assert moved_as_created(on_file)
    assert step > 20


def moving(step: int, number: int) -> Callable[[Writer], str]:
    """Work that must not be done twice: it makes an instance, and moves it."""
    key = f"{step}-{number}"

    def work(writer: Writer) -> str:
        instance = creating(key)(writer)
        assert writer.move(Move("Order", instance, 1, "new", "paid", "Paid", "{}", "{}", 2, 2)) is not None
        return key

    return work


def moved_as_created(backend: SQLiteBackend) -> bool:
    """Whether each instance but the subject has been moved, and each line of the journal and each count is right."""
    rows = backend.read().instances("Order", 0, 10_000)
    counts = {row.state: row.number for row in backend.read().count("Order")}
    lines = backend.connection.execute("SELECT COUNT(*) FROM journal").fetchone()[0]
    versions = [row.version for row in rows]
    return (
        versions == [1, *[2] * (len(rows) - 1)]
        and counts == {"new": 1, "paid": len(rows) - 1}
        and (lines == sum(versions))
    )
