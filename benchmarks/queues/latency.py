"""Whether a claim takes longer where a million finished jobs lie about than where there are a thousand.

The thousand are enqueued, claimed and completed by the store itself; the others are copies of their rows, which the
database makes.  Only the claim is timed; the completion behind it, and one more job for the next, are not.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from functools import partial
from statistics import median
from typing import Any

from benchmarks.queues.leverframe_side import Leverframe
from benchmarks.queues.places import Place, file_place, schema_place
from benchmarks.queues.table import compare
from benchmarks.reporting import Measurement, clocked, in_turns

__all__ = ["bench_latency", "fill", "multiply"]

FEW = 1_000
READY = 200
"""Jobs that can be claimed, in the small store as in the large one."""

MOST_OVER_FEW = 1.2

CONNECTIONS = 10
"""A process of the server may lie well or badly for as long as it lives: each side is asked through so many."""

WARMING = 20
"""Rounds in which a new connection learns the statements."""

PACE = 10_000
"""Microseconds between two copies, back into the past."""

COPIED: dict[str, dict[str, str]] = {
    "snapshot": {"key": "t.key || '-' || copy.number"},
    "journal": {},
    "lookup": {},
}
"""Tables with rows of a finished job, and what differs in each copy but for the instance and the times."""

NUMBERED_BY_ITSELF = ("seq",)
TIMES = ("created_at", "changed_at", "at", "recorded_at")

# The numbers from 1 in the SQL of both databases.
COPY = """
INSERT INTO {table} ({columns})
WITH RECURSIVE copy (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM copy WHERE number < {copies} - 1)
SELECT {values} FROM copy CROSS JOIN {table} AS t ORDER BY copy.number DESC, t.instance"""

COUNT = "SELECT count(*) FROM snapshot WHERE state = 'finished'"


def bench_latency(quick: bool) -> None:
    measure_places("SQLite", file_place("normal"), file_place("normal"), quick)
    measure_places("PostgreSQL", schema_place(), schema_place(), quick)


def measure_places(
    who: str, few: AbstractContextManager[Place], many: AbstractContextManager[Place], quick: bool
) -> None:
    size = 50_000 if quick else 1_000_000
    with few as small, many as large:
        fill(small, FEW)
        fill(large, size)
        over_few, over_many = times_of_claims(small, large, size, 200 if quick else 1_000)
    compare(f"{who}, claim, {size:,} / {FEW:,}", over_many, over_few, MOST_OVER_FEW, unit="µs")


def times_of_claims(small: Place, large: Place, size: int, rounds: int) -> tuple[float, float]:
    """The medians of both sides, in microseconds."""
    taken: dict[str, list[float]] = {"small": [], "large": []}
    made = {"small": FEW, "large": size}
    for connection in range(CONNECTIONS):
        with closing(Leverframe(small, made["small"])) as few, closing(Leverframe(large, made["large"])) as many:
            sides = {"small": few, "large": many}
            for side in sides.values():
                side.enqueue(READY if connection == 0 else 0)
            claims: dict[str, Measurement] = {name: partial(time_of_a_claim, side) for name, side in sides.items()}
            in_turns(claims, WARMING)
            for name, times in in_turns(claims, rounds // CONNECTIONS).items():
                taken[name] += times
            made = {name: side.made for name, side in sides.items()}
    return median(taken["small"]), median(taken["large"])


def time_of_a_claim(side: Leverframe, number: int) -> float:
    held: list[Any] = []
    taken = clocked(lambda _: held.extend(side.claim(1)))(number)
    side.complete(held)
    side.enqueue(1)
    return taken


# ---------------------------------------------------------------- many finished jobs


def fill(place: Place, size: int) -> None:
    """A thousand jobs worked off by the store, and the others from their rows."""
    with closing(Leverframe(place)) as store:
        store.enqueue(FEW)
        while store.made and (held := store.claim(100)):
            store.complete(held)
        store.check()
    if size > FEW:
        multiply(place, size // FEW)
    place.run(*place.settling)
    (finished,) = place.run(COUNT)[0]
    if finished != size:
        raise RuntimeError(f"{finished} finished jobs are there, not {size}")


def multiply(place: Place, copies: int) -> None:
    """Make each row of a finished job so many, whatever columns the tables have."""
    statements = [copy_statement(table, place.columns(table), changes, copies) for table, changes in COPIED.items()]
    counts = [f"UPDATE {table} SET number = number * {copies}" for table in place.counts]
    place.run(*statements, *counts)


def copy_statement(table: str, columns: list[str], changes: dict[str, str], copies: int) -> str:
    given = [column for column in columns if column not in NUMBERED_BY_ITSELF]
    values = [changes.get(column) or copied(column) for column in given]
    return COPY.format(table=table, columns=", ".join(given), values=", ".join(values), copies=copies)


def copied(column: str) -> str:
    if column == "instance":
        return f"t.instance + copy.number * {FEW}"
    return f"t.{column} - copy.number * {PACE}" if column in TIMES else f"t.{column}"
