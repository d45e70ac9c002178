"""One event in memory, through every way of running it, in one process and in turns; what a handle weighs; starting.

    uv run python -m benchmarks.decide [pipeline] [job] [handle] [start] [--quick] [--markdown]

The figures of an event are the least of all repeats: what disturbs a measurement only ever makes it longer.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contenders import JOB, PIPELINE, PIPELINE_ROUND, Contender
from benchmarks.job import JOB_ROUND, Job, Running, Worker
from benchmarks.reporting import Measurement, clocked, in_turns, main, percentile, report
from leverframe import Positive

TITLE = "one event in memory"

# ---------------------------------------------------------------- one event


def bench_job(quick: bool) -> None:
    least = measure("the job, 7 moves", JOB, len(JOB_ROUND), quick)
    ns = partial(report, unit="ns")
    ns("decide / match, 7 moves", least["decide"], 1.1, other=least["match"])
    ns("decide / dictionary, 7 moves", least["decide"], 1.5, other=least["dictionary"])
    ns("Handle.send with a time / match, 7 moves", least["Handle.send"], 1.2, other=least["match"])
    ns("python-statemachine / decide", least["python-statemachine"], 100, other=least["decide"], at_least=True)
    ns("transitions / decide", least["transitions"], 10, other=least["decide"], at_least=True)
    ns("Automat / decide", least["Automat"], 2, other=least["decide"], at_least=True)


def bench_pipeline(quick: bool) -> None:
    least = measure("Pipeline, 13 moves", PIPELINE, len(PIPELINE_ROUND), quick)
    report("decide / match, Pipeline, 13 moves", least["decide"], 1.0, other=least["match"], unit="ns")


def measure(title: str, contenders: dict[str, Contender], events: int, quick: bool) -> dict[str, float]:
    """Least nanoseconds an event of each contender; the first repeat warms up and does not count."""
    sides = {name: for_each_event(contender, events) for name, contender in contenders.items()}
    taken = {name: all_of[1:] for name, all_of in in_turns(sides, (15 if quick else 60) + 1).items()}
    print(f"\n{title + ', ns an event':<34}{'least':>12}{'median':>12}{'p99':>12}")
    for name, times in taken.items():
        print(f"  {name:<32}{min(times):>12,.0f}{statistics.median(times):>12,.0f}{percentile(times, 0.99):>12,.0f}")
    return {name: min(times) for name, times in taken.items()}


def for_each_event(contender: Contender, events: int) -> Measurement:
    run, rounds = contender
    microseconds = clocked(lambda number: run(rounds))
    return lambda number: microseconds(number) * 1000 / (rounds * events)


# ---------------------------------------------------------------- a handle


def bench_handle(quick: bool) -> None:
    weight = bytes_of_a_handle(10_000 if quick else 100_000)
    report("a handle over its payload", weight, 100, unit="bytes")


def bytes_of_a_handle(count: int) -> float:
    payload = Running(Positive(1), Worker("w1"), 0)
    kept: list[Any] = [None] * count
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(count):
        kept[number] = Job.start(payload)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / count


# ---------------------------------------------------------------- starting


def bench_start(quick: bool) -> None:
    sides = {"ours": importing("leverframe"), "theirs": importing("statemachine, attrs"), "help": milliseconds_of_help}
    least = {name: min(taken) for name, taken in in_turns(sides, 5 if quick else 15).items()}
    what = "import leverframe, over statemachine and attrs"
    report(what, least["ours"], 60, other=least["theirs"], unit="ms", difference=True)
    report("leverframe --help", least["help"], 350, unit="ms")


def importing(modules: str) -> Measurement:
    """Milliseconds of an import in a Python of its own, without what that takes to start."""
    code = f"import time; began = time.perf_counter(); import {modules}; print((time.perf_counter() - began) * 1e3)"
    command = [sys.executable, "-c", code]
    return lambda number: float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def milliseconds_of_help(number: int) -> float:
    program = str(Path(sys.executable).with_name("leverframe"))
    began = time.perf_counter()
    subprocess.run([program, "--help"], capture_output=True, check=True)
    return (time.perf_counter() - began) * 1e3


BENCHMARKS: dict[str, Callable[[bool], None]] = {
    "pipeline": bench_pipeline,
    "job": bench_job,
    "handle": bench_handle,
    "start": bench_start,
}

if __name__ == "__main__":
    sys.exit(main(TITLE, BENCHMARKS))
