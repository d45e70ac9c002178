"""What the benchmarks share: turns, percentiles, a line for each promise, the command line.

It has no command of its own:

    uv run python -m benchmarks.decide
    uv run python -m benchmarks.store
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from importlib.metadata import version
from typing import TypeAlias

from attrs import frozen

from leverframe.persistence.sqlite.driver import sqlite3

__all__ = ["Measurement", "Spread", "clocked", "in_turns", "main", "percentile", "report"]

Measurement: TypeAlias = Callable[[int], float]
"""Does a round of this number and says what it took."""

# ---------------------------------------------------------------- measuring


def clocked(run: Callable[[int], object]) -> Measurement:
    """Microseconds of each round."""

    def measure(number: int) -> float:
        began = time.perf_counter_ns()
        run(number)
        return (time.perf_counter_ns() - began) / 1000

    return measure


def in_turns(sides: Mapping[str, Measurement], rounds: int) -> dict[str, list[float]]:
    """All that each side took.  Each round goes through them the other way round: none always runs behind another."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    order = list(sides)
    for number in range(rounds):
        for name in order:
            taken[name].append(sides[name](number))
        order.reverse()
    return taken


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


@frozen
class Spread:
    """Many measurements of one thing: the median, which promises are about, and what 99 of 100 stay under."""

    middle: float
    slow: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), percentile(values, 0.99))


Value: TypeAlias = float | Spread


def typical(value: Value) -> float:
    return value.middle if isinstance(value, Spread) else value


# ---------------------------------------------------------------- reporting


@frozen
class Row:
    """One thing that was measured, what it was measured against, and what is promised of the two."""

    name: str
    measured: Value
    bound: float | None
    other: Value | None
    unit: str
    at_least: bool
    difference: bool

    @property
    def figure(self) -> float:
        """What the bound is about."""
        if self.other is None:
            return typical(self.measured)
        if self.difference:
            return typical(self.measured) - typical(self.other)
        return typical(self.measured) / typical(self.other)

    @property
    def kept(self) -> bool:
        if self.bound is None:
            return True
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound

    def cells(self) -> tuple[str, str, str, str, str]:
        other = "" if self.other is None else shown(self.other, self.unit)
        return self.name, shown(self.measured, self.unit), other, self._ratio(), self._bound()

    def markdown(self) -> str:
        return f"| {' | '.join(self.cells())}{'' if self.kept else ': **not kept**'} |"

    def _ratio(self) -> str:
        if self.other is None:
            return ""
        return f"+{self.figure:.0f} {self.unit}" if self.difference else f"{self.figure:,.2f}"

    def _bound(self) -> str:
        if self.bound is None:
            return "none"
        unit = "" if self.other is not None and not self.difference else f" {self.unit}"
        return f"{'at least' if self.at_least else 'at most'} {'+' * self.difference}{self.bound:,g}{unit}"


ROWS: list[Row] = []
"""All that was reported."""


def report(
    name: str,
    measured: Value,
    bound: float | None,
    *,
    other: Value | None = None,
    at_least: bool = False,
    unit: str = "",
    difference: bool = False,
) -> None:
    """Print one line, with the verdict, and remember it.

    The bound is for `measured` over `other`; for `measured` minus `other` where that is asked for; for `measured` where
    there is no other side.  Without a bound nothing is promised.
    """
    row = Row(name, measured, bound, other, unit, at_least, difference)
    ROWS.append(row)
    verdict = " - " if bound is None else "ok " if row.kept else "NOT"
    what, ours, beside, ratio, limit = row.cells()
    print(f"{verdict} {what:<56}{ours:>24}{beside:>24}{ratio:>9}  {limit}", flush=True)


def shown(value: Value, unit: str) -> str:
    if isinstance(value, Spread):
        return f"{digits(value.middle)} {unit}, p99 {digits(value.slow)}"
    return f"{digits(value)} {unit}"


def digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2f}"


# ---------------------------------------------------------------- the command line


def main(title: str, benchmarks: Mapping[str, Callable[[bool], None]]) -> int:
    """Run the benchmarks that the command line names, or all of them; 1 if a promise was broken."""
    asked = read_arguments(title, benchmarks)
    # What is printed on the way is for the eye; what --markdown prints is for a file.
    with redirect_stdout(sys.stderr) if asked.markdown else nullcontext():
        print(machine())
        for name in asked.names or benchmarks:
            benchmarks[name](asked.quick)
    if asked.markdown:
        print("\n".join(markdown(title)))
    return 0 if all(row.kept for row in ROWS) else 1


def read_arguments(title: str, benchmarks: Mapping[str, Callable[[bool], None]]) -> Namespace:
    parser = ArgumentParser(description=title)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(benchmarks)}; else all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to see that it works, not for the figures")
    parser.add_argument("--markdown", action="store_true", help="print the table for README.md; the rest to stderr")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in benchmarks]
    if unknown:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(benchmarks)}")
    return asked


def markdown(title: str) -> list[str]:
    head = [f"| {title} | measured | other side, same run | ratio | bound |", "| --- | ---: | ---: | ---: | --- |"]
    return [*head, *(row.markdown() for row in ROWS), "", machine()]


def machine() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    libraries = f"SQLite {sqlite3.sqlite_version}, python-statemachine {version('python-statemachine')}"
    return f"{os.cpu_count()} cores, {platform.system()}, {python}, {libraries}."
