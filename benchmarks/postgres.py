"""What the store costs on PostgreSQL: beside one statement by hand, beside harel, by many processes, at a million rows.

    uv run python -m benchmarks.postgres [move] [peers] [processes] [size] [pool] [--quick] [--markdown]

The server is one of our own, which waits for the disk, or the one that LEVERFRAME_TEST_POSTGRES names.  What is
compared is measured in turns in this run.  `size` takes some minutes and two gigabytes, `peers` fetches harel into an
environment of its own.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import count
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import fmean
from urllib.parse import quote

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from postgres_server import Server, running_server

from benchmarks.by_hand_postgres import OneTrip, TwoTrips
from benchmarks.reporting import Measurement, Spread, clocked, in_turns, main, report
from benchmarks.store import (
    BACK,
    FORTH,
    QUESTIONS,
    Filled,
    compare_sizes,
    fill,
    send_to_and_fro,
    story,
)
from leverframe import Store, open_store
from leverframe.machines.pipeline import Backlog, Coding, DepsMet, Pipeline
from leverframe.persistence.postgres.location import parse_location
from leverframe.persistence.postgres.pool import connect
from leverframe.persistence.postgres.statements import FOLD_COUNTS

TITLE = "the store on PostgreSQL"

SERVERS = ExitStack()
"""What is to be stopped at the end."""


@cache
def server() -> Server:
    """The server of this run, started when it is first needed."""
    started = SERVERS.enter_context(running_server(hurried=False))
    print(started.run("SELECT version()")[0][0], flush=True)
    return started


@contextmanager
def fresh_schema(options: str = "") -> Generator[str]:
    """The URL of a schema that is not there yet, and is gone afterwards."""
    url = server().fresh_url(options)
    try:
        yield url
    finally:
        server().run(f"DROP SCHEMA IF EXISTS {parse_location(url).schema} CASCADE")


@contextmanager
def fresh_store(options: str = "") -> Generator[tuple[Store, str]]:
    with fresh_schema(options) as url, open_store(url) as store:
        yield store, url


# ---------------------------------------------------------------- one move


def bench_move(quick: bool) -> None:
    rounds = 1_000 if quick else 6_000
    with fresh_store() as (store, url):
        for key in ("ours", "one trip", "two trips"):
            store.create(Pipeline, key, Coding())
        store.send_many(Pipeline, [(story(number), DepsMet()) for number in range(rounds)], create=Backlog())
        # So that the statement by hand, which asks for the state too, is planned by the key.
        server().run(f"ANALYZE {parse_location(url).schema}.snapshot")
        with closing(OneTrip(url, "one trip")) as one_trip, closing(TwoTrips(url, "two trips")) as two_trips:
            sides = {
                "ours": clocked(lambda number: send_to_and_fro(store, "ours", number)),
                "another": clocked(lambda number: store.send(Pipeline, story(number), FORTH)),
                "one trip": clocked(one_trip.send),
                "two trips": clocked(two_trips.send),
            }
            times = in_turns(sides, rounds)
            one_trip.check_same_rows("ours")
            two_trips.check_same_rows("ours")
    ours, another, one, two = (Spread.of(times[name]) for name in sides)
    report("store.send / one statement by hand, FULL, p50", ours, 1.3, other=one, unit="µs")
    report("store.send, to another each time / one statement by hand, FULL, p50", another, None, other=one, unit="µs")
    report("store.send, to another each time / SELECT and statement, FULL, p50", another, None, other=two, unit="µs")


# ---------------------------------------------------------------- beside harel

HAREL = "harel==0.9.0"
HAREL_MOVES = Path(__file__).with_name("harel_moves.py")


class HarelProcess:
    """harel in an environment and a process of its own, which moves while it is told to."""

    def __init__(self, url: str) -> None:
        environment = ["--no-project", "--with", HAREL, "--with", "psycopg[binary]>=3.3"]
        command = ["uv", "run", "--quiet", *environment, "python", str(HAREL_MOVES), url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read()

    def rate(self, seconds: float) -> float:
        """Moves a second in a slice so long."""
        assert self._process.stdin is not None
        print(seconds, file=self._process.stdin, flush=True)
        moves, taken = self._read().split()
        return int(moves) / float(taken)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait() != 0:
            raise RuntimeError("harel failed; what it said is above")

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("harel ended; what it said is above")
        return line


def bench_peers(quick: bool) -> None:
    compare_with_harel("full", quick, 4)
    compare_with_harel("normal", quick, None)


def compare_with_harel(durability: str, quick: bool, bound: float | None) -> None:
    """The same moves of one instance by one process, with a journal and with an id for each event, as harel always has.

    What disk and server allow shows by hand: one statement, without ids, its counts never added up.
    """
    seconds = 0.5 if quick else 1.0
    options = f"&durability={durability}"
    with fresh_store(options) as (store, _), fresh_store(options) as (empty, url), harel_database(durability) as place:
        store.create(Pipeline, "ours", Coding())
        empty.create(Pipeline, "by hand", Coding())
        with closing(OneTrip(url, "by hand")) as by_hand, closing(HarelProcess(place)) as harel:
            sides: dict[str, Measurement] = {
                "ours": rate_of(send_with_id(store), seconds),
                "harel": lambda _: harel.rate(seconds),
                "by hand": rate_of(by_hand.send, seconds),
            }
            rates = in_turns(sides, 4 if quick else 20)
    ours, theirs, most = (fmean(rates[name]) for name in sides)
    who = f"{HAREL}, {durability.upper()}"
    report(f"moves of one process / {who}", ours, bound, other=theirs, at_least=True, unit="moves/s")
    report(f"one statement by hand / {who}", most, None, other=theirs, unit="moves/s")


def send_with_id(store: Store) -> Callable[[int], None]:
    def send(number: int) -> None:
        store.send(Pipeline, "ours", BACK if number % 2 else FORTH, delivery_id=f"event-{number}")

    return send


def rate_of(send: Callable[[int], None], seconds: float) -> Measurement:
    """Moves a second in a slice so long; the numbers of the moves go on from slice to slice."""
    numbers = count()

    def measure(_: int) -> float:
        began, moves = time.perf_counter(), 0
        while (taken := time.perf_counter() - began) < seconds:
            send(next(numbers))
            moves += 1
        return moves / taken

    return measure


@contextmanager
def harel_database(durability: str) -> Generator[str]:
    """The URL of the same server with a schema for harel's tables, at the durability that a store of ours has."""
    settings = " -csynchronous_commit=off" if durability == "normal" else ""
    with fresh_schema() as url:
        schema = parse_location(url).schema
        server().run(f"CREATE SCHEMA {schema}")
        separator = "&" if "?" in server().url else "?"
        yield f"{server().url}{separator}options={quote(f'-csearch_path={schema}{settings}')}"


