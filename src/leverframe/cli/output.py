"""Who reads it?  At a terminal rows are a table that fits it; in a pipe, plain lines that `grep` can work on."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO

import click
from attrs import frozen

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Column", "at_terminal", "make_table", "print_facts", "print_json", "print_note", "print_rows", "show_time"]

Rows = Sequence[Sequence[str]]

GAP = "  "


@frozen
class Column:
    """One column of a table: `right` for numbers.

    Where a terminal is narrow, text in an `elastic` column is cut, and in a `wrapped` one goes on in the next line.
    """

    name: str
    right: bool = False
    elastic: bool = False
    wrapped: bool = False


def at_terminal(*, err: bool = False) -> bool:
    """Whether a person reads what is printed."""
    # A program that was started with the stream closed has none.
    stream: TextIO | None = sys.stderr if err else sys.stdout
    return stream is not None and stream.isatty()


def print_rows(columns: Sequence[Column], rows: Rows, *, err: bool = False) -> None:
    """Print rows, one a line; at a terminal with the names of the columns above, if they have any."""
    if at_terminal(err=err):
        print_table(columns, rows, err=err)
    elif rows:
        click.echo("\n".join(aligned(columns, rows)), err=err)


def aligned(columns: Sequence[Column], rows: Rows) -> list[str]:
    """Rows as lines in which columns stand below one another.

    >>> aligned([Column("state"), Column("number", right=True)], [["done", "3"], ["archived", "12"]])
    ['done       3', 'archived  12']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [GAP.join(map(padded, columns, row, widths)).rstrip() for row in rows]


def padded(column: Column, text: str, width: int) -> str:
    return text.rjust(width) if column.right else text.ljust(width)


def print_table(columns: Sequence[Column], rows: Rows, *, err: bool) -> None:
    """Print rows as a table that fits the terminal."""
    from rich.console import Console

    Console(highlight=False, stderr=err).print(make_table(columns, rows))


def make_table(columns: Sequence[Column], rows: Rows, marked: Collection[int] = ()) -> Table:
    """Rows as a table that fits wherever it is shown; those `marked`, by their number, stand out."""
    from rich.table import Table
    from rich.text import Text

    named = any(column.name for column in columns)
    table = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0), show_header=named, header_style="bold")
    for column in columns:
        fixed = not (column.elastic or column.wrapped)
        table.add_column(column.name, justify="right" if column.right else "left", no_wrap=fixed)
    for number, row in enumerate(rows):
        # As Text, for what stands in a database is no markup.
        cells = (
            Text(cell, no_wrap=not column.wrapped, overflow=overflow(column))
            for column, cell in zip(columns, row, strict=True)
        )
        table.add_row(*cells, style="bold red" if number in marked else None)
    return table


def overflow(column: Column) -> Literal["fold", "ellipsis"]:
    return "fold" if column.wrapped else "ellipsis"


def print_facts(facts: Rows) -> None:
    """Print pairs of a name and a value, one a line."""
    print_rows([Column(""), Column("", wrapped=True)], facts)


def print_note(text: str) -> None:
    """Print what belongs to no row, where it does not get among them."""
    click.echo(text, err=True)


def show_time(time: datetime) -> str:
    """A time in UTC: at a terminal to the second, in a pipe exactly and as one word."""
    return f"{time:%Y-%m-%d %H:%M:%S}" if at_terminal() else time.isoformat()


def print_json(value: Any) -> None:
    """Print one JSON value, whose characters every terminal and pipe can take."""
    click.echo(json.dumps(value, indent=2))
