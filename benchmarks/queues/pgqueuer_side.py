"""pgqueuer on PostgreSQL, in an environment of its own; `peers.py` starts it.

As in pgqueuer's own benchmark: the driver asyncpg, the event loop uvloop, a worker that ends when the queue is empty
(`drain`).  The batch size is how many jobs it claims at once, and how many completions it gathers; what is gathered
longer than 0.1 s is written too.  A finished job goes from its table to `pgqueuer_log`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from importlib import import_module
from typing import Any

from benchmarks.queues.serving import Stopwatch, check_finished, serve

# Imported so because no type checker of this project can see them.
asyncpg: Any = import_module("asyncpg")
uvloop: Any = import_module("uvloop")
db: Any = import_module("pgqueuer.db")
qm: Any = import_module("pgqueuer.qm")
queries: Any = import_module("pgqueuer.queries")
types: Any = import_module("pgqueuer.types")

FINISHED = "SELECT count(*) AS finished FROM pgqueuer_log WHERE status = 'successful'"
LEFT = "SELECT count(*) AS left FROM pgqueuer"

LONGEST_PAUSE = timedelta(seconds=0.2)
"""After so long a worker that found nothing looks again, and sees that it may end."""


async def nothing(job: Any) -> None: ...


class PgQueuer:
    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.done = 0
        self.watch = Stopwatch()
        self.queries: Any = None

    async def open(self, url: str) -> None:
        asked = self.queries = queries.Queries(db.AsyncpgDriver(await asyncpg.connect(dsn=url)))
        asked.dequeue = self.watch.claiming(asked.dequeue)
        asked.log_jobs = self.watch.completing(asked.log_jobs)
        await self.queries.install()

    async def enqueue(self, jobs: int) -> None:
        await self.queries.enqueue(["nothing"] * jobs, [b""] * jobs, [0] * jobs)

    async def drain(self, jobs: int) -> float:
        self.watch.restart()
        worker = qm.QueueManager(self.queries)
        worker.entrypoint("nothing")(nothing)
        mode = types.QueueExecutionMode.drain
        await worker.run(batch_size=self.batch, mode=mode, dequeue_timeout=LONGEST_PAUSE)
        self.done += jobs
        check_finished(await self.count(FINISHED), self.done, await self.count(LEFT))
        return self.watch.seconds

    async def count(self, statement: str) -> int:
        rows = await self.queries.driver.fetch(statement)
        return int(next(iter(rows[0].values())))


def main(url: str, batch: str) -> None:
    peer = PgQueuer(int(batch))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(peer.open(url))
        serve(lambda jobs: runner.run(peer.enqueue(jobs)), lambda jobs: runner.run(peer.drain(jobs)))