# ---------------------------------------------------------------- processes

PROCESSES = (1, 2, 4, 8)
STORIES = 50
"""How many instances each process has to itself."""
MOST_TO_START = 60.0

BEGIN: list[Barrier] = []
"""In a process that races: where it waits for the others."""


def bench_processes(quick: bool) -> None:
    seconds, rounds = (1.0, 1) if quick else (4.0, 3)
    moves: dict[str, list[list[int]]] = {str(processes): [] for processes in PROCESSES}

    def racing(processes: str) -> Measurement:
        def measure(_: int) -> float:
            moves[processes].append(race(int(processes), seconds))
            return sum(moves[processes][-1]) / seconds

        return measure

    rates = in_turns({processes: racing(processes) for processes in moves}, rounds)
    for processes, all_of in rates.items():
        who = f"processes: {processes}, FULL"
        report(f"{who}, moves / those of 1", fmean(all_of), None, other=fmean(rates["1"]), unit="moves/s")
        least, fair = (sum(share(of_one) for of_one in moves[processes]) for share in (min, fmean))
        report(f"{who}, least share / fair share", least, None, other=fair, unit="moves")


def race(processes: int, seconds: float) -> list[int]:
    """Moves of each process; all of them begin together."""
    context = multiprocessing.get_context("spawn")
    begin = context.Barrier(processes)
    with fresh_store() as (store, url), ProcessPoolExecutor(processes, context, begin_with, (begin,)) as pool:
        stories = [(key, DepsMet()) for process in range(processes) for key in stories_of(process)]
        store.send_many(Pipeline, stories, create=Backlog())
        racing = [pool.submit(moves_for, url, process, seconds) for process in range(processes)]
        return [racer.result() for racer in racing]


