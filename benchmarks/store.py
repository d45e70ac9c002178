"""What durability costs: beside the same statements by hand, with a million instances, many threads, four processes.

    uv run python -m benchmarks.store [send] [many] [size] [threads] [fair] [--quick] [--markdown]

Every ratio is of two things that were measured in turns in this run.  `size` takes a minute and half a gigabyte of
temporary files, the others some seconds each.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from attrs import frozen

from benchmarks.by_hand import ByHand
from benchmarks.reporting import Spread, clocked, in_turns, main, report
from leverframe import Positive, Store, open_store
from leverframe.machines.pipeline import (
    Abandon,
    Active,
    Backlog,
    BranchName,
    Coding,
    DepsMet,
    GatesFailed,
    GatesStarted,
    Pipeline,
    QaSkipped,
)
from leverframe.persistence.backend import Writer

T = TypeVar("T")

TITLE = "the store"

FORTH, BACK = GatesStarted(), GatesFailed("a test failed")


@contextmanager
def fresh_file(durability: str) -> Generator[str]:
    """The URL of a file that is not there yet."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'store.db'}?durability={durability}"


@contextmanager
def fresh_store(durability: str) -> Generator[Store]:
    with fresh_file(durability) as url, open_store(url) as store:
        yield store


def send_to_and_fro(store: Store, key: str, number: int) -> None:
    """Even numbers go forth, odd ones back."""
    store.send(Pipeline, key, BACK if number % 2 else FORTH)


# ---------------------------------------------------------------- one event


def bench_send(quick: bool) -> None:
    rounds = 1_000 if quick else 6_000
    compare_with_hand("normal", rounds, 1.5)
    compare_with_hand("full", rounds, 1.25)


def compare_with_hand(durability: str, rounds: int, bound: float) -> None:
    with fresh_store(durability) as store:
        store.create(Pipeline, "ours", Coding())
        store.create(Pipeline, "by-hand", Coding())
        with closing(ByHand(store, "by-hand")) as by_hand:
            ours = clocked(lambda number: send_to_and_fro(store, "ours", number))
            times = in_turns({"ours": ours, "by hand": clocked(by_hand.send)}, rounds)
            by_hand.check_same_rows("ours")
    what = f"store.send / by hand, {durability.upper()}, p50"
    report(what, Spread.of(times["ours"]), bound, other=Spread.of(times["by hand"]), unit="µs")


# ---------------------------------------------------------------- many events


def bench_many(quick: bool) -> None:
    keys = [f"story-{number}" for number in range(100)]
    with fresh_store("normal") as store:
        for key in keys:
            store.create(Pipeline, key, Coding())
        there = [(key, FORTH) for key in keys]
        back = [(key, BACK) for key in keys]
        one_call = clocked(lambda number: store.send_many(Pipeline, back if number % 2 else there))
        time_of_a_call = Spread.of([one_call(number) for number in range(40 if quick else 300)])
    rate = len(keys) / time_of_a_call.middle * 1e6
    report("send_many of 100, NORMAL", rate, 25_000, at_least=True, unit="events/s")
    report("send_many of 100, NORMAL, one call", time_of_a_call, None, unit="µs")


# ---------------------------------------------------------------- a million instances

CODING, QA, MERGE, ABANDONED = range(4)
"""What the instances of a filled store are, by their number modulo 4."""

BATCH = 4_000
ASKED = 250

STRIDE = 7_919
"""A prime, so that multiples of it visit each instance once before they begin again."""


def fill(store: Store, instances: int) -> None:
    """A quarter is being coded, one in QA, one ready to merge from a branch of its own, one abandoned."""
    for first in range(0, instances, BATCH):
        numbers = range(first, min(first + BATCH, instances))
        coding, qa, merge, abandoned = (numbers[quarter::4] for quarter in (CODING, QA, MERGE, ABANDONED))
        store.send_many(Pipeline, [(story(n), DepsMet()) for n in coding], create=Backlog())
        store.send_many(Pipeline, [(story(n), GatesStarted()) for n in qa], create=Coding())
        store.send_many(Pipeline, [(story(n), QaSkipped(branch(n), Positive(1))) for n in merge], create=Coding())
        store.send_many(Pipeline, [(story(n), Abandon()) for n in abandoned], create=Backlog())


