"""Threads that hand work to one store at once, so that they share a commit; and what each of them was told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from waiting import LONG, until

from leverframe.persistence.backend import Writer
from leverframe.persistence.rows import Creation
from leverframe.persistence.sqlite import SQLiteBackend

__all__ = ["Call", "creating", "end", "failing", "line_up", "together", "written"]


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
