"""procrastinate on PostgreSQL, in an environment of its own; `peers.py` starts it.

Its own worker runs with its defaults, one job at a time, until no job is left (`wait=False`).  A finished job stays in
its table, with a line in `procrastinate_events` for each change.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from benchmarks.queues.serving import Stopwatch, check_finished, serve

# Imported so because no type checker of this project can see it.
procrastinate: Any = import_module("procrastinate")

FINISHED = """
SELECT (SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded') AS finished,
    (SELECT count(*) FROM procrastinate_events WHERE type = 'succeeded') AS told,
    (SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded') AS others"""


async def nothing() -> None: ...


class Procrastinate:
    def __init__(self, url: str) -> None:
        self.app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
        self.watch = Stopwatch()
        jobs = self.app.job_manager
        jobs.fetch_job = self.watch.claiming(jobs.fetch_job)
        jobs.finish_job = self.watch.completing(jobs.finish_job)
        self.task = self.app.task(name="nothing")(nothing)
        self.done = 0

    async def open(self) -> None:
        await self.app.open_async()
        await self.app.schema_manager.apply_schema_async()

    async def enqueue(self, jobs: int) -> None:
        await self.task.batch_defer_async(*[{} for _ in range(jobs)])

    async def drain(self, jobs: int) -> float:
        self.watch.restart()
        await self.app.run_worker_async(wait=False, install_signal_handlers=False)
        self.done += jobs
        row = await self.app.connector.execute_query_one_async(FINISHED)
        check_finished(min(row["finished"], row["told"]), self.done, row["others"])
        return self.watch.seconds


def main(url: str) -> None:
    peer = Procrastinate(url)
    with asyncio.Runner() as runner:
        runner.run(peer.open())
        serve(lambda jobs: runner.run(peer.enqueue(jobs)), lambda jobs: runner.run(peer.drain(jobs)))
        runner.run(peer.app.close_async())
