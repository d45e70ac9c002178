"""The verbs of `upkeep.py`, over anything that runs a statement: what both databases say in the same words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import ClassVar

from leverframe.persistence.migration import COPYING
from leverframe.persistence.rewriting import RewritingVerbs, RewritingWriterVerbs
from leverframe.persistence.statements import Dialect
from leverframe.persistence.tables import BELONGINGS, INSTANCES, TABLES, Table, marks
from leverframe.persistence.upkeep import Finished, Lag, Numbers, Row

__all__ = ["TendingReader", "TendingWriter"]

VERSIONS = "SELECT instance, version FROM snapshot WHERE instance IN ({marks})"

# The index on states carries it; the journal's on versions gives when the last change was recorded.
FINISHED = """
SELECT s.instance, s.changed_at, j.recorded_at
FROM snapshot AS s LEFT JOIN journal AS j ON j.instance = s.instance AND j.version = s.version
WHERE s.tenant = ? AND s.machine = ? AND s.state = ? AND (s.changed_at, s.instance) > (?, ?)
ORDER BY s.changed_at, s.instance LIMIT ?"""

# The index on times carries both.
DELIVERIES_BEFORE = """
SELECT instance, delivery_id, seq, refusal, recorded_at, tenant FROM delivery WHERE recorded_at < ?
ORDER BY recorded_at, instance, delivery_id LIMIT ?"""

DELIVERIES_BETWEEN = """
SELECT instance, delivery_id, seq, refusal, recorded_at, tenant FROM delivery
WHERE recorded_at < ? AND (recorded_at, instance, delivery_id) > (?, ?, ?)
ORDER BY recorded_at, instance, delivery_id LIMIT ?"""

SLOWEST_CURSORS = "SELECT tenant, min(position) FROM cursor GROUP BY tenant"

LAGS = """
SELECT c.tenant, c.name, c.position,
    (SELECT count(*) FROM message AS m WHERE m.tenant = c.tenant AND m.position > c.position)
FROM cursor AS c ORDER BY c.tenant, c.name"""

COUNTED_STATES = f"""
SELECT tenant, machine, state, count(*) FROM snapshot WHERE {INSTANCES} GROUP BY tenant, machine, state"""

COPIED_FROM = f"SELECT source FROM {COPYING.name}"

NAME_SOURCE = f"UPDATE {COPYING.name} SET source = ?"

HOLD_INSTANCES = "SELECT instance FROM snapshot WHERE instance IN ({marks}) ORDER BY instance /*taken*/"

REMOVE_SNAPSHOTS = "DELETE FROM snapshot WHERE instance IN ({marks}) RETURNING tenant, machine, state"


class TendingReader(RewritingVerbs, ABC):
    """Rows of any table."""

    __slots__ = ()

    dialect: ClassVar[Dialect]
    tenant: str = ""

    @abstractmethod
    def _rows(self, statement: str, parameters: Sequence[object]) -> list[Row]:
        """All rows that a statement of the catalogue gives."""

    def rows_after(self, table: Table, after: Sequence[object], limit: int) -> list[Row]:
        return self._rows(table.walk(after=bool(after)), (*after, limit))

    def rows_of(self, table: Table, instances: Sequence[int]) -> list[Row]:
        return self._rows(table.of_instances(len(instances)), instances) if instances else []

    def rows_with(self, table: Table, keys: Sequence[Sequence[object]]) -> list[Row]:
        return self._rows(table.of_keys(len(keys)), list(chain.from_iterable(keys))) if keys else []

    def last_key(self, table: Table) -> Row:
        return next(iter(self._rows(table.last_key(), ())), ())

    def number(self, table: Table) -> int:
        return int(self._rows(table.counted(), ())[0][0])

    def versions(self, instances: Sequence[int]) -> dict[int, int]:
        if not instances:
            return {}
        return dict(self._rows(VERSIONS.format(marks=marks(len(instances))), instances))

    def finished(self, machine: str, state: str, after: tuple[int, int], limit: int) -> list[Finished]:
        return [Finished(*row) for row in self._rows(FINISHED, (self.tenant, machine, state, *after, limit))]

    def deliveries_before(self, recorded_before: int, after: Sequence[object], limit: int) -> list[Row]:
        if after:
            return self._rows(DELIVERIES_BETWEEN, (recorded_before, *after, limit))
        return self._rows(DELIVERIES_BEFORE, (recorded_before, limit))

    def slowest_cursors(self) -> Mapping[str, int]:
        return dict(self._rows(SLOWEST_CURSORS, ()))

    def lags(self) -> list[Lag]:
        return [Lag(*row) for row in self._rows(LAGS, ())]

    def counted_states(self) -> Mapping[tuple[str, str, str], int]:
        return {(tenant, machine, state): number for tenant, machine, state, number in self._rows(COUNTED_STATES, ())}

    def copied_from(self) -> str:
        return str(self._rows(COPIED_FROM, ())[0][0]) if COPYING.name in self.applied() else ""

    def applied(self) -> list[str]:
        return [name for (name,) in self._rows(self.dialect.applied, ())]

    def numbers(self) -> Numbers:
        return Numbers(*self._rows(self.dialect.numbers, ())[0])


class TendingWriter(TendingReader, RewritingWriterVerbs):
    """Rows removed, and rows added as they are."""

    __slots__ = ()

    @abstractmethod
    def _execute_alone(self, statement: str, parameters: Sequence[object]) -> int:
        """How many rows a statement has written."""

    @abstractmethod
    def _change_count(self, tenant: str, machine: str, state: str, type_name: str, change: int) -> None:
        """So many more instances of a tenant's machine are in a state, or fewer."""

    def hold_instances(self, instances: Sequence[int]) -> None:
        self._rows(HOLD_INSTANCES.format(marks=marks(len(instances))), instances)

    def remove_instances(self, instances: Sequence[int]) -> int:
        # The snapshot goes first: from then on nothing can be added to what belongs to it.
        removed = self._rows(REMOVE_SNAPSHOTS.format(marks=marks(len(instances))), instances)
        for table in BELONGINGS:
            self._execute_alone(table.remove_instances(len(instances)), instances)
        for (tenant, machine, state), number in Counter(removed).items():
            self._change_count(tenant, machine, state, "", -number)
        return len(removed)

    def remove_rows(self, table: Table, keys: Sequence[Sequence[object]]) -> int:
        return self._execute_alone(table.remove(len(keys)), list(chain.from_iterable(keys))) if keys else 0

    def name_source(self, source: str) -> None:
        self._execute_alone(NAME_SOURCE, (source,))

    def clear(self) -> None:
        for table in TABLES:
            self._execute_alone(f"DELETE FROM {table.name}", ())
