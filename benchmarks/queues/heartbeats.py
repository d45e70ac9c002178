"""How many statements it takes to keep the thousand leases of one process: one in each period.

The store's own thread renews them, with a shorter period than the machine's, so that it can be waited for.  They begin
one after the other within one period, as jobs do that are claimed when there are some.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

import psycopg

from benchmarks.queues.leverframe_side import Leverframe
from benchmarks.queues.places import Place, file_place, schema_place
from benchmarks.queues.table import tell
from leverframe.persistence.postgres.saying import SpokenConnection

__all__ = ["bench_heartbeats"]

T = TypeVar("T")

LEASES = 1_000
PERIOD = 2.0
"""Seconds."""
MOST_STATEMENTS = 1

# Not those that begin or end a transaction.
FRAMING = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")

LATEST = "SELECT count(*), min(heartbeat_at), min(expires_at) FROM lease WHERE token IS NOT NULL"


def bench_heartbeats(quick: bool) -> None:
    periods = 2 if quick else 5
    measure_place("SQLite", file_place("full"), statements_on_sqlite, periods)
    measure_place("PostgreSQL", schema_place(), statements_on_postgres, periods)


def measure_place(
    who: str,
    where: AbstractContextManager[Place],
    statements: Callable[[Leverframe], AbstractContextManager[list[str]]],
    periods: int,
) -> None:
    with where as place, closing(Leverframe(place)) as store:
        store.enqueue(LEASES)
        held = store.claim(LEASES)
        with store.renewed(held, PERIOD), statements(store) as said:
            time.sleep(PERIOD)
            wait_for_beat(said)
            before = place.run(LATEST)[0]
            said.clear()
            time.sleep(periods * PERIOD)
            number = sum(map(counts, said))
            check_renewed(before, place.run(LATEST)[0])
    tell(f"{who}: statements, {LEASES:,} leases", number / periods, MOST_STATEMENTS, unit="a period")


def wait_for_beat(said: list[str]) -> None:
    """Until a quarter of a period behind one, so that in whole periods from then on there are as many beats."""
    said.clear()
    end = time.monotonic() + 2 * PERIOD
    while not any(map(counts, said)):
        if time.monotonic() > end:
            raise RuntimeError("nothing was renewed for two periods")
        time.sleep(0.01)
    time.sleep(PERIOD / 4)


def check_renewed(before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
    """Raise unless there are all leases, and every one of them lasts longer than any did."""
    if before[0] != LEASES or after[0] != LEASES or after[1] <= before[1] or after[2] <= before[2]:
        raise RuntimeError(f"the leases were not renewed: {before} before, {after} afterwards")


def counts(statement: str) -> bool:
    return not statement.lstrip().upper().startswith(FRAMING)


@contextmanager
def statements_on_sqlite(side: Leverframe) -> Generator[list[str]]:
    """What SQLite is told on the connection that writes."""
    backend: Any = side.store._backend  # pyright: ignore[reportPrivateUsage]  # its connection tells what it runs
    said: list[str] = []
    backend.connection.set_trace_callback(said.append)
    try:
        yield said
    finally:
        backend.connection.set_trace_callback(None)


@contextmanager
def statements_on_postgres(side: Leverframe) -> Generator[list[str]]:
    """What the server is told, on whatever connection: by psycopg's cursors, and past them."""
    said: list[str] = []

    def noting(real: Callable[..., T]) -> Callable[..., T]:
        def run(self: object, statement: bytes | str, *arguments: object, **options: object) -> T:
            said.append(statement if isinstance(statement, str) else bytes(statement).decode())
            return real(self, statement, *arguments, **options)

        return run

    with (
        patch.object(SpokenConnection, "say", noting(SpokenConnection.say)),
        patch.object(psycopg.Cursor, "execute", noting(psycopg.Cursor.execute)),
        patch.object(psycopg.Cursor, "executemany", noting(psycopg.Cursor.executemany)),
    ):
        yield said
