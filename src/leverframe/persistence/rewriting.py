"""The verbs for those who read all rows of a machine, and write older ones as today's code does.

A row is written anew in place, and keeps its version, where its state is called as before: whoever decided on what it
said before decided the same, and a lease goes by the version.  Where the state is called otherwise the instance is
moved, for who decided on the old name would count it out of that.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import chain
from typing import Any, Protocol

from attrs import frozen

from leverframe.persistence.rows import JournalRow, Snapshot
from leverframe.persistence.statements import SNAPSHOT_COLUMNS
from leverframe.persistence.tables import marks

__all__ = [
    "NewBody",
    "NewLine",
    "RewritingReader",
    "RewritingVerbs",
    "RewritingWriter",
    "RewritingWriterVerbs",
    "StoredLine",
    "StoredRow",
]

OF_TENANT = "AND s.tenant = ?"

STORED = f"""
SELECT {SNAPSHOT_COLUMNS}, s.tenant FROM snapshot AS s
WHERE s.machine = ? AND s.instance > ? {{of_tenant}} ORDER BY s.instance LIMIT ?"""

STORED_NOW = f"SELECT {SNAPSHOT_COLUMNS}, s.tenant FROM snapshot AS s WHERE s.instance IN ({{marks}})"

# The owner is asked line by line, and not joined, so that the lines are read in their order and no others.
LINES = """
SELECT s.seq, s.version, s.event, s.from_state, s.to_state, s.body, s.at, s.tenant,
    (SELECT o.key FROM snapshot AS o WHERE o.instance = s.instance AND o.machine = ?)
FROM journal AS s WHERE s.seq > ? {of_tenant} ORDER BY s.seq LIMIT ?"""

FREE = "SELECT s.instance FROM snapshot AS s WHERE s.instance IN ({marks}) ORDER BY s.instance {lock}"

SKIPPING, WAITING = "/*skipping*/", "/*held*/"

# Both databases call the columns of VALUES so.
REWRITE_BODIES = """
UPDATE snapshot SET body = given.column3 FROM (VALUES {rows}) AS given
WHERE snapshot.instance = given.column1 AND snapshot.version = given.column2"""

REWRITE_LINES = """
UPDATE journal SET event = given.column2, from_state = given.column3, to_state = given.column4, body = given.column5
FROM (VALUES {rows}) AS given WHERE journal.seq = given.column1"""

# What is ready goes by the version at which it came to be.
CARRY_READY = """
UPDATE lease SET version = version + 1
WHERE instance IN ({marks}) AND version + 1 = (SELECT s.version FROM snapshot AS s WHERE s.instance = lease.instance)"""


@frozen
class StoredRow:
    """An instance as it is stored, and whose it is."""

    row: Snapshot
    tenant: str


@frozen
class StoredLine:
    """A line of the journal as it is stored, of an instance with this key, and whose it is."""

    row: JournalRow
    key: str
    tenant: str


@frozen
class NewBody:
    """What an instance's body is to say as long as it is at this version."""

    instance: int
    version: int
    body: str


@frozen
class NewLine:
    """What a line of the journal is to say."""

    seq: int
    event: str | None
    from_state: str | None
    to_state: str
    body: str


# ---------------------------------------------------------------- the verbs, for a store


class RewritingReader(Protocol):
    """Rows as they are stored; `tenant` None: of all tenants that can be seen."""

    def stored(self, machine: str, after: int, limit: int, tenant: str | None = None) -> list[StoredRow]:
        """At most `limit` instances of a machine with a number above `after`, in order of their numbers."""
        ...

    def stored_now(self, instances: Sequence[int]) -> list[StoredRow]:
        """These instances, those that there are."""
        ...

    def stored_lines(
        self, machine: str, after: int, limit: int, tenant: str | None = None
    ) -> tuple[int, list[StoredLine]]:
        """The machine's lines among the `limit` behind `after`, and the last number of these; 0 if there are none."""
        ...


