"""What durability costs: the store against the same statements and rows written by hand.

    uv run python benchmarks/store.py [send] [many] [size] [fair] [--quick]

Every figure is a ratio of two things measured in this run, one after the other in turns.  "By hand" is what one would
write without leverframe: prepared texts, the same SQL on the same connection, the same lock file, the same counts.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from leverframe import Positive, Send, Store, open_store
from leverframe.machines.pipeline import (
    Abandon,
    Active,
    Backlog,
    BranchName,
    Coding,
    DepsMet,
    GatesFailed,
    GatesStarted,
    Merge,
    Pipeline,
)
from leverframe.persistence import statements

QUICK = "--quick" in sys.argv
FAILED: list[str] = []


def report(name: str, measured: float, bound: float, *, at_least: bool = False, unit: str = "x") -> None:
    holds = measured >= bound if at_least else measured <= bound
    word = "at least" if at_least else "at most"
    print(f"{'ok ' if holds else 'NOT'} {name:<58}{measured:>12,.2f} {unit:<4}{word} {bound:,.2f}")
    if not holds:
        FAILED.append(name)


@contextmanager
def fresh_store(durability: str) -> Generator[tuple[Store, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "store.db")
        with open_store(f"sqlite:///{path}?durability={durability}") as store:
            yield store, path


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[int(len(times) * share)]


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e6


# ---------------------------------------------------------------- one event


class ByHand:
    """One move of one instance to and fro, as a program without leverframe would write it."""

    def __init__(self, store: Store, path: str) -> None:
        backend: Any = store._backend  # pyright: ignore[reportPrivateUsage]  # "on the same connection" is the point
        self.connection: Any = backend.connection
        self.lock = os.open(f"{path}-lock", os.O_RDWR)
        row = self.connection.execute(statements.LOAD, ("Pipeline", "by-hand")).fetchone()
        self.instance: int = row[0]
        self.forth = ("active.coding", '{"body":{},"type":"Coding"}', '{"body":{},"type":"GatesFailed"}')
        self.back = ("active.qa", '{"body":{},"type":"Qa"}', '{"body":{},"type":"GatesStarted"}')

    def send(self, number: int) -> None:
        (old, *_), (new, body, event) = (self.back, self.forth) if number % 2 else (self.forth, self.back)
        run = self.connection.execute
        instance, _, _, _, version, _, _ = run(statements.LOAD, ("Pipeline", "by-hand")).fetchone()
        now = time.time_ns() // 1000
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        try:
            run("BEGIN IMMEDIATE")
            if run(statements.MOVE_SNAPSHOT, (new, body, now, instance, version)).rowcount != 1:
                raise RuntimeError("somebody else wrote")
            run(statements.ADD_JOURNAL, (instance, version + 1, event, old, new, body, now, now))
            run(statements.CHANGE_COUNT, ("Pipeline", old, "", -1))
            run(statements.CHANGE_COUNT, ("Pipeline", new, "", 1))
            run("COMMIT")
        finally:
            fcntl.flock(self.lock, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self.lock)


def bench_send(durability: str, bound: float) -> None:
    rounds = 1_000 if QUICK else 6_000
    with fresh_store(durability) as (store, path):
        store.create(Pipeline, "ours", Coding())
        store.create(Pipeline, "by-hand", Coding())
        by_hand = ByHand(store, path)
        there, back = GatesStarted(), GatesFailed("a test failed")
        ours_times: list[float] = []
        hand_times: list[float] = []
        for number in range(rounds):
            event = back if number % 2 else there
            ours_times.append(timed(partial(store.send, Pipeline, "ours", event)))
            hand_times.append(timed(partial(by_hand.send, number)))
        by_hand.close()
    ours, hand = statistics.median(ours_times), statistics.median(hand_times)
    print(
        f"    store.send p50 {ours:.0f} us, p99 {percentile(ours_times, 0.99):.0f} us; "
        f"by hand p50 {hand:.0f} us, p99 {percentile(hand_times, 0.99):.0f} us"
    )
    report(f"store.send / by hand, p50, {durability}", ours / hand, bound)


# ---------------------------------------------------------------- many events


def bench_many() -> None:
    batches = 40 if QUICK else 300
    with fresh_store("normal") as (store, _):
        for number in range(100):
            store.create(Pipeline, f"story-{number}", Coding())
        there = [(f"story-{number}", GatesStarted()) for number in range(100)]
        back = [(f"story-{number}", GatesFailed("a test failed")) for number in range(100)]
        times = [timed(partial(store.send_many, Pipeline, back if n % 2 else there)) for n in range(batches)]
    rate = 100 / statistics.median(times) * 1e6
    middle, slow = statistics.median(times) / 1000, percentile(times, 0.99) / 1000
    print(f"    send_many of 100: p50 {middle:.2f} ms, p99 {slow:.2f} ms")
    report("send_many of 100, events a second, normal", rate, 25_000, at_least=True, unit="/s")


# ---------------------------------------------------------------- a million instances


def fill(store: Store, instances: int) -> None:
    """Half in the backlog, a quarter coding, the rest ready to merge."""
    for first in range(0, instances, 5_000):
        keys = range(first, min(first + 5_000, instances))
        store.send_many(Pipeline, [(f"story-{n:07}", DepsMet()) for n in keys if n % 4 == 1], create=Backlog())
        merges = [f"story-{n:07}" for n in keys if n % 4 == 3]
        for key in merges[:50]:
            store.create(Pipeline, key, Merge(BranchName(f"branch-{key}"), Positive(1)))
        rest = [f"story-{n:07}" for n in keys if n % 4 in (0, 2)] + merges[50:]
        store.send_many(Pipeline, [(key, Abandon()) for key in rest if key.endswith("8")], create=Backlog())
        store.send_many(
            Pipeline,
            [(key, GatesStarted()) for key in rest if not key.endswith("8")],
            create=Backlog(),
            on_refused="return",
        )


def bench_size() -> None:
    small, large = 1_000, 50_000 if QUICK else 1_000_000
    rounds = 400 if QUICK else 2_000
    with fresh_store("normal") as (few, _), fresh_store("normal") as (many, _):
        fill(few, small)
        started = time.perf_counter()
        fill(many, large)
        print(f"    {large:,} instances made in {time.perf_counter() - started:.0f} s")
        for store in (few, many):
            store.create(Pipeline, "subject", Coding())
        sizes = {few: small, many: large}

        def coding_story(store: Store, number: int) -> str:
            """Another one each time, spread over all that are being coded: every fourth."""
            fourth = sizes[store] // 4
            return f"story-{number * 7_919 % fourth * 4 + 1:07}"

        work: dict[str, Callable[[Store, int], object]] = {
            "find by leaf, 20": lambda store, n: store.find(Pipeline, Coding, limit=20),
            "find by superstate, 20": lambda store, n: store.find(Pipeline, Active, limit=20),
            "find by prefix": lambda store, n: store.find(Pipeline, prefix=f"story-{n * 7 % small:07}"),
            "find by look-up": lambda store, n: store.find(Pipeline, where={"feature_branch": "branch-story-0000003"}),
            "count": lambda store, n: store.count(Pipeline),
            "send": lambda store, n: store.send(Pipeline, "subject", GatesFailed("x") if n % 2 else GatesStarted()),
            "send to a random one": lambda store, n: store.send(Pipeline, coding_story(store, n), GatesStarted()),
        }
        for name, run in work.items():
            times: tuple[list[float], list[float]] = ([], [])
            for number in range(small // 4 if name == "send to a random one" else rounds):
                for into, store in zip(times, (few, many), strict=True):
                    into.append(timed(partial(run, store, number)))
            one, other = (statistics.median(t) for t in times)
            print(f"    {name}: {one:.0f} us at {small:,}, {other:.0f} us at {large:,}")
            report(f"{name}, {large:,} instances / {small:,}", other / one, 1.3)


# ---------------------------------------------------------------- processes


def write_until(url: str, key: str, end: float) -> int:
    with open_store(url) as store:
        store.create(Pipeline, key, Coding())
        while time.time() < end - 3.5 if not QUICK else time.time() < end - 1.5:
            time.sleep(0.001)
        sent = 0
        while time.time() < end:
            store.send(Pipeline, key, GatesFailed("x") if sent % 2 else GatesStarted())
            sent += 1
    return sent


def bench_fair() -> None:
    with fresh_store("full") as (_, path), ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as pool:
        url = f"sqlite:///{path}"
        end = time.time() + (3.5 if QUICK else 7)
        done = [pool.submit(write_until, url, f"story-{n}", end) for n in range(4)]
        sent = [future.result() for future in done]
    print(f"    4 processes, full: {sent} moves")
    report("least share / fair share, 4 processes, full", min(sent) / (sum(sent) / 4), 0.5, at_least=True)


if __name__ == "__main__":
    asked = {name for name in sys.argv[1:] if not name.startswith("-")} or {"send", "many", "size", "fair"}
    if "send" in asked:
        bench_send("normal", 1.5)
        bench_send("full", 1.25)
    if "many" in asked:
        bench_many()
    if "size" in asked:
        bench_size()
    if "fair" in asked:
        bench_fair()
    sys.exit(bool(FAILED))
