"""What is wrong with machines, and with what is stored of them?  `leverframe check`."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from typing import Any, get_args

import click
from attrs import asdict, frozen

from leverframe import Store
from leverframe.checks.finding import CODES, Finding
from leverframe.checks.findings import find_problems
from leverframe.checks.locked import Locked
from leverframe.checks.rows import Code, RowFinding, StoredRows, examine
from leverframe.cli.databases import open_existing
from leverframe.cli.failures import Failure
from leverframe.cli.lock import read_lock_file
from leverframe.cli.output import at_terminal, print_json, print_note
from leverframe.cli.progress import show_steps
from leverframe.cli.statuses import FOUND
from leverframe.cli.targets import AnyMachine
from leverframe.cli.text import show_key, show_number, single_line
from leverframe.wording import did_you_mean

__all__ = ["Wanted", "check_machines"]

WIDEST = 100
INDENT = "    "


@frozen
class Wanted:
    """What is to be looked at: `url` and `lock` None for no database and no lock file, `tenant` None for all."""

    url: str | None
    tenant: str | None
    journal: bool
    lock: str | None
    ignore: frozenset[str]
    keys: int


@frozen
class Seen:
    """What was found of one machine; `stored` is None where no database was read."""

    name: str
    findings: tuple[Finding, ...]
    stored: StoredRows | None
    row_findings: tuple[RowFinding, ...]

    @property
    def number(self) -> int:
        return len(self.findings) + len(self.row_findings)


def check_machines(machines: Sequence[AnyMachine], wanted: Wanted, *, as_json: bool) -> int:
    """Print what was found of each machine; the exit status."""
    refuse_unknown(wanted.ignore)
    locked = {} if wanted.lock is None else read_lock_file(wanted.lock)
    found = [find_problems(each, locked=lock_for(each, locked), ignore=wanted.ignore) for each in machines]
    stored = look_at_rows(machines, wanted)
    seen = [
        Seen(machine.__name__, findings, rows, kept(rows, wanted.ignore))
        for machine, findings, rows in zip(machines, found, stored, strict=True)
    ]
    if as_json:
        print_json([as_object(each) for each in seen])
    else:
        tell(seen)
    return FOUND if any(each.number for each in seen) else 0


def refuse_unknown(codes: Collection[str]) -> None:
    """Raises `Failure` for a code that there is not: nothing would be left out."""
    known = {*CODES, *get_args(Code)}
    for code in sorted(set(codes) - known):
        raise Failure(f"{code} is no code{did_you_mean(code, known)}")


def lock_for(machine: AnyMachine, locked: Mapping[str, Locked]) -> Locked | None:
    """What the machine was; a remark where the file does not say."""
    if locked and machine.machine_name not in locked:
        print_note(f"{machine.__name__} is not in the lock file")
    return locked.get(machine.machine_name)


# ---------------------------------------------------------------- the database


def look_at_rows(machines: Sequence[AnyMachine], wanted: Wanted) -> list[StoredRows | None]:
    if wanted.url is None:
        return [None for _ in machines]
    with closing(open_existing(wanted.url)) as store:
        return [look_at(store, machine, wanted) for machine in machines]


def look_at(store: Store, machine: AnyMachine, wanted: Wanted) -> StoredRows:
    with show_steps(f"{machine.__name__}: rows read") as advance:
        return examine(store, machine, tenant=wanted.tenant, journal=wanted.journal, keys=wanted.keys, progress=advance)


def kept(stored: StoredRows | None, ignore: Collection[str]) -> tuple[RowFinding, ...]:
    return () if stored is None else tuple(each for each in stored.findings if each.code not in ignore)


# ---------------------------------------------------------------- what is shown


def tell(seen: Sequence[Seen]) -> None:
    """A finding is one line in a pipe, for editors and grep; at a terminal it is as wide as that is."""
    for each in seen:
        for finding in each.findings:
            show(f"{finding.place}: {finding.code}: {finding.problem}", finding.remedy)
        for row in each.row_findings:
            show(f"{each.name}, {single_line(row.state)}: {row.code}: {row_problem(row)}", row.remedy)
    for each in seen:
        print_note(f"{each.name}: {said_number(each.number)}{said_rows(each.stored)}")


def show(problem: str, remedy: str) -> None:
    if not at_terminal():
        click.echo(f"{problem}; {remedy}")
        return
    width = min(shutil.get_terminal_size().columns, WIDEST)
    click.echo(textwrap.fill(problem, width, subsequent_indent=INDENT, break_on_hyphens=False))
    click.echo(textwrap.fill(f"-> {remedy}", width, initial_indent=INDENT, subsequent_indent=f"{INDENT}   "))


def row_problem(row: RowFinding) -> str:
    shown = [f"{tenant}: {show_key(key)}" if tenant else show_key(key) for tenant, key in row.keys]
    more = ", ..." if row.rows > len(shown) else ""
    rows = "1 row" if row.rows == 1 else f"{show_number(row.rows)} rows"
    return f"{rows}: {single_line(row.problem)}: {', '.join(shown)}{more}"


def said_number(number: int) -> str:
    return {0: "nothing was found", 1: "1 finding"}.get(number, f"{number} findings")


def said_rows(stored: StoredRows | None) -> str:
    if stored is None:
        return ""
    lines = f" and {show_number(stored.lines)} lines of the journal" if stored.lines else ""
    return f", in {show_number(stored.rows)} stored {'instance' if stored.rows == 1 else 'instances'}{lines} too"


# ---------------------------------------------------------------- JSON


def as_object(seen: Seen) -> dict[str, Any]:
    stored = seen.stored
    told: dict[str, Any] = {"machine": seen.name, "findings": [finding_object(each) for each in seen.findings]}
    if stored is not None:
        told["stored"] = {"rows": stored.rows, "lines": stored.lines, "findings": rows_as_objects(seen.row_findings)}
    return told


def finding_object(finding: Finding) -> dict[str, Any]:
    written = finding.written
    place = None if written is None else {"file": written.shown, "line": written.line}
    return {"code": finding.code, "problem": finding.problem, "remedy": finding.remedy, "place": place}


def rows_as_objects(findings: Sequence[RowFinding]) -> list[dict[str, Any]]:
    return [
        {**asdict(each), "keys": [{"tenant": tenant, "key": key} for tenant, key in each.keys]} for each in findings
    ]