def stories_of(process: int) -> list[str]:
    return [f"story-{process}-{number}" for number in range(STORIES)]


def begin_with(begin: Barrier) -> None:
    """Said to each process when it starts: a barrier cannot be sent to it later."""
    BEGIN.append(begin)


def moves_for(url: str, process: int, seconds: float) -> int:
    """How many moves this process makes in so many seconds, once all are ready."""
    keys = stories_of(process)
    with open_store(url) as store:
        store.get(Pipeline, keys[0])
        BEGIN[0].wait(MOST_TO_START)
        end, moves = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            lap, number = divmod(moves, STORIES)
            send_to_and_fro(store, keys[number], lap)
            moves += 1
    return moves


# ---------------------------------------------------------------- a million instances

FEW = 1_000
PACE = 10_000
"""Microseconds between two instances: the last are the newest, as they are where a store was filled over time."""

# What the store wrote for a thousand stories, again and again with other numbers in it: a body, a key and a look-up's
# value have the story's number in seven digits.
MULTIPLY = """
CREATE FUNCTION pg_temp.renumbered(was text, key text, add bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT replace(was, right(key, 7), lpad((right(key, 7)::bigint + add)::text, 7, '0')) $$;
CREATE TEMPORARY TABLE copy AS SELECT number::bigint * {few} AS add FROM generate_series(1, {copies} - 1) AS number;
INSERT INTO journal (instance, version, event, from_state, to_state, body, at, recorded_at)
SELECT instance + add, j.version, event, from_state, to_state, pg_temp.renumbered(j.body, key, add),
    at + add * {pace}, recorded_at + add * {pace}
FROM copy CROSS JOIN (SELECT j.*, s.key FROM journal AS j JOIN snapshot AS s USING (instance)) AS j
ORDER BY add, seq;
INSERT INTO lookup (instance, field, machine, value, is_unique)
SELECT instance + add, field, machine, pg_temp.renumbered(value, key, add), is_unique
FROM copy CROSS JOIN (SELECT l.*, s.key FROM lookup AS l JOIN snapshot AS s USING (instance)) AS l
ORDER BY add, instance;
INSERT INTO snapshot (instance, machine, key, state, body, version, created_at, changed_at)
SELECT instance + add, machine, pg_temp.renumbered(key, key, add), state, pg_temp.renumbered(body, key, add), version,
    created_at + add * {pace}, changed_at + add * {pace}
FROM copy CROSS JOIN snapshot ORDER BY add, instance;
UPDATE state_count SET number = number * {copies};
SELECT setval(pg_get_serial_sequence('snapshot', 'instance'), (SELECT max(instance) FROM snapshot));
"""


