"""huey on SQLite, in an environment of its own; `peers.py` starts it.

Its own consumer runs with one worker thread; `fsync` makes SQLite wait for the disk, as `durability="full"` does.  huey
deletes a job when it is claimed, so that a crash loses it, and keeps results only: `store_none` makes it keep one for
each of these jobs, which is counted.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from importlib import import_module
from typing import Any

from benchmarks.queues.serving import Stopwatch, check_finished, serve

# Imported so because no type checker of this project can see them.
huey: Any = import_module("huey")
signals: Any = import_module("huey.signals")

FINISHED = "SELECT (SELECT count(*) FROM kv), (SELECT count(*) FROM task)"

LONGEST_WAIT = 600.0


def nothing() -> None: ...


class Huey:
    def __init__(self, path: str) -> None:
        self.path = path
        self.queue = huey.SqliteHuey(filename=path, fsync=True, store_none=True)
        self.task = self.queue.task()(nothing)
        self.queue.signal(signals.SIGNAL_COMPLETE)(self.note)
        self.watch = Stopwatch()
        self.over = threading.Event()
        self.left = self.done = 0

    def note(self, signal: str, task: Any) -> None:
        """A job is complete, its result written."""
        self.watch.end()
        self.left -= 1
        if not self.left:
            self.over.set()

    def enqueue(self, jobs: int) -> None:
        for _ in range(jobs):
            self.task()

    def drain(self, jobs: int) -> float:
        self.watch.restart()
        self.left = jobs
        self.over.clear()
        consumer = self.queue.create_consumer(workers=1, periodic=False)
        self.watch.begin()
        consumer.start()
        self.over.wait(LONGEST_WAIT)
        consumer.stop(graceful=True)
        self.done += jobs
        with closing(sqlite3.connect(self.path)) as connection:
            finished, left = connection.execute(FINISHED).fetchone()
        check_finished(finished, self.done, left)
        return self.watch.seconds


def main(path: str) -> None:
    peer = Huey(path)
    serve(peer.enqueue, peer.drain)
