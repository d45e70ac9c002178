"""How does a store come to another place?  `leverframe copy`."""

from __future__ import annotations

import click

from leverframe import copy_store
from leverframe.cli.output import Column, print_json, print_rows
from leverframe.cli.progress import show_steps
from leverframe.cli.statuses import INTERRUPTED
from leverframe.cli.text import show_number

__all__ = ["copy_database"]


def copy_database(source: str, target: str, *, fresh: bool, as_json: bool) -> int:
    """Copy a store, and print how many rows that were; the exit status."""
    try:
        with show_steps("rows copied and compared") as advance:
            copied = copy_store(source, target, fresh=fresh, progress=advance)
    except KeyboardInterrupt:
        click.echo("Interrupted: the same command carries on where it stopped", err=True)
        return INTERRUPTED
    if as_json:
        print_json({"rows": dict(copied.rows)})
        return 0
    rows = [[name, show_number(number)] for name, number in copied.rows.items()]
    print_rows([Column("copied"), Column("rows", right=True)], rows)
    return 0
