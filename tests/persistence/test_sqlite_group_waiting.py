"""Threads that wait for a shared commit: by their own timeouts, whoever leads, whoever is interrupted."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from group_calls import Call, creating, end, written
from waiting import LONG, until

from leverframe.errors import StoreTimeout
from leverframe.persistence.backend import Writer
from leverframe.persistence.rows import Move
from leverframe.persistence.sqlite import SQLiteBackend, open_sqlite
from leverframe.persistence.sqlite.turn import Line, Ticket

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
