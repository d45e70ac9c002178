"""harel on PostgreSQL, in an environment of its own; `peers.py` starts it.

A job is an execution that waits for one event, and the queue is harel's transport: its worker claims the event under a
lease, moves the execution to its end, keeps a journal (`trace`), and acknowledges the event.  That is one move for each
job, where leverframe makes two.  The worker runs in this thread (`inline`).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.queues.serving import Stopwatch, check_finished, serve

# Imported so because no type checker of this project can see them.
harel: Any = import_module("harel")
distributed: Any = import_module("harel.engine.distributed")
store: Any = import_module("harel.engine.store.postgres")
transport: Any = import_module("harel.engine.transport.postgres")
execution: Any = import_module("harel.engine.execution")

SOURCE = """
event Run {}

machine job {
  initial Pending
  state Pending {}
  final Completed success
  from Pending to Completed on Run
}
"""

PAGE = 1_000


class Harel:
    def __init__(self, url: str) -> None:
        self.store = store.PostgresStore.from_dsn(url)
        self.store.trace_max = 0
        self.definition = harel.definition_from_dsl(SOURCE, "job")
        self.runner = distributed.DistributedRunner(
            self.store,
            transport.PostgresTransport.from_dsn(url),
            {self.definition.id: self.definition},
            trace=True,
            execution="inline",
        )
        self.worker = self.runner.worker()
        self.done = 0

    def enqueue(self, jobs: int) -> None:
        made = [self.runner.create(self.definition.id) for _ in range(jobs)]
        self.work_off()
        for one in made:
            self.runner.send(one.id, harel.Event(kind="Run"))

    def drain(self, jobs: int) -> float:
        watch = Stopwatch()
        watch.begin()
        handled = self.work_off()
        watch.end()
        self.done += jobs
        check_finished(self.finished(), self.done, jobs - handled)
        return watch.seconds

    def work_off(self) -> int:
        """How many events there were."""
        handled = 0
        while self.worker.step():
            handled += 1
        return handled

    def finished(self) -> int:
        """The executions that are done."""
        number, cursor = 0, None
        while True:
            page = self.store.list_executions(status=[execution.Status.DONE], limit=PAGE, cursor=cursor)
            number, cursor = number + len(page.items), page.next_cursor
            if cursor is None:
                return number


def main(url: str) -> None:
    peer = Harel(url)
    serve(peer.enqueue, peer.drain)
