"""Claims: what they cost beside the same by hand, beside other queues, and with a million finished jobs.

    uv run python -m benchmarks.queues [sqlite] [postgres] [batches] [latency] [heartbeats] [--quick] [--markdown]

Every ratio is of two things that were measured in turns in this run.  The server is one of our own, which waits for
the disk, or the one that LEVERFRAME_TEST_POSTGRES names; uv fetches each of the other queues into an environment of its
own.  `latency` takes some minutes and four gigabytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks.queues.heartbeats import bench_heartbeats
from benchmarks.queues.latency import bench_latency
from benchmarks.queues.places import SERVERS
from benchmarks.queues.throughput import bench_batches, bench_postgres, bench_sqlite
from benchmarks.reporting import main

TITLE = "claim and completion"

BENCHMARKS: dict[str, Callable[[bool], None]] = {
    "sqlite": bench_sqlite,
    "postgres": bench_postgres,
    "batches": bench_batches,
    "latency": bench_latency,
    "heartbeats": bench_heartbeats,
}

if __name__ == "__main__":
    with SERVERS:
        sys.exit(main(TITLE, BENCHMARKS))
