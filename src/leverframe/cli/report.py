"""What did a replay come to?  Totals and states on stdout; the lines that moved nothing on stderr and in a file."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, TextIO

import click
from attrs import asdict

from leverframe.cli.output import Column, at_terminal, print_json, print_rows
from leverframe.cli.settling import Problem, Tally
from leverframe.cli.text import show_key, show_number, single_line

__all__ = ["Report", "totals"]

TOLD = 20
"""How many of the lines that moved nothing are told one by one."""


class Report:
    """Collects the lines that moved nothing: the first ones to be told at the end, all of them in `file`."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._first: list[Problem] = []
        self._number = 0

    def add(self, problem: Problem) -> None:
        """Take note of a line."""
        self._number += 1
        if self._number <= TOLD:
            self._first.append(problem)
        if self._file is not None:
            self._file.write(json.dumps(problem_object(problem)) + "\n")

    def print_problems(self) -> None:
        """Tell the first ones, on stderr."""
        rows = [[f"line {problem.line}", describe(problem)] for problem in self._first]
        print_rows([Column("", right=True), Column("", wrapped=True)], rows, err=True)
        more = self._number - len(self._first)
        if more:
            where = f"all in {single_line(self._file.name)}" if self._file is not None else "all with --refused FILE"
            click.echo(f"... and {show_number(more)} more, {where}", err=True)

    def print_totals(self, tally: Tally, states: Counter[str], seconds: float, *, as_json: bool) -> None:
        """Print what the log came to, on stdout."""
        found = totals(tally, states)
        if as_json:
            print_json(found)
            return
        self._separate()
        numbers = [[name, show_number(number)] for name, number in found.items() if name != "states"]
        rate = show_number(tally.events / seconds) if seconds else "0"
        print_rows([Column("in the log"), Column("number", right=True)], [*numbers, ["events a second", rate]])
        if states:
            click.echo()
            ordered = [[path, show_number(number)] for path, number in sorted(states.items())]
            print_rows([Column("state"), Column("stories", right=True)], ordered)

    def _separate(self) -> None:
        if self._first and at_terminal(err=True) and at_terminal():
            click.echo()


def totals(tally: Tally, states: Counter[str]) -> dict[str, Any]:
    """What a log came to, for programs."""
    return {
        "stories": len(tally.stories),
        "events": tally.events,
        "moved": tally.moved,
        "refused": tally.refused,
        "malformed": tally.malformed,
        "duplicates": tally.duplicates,
        "states": dict(sorted(states.items())),
    }


def problem_object(problem: Problem) -> dict[str, Any]:
    """A line that moved nothing, for programs; what is not known of it is null."""
    found = asdict(problem)
    found["id"] = found.pop("key")
    return {
        name: found[name] if found[name] != "" else None for name in ("line", "kind", "id", "event", "state", "reason")
    }


def describe(problem: Problem) -> str:
    """A line that moved nothing, for people."""
    parts: list[str] = [problem.kind]
    if problem.key is not None:
        parts.append(show_key(problem.key))
    if problem.event:
        parts.append(single_line(problem.event) + (f" in {problem.state}" if problem.state else ""))
    return f"{' '.join(parts)}: {single_line(problem.reason)}"
