"""One move of one instance as a program without leverframe would write it: the other side of `store.py send`.

    uv run python -m benchmarks.store send

It takes the same steps as the store does on SQLite: lock file, BEGIN IMMEDIATE, load, move, journal, both counts,
COMMIT, unlock; the same statements on the same connection, and the same rows, which `check_same_rows` compares.  What
it does without is what leverframe adds: types, decisions, JSON, a timeout for the lock, errors that say what to do.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import Any

from attrs import frozen

from leverframe import Store
from leverframe.persistence import statements

__all__ = ["ByHand"]

MACHINE = "Pipeline"

TENANT = ""

JOURNAL = """
SELECT j.version, event, from_state, to_state, j.body FROM journal AS j JOIN snapshot AS s USING (instance)
WHERE machine = ? AND key = ? ORDER BY j.version"""


@frozen
class Step:
    """A move with all of its texts prepared."""

    left: str
    entered: str
    type_name: str
    body: str
    event: str


FORTH = Step("active.coding", "active.qa", "Qa", '{"body":{},"type":"Qa"}', '{"body":{},"type":"GatesStarted"}')
BACK = Step(
    "active.qa",
    "active.coding",
    "Coding",
    '{"body":{},"type":"Coding"}',
    '{"body":{"reason":"a test failed"},"type":"GatesFailed"}',
)


class ByHand:
    """Moves one story, which is there and being coded, to QA and back."""

    def __init__(self, store: Store, key: str) -> None:
        backend: Any = store._backend  # pyright: ignore[reportPrivateUsage]  # "on the same connection" is the point
        self.connection: Any = backend.connection
        self.key = key
        self.lock = os.open(f"{backend.where.path}-lock", os.O_RDWR)

    def send(self, number: int) -> None:
        """Even numbers go forth, odd ones back."""
        step = BACK if number % 2 else FORTH
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self._move(step)
            self.connection.execute("COMMIT")
        finally:
            fcntl.flock(self.lock, fcntl.LOCK_UN)

    def _move(self, step: Step) -> None:
        run = self.connection.execute
        now = time.time_ns() // 1000
        instance, _, _, _, version, *_ = run(statements.LOAD, (TENANT, MACHINE, self.key)).fetchone()
        if run(statements.MOVE_SNAPSHOT, (step.entered, step.body, now, instance, version)).rowcount != 1:
            raise RuntimeError("somebody else wrote")
        line = (TENANT, instance, version + 1, step.event, step.left, step.entered, step.body, now, now)
        run(statements.ADD_JOURNAL, line)
        run(statements.CHANGE_COUNT, (TENANT, MACHINE, step.left, "", -1))
        run(statements.CHANGE_COUNT, (TENANT, MACHINE, step.entered, step.type_name, 1))

    def check_same_rows(self, other_key: str) -> None:
        """Raise unless this story's journal reads as the other's does."""
        mine, others = (self.connection.execute(JOURNAL, (MACHINE, key)).fetchall() for key in (self.key, other_key))
        if mine != others:
            raise RuntimeError("the rows by hand are not those of the store")

    def close(self) -> None:
        os.close(self.lock)