class RewritingWriter(RewritingReader, Protocol):
    """The same rows, written."""

    def hold_free(self, instances: Sequence[int], *, wait: bool) -> set[int]:
        """Keep others from writing these; those that are held now.  What others hold is passed by, or waited for."""
        ...

    def rewrite_bodies(self, bodies: Sequence[NewBody]) -> int:
        """Write bodies of instances that are held; how many were at that version."""
        ...

    def rewrite_lines(self, lines: Sequence[NewLine]) -> int:
        """Write lines of the journal; how many there were."""
        ...

    def carry_ready(self, instances: Sequence[int]) -> None:
        """What could be claimed at the version before the last move still can be."""
        ...


# ---------------------------------------------------------------- the verbs, over statements


class RewritingVerbs:
    """The reading verbs."""

    __slots__ = ()

    @abstractmethod
    def _rows(self, statement: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]: ...

    def stored(self, machine: str, after: int, limit: int, tenant: str | None = None) -> list[StoredRow]:
        statement, own = scoped(STORED, tenant)
        return [stored_row(row) for row in self._rows(statement, (machine, after, *own, limit))]

    def stored_now(self, instances: Sequence[int]) -> list[StoredRow]:
        if not instances:
            return []
        return [stored_row(row) for row in self._rows(STORED_NOW.format(marks=marks(len(instances))), instances)]

    def stored_lines(
        self, machine: str, after: int, limit: int, tenant: str | None = None
    ) -> tuple[int, list[StoredLine]]:
        statement, own = scoped(LINES, tenant)
        rows = self._rows(statement, (machine, after, *own, limit))
        found = [StoredLine(JournalRow(*line), key, whose) for *line, whose, key in rows if key is not None]
        return (int(rows[-1][0]) if rows else 0), found


class RewritingWriterVerbs(RewritingVerbs):
    """The writing verbs."""

    __slots__ = ()

    @abstractmethod
    def _execute_alone(self, statement: str, parameters: Sequence[object]) -> int: ...

    def hold_free(self, instances: Sequence[int], *, wait: bool) -> set[int]:
        if not instances:
            return set()
        statement = FREE.format(marks=marks(len(instances)), lock=WAITING if wait else SKIPPING)
        return {instance for (instance,) in self._rows(statement, instances)}

    def rewrite_bodies(self, bodies: Sequence[NewBody]) -> int:
        return self._rewrite(REWRITE_BODIES, [(each.instance, each.version, each.body) for each in bodies])

    def rewrite_lines(self, lines: Sequence[NewLine]) -> int:
        rows = [(each.seq, each.event, each.from_state, each.to_state, each.body) for each in lines]
        return self._rewrite(REWRITE_LINES, rows)

    def carry_ready(self, instances: Sequence[int]) -> None:
        if instances:
            self._execute_alone(CARRY_READY.format(marks=marks(len(instances))), instances)

    def _rewrite(self, statement: str, rows: Sequence[Sequence[object]]) -> int:
        if not rows:
            return 0
        # The first row says the types of the columns.
        first = ", ".join(f"CAST(? AS {'BIGINT' if isinstance(value, int) else 'TEXT'})" for value in rows[0])
        told = ", ".join([f"({first})", *[f"({marks(len(rows[0]))})"] * (len(rows) - 1)])
        return self._execute_alone(statement.format(rows=told), list(chain.from_iterable(rows)))


def scoped(statement: str, tenant: str | None) -> tuple[str, tuple[str, ...]]:
    """The statement for one tenant, or for all; and what it takes for that."""
    if tenant is None:
        return statement.format(of_tenant=""), ()
    return statement.format(of_tenant=OF_TENANT), (tenant,)


def stored_row(row: Sequence[Any]) -> StoredRow:
    *snapshot, tenant = row
    return StoredRow(Snapshot(*snapshot), tenant)
