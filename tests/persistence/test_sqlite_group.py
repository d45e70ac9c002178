"""Threads that write at once share a commit, in their order, and each has the result of its own work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from group_calls import Call, creating, end, failing, line_up, together, written
from waiting import LONG, until

from leverframe.persistence.backend import Writer
from leverframe.persistence.sqlite import SQLiteBackend, group
from leverframe.persistence.sqlite.lock_file import LockFile


@pytest.fixture
def commits(backend: SQLiteBackend) -> Iterator[list[str]]:
    """Each COMMIT from here on."""
    said = list[str]()
    backend.connection.set_trace_callback(lambda text: said.append(text) if text == "COMMIT" else None)
    yield said
    backend.connection.set_trace_callback(None)


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


def test_each_piece_counts_for_checkpoints(on_file: SQLiteBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where we checkpoint ourselves, it is done after so many pieces of work, in however few commits."""
    monkeypatch.setattr("leverframe.persistence.sqlite.session.COMMITS_BETWEEN_CHECKPOINTS", 4)
    on_file.session.checkpoints_itself = False
    said = list[str]()
    on_file.connection.set_trace_callback(lambda text: said.append(text) if "checkpoint" in text else None)
    together(on_file, creating("a"), creating("b"), creating("c"))
    on_file.connection.set_trace_callback(None)
    assert len(said) == 1


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