def story(number: int) -> str:
    return f"story-{number:07}"


def branch(number: int) -> BranchName:
    return BranchName(f"branch-{number:07}")


@frozen
class Filled:
    """A store with so many instances, and what is asked of it: each verb picks instances all over it."""

    store: Store
    size: int

    def pick(self, number: int, quarter: int) -> int:
        """One of 250 instances of this quarter, which lie all over the store.

        As many as there are in the small one: it is the store that is larger, and not what is asked of it.
        """
        return number % ASKED * STRIDE % (self.size // 4) * 4 + quarter

    def find_leaf(self, number: int) -> None:
        self.store.find(Pipeline, Coding, limit=20)

    def find_superstate(self, number: int) -> None:
        self.store.find(Pipeline, Active, limit=20)

    def find_prefix(self, number: int) -> None:
        self.store.find(Pipeline, prefix=story(self.pick(number, MERGE)))

    def find_lookup(self, number: int) -> None:
        self.store.find(Pipeline, where={"feature_branch": branch(self.pick(number, MERGE))})

    def count(self, number: int) -> None:
        self.store.count(Pipeline)

    def send_to_one(self, number: int) -> None:
        send_to_and_fro(self.store, "subject", number)

    def send_to_any(self, number: int) -> None:
        """Forth to one that is being coded, back to one in QA: each once, so that each event is accepted."""
        key = story(self.pick(number // 2, QA if number % 2 else CODING))
        send_to_and_fro(self.store, key, number)


QUESTIONS: dict[str, Callable[[Filled, int], None]] = {
    "find by leaf, 20": Filled.find_leaf,
    "find by superstate, 20": Filled.find_superstate,
    "find by prefix": Filled.find_prefix,
    "find by look-up": Filled.find_lookup,
    "count": Filled.count,
    "send, always to one": Filled.send_to_one,
}


def bench_size(quick: bool) -> None:
    with fresh_store("normal") as few, fresh_store("normal") as many:
        small, large = Filled(few, 1_000), Filled(many, 50_000 if quick else 1_000_000)
        for filled in (small, large):
            fill(filled.store, filled.size)
            filled.store.create(Pipeline, "subject", Coding())
        for name, question in QUESTIONS.items():
            compare_sizes(name, question, small, large, 400 if quick else 2_000)
        # Two quarters of the small store, each of its instances once.
        compare_sizes("send, to another each time", Filled.send_to_any, small, large, small.size // 2)


def compare_sizes(
    name: str, question: Callable[[Filled, int], None], small: Filled, large: Filled, rounds: int
) -> None:
    at_small = clocked(lambda number: question(small, number))
    at_large = clocked(lambda number: question(large, number))
    times = in_turns({"small": at_small, "large": at_large}, rounds)
    what = f"{name}, {large.size:,} / {small.size:,} instances"
    report(what, Spread.of(times["large"]), 1.3, other=Spread.of(times["small"]), unit="µs")


# ---------------------------------------------------------------- threads

THREADS = 16


class Apart:
    """A store's backend, with a transaction of its own for each call: what threads would have without sharing."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def commit(self, work: Callable[[Writer], T]) -> T:
        with self._real.write() as writer:
            return work(writer)


def bench_threads(quick: bool) -> None:
    seconds, rounds = (0.5, 2) if quick else (1.0, 6)
    who = f"{THREADS} threads, FULL"
    with fresh_store("full") as store:
        for number in range(THREADS):
            store.create(Pipeline, story(number), Coding())
        together, apart = Racing(store, seconds), Racing(without_sharing(store), seconds)
        rates = in_turns({"together": together.rate, "apart": apart.rate}, rounds)
    report(
        f"{who}, sharing commits / each its own",
        fmean(rates["together"]),
        2,
        other=fmean(rates["apart"]),
        at_least=True,
        unit="moves/s",
    )
    together.report_shares(who)


def without_sharing(store: Store) -> Store:
    backend: Any = Apart(store._backend)  # pyright: ignore[reportPrivateUsage]  # the same file, connection and turns
    return Store(backend, store._clock)  # pyright: ignore[reportPrivateUsage]


class Racing:
    """Threads that write to one store, each to its own story; `taken` has the milliseconds of each send of each."""

    def __init__(self, store: Store, seconds: float) -> None:
        self.store = store
        self.seconds = seconds
        self.taken: list[list[float]] = [[] for _ in range(THREADS)]

    def rate(self, _round: int) -> float:
        """Moves in each second of one round."""
        before = sum(map(len, self.taken))
        begin = threading.Barrier(THREADS + 1)
        threads = [threading.Thread(target=self._write, args=(number, begin)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        begin.wait()
        began = time.perf_counter()
        for thread in threads:
            thread.join()
        return (sum(map(len, self.taken)) - before) / (time.perf_counter() - began)

    def _write(self, number: int, begin: threading.Barrier) -> None:
        taken = self.taken[number]
        one_send = clocked(lambda sent: send_to_and_fro(self.store, story(number), sent))
        begin.wait()
        end = time.perf_counter() + self.seconds
        # The next round finds the story where this one found it.
        while time.perf_counter() < end or len(taken) % 2:
            taken.append(one_send(len(taken)) / 1000)

    def report_shares(self, who: str) -> None:
        moves = [len(of_one) for of_one in self.taken]
        fair = sum(moves) / THREADS
        report(f"{who}, least share / fair share", min(moves), 0.5, other=fair, at_least=True, unit="moves")
        everyone = [one for of_one in self.taken for one in of_one]
        report(f"{who}, a send", Spread.of(everyone), None, unit="ms")
        report(f"{who}, longest wait", max(everyone), None, unit="ms")


# ---------------------------------------------------------------- processes

PROCESSES = 4
SECONDS_TO_START = 2.0


def bench_fair(quick: bool) -> None:
    seconds = 1.5 if quick else 5.0
    measure_fairness("full", seconds, 0.5)
    measure_fairness("normal", seconds, None)


def measure_fairness(durability: str, seconds: float, bound: float | None) -> None:
    times = race(durability, seconds)
    moves = [len(of_one) for of_one in times]
    who = f"{PROCESSES} processes, {durability.upper()}"
    report(
        f"{who}, least share / fair share",
        min(moves),
        bound,
        other=sum(moves) / PROCESSES,
        at_least=True,
        unit="moves",
    )
    everyone = [one for of_one in times for one in of_one]
    report(f"{who}, a send", Spread.of(everyone), None, unit="ms")
    report(f"{who}, longest wait", max(everyone), None, unit="ms")


def race(durability: str, seconds: float) -> list[list[float]]:
    """Milliseconds of each send of each process; all of them write from the same moment to the same moment."""
    with fresh_file(durability) as url, ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        begin = time.time() + SECONDS_TO_START
        racing = [pool.submit(write_between, url, f"story-{n}", begin, begin + seconds) for n in range(PROCESSES)]
        return [racer.result() for racer in racing]


def write_between(url: str, key: str, begin: float, end: float) -> list[float]:
    """Milliseconds of each send; `begin` and `end` are seconds since the epoch."""
    with open_store(url) as store:
        store.create(Pipeline, key, Coding())
        sleep_until(begin)
        one_send = clocked(lambda number: send_to_and_fro(store, key, number))
        taken: list[float] = []
        while time.time() < end:
            taken.append(one_send(len(taken)) / 1000)
    return taken


def sleep_until(begin: float) -> None:
    left = begin - time.time()
    if left < 0:
        raise RuntimeError("a process was not ready in time; the machine is too busy to measure fairness")
    time.sleep(left)


BENCHMARKS: dict[str, Callable[[bool], None]] = {
    "send": bench_send,
    "many": bench_many,
    "size": bench_size,
    "threads": bench_threads,
    "fair": bench_fair,
}

if __name__ == "__main__":
    sys.exit(main(TITLE, BENCHMARKS))