def bench_size(quick: bool) -> None:
    with fresh_store() as (few, few_url), fresh_store() as (many, many_url):
        large_size = 50_000 if quick else 1_000_000
        fill_by_copies(Filled(few, FEW), few_url)
        fill_by_copies(Filled(many, large_size), many_url)
        rounds = 400 if quick else 2_000
        for name, question in QUESTIONS.items():
            compare_over_connections(name, question, few_url, many_url, large_size, rounds)
        # Two quarters of the small store, each of its instances once.
        small, large = Filled(few, FEW), Filled(many, large_size)
        compare_sizes("send, to another each time", Filled.send_to_any, small, large, FEW // 2)


CONNECTIONS = 10


def compare_over_connections(
    name: str, question: Callable[[Filled, int], None], few_url: str, many_url: str, size: int, rounds: int
) -> None:
    """A process of the server may lie well or badly for as long as it lives: each side is asked through ten of them."""
    times: dict[str, list[float]] = {"small": [], "large": []}
    for _ in range(CONNECTIONS):
        with open_store(few_url) as few, open_store(many_url) as many:
            at_small = clocked(partial(question, Filled(few, FEW)))
            at_large = clocked(partial(question, Filled(many, size)))
            in_turns({"small": at_small, "large": at_large}, WARMING)
            for side, taken in in_turns({"small": at_small, "large": at_large}, rounds // CONNECTIONS).items():
                times[side] += taken
    what = f"{name}, {size:,} / {FEW:,} instances"
    report(what, Spread.of(times["large"]), 1.3, other=Spread.of(times["small"]), unit="µs")


WARMING = 20
"""Rounds in which a new connection learns the statements; even, so that moves to and fro end where they began."""


def fill_by_copies(filled: Filled, url: str) -> None:
    """A thousand by the store, long ago, and the others from their rows."""
    long_ago = datetime.now(UTC) - timedelta(microseconds=PACE * (filled.size + FEW))
    with open_store(url, clock=lambda: long_ago) as store:
        fill(store, FEW)
    with closing(connect(parse_location(url))) as connection:
        connection.execute(FOLD_COUNTS.encode())
        connection.execute(MULTIPLY.format(few=FEW, copies=filled.size // FEW, pace=PACE).encode())
        check_filled(connection, filled)
        filled.store.create(Pipeline, "subject", Coding())
        for table in ("snapshot", "journal", "lookup", "state_count", "count_change"):
            connection.execute(f"VACUUM (FREEZE, ANALYZE) {table}".encode())
        connection.execute(b"CHECKPOINT")


def check_filled(connection: psycopg.Connection[tuple[object, ...]], filled: Filled) -> None:
    """Raise unless there is what `fill` would have written."""
    rows = connection.execute(b"SELECT count(DISTINCT key), sum(version) - count(*) FROM snapshot").fetchone()
    moves = connection.execute(b"SELECT count(event) FROM journal").fetchone()
    counted = sum(filled.store.count(Pipeline).values())
    if rows is None or rows[0] != filled.size or moves != (rows[1],) or counted != filled.size:
        raise RuntimeError(f"of {filled.size} instances {rows} are there, with {moves} moves, counted as {counted}")


# ---------------------------------------------------------------- the pool

THREADS = 30
POOL_SIZE = 5
APPLICATION = "leverframe-pool-benchmark"

CONNECTED = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{APPLICATION}'".encode()


def bench_pool(quick: bool) -> None:
    over = threading.Event()
    seconds = 2.0 if quick else 8.0
    with fresh_schema(f"&pool_size={POOL_SIZE}&application_name={APPLICATION}") as url:
        with ThreadPoolExecutor(THREADS + 1) as threads:
            most = threads.submit(most_connections, over)
            with open_store(url) as store:
                times = gather([threads.submit(move_for, store, f"story-{n}", seconds) for n in range(THREADS)])
            over.set()
    who = f"{THREADS} threads, pool_size={POOL_SIZE}"
    report(f"{who}, most connections", most.result(), POOL_SIZE, unit="connections")
    report(f"{who}, a send", Spread.of(times), None, unit="ms")
    report(f"{who}, longest wait", max(times), None, unit="ms")


def move_for(store: Store, key: str, seconds: float) -> list[float]:
    """Milliseconds of each send."""
    store.create(Pipeline, key, Coding())
    end = time.monotonic() + seconds
    one_send = clocked(lambda number: send_to_and_fro(store, key, number))
    taken: list[float] = []
    while time.monotonic() < end:
        taken.append(one_send(len(taken)) / 1000)
    return taken


def gather(threads: list[Future[list[float]]]) -> list[float]:
    return [one for thread in threads for one in thread.result()]


def most_connections(over: threading.Event) -> int:
    """The most connections that the server ever shows, until it is over."""
    most = 0
    with psycopg.connect(server().url, autocommit=True) as connection:
        while not over.wait(0.005):
            row = connection.execute(CONNECTED).fetchone()
            most = max(most, 0 if row is None else row[0])
    return most


BENCHMARKS: dict[str, Callable[[bool], None]] = {
    "move": bench_move,
    "peers": bench_peers,
    "processes": bench_processes,
    "size": bench_size,
    "pool": bench_pool,
}

if __name__ == "__main__":
    with SERVERS:
        status = main(TITLE, BENCHMARKS)
    sys.exit(status)
