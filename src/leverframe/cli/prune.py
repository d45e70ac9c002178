"""What is too old to keep?  `leverframe prune`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from attrs import asdict, frozen

from leverframe.cli.databases import database_file, open_existing
from leverframe.cli.failures import Failure, file_failure
from leverframe.cli.output import Column, print_json, print_rows
from leverframe.cli.replay import check_distinct
from leverframe.cli.targets import AnyMachine
from leverframe.cli.text import show_number

__all__ = ["Ages", "prune_rows"]


@frozen
class Ages:
    """How old each kind of row has to be; None: it is left alone."""

    journal: timedelta | None
    messages: timedelta | None
    deliveries: timedelta | None
    finished: timedelta | None


def prune_rows(
    url: str,
    ages: Ages,
    machines: Sequence[AnyMachine],
    export: str | None,
    dry_run: bool,
    compact: bool,
    as_json: bool,
) -> None:
    """Delete what is older, and print how much that was."""
    check_ages(ages, machines)
    check_distinct(database_file(url), export)
    with open_existing(url) as store, telling_of(export):
        pruned = store.prune(
            journal=ages.journal,
            messages=ages.messages,
            deliveries=ages.deliveries,
            finished=ages.finished,
            machines=machines,
            export=export,
            dry_run=dry_run,
        )
        if compact and not dry_run:
            store.compact()
    numbers = asdict(pruned)
    if as_json:
        print_json({**numbers, "dry_run": dry_run})
        return
    heading = "would be deleted" if dry_run else "deleted"
    print_rows([Column(heading), Column("number", right=True)], [[name, show_number(n)] for name, n in numbers.items()])


@contextmanager
def telling_of(export: str | None) -> Generator[None]:
    """What goes wrong with the file is told as that, and nothing else is."""
    try:
        yield
    except OSError as error:
        if export is None or error.filename != export:
            raise
        raise file_failure(export, error) from error


def check_ages(ages: Ages, machines: Sequence[AnyMachine]) -> None:
    """Say in the command's own words what a call would be refused for."""
    if ages.finished is not None and not machines:
        raise Failure("--finished says how old, but not of which machines; add --machine pipeline, or module:Class")
    if ages.finished is None and machines:
        raise Failure("--machine is given without --finished; say how old its finished instances must be")
    if all(age is None for age in (ages.journal, ages.messages, ages.deliveries, ages.finished)):
        raise Failure("nothing to prune; give --journal, --messages, --deliveries or --finished, such as --journal 90d")
