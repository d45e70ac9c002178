"""Is a store well?  What it holds and how large it is, and what is not as it should be, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from attrs import evolve

from leverframe.errors import DecodeError, UnknownState, UnreadableRow
from leverframe.persistence.backend import Backend, Reader
from leverframe.persistence.binding import Binding
from leverframe.persistence.codec import read_json
from leverframe.persistence.consumers import Backlog
from leverframe.persistence.counting import counts_of_all_tenants, kept_counts
from leverframe.persistence.keys import decode_key
from leverframe.persistence.reports import Examination, Finding
from leverframe.persistence.rows import JournalRow, Snapshot
from leverframe.persistence.tables import JOURNAL, MESSAGE, SNAPSHOT, TABLES, Table
from leverframe.persistence.upkeep import Figures, Lag, Row

__all__ = ["examine"]

AnyBinding = Binding[Any, Any]

AT_ONCE = 1000

LARGE_LOG = 64 * 2**20
"""Bytes; SQLite cuts the log back at a sixteenth of that, unless somebody reads for long."""

LONG_TRANSACTION = timedelta(minutes=5)

MANY_MESSAGES = 1000

MINUTE = 60_000_000
"""Microseconds, by which clocks may differ."""


def examine(backend: Backend, bindings: Sequence[AnyBinding]) -> Examination:
    """Look at everything; at every row of the machines that are given, in batches."""
    figures = backend.figures()
    with backend.at_one_time() as reader:
        lags, backlogs, counts = reader.lags(), reader.backlogs(), list(wrong_counts(reader))
        rows = {table.name: reader.number(table) for table in TABLES}
        migrations = tuple(reader.applied())
    behind = (*late_cursors(lags), *late_consumers(backlogs))
    findings = (*database_findings(backend, figures), *behind, *counts, *row_findings(backend.read(), bindings))
    return Examination(
        backend.location,
        version("leverframe"),
        figures.database,
        figures.driver,
        migrations,
        figures.size,
        figures.log,
        figures.oldest,
        rows,
        {f"{lag.name}{of_tenant(lag.tenant)}": lag.behind for lag in lags},
        findings,
        {f"{each.name}{of_tenant(each.tenant)}": each.behind for each in backlogs},
        {f"{each.name}{of_tenant(each.tenant)}": each.set_aside for each in backlogs},
    )


def database_findings(backend: Backend, figures: Figures) -> Iterator[Finding]:
    yield from large_log(figures)
    yield from long_transaction(figures)
    yield from wrong_clock(backend)


def row_findings(reader: Reader, bindings: Sequence[AnyBinding]) -> Iterator[Finding]:
    yield from unknown_states(reader, bindings)
    yield from unreadable_rows(reader, {binding.name: binding for binding in bindings})


# ---------------------------------------------------------------- the database


def large_log(figures: Figures) -> Iterator[Finding]:
    if figures.log is not None and figures.log >= LARGE_LOG:
        problem = f"the write-ahead log has grown to {figures.log / 2**20:,.0f} MiB"
        yield Finding("log", problem, "look for a program that keeps a transaction open; it shrinks once that ends")


def long_transaction(figures: Figures) -> Iterator[Finding]:
    if figures.oldest is not None and figures.oldest >= LONG_TRANSACTION.total_seconds():
        problem = f"a transaction has been open for {figures.oldest / 60:,.0f} minutes"
        remedy = "find it in pg_stat_activity and end it: nothing is vacuumed, and no message is read, past it"
        yield Finding("transaction", problem, remedy)


def late_cursors(lags: Sequence[Lag]) -> Iterator[Finding]:
    for lag in lags:
        if lag.behind >= MANY_MESSAGES:
            problem = f"cursor {lag.name}{of_tenant(lag.tenant)} is {lag.behind:,} messages behind"
            yield Finding("cursor", problem, "see whether its reader runs; until then nothing behind it is pruned")


def late_consumers(backlogs: Sequence[Backlog]) -> Iterator[Finding]:
    for backlog in backlogs:
        whose = f"consumer {backlog.name}{of_tenant(backlog.tenant)}"
        if backlog.behind >= MANY_MESSAGES:
            problem = f"{whose} is {backlog.behind:,} messages behind"
            remedy = "see whether its workers run, or remove() it; until then nothing behind it is pruned"
            yield Finding("consumer", problem, remedy)
        if backlog.set_aside:
            problem = f"{whose} has messages set aside that it failed to handle: {backlog.set_aside:,}"
            yield Finding("consumer", problem, "look at set_aside(), mend what they fail at, and replay() them")


def wrong_clock(backend: Backend) -> Iterator[Finding]:
    reader = backend.read()
    last = reader.last_key(JOURNAL)
    if not last:
        return
    (line,) = reader.rows_after(JOURNAL, (last[0] - 1,), 1)
    if JOURNAL.reads("recorded_at")(line) > backend.now() + MINUTE:
        problem = "the newest line of the journal was recorded in the future"
        yield Finding("clock", problem, "set the clock right; what it has recorded is pruned only after its own time")


def of_tenant(tenant: str) -> str:
    return f" of tenant {tenant}" if tenant else ""


# ---------------------------------------------------------------- counts and states


def wrong_counts(reader: Reader) -> Iterator[Finding]:
    there = dict(reader.counted_states())
    for tenant, machine, count in kept_counts(reader):
        found = there.pop((tenant, machine, count.state), 0)
        if found != count.number:
            yield wrong_count((tenant, machine, count.state), count.number, found)
    for place, found in there.items():
        yield wrong_count(place, 0, found)


def wrong_count(place: tuple[str, str, str], kept: int, found: int) -> Finding:
    tenant, machine, state = place
    problem = f"{machine} counts {kept:,} in {state}{of_tenant(tenant)}, where there are {found:,}"
    return Finding("counts", problem, "another program wrote to the tables; correct state_count, or use a backup")


def unknown_states(reader: Reader, bindings: Sequence[AnyBinding]) -> Iterator[Finding]:
    for binding in bindings:
        counts = [count for _, count in counts_of_all_tenants(reader, binding.name)]
        try:
            binding.learn_spellings(counts)
            for count in counts:
                if count.number:
                    binding.class_at(count.state)
        except UnknownState as error:
            yield Finding("state", str(error), "declare what it became, or run the program that wrote it")


# ---------------------------------------------------------------- rows


def unreadable_rows(reader: Reader, bindings: Mapping[str, AnyBinding]) -> Iterator[Finding]:
    """Rows of these machines that do not decode, found batch by batch."""
    if not bindings:
        return
    for row in whole(reader, SNAPSHOT):
        instance, machine, key, *rest, tenant = row
        if machine in bindings:
            yield from said_of(tenant, unreadable(bindings[machine].state_of, Snapshot(instance, key, *rest)))
    for table in (JOURNAL, MESSAGE):
        for rows in batches(reader, table):
            owners = {row[0]: row for row in reader.rows_of(SNAPSHOT, sorted({row[1] for row in rows}))}
            for row in rows:
                _, machine, key, *_ = owners.get(row[1], (0, "", ""))
                if machine in bindings:
                    yield from said_of(row[-1], unreadable_row(table, bindings[machine], key, row))


def said_of(tenant: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield evolve(finding, problem=f"tenant {tenant}: {finding.problem}") if tenant else finding


def unreadable_row(table: Table, binding: AnyBinding, key: str, row: Row) -> Iterator[Finding]:
    if table is MESSAGE:
        yield from unreadable(read_body, binding.name, key, row)
        return
    seq, _, number, event, from_state, to_state, body, at, *_ = row
    line = JournalRow(seq, number, event, from_state, to_state, body, at)
    yield from unreadable(binding.journal_state, key, line)
    if event is not None:
        yield from unreadable(binding.journal_event, key, line)


def read_body(machine: str, key: str, row: Row) -> None:
    position, body = row[0], row[6]
    try:
        read_json(body)
    except DecodeError as error:
        column = f"message.body of position {position}"
        raise UnreadableRow(machine, decode_key(key), column, error.problems) from error


def unreadable(read: Any, *row: Any) -> Iterator[Finding]:
    try:
        read(*row)
    except UnreadableRow as error:
        yield Finding("row", str(error).removesuffix(f"; {error.remedy}"), error.remedy)


def whole(reader: Reader, table: Table) -> Iterator[Row]:
    for rows in batches(reader, table):
        yield from rows


def batches(reader: Reader, table: Table) -> Iterator[list[Row]]:
    after: Row = ()
    while rows := reader.rows_after(table, after, AT_ONCE):
        after = rows[-1][: table.keys]
        yield rows
