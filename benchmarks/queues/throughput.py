"""Claim and completion of jobs that do nothing, by one worker: leverframe, by hand, and other queues.

Jobs are enqueued before the clock runs; it runs from the first claim to the last completion.  Afterwards each side's
own tables have to say that every job was finished, and that none is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from statistics import median
from typing import Any, Protocol, TypeVar

from benchmarks.queues.by_hand import PostgresByHand, PostgresOneTrip, SQLiteByHand
from benchmarks.queues.leverframe_side import Leverframe
from benchmarks.queues.peers import HAREL, HUEY, PGQUEUER, PROCRASTINATE, Peer, PeerProcess
from benchmarks.queues.places import FilePlace, Place, SchemaPlace, file_place, peer_schema, schema_place
from benchmarks.queues.table import compare
from benchmarks.reporting import Measurement, in_turns

__all__ = ["bench_batches", "bench_postgres", "bench_sqlite"]

P = TypeVar("P", bound=Place)

BATCH = 50
SINGLY = 1

MOST_OVER_HAND = 1.5
LEAST_OVER_PROCRASTINATE = 3.0
LEAST_OVER_PGQUEUER = 1.0

OURS, IN_TURN, IN_THREADS = "leverframe", "in turn", f"{BATCH} at once, two threads"
BY_HAND, ONE_TRIP = "by hand", "one statement"

THREADS = 2


class Queue(Protocol):
    """A queue in this process."""

    def enqueue(self, jobs: int) -> None: ...
    def claim(self, limit: int) -> list[Any]: ...
    def complete(self, held: list[Any]) -> None: ...
    def check(self) -> None: ...
    def close(self) -> None: ...


class Side(Protocol):
    """What is compared; the jobs that are to be drained were enqueued before."""

    def enqueue(self, jobs: int) -> None: ...
    def drain(self, jobs: int) -> float: ...


class Batches:
    """A queue in this process, of which `batch` jobs are claimed at once, and completed at once."""

    def __init__(self, queue: Queue, batch: int) -> None:
        self.queue = queue
        self.batch = batch

    def enqueue(self, jobs: int) -> None:
        self.queue.enqueue(jobs)

    def drain(self, jobs: int) -> float:
        left, began = jobs, time.perf_counter()
        while left:
            held = self.queue.claim(self.batch)
            if not held:
                raise RuntimeError(f"{left} jobs are ready, and none was claimed")
            self.queue.complete(held)
            left -= len(held)
        taken = time.perf_counter() - began
        self.queue.check()
        return taken


class InTurn:
    """leverframe, one job at a time: the end of one and the claim of the next are one transaction."""

    def __init__(self, queue: Leverframe) -> None:
        self.queue = queue

    def enqueue(self, jobs: int) -> None:
        self.queue.enqueue(jobs)

    def drain(self, jobs: int) -> float:
        began = time.perf_counter()
        held, ended = self.queue.claim(SINGLY), 0
        one = held[0] if held else None
        while one is not None:
            one, ended = self.queue.complete_and_claim(one), ended + 1
        taken = time.perf_counter() - began
        if ended != jobs:
            raise RuntimeError(f"of {jobs} jobs {ended} were claimed")
        self.queue.check()
        return taken


class InThreads:
    """leverframe in threads, each of which claims and completes a batch: one computes while others wait."""

    def __init__(self, queue: Leverframe, batch: int) -> None:
        self.queue = queue
        self.batch = batch

    def enqueue(self, jobs: int) -> None:
        self.queue.enqueue(jobs)

    def drain(self, jobs: int) -> float:  # until none is left
        with ThreadPoolExecutor(THREADS) as pool:
            began = time.perf_counter()
            for done in [pool.submit(self._work) for _ in range(THREADS)]:
                done.result()
            taken = time.perf_counter() - began
        self.queue.check()
        return taken

    def _work(self) -> None:
        while held := self.queue.claim(self.batch):
            self.queue.complete(held)


# ---------------------------------------------------------------- the comparisons


def bench_sqlite(quick: bool) -> None:
    for durability in ("normal", "full"):
        # huey has no NORMAL: it waits for the disk at each commit, or never.
        peers = [HUEY] if durability == "full" else []
        with ExitStack() as stack:
            sides = in_files(stack, durability, quick, SINGLY) | {
                peer.name: stack.enter_context(peer_on_file(peer, durability, quick)) for peer in peers
            }
            rates = measure(sides, quick)
        who = f"SQLite, {durability.upper()}"
        tell_of_hand(who, rates, MOST_OVER_HAND)
        for peer in peers:
            tell_of_peer(who, rates, peer, None)
    with ExitStack() as stack:
        rates = measure(in_files(stack, "full", quick, BATCH), quick)
    tell_of_hand(f"SQLite, FULL, {BATCH} at once", rates, None)


def bench_postgres(quick: bool) -> None:
    with ExitStack() as stack:
        sides = in_schemas(stack, quick, SINGLY) | {
            IN_TURN: ours(stack, InTurn, SINGLY, quick),
            PROCRASTINATE.name: stack.enter_context(peer_in_schema(PROCRASTINATE, quick)),
            PGQUEUER.name: stack.enter_context(peer_in_schema(PGQUEUER, quick, SINGLY)),
            HAREL.name: stack.enter_context(peer_in_schema(HAREL, quick)),
        }
        rates = measure(sides, quick)
    tell_of_hand("PostgreSQL", rates, MOST_OVER_HAND)
    tell_of_peer("PostgreSQL", rates, PROCRASTINATE, LEAST_OVER_PROCRASTINATE, IN_TURN)
    tell_of_peer("PostgreSQL", rates, PGQUEUER, LEAST_OVER_PGQUEUER, IN_TURN)
    tell_of_peer("PostgreSQL", rates, HAREL, None, IN_TURN)


def bench_batches(quick: bool) -> None:
    who = f"{BATCH} at once"
    with ExitStack() as stack:
        sides = in_schemas(stack, quick, BATCH) | {
            IN_THREADS: ours(stack, lambda queue: InThreads(queue, BATCH), BATCH, quick),
            PGQUEUER.name: stack.enter_context(peer_in_schema(PGQUEUER, quick, BATCH)),
        }
        rates = measure(sides, quick)
    tell_of_hand(who, rates, None)
    tell_of_peer(who, rates, PGQUEUER, LEAST_OVER_PGQUEUER, IN_THREADS)


# ---------------------------------------------------------------- the sides


def jobs_of(quick: bool, batch: int) -> int:
    """How many jobs a side works off in one turn: the same for all that are compared."""
    if batch == SINGLY:
        return 100 if quick else 500
    return 1_000 if quick else 10_000


def in_files(stack: ExitStack, durability: str, quick: bool, batch: int) -> dict[str, Measurement]:
    kinds: dict[str, Callable[[FilePlace], Queue]] = {OURS: Leverframe, BY_HAND: SQLiteByHand}
    return {
        name: in_place(stack, kind, stack.enter_context(file_place(durability)), quick, batch)
        for name, kind in kinds.items()
    }


def in_schemas(stack: ExitStack, quick: bool, batch: int) -> dict[str, Measurement]:
    kinds: dict[str, Callable[[SchemaPlace], Queue]] = {
        OURS: Leverframe,
        BY_HAND: PostgresByHand,
        ONE_TRIP: PostgresOneTrip,
    }
    return {
        name: in_place(stack, kind, stack.enter_context(schema_place()), quick, batch) for name, kind in kinds.items()
    }


def ours(stack: ExitStack, kind: Callable[[Leverframe], Side], batch: int, quick: bool) -> Measurement:
    place = stack.enter_context(schema_place())
    queue = stack.enter_context(closing(Leverframe(place)))
    return worked_off(kind(queue), place, jobs_of(quick, batch))


def in_place(stack: ExitStack, kind: Callable[[P], Queue], place: P, quick: bool, batch: int) -> Measurement:
    queue = stack.enter_context(closing(kind(place)))
    return worked_off(Batches(queue, batch), place, jobs_of(quick, batch))


@contextmanager
def peer_on_file(peer: Peer, durability: str, quick: bool) -> Generator[Measurement]:
    with file_place(durability) as place, closing(PeerProcess(peer, [place.path])) as process:
        yield worked_off(process, place, jobs_of(quick, SINGLY))


@contextmanager
def peer_in_schema(peer: Peer, quick: bool, batch: int | None = None) -> Generator[Measurement]:
    with peer_schema() as place:
        arguments = [place.peer_url] if batch is None else [place.peer_url, str(batch)]
        with closing(PeerProcess(peer, arguments)) as process:
            yield worked_off(process, place, jobs_of(quick, batch or SINGLY))


def worked_off(side: Side, place: Place, jobs: int) -> Measurement:
    """Jobs a second."""

    def measure_turn(_: int) -> float:
        side.enqueue(jobs)
        place.tidy()
        return jobs / side.drain(jobs)

    return measure_turn


# ---------------------------------------------------------------- measuring and telling


def measure(sides: dict[str, Measurement], quick: bool) -> dict[str, float]:
    """The median of each side's jobs a second; a first turn of each, in which statements are prepared, is left out."""
    in_turns(sides, 1)
    return {name: median(rates) for name, rates in in_turns(sides, 2 if quick else 10).items()}


def tell_of_hand(who: str, rates: dict[str, float], bound: float | None) -> None:
    """What a job takes: that is what the bound is about."""
    for name in (BY_HAND, ONE_TRIP):
        if OURS in rates and name in rates:
            limit = bound if name == BY_HAND else None
            compare(f"{who} / {name}", 1e6 / rates[OURS], 1e6 / rates[name], limit, unit="µs/job")


def tell_of_peer(who: str, rates: dict[str, float], peer: Peer, bound: float | None, bounded: str = OURS) -> None:
    """How many jobs a second; by hand too, which says how far a ratio could go in that run.

    The bound is for one of leverframe's sides.
    """
    for name in (OURS, IN_TURN, IN_THREADS, BY_HAND, ONE_TRIP):
        if name in rates:
            told = who if name == OURS else name
            limit = bound if name == bounded else None
            compare(f"{told} / {peer.name}", rates[name], rates[peer.name], limit, unit="jobs/s", at_least=True)
