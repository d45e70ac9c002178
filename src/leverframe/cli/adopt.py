"""How does a table with a status column become instances?  `leverframe adopt`."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import IO, Any

import click
from attrs import asdict, frozen

from leverframe import Store
from leverframe.adoption.adopting import Adopted, MisfitCount, StatusCount, adopt, plan_adoption
from leverframe.adoption.drafting import draft_mapping
from leverframe.adoption.mapping import AdoptionMapping, read_mapping
from leverframe.adoption.rows import Misfit
from leverframe.adoption.source import Source, open_source
from leverframe.cli.databases import open_scoped
from leverframe.cli.failures import Failure, complain, file_failure
from leverframe.cli.operate import login_name
from leverframe.cli.output import Column, print_json, print_note, print_rows
from leverframe.cli.progress import show_steps
from leverframe.cli.statuses import CANNOT, FOUND, INTERRUPTED
from leverframe.cli.targets import AnyMachine, find_machine
from leverframe.cli.text import show_number, single_line
from leverframe.errors import CannotAdopt
from leverframe.persistence.binding import Binding
from leverframe.persistence.presence import tell_absence

__all__ = ["Wish", "adopt_rows", "draft"]

AGAIN = "Interrupted: what is adopted stays; the same command carries on with the rest"

NAMED = 3
"""Rows that are named for each reason."""

SHOWN = 20
"""Reasons that are shown; all are in the report."""

STATUS_COLUMNS = [
    Column("status", elastic=True),
    Column("state", elastic=True),
    Column("rows", right=True),
    Column("fit", right=True),
    Column("there", right=True),
]

REASON_COLUMNS = [Column("does not fit", wrapped=True), Column("rows", right=True), Column("first rows", wrapped=True)]


@frozen
class Wish:
    """What is to be done: `source` in place of the mapping's URL; `report`, a file for each row that does not fit."""

    apply: bool
    tenant: str | None
    source: str | None
    report: str | None
    by: str | None
    why: str | None


def adopt_rows(path: str, url: str, wish: Wish, *, as_json: bool) -> int:
    """Print what would become of each row, or adopt those that fit; the exit status."""
    try:
        mapping = mapping_in(path)
        machine = find_machine(mapping.machine)
        with open_source(source_url(mapping, wish.source), mapping.table) as source, reporting(wish.report) as report:
            done = run(mapping, machine, source, url, wish, report)
    except CannotAdopt as error:
        return tell_faults(error, as_json=as_json)
    except KeyboardInterrupt:
        if wish.apply:
            print_note(AGAIN)
        return INTERRUPTED
    if as_json:
        # What JSON has no word for, of a row's own key, as text.
        print_json(json.loads(json.dumps({**asdict(done), "applied": wish.apply}, default=str)))
    else:
        print_adopted(done, wish)
    return FOUND if done.unfit else 0


def run(
    mapping: AdoptionMapping,
    machine: AnyMachine,
    source: Source,
    url: str,
    wish: Wish,
    report: Callable[[Misfit], None],
) -> Adopted:
    by = login_name() if wish.by is None else wish.by
    with ExitStack() as stack:
        if not wish.apply:
            store = None if tell_absence(url) else stack.enter_context(open_scoped(url, wish.tenant))
            advance = stack.enter_context(show_steps("rows read"))
            return plan_adoption(store, machine, mapping, source, progress=advance, report=report)
        # Before a database is made, it is known that something can be done with it.
        if tell_absence(url):
            plan_adoption(None, machine, mapping, Nothing(source), progress=None)
        made: Store = stack.enter_context(open_scoped(url, wish.tenant))
        advance = stack.enter_context(show_steps("rows read and adopted"))
        return adopt(made, machine, mapping, source, by=by, why=wish.why, progress=advance, report=report)


class Nothing(Source):
    """A table as it is, but for its rows."""

    def __init__(self, source: Source) -> None:
        super().__init__(source.location, source.table)
        self.columns, self.key = source.columns, source.key
        self._source = source

    @property
    def quoted(self) -> str:
        return self._source.quoted

    def values(self, column: str, where: str, limit: int | None = None) -> list[tuple[Any, int]]:
        return self._source.values(column, where, limit)

    def _batches(self, statement: str) -> Generator[list[tuple[Any, ...]]]:
        del statement
        yield from ()


