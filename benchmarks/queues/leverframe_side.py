"""leverframe's side of every comparison: the one file that knows how jobs are claimed, completed and renewed with it.

A job of `jobs.py` is enqueued, claimed under the machine's lease, and completed by the one who holds it.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

from benchmarks.queues.jobs import Done, Finished, Job, Queued
from benchmarks.queues.places import Place
from leverframe import open_store

__all__ = ["Leverframe"]

WORKER = "w"
TASK = "build-the-thing"

GROUP = 100
"""So many leases begin to be renewed at once."""

FINISHED = """
SELECT (SELECT count(*) FROM snapshot WHERE machine = 'Job' AND state = 'finished'),
    (SELECT count(*) FROM journal), (SELECT count(*) FROM lease)"""


class Leverframe:
    """A store of runs, and what is done to them."""

    def __init__(self, place: Place, made: int = 0) -> None:
        """A store that has `made` jobs already, all finished."""
        self.place = place
        self.store = open_store(place.url)
        self.keys = count(made)
        self.made = made

    def enqueue(self, jobs: int) -> None:
        with self.store.transaction():
            for _ in range(jobs):
                self.store.create(Job, f"job-{next(self.keys):07}", Queued(TASK))
        self.made += jobs

    def claim(self, limit: int) -> list[Any]:
        """As many as `limit` at once."""
        if limit == 1:
            held = self.store.claim(Job.lease, worker=WORKER)
            return [] if held is None else [held]
        return list(self.store.claim_many(Job.lease, worker=WORKER, limit=limit))

    def complete(self, held: list[Any]) -> None:
        """All of them at once."""
        if len(held) == 1:
            held[0].send(Done())
        else:
            self.store.send_all([(one, Done()) for one in held])

    def complete_and_claim(self, held: Any) -> Any:
        """One of them, and what is next, in one transaction; None if nothing is left."""
        held.send_and_claim(Done())
        return held.next

    @contextmanager
    def renewed(self, held: list[Any], period: float) -> Generator[None]:
        """Have all of them renewed in the background, each period, in seconds; they come one after the other in one."""
        with patch.object(Job.lease, "heartbeat", timedelta(seconds=period)), ExitStack() as stack:
            for number, one in enumerate(held):
                stack.enter_context(one)
                if number % GROUP == 0:
                    time.sleep(period * GROUP / len(held))
            yield

    def check(self) -> None:
        """Raise unless every job was claimed and completed: three lines each in the journal, and no lease is left."""
        (finished, lines, leases) = self.place.run(FINISHED)[0]
        counted = self.store.count(Job)[Finished]
        if finished != self.made or counted != self.made or lines != 3 * self.made or leases:
            told = f"{counted} are counted, {lines} lines, {leases} leases left"
            raise RuntimeError(f"{finished} of {self.made} jobs are finished: {told}")

    def close(self) -> None:
        self.store.close()
