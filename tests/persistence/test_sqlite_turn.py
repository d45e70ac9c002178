"""Turns to write are given in order, among threads and among processes, and always given back."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from waiting import LONG, until

from leverframe.errors import StoreFailure, StoreTimeout
from leverframe.persistence.sqlite import open_sqlite
from leverframe.persistence.sqlite.location import Location
from leverframe.persistence.sqlite.lock_file import LockFile
from leverframe.persistence.sqlite.turn import Line, Ticket, Turn


def turn_at(path: Path, timeout: float = LONG) -> Turn:
    return Turn(Location("here", str(path), timeout=timeout), LockFile(str(path)))


def memory_turn(timeout: float = LONG) -> Turn:
    return Turn(Location("here", None, timeout=timeout), None)


def ticket_of_another() -> Ticket:
    ticket = Ticket()
    ticket.thread = -1
    return ticket


def helpers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "leverframe-lock"]


def end_helpers() -> None:
    for helper in helpers():
        helper.join(LONG)
    assert not helpers()


def until_waiting(turn: Turn, number: int) -> None:
    until(lambda: turn.waiting() == number)


# ---------------------------------------------------------------- threads


def test_threads_are_served_in_their_order() -> None:
    """Whoever came first is served first, however many wait."""
    turn, first, served = memory_turn(), Ticket(), list[int]()
    turn.take(first)

    def work(number: int) -> None:
        ticket = Ticket()
        turn.take(ticket)
        served.append(number)
        turn.give_back(ticket)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for number, thread in enumerate(threads):
        thread.start()
        until_waiting(turn, number + 1)
    turn.give_back(first)
    for thread in threads:
        thread.join(LONG)
    assert served == list(range(8))


def test_a_turn_is_handed_over_not_raced_for() -> None:
    """While somebody waits, one who comes later cannot slip in between."""
    line, first, second, third = Line(), Ticket(), Ticket(), Ticket()
    assert line.enter_at_once(first)
    waiting = threading.Thread(target=line.enter, args=(second, LONG))
    waiting.start()
    until(line.waiting)
    line.leave(first)
    assert line.owner is second
    assert not line.enter_at_once(third)
    waiting.join(LONG)


def test_a_thread_waits_no_longer_than_the_timeout() -> None:
    """A turn that does not come is StoreTimeout, and the place in the line is given up."""
    turn, holder = memory_turn(0.05), ticket_of_another()
    turn.take(holder)
    with pytest.raises(StoreTimeout, match=r"here: waited 0\.05 s for its turn to write; nothing written"):
        turn.take(Ticket())
    assert not turn.waiting()
    turn.give_back(holder)
    turn.take(Ticket())


def test_no_timeout_is_no_wait() -> None:
    """With a timeout of 0 a turn is taken at once or not at all."""
    turn, holder = memory_turn(0), ticket_of_another()
    turn.take(holder)
    with pytest.raises(StoreTimeout):
        turn.take(Ticket())
    turn.give_back(holder)
    turn.take(Ticket())


def test_a_thread_does_not_wait_for_itself() -> None:
    """A thread that has the turn and asks for another is told at once, and keeps what it has."""
    turn, ticket = memory_turn(), Ticket()
    turn.take(ticket)
    with pytest.raises(StoreFailure, match="this thread is inside a write of its own"):
        turn.take(Ticket())
    assert turn.is_held_by(ticket)


def test_a_turn_is_given_back_once() -> None:
    """To give back what one does not have, or no longer has, takes nothing from anybody."""
    turn, first, second = memory_turn(), Ticket(), Ticket()
    turn.take(first)
    turn.give_back(second)
    assert turn.is_held_by(first)
    turn.give_back(first)
    turn.take(second)
    turn.give_back(first)
    assert turn.is_held_by(second)


# ---------------------------------------------------------------- processes


def test_the_lock_is_one_holders(tmp_path: Path) -> None:
    """Of two that open the lock file, one has the lock, until it gives it back."""
    one, other = LockFile(str(tmp_path / "lock")), LockFile(str(tmp_path / "lock"))
    assert one.lock_at_once()
    assert not other.lock_at_once()
    one.unlock()
    assert other.lock_at_once()
    one.close()
    other.close()


def test_a_lock_that_comes_late(tmp_path: Path) -> None:
    """One who waits gets the lock when it is given back."""
    one, other = LockFile(str(tmp_path / "lock")), LockFile(str(tmp_path / "lock"))
    one.lock_at_once()
    threading.Timer(0.05, one.unlock).start()
    assert other.lock(LONG)
    assert not one.lock_at_once()
    one.close()
    other.close()
    end_helpers()


def test_a_wait_that_was_given_up(tmp_path: Path) -> None:
    """After a timeout the helper gives the lock on as soon as it comes, and the next try uses another file."""
    one, other = LockFile(str(tmp_path / "lock")), LockFile(str(tmp_path / "lock"))
    one.lock_at_once()
    assert not other.lock(0.01)
    assert len(helpers()) == 1
    one.unlock()
    end_helpers()
    assert one.lock_at_once()
    one.unlock()
    assert other.lock_at_once()
    assert not one.lock_at_once()
    one.close()
    other.close()


def test_one_helper_however_often_one_gives_up(tmp_path: Path) -> None:
    """Giving up again and again goes on with the same wait, which in the end brings the lock."""
    one, other = LockFile(str(tmp_path / "lock")), LockFile(str(tmp_path / "lock"))
    one.lock_at_once()
    for _ in range(5):
        assert not other.lock(0.01)
    assert len(helpers()) == 1
    threading.Timer(0.05, one.unlock).start()
    assert other.lock(LONG)
    assert not one.lock_at_once()
    one.close()
    other.close()
    end_helpers()


def test_a_wait_for_the_file_ends_with_the_timeout(tmp_path: Path) -> None:
    """A lock file held elsewhere is StoreTimeout, and the line of threads is free for the next."""
    elsewhere, turn = LockFile(str(tmp_path / "lock")), turn_at(tmp_path / "lock", 0.05)
    elsewhere.lock_at_once()
    for _ in range(2):
        with pytest.raises(StoreTimeout):
            turn.take(Ticket())
    elsewhere.close()
    end_helpers()
    turn.take(Ticket())
    turn.close()


def test_a_lock_file_that_cannot_be_made(tmp_path: Path) -> None:
    """A lock file that cannot be opened is a StoreFailure that says so, and the turn is given back."""
    turn = turn_at(tmp_path / "absent" / "lock")
    for _ in range(2):
        with pytest.raises(StoreFailure, match="its lock file cannot be used"):
            turn.take(Ticket())


HOLD = """
import sys
from leverframe.persistence.sqlite import open_sqlite

