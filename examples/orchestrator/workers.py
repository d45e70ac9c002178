"""One worker: a process that claims jobs and merges, and does them.

    python -m examples.orchestrator.workers NUMBER

The first line of its standard input is `Settings`.  It ends when that input does, once what it has begun is done.
"""

from __future__ import annotations

import os
import sys
import threading
from datetime import timedelta

from leverframe import BackOff, Handler, Store, Worker, open_store
from leverframe.machines.orchestrator.agent_job import AgentJob

from .settings import STANDARD_INPUT, Settings
from .story_merge import StoryMerge
from .work import Work

__all__ = ["make_worker", "run_worker"]

POLL = BackOff(base=timedelta(milliseconds=50), cap=timedelta(milliseconds=500))
SOON = timedelta(milliseconds=500)


def run_worker(settings: Settings, number: int) -> None:
    with open_store(settings.url) as store:
        worker = make_worker(store, settings, number)
        stop_with_parent(worker)
        worker.run()


def make_worker(store: Store, settings: Settings, number: int) -> Worker:
    work = Work(store, settings, number)
    return Worker(
        store,
        [Handler(AgentJob.lease, work.do_job), Handler(StoryMerge.lease, work.do_merge)],
        concurrency=1,
        poll=POLL,
        reap_every=SOON,
    )


def stop_with_parent(worker: Worker) -> None:
    """Standard input ends when the command does, however it does."""

    def wait() -> None:
        # Not sys.stdin, which the interpreter locks when it ends.
        while os.read(STANDARD_INPUT, 1):
            pass
        worker.stop()

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    run_worker(Settings.told(), int(sys.argv[1]))
