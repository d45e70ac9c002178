"""Is a database well?  `leverframe doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from attrs import asdict

from leverframe import Examination
from leverframe.cli.databases import open_existing
from leverframe.cli.output import Column, print_facts, print_json, print_rows
from leverframe.cli.statuses import FOUND
from leverframe.cli.targets import AnyMachine
from leverframe.cli.text import show_number, single_line
from leverframe.errors import UnfinishedCopy

__all__ = ["examine_database"]

TOLD = 20
"""How many findings are told one by one."""

CONSUMER_COLUMNS = [
    Column("consumer", elastic=True),
    Column("messages behind", right=True),
    Column("set aside", right=True),
]

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
UNIT = 1024


def examine_database(url: str, machines: Sequence[AnyMachine], *, as_json: bool) -> int:
    """Print what there is and what is not well; the exit status."""
    try:
        with open_existing(url) as store:
            seen = store.examine(machines)
    except UnfinishedCopy as error:
        return tell_unfinished(error, as_json=as_json)
    if as_json:
        print_json(asdict(seen))
    else:
        print_examination(seen)
    return FOUND if seen.findings else 0


def tell_unfinished(error: UnfinishedCopy, *, as_json: bool) -> int:
    """A database that cannot be opened yet has nothing else to be looked at."""
    problem, _, remedy = error.problem.partition("; ")
    found = {"kind": "copy", "problem": problem, "remedy": remedy}
    if as_json:
        print_json({"location": error.location, "findings": [found]})
    else:
        print_findings([found])
    return FOUND


def print_examination(seen: Examination) -> None:
    print_facts(facts(seen))
    click.echo()
    rows = [[name, show_number(number)] for name, number in seen.rows.items()]
    print_rows([Column("table"), Column("rows", right=True)], rows)
    if seen.behind:
        click.echo()
        behind = [[single_line(name), show_number(number)] for name, number in seen.behind.items()]
        print_rows([Column("cursor", elastic=True), Column("messages behind", right=True)], behind)
    if seen.consumers:
        click.echo()
        print_rows(CONSUMER_COLUMNS, consumers(seen))
    click.echo()
    if seen.findings:
        print_findings([asdict(finding) for finding in seen.findings])
    else:
        click.echo("nothing is wrong")


def consumers(seen: Examination) -> list[list[str]]:
    return [
        [single_line(name), show_number(number), show_number(seen.set_aside[name])]
        for name, number in seen.consumers.items()
    ]


def facts(seen: Examination) -> list[list[str]]:
    found = [
        ["database", single_line(seen.location)],
        ["leverframe", seen.leverframe],
        ["kept by", f"{seen.database}, {seen.driver}"],
        ["schema", seen.migrations[-1] if seen.migrations else "none"],
        ["size", show_size(seen.size)],
    ]
    if seen.log is not None:
        found.append(["log", show_size(seen.log)])
    if seen.oldest is not None:
        found.append(["oldest transaction", f"{show_number(seen.oldest)} s"])
    return found


def print_findings(findings: Sequence[dict[str, Any]]) -> None:
    rows = [[single_line(found["problem"]), single_line(found["remedy"])] for found in findings[:TOLD]]
    print_rows([Column("what is wrong", wrapped=True), Column("what to do", wrapped=True)], rows)
    if len(findings) > TOLD:
        click.echo(f"... and {show_number(len(findings) - TOLD)} more, all with --json")


def show_size(size: int) -> str:
    """A number of bytes for people.

    >>> show_size(512), show_size(1536), show_size(70_000_000)
    ('512 bytes', '1.5 KiB', '66.8 MiB')
    """
    number, unit = float(size), 0
    while number >= UNIT and unit < len(UNITS) - 1:
        number, unit = number / UNIT, unit + 1
    return f"{number:,.1f} {UNITS[unit]}" if unit else f"{size} {UNITS[0]}"
