"""Workers for tests, whose handlers are functions of the test, and what their hooks were told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

import pytest
from chores import Chore, ChoreEvent, Doing, Ended

from leverframe import BackOff, Handler, Held, Store, Worker, WorkerEnded, WorkerHooks
from leverframe.coordination.attending import Attending

__all__ = ["SOON", "Told", "Work", "chore_worker", "counted_looks", "end", "events", "in_background", "run", "state_of"]

Work: TypeAlias = Callable[[Held[Chore, Doing]], ChoreEvent | None]

SOON = BackOff(base=timedelta(milliseconds=1), cap=timedelta(milliseconds=5))


class Told(WorkerHooks):
    """What the hooks were called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        for name in ("claimed", "finished", "failed", "lost", "reaped"):
            setattr(self, name, partial(self._note, name))

    def _note(self, name: str, **facts: Any) -> None:
        self.calls.append((name, facts))

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def chore_worker(store: Store, work: Work, **options: Any) -> Worker:
    return Worker(store, [Handler(Chore.lease, work)], poll=SOON, **options)


def run(store: Store, work: Work, **options: Any) -> WorkerEnded:
    """Work until nothing is ready."""
    return chore_worker(store, work, **options).run(once=True)


def in_background(worker: Worker) -> tuple[threading.Thread, list[WorkerEnded]]:
    ended: list[WorkerEnded] = []
    thread = threading.Thread(target=lambda: ended.append(worker.run()))
    thread.start()
    return thread, ended


def end(held: Held[Chore, Doing]) -> ChoreEvent | None:
    return Ended(f"{held.state.name} is done")


def state_of(store: Store, key: str) -> Any:
    return store.get(Chore, key).state


def events(store: Store, key: str) -> list[str]:
    return [type(entry.event).__name__ for entry in store.history(Chore, key)[1:]]


def counted_looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much each look from here on has found that the worker has."""
    looks: list[int] = []
    claimed_by = Attending.claimed_by

    def count(*arguments: Any) -> Any:
        found = claimed_by(*arguments)
        looks.append(len(found))
        return found

    monkeypatch.setattr(Attending, "claimed_by", count)
    return looks
