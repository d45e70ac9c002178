"""How does a log get into a database?  In batches, each one transaction, so that a replay can end anywhere."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import BinaryIO, TextIO

import click
from attrs import frozen

from leverframe import Store
from leverframe.cli.databases import database_file, open_scoped
from leverframe.cli.failures import Failure, file_failure
from leverframe.cli.lines import Line, Parser
from leverframe.cli.progress import show_progress
from leverframe.cli.reading import RawLine, read_lines
from leverframe.cli.report import Report
from leverframe.cli.settling import Settler, Tally
from leverframe.cli.statuses import FOUND, INTERRUPTED
from leverframe.cli.stopping import stopped_by
from leverframe.cli.targets import AnyMachine
from leverframe.errors import Key, NotFound, StoreError, UnreadableRow

__all__ = ["replay_log"]

STANDARD_INPUT = "-"

BATCH_LINES = 200
BATCH_BYTES = 4_000_000
"""A batch ends here too, for a line may have a million bytes."""


def replay_log(
    machine: AnyMachine,
    path: str,
    url: str,
    tenant: str | None,
    delivery_field: str | None,
    refused_path: str | None,
    strict: bool,
    as_json: bool,
) -> int:
    """Apply a log to a database, and report; the exit status."""
    with contextlib.ExitStack() as resources:
        log = resources.enter_context(open_log(path))
        parser = Parser(machine, os.path.basename(path), delivery_field)
        check_distinct(path, database_file(url), refused_path)
        store = resources.enter_context(open_scoped(url, tenant))
        # Only now, for this empties the file: what an earlier run left there is lost to a run that begins.
        report = Report(open_refused(resources, refused_path))
        settler = Settler(store, machine, report.add)
        replaying = Replaying(path, log, parser, settler)
        try:
            seconds = replaying.run()
            states = count_states(store, machine, settler.tally.stories)
        except KeyboardInterrupt:
            click.echo("Interrupted: the same command carries on where it stopped", err=True)
            return INTERRUPTED
        except StoreError as error:
            raise stopped_by(error, settler.stored_to) from error
    report.print_problems()
    report.print_totals(settler.tally, states, seconds, as_json=as_json)
    return FOUND if strict and found_any(settler.tally) else 0


def found_any(tally: Tally) -> bool:
    return tally.refused + tally.malformed > 0


@frozen
class Replaying:
    """One log on its way into a store."""

    path: str
    log: BinaryIO
    parser: Parser
    settler: Settler

    def run(self) -> float:
        """Settle every line; how many seconds that took."""
        begun = time.perf_counter()
        with show_progress(self.path, size_of(self.log)) as advance:
            for batch in batches(self._lines()):
                self.settler.settle(self._parse(batch))
                advance(sum(line.size for line in batch))
        return time.perf_counter() - begun

    def _lines(self) -> Iterator[RawLine]:
        try:
            yield from read_lines(self.log)
        except OSError as error:
            raise file_failure(self.path, error) from error

    def _parse(self, batch: Iterable[RawLine]) -> list[Line]:
        found = (self.parser.parse(line) for line in batch)
        return [line for line in found if line is not None]


def batches(lines: Iterable[RawLine]) -> Iterator[list[RawLine]]:
    """The lines in groups, none of which takes much memory."""
    batch: list[RawLine] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += line.size
        if len(batch) >= BATCH_LINES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def count_states(store: Store, machine: AnyMachine, keys: Iterable[Key]) -> Counter[str]:
    """How many of these instances are in each state, by its path."""
    paths = (path_of(store, machine, key) for key in keys)
    return Counter(path for path in paths if path is not None)


def path_of(store: Store, machine: AnyMachine, key: Key) -> str | None:
    try:
        return store.get(machine, key).path
    except NotFound:
        return None
    except UnreadableRow:
        # Its path can be read all the same, among those whose keys begin so.
        return next(found.path for found in store.find(machine, prefix=key) if found.key == key)


# ---------------------------------------------------------------- files


def open_log(path: str) -> contextlib.AbstractContextManager[BinaryIO]:
    """The log, as bytes."""
    if path == STANDARD_INPUT:
        standard_input: TextIO | None = sys.stdin
        if standard_input is None:  # the program was started with it closed
            raise Failure("standard input is closed; give the log's file")
        return contextlib.nullcontext(sys.stdin.buffer)
    try:
        return open(path, "rb")
    except OSError as error:
        raise file_failure(path, error) from error


def size_of(log: BinaryIO) -> int | None:
    """How many bytes there are to be read; None where nobody can know."""
    try:
        return os.fstat(log.fileno()).st_size or None
    except OSError:
        return None


def check_distinct(*paths: str | None) -> None:
    """Refuse to read a log from a file that would be written at the same time."""
    for one, other in itertools.combinations([path for path in paths if path is not None], 2):
        if is_same_file(one, other):
            raise Failure(f"{one} and {other} are one file; the log, the database and --refused are files of their own")


def open_refused(resources: contextlib.ExitStack, path: str | None) -> TextIO | None:
    """The file for lines that moved nothing, if one is wanted."""
    if path is None:
        return None
    try:
        return resources.enter_context(open(path, "w", encoding="utf-8"))
    except OSError as error:
        raise file_failure(path, error) from error


def is_same_file(one: str, other: str) -> bool:
    try:
        # A device, such as /dev/null, can be several things at once.
        return os.path.samefile(one, other) and os.path.isfile(one)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)