backend = open_sqlite(sys.argv[1])
with backend.write() as writer:
    print("inside", flush=True)
    sys.stdin.readline()
    writer.save_cursor("child", 1)
backend.close()
"""


def test_two_processes(tmp_path: Path) -> None:
    """A process waits while another writes, gives up at its timeout, and gets its turn when the other is done."""
    url = f"sqlite:///{tmp_path}/store.db"
    patient, impatient = open_sqlite(url, timeout=LONG), open_sqlite(url, timeout=0.05)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "inside\n"
    with pytest.raises(StoreTimeout), impatient.write():
        pass
    waiting = threading.Timer(0.05, child.communicate, ("go\n",))
    waiting.start()
    with patient.write() as writer:
        assert writer.cursor("child") == 1
    waiting.join(LONG)
    assert child.returncode == 0
    end_helpers()
    impatient.close()
    patient.close()


def test_symbolic_links_meet(tmp_path: Path) -> None:
    """Two names of one file, one of them a symbolic link, stand in the same line."""
    (tmp_path / "link.db").symlink_to(tmp_path / "store.db")
    one = open_sqlite(f"sqlite:///{tmp_path}/store.db")
    other = open_sqlite(f"sqlite:///{tmp_path}/link.db", timeout=0.05)
    with one.write(), pytest.raises(StoreTimeout), other.write():
        pass
    end_helpers()
    assert sorted(path.name for path in tmp_path.glob("*-lock")) == ["store.db-lock"]
    one.close()
    other.close()


def test_an_interrupt_while_the_turn_is_handed_on() -> None:
    """A ticket that was named, and not called because of an interrupt, has the turn and gives it back once."""
    line = Line()
    first, second, third = Ticket(), Ticket(), Ticket()
    assert line.enter_at_once(first)
    threads = [threading.Thread(target=line.enter, args=(ticket, LONG)) for ticket in (second, third)]
    threads[0].start()
    until(lambda: line.waiting() == 1)
    threads[1].start()
    until(lambda: line.waiting() == 2)
    # As an interrupt leaves it: the owner is named, but still stands in line and was not called.
    line.owner = second
    assert second.called is not None
    second.called.release()
    threads[0].join(LONG)
    line.leave(second)
    threads[1].join(LONG)
    owners = [line.owner]
    line.leave(third)
    assert [*owners, line.owner] == [third, None]
    assert line.waiting() == 0


class CalledTwice(Ticket):
    """An interrupt comes when it is called the first time."""

    calls = 0

    def call(self) -> None:
        self.calls += 1
        if self.calls == 1:
            raise KeyboardInterrupt
        super().call()


def test_an_interrupt_before_the_next_one_is_called() -> None:
    """Whoever is named is called too, though an interrupt comes in between."""
    line, first, second = Line(), Ticket(), CalledTwice()
    line.enter_at_once(first)
    thread = threading.Thread(target=line.enter, args=(second, threading.TIMEOUT_MAX), daemon=True)
    thread.start()
    until(line.waiting)
    with pytest.raises(KeyboardInterrupt):
        line.leave(first)
    thread.join(LONG)
    assert (thread.is_alive(), line.owner, line.waiting()) == (False, second, 0)