def mapping_in(path: str) -> AdoptionMapping:
    try:
        return read_mapping(path)
    except OSError as error:
        raise file_failure(path, error) from error


def source_url(mapping: AdoptionMapping, given: str | None) -> str:
    url = given or mapping.url
    if url is None:
        raise Failure(f"{mapping.path}: says no url in [source]; write it there, or give --source URL")
    return url


@contextmanager
def reporting(path: str | None) -> Generator[Callable[[Misfit], None]]:
    """Write each row that does not fit as a JSON line, where there is a file for that."""
    if path is None:
        yield lambda _: None
        return
    try:
        file: IO[str] = open(path, "w", encoding="utf-8")  # noqa: SIM115  # closed below
    except OSError as error:
        raise file_failure(path, error) from error
    with file:

        def write(misfit: Misfit) -> None:
            told = {"row": misfit.row, "status": misfit.status, "problems": misfit.problems}
            file.write(f"{json.dumps(told, default=str)}\n")

        yield write


# ---------------------------------------------------------------- a first mapping


def draft(target: str, url: str, table: str, status: str | None, output: str | None) -> int:
    """Write a first mapping, or print it; the exit status."""
    machine = find_machine(target)
    try:
        with open_source(url, table) as source:
            text = draft_mapping(Binding(machine), target, url, source, status)
    except CannotAdopt as error:
        return tell_faults(error, as_json=False)
    if output is None or output == "-":
        click.echo(text, nl=False)
        return 0
    try:
        # What somebody has filled in is not written over.
        with open(output, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise file_failure(output, error) from error
    print_note(f"{output} is written: read it, fill in what is empty, and run `leverframe adopt {output}`")
    return 0


# ---------------------------------------------------------------- what is shown


def tell_faults(error: CannotAdopt, *, as_json: bool) -> int:
    """All that is wrong with a mapping, a line each."""
    if as_json:
        print_json({"place": error.place, "faults": list(error.faults)})
    else:
        for fault in error.faults:
            complain(f"{error.place}: {fault}")
        if len(error.faults) > 1:
            print_note(f"{len(error.faults)} things to mend; nothing was written")
    return CANNOT


def print_adopted(done: Adopted, wish: Wish) -> None:
    print_rows(STATUS_COLUMNS, [status_row(each) for each in done.statuses])
    if done.reasons:
        click.echo()
        print_rows(REASON_COLUMNS, [reason_row(each) for each in done.reasons[:SHOWN]])
        if len(done.reasons) > SHOWN:
            print_note(f"... and {show_number(len(done.reasons) - SHOWN)} more reasons, all with --json")
    for each in remarks(done, wish):
        print_note(each)


def remarks(done: Adopted, wish: Wish) -> Generator[str]:
    told = f"{show_number(done.fit)} of {show_number(done.rows)} rows fit"
    left = f", {show_number(done.unfit)} do not" if done.unfit else ""
    skipped = f", {show_number(done.skipped)} are left out" if done.skipped else ""
    yield f"{told}{left}{skipped}"
    if done.there:
        yield f"{show_number(done.there)} of them had been adopted before"
    if done.changed:
        yield f"{show_number(done.changed)} of these say something else now, and stay as they were adopted"
    if done.unfit and wish.report is None:
        yield "--report FILE lists each row that does not fit"
    if wish.apply:
        yield f"adopted: {show_number(done.adopted)}"
    else:
        yield "nothing is written without --apply"


def status_row(count: StatusCount) -> list[str]:
    status = "NULL" if count.status is None else single_line(repr(count.status))
    numbers = ["", ""] if not count.path else [show_number(count.fit), show_number(count.there)]
    return [status, count.path or "left out", show_number(count.rows), *numbers]


def reason_row(count: MisfitCount) -> list[str]:
    named = ", ".join(map(named_row, count.first[:NAMED]))
    more = ", ..." if count.rows > NAMED else ""
    return [single_line(count.reason), show_number(count.rows), f"{named}{more}"]


def named_row(row: dict[str, Any]) -> str:
    return single_line(" ".join(f"{name}={value}" for name, value in row.items()))
