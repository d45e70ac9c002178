"""The moves of `postgres.py peers` with harel, in an environment of its own, which does not have leverframe.

    uv run --no-project --with harel==0.9.0 --with 'psycopg[binary]>=3.3' python benchmarks/harel_moves.py URL

It makes one execution, prints a line with its state, and then answers each line of input, a number of seconds, with how
many moves it made in that time and how many seconds it really took.  The runner works in this thread (`inline`), keeps
a journal (`trace`), all of it (`trace_max`), and writes at the server's own durability.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any

# Imported so because no type checker of this project can see it.
harel: Any = import_module("harel")
harel_postgres: Any = import_module("harel.engine.store.postgres")

SOURCE = """
event GatesStarted {}
event GatesFailed { reason: string }

machine pipeline {
  initial Active
  state Active {
    initial Coding
    state Coding {}
    state Qa {}
    from Coding to Qa on GatesStarted
    from Qa to Coding on GatesFailed
  }
}
"""


def send_to_and_fro(runner: Any, execution: str, number: int) -> None:
    """Even numbers go forth, odd ones back."""
    if number % 2:
        runner.process(execution, harel.Event(kind="GatesFailed", data={"reason": "a test failed"}))
    else:
        runner.process(execution, harel.Event(kind="GatesStarted"))


def main(url: str) -> None:
    store = harel_postgres.PostgresStore.from_dsn(url)
    store.trace_max = 0
    definition = harel.definition_from_dsl(SOURCE, "pipeline")
    runner = harel.DurableRunner(store, {definition.id: definition}, trace=True, execution="inline")
    execution = runner.create(definition.id)
    print(execution.active_path, flush=True)
    moves = 0
    for line in sys.stdin:
        first, began = moves, time.perf_counter()
        while time.perf_counter() - began < float(line):
            send_to_and_fro(runner, execution.id, moves)
            moves += 1
        print(moves - first, time.perf_counter() - began, flush=True)
    if len(store.read_trace(execution.id)) != moves + 1:
        raise RuntimeError("the journal does not have every move")


if __name__ == "__main__":
    main(sys.argv[1])
