"""Which rows would today's code write otherwise, and may it?  `leverframe migrate`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import click
from attrs import asdict, frozen

from leverframe import Store
from leverframe.checks.forms import Fault
from leverframe.checks.migrating import Migrated, Plan, migrate, plan_migration
from leverframe.checks.rows import FormCount
from leverframe.cli.databases import open_existing
from leverframe.cli.operate import login_name
from leverframe.cli.output import Column, print_json, print_note, print_rows
from leverframe.cli.progress import show_steps
from leverframe.cli.statuses import FOUND, INTERRUPTED
from leverframe.cli.targets import AnyMachine
from leverframe.cli.text import show_key, show_number, single_line

__all__ = ["Wish", "migrate_rows"]

AGAIN = "Interrupted: what is written stays; the same command carries on with the rest"

SHOWN = 3
"""Keys of each fault."""

FORM_COLUMNS = [
    Column("state", elastic=True),
    Column("stored as"),
    Column("rows", right=True),
    Column("today", elastic=True),
]

FAULT_COLUMNS = [
    Column("cannot be read in"),
    Column("rows", right=True),
    Column("why", wrapped=True),
    Column("first keys", wrapped=True),
]


@frozen
class Wish:
    """What is to be done: `tenant` None means all, `keys` is how many of them are named."""

    apply: bool
    tenant: str | None
    journal: bool
    keys: int
    by: str | None


def migrate_rows(url: str, machine: AnyMachine, wish: Wish, *, as_json: bool) -> int:
    """Print what would be written, or write it and print what that was; the exit status."""
    try:
        with closing(open_existing(url)) as store:
            return (apply if wish.apply else plan)(store, machine, wish, as_json)
    except KeyboardInterrupt:
        if wish.apply:
            print_note(AGAIN)
        return INTERRUPTED


def plan(store: Store, machine: AnyMachine, wish: Wish, as_json: bool) -> int:
    with show_steps("rows read") as advance:
        found = plan_migration(
            store, machine, tenant=wish.tenant, journal=wish.journal, keys=wish.keys, progress=advance
        )
    if as_json:
        told = {**asdict(found), "faults": as_objects(found.faults)}
        print_json({**told, "outdated": found.outdated, "applied": False})
    else:
        print_plan(found, wish)
    return FOUND if found.faults else 0


def apply(store: Store, machine: AnyMachine, wish: Wish, as_json: bool) -> int:
    by = login_name() if wish.by is None else wish.by
    with show_steps("rows read and written") as advance:
        done = migrate(
            store, machine, by=by, tenant=wish.tenant, journal=wish.journal, keys=wish.keys, progress=advance
        )
    if as_json:
        print_json({**asdict(done), "faults": as_objects(done.faults), "applied": True})
    else:
        print_done(done, wish)
    return FOUND if done.faults or done.overtaken else 0


# ---------------------------------------------------------------- what is shown


def print_plan(found: Plan, wish: Wish) -> None:
    print_rows(FORM_COLUMNS, [form_row(each) for each in found.forms])
    print_faults(found.faults)
    if wish.journal:
        told = f"{show_number(found.lines)} of {show_number(found.lines_read)} lines of the journal"
        print_note(f"{told} are of older code")
    if found.outdated:
        print_note(f"{instances(found.outdated)} of older code")
    elif not found.forms and not found.faults:
        print_note(f"there is no {found.machine}")
    elif not found.lines:
        print_note("all that can be read is stored as today's code stores it")
    if found.outdated or found.lines:
        print_note("nothing is written without --apply")


def print_done(done: Migrated, wish: Wish) -> None:
    rows = [["written in place", show_number(done.rows)], ["moved to their path of today", show_number(done.moves)]]
    if wish.journal:
        rows.append(["lines of the journal", show_number(done.lines)])
    print_rows([Column("migrated"), Column("rows", right=True)], rows)
    print_faults(done.faults)
    if done.overtaken:
        print_note(f"{instances(done.overtaken)} kept being moved by others; run the command again")


def print_faults(faults: Sequence[Fault]) -> None:
    if faults:
        click.echo()
        print_rows(FAULT_COLUMNS, [fault_row(fault) for fault in faults])


def form_row(count: FormCount) -> list[str]:
    form = count.form
    path = "" if form.path == form.path_today else f" in {single_line(form.path_today)}"
    today = "the same" if form.is_current else f"{form.tag_today}{path}"
    return [single_line(form.path), single_line(str(form.tag)), show_number(count.rows), today]


def fault_row(fault: Fault) -> list[str]:
    where = single_line(fault.path) if fault.table == "snapshot" else f"journal, {single_line(fault.path)}"
    return [where, show_number(fault.rows), single_line(fault.reason), show_keys(fault)]


def show_keys(fault: Fault) -> str:
    """The first keys, each with its tenant."""
    shown = [f"{tenant}: {show_key(key)}" if tenant else show_key(key) for tenant, key in fault.keys[:SHOWN]]
    return ", ".join(shown) + (", ..." if fault.rows > len(shown) else "")


def as_objects(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    return [
        {**asdict(fault), "keys": [{"tenant": tenant, "key": key} for tenant, key in fault.keys]} for fault in faults
    ]


def instances(number: int) -> str:
    return "1 instance" if number == 1 else f"{show_number(number)} instances"
