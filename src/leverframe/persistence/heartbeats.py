"""The verbs for those who show that they live, and for those who watch them; over anything that runs a statement.

A heartbeat is kept beside the instance, one row each: it is no move, and changes neither state nor version.  Times are
microseconds since 1970-01-01 UTC by the store's clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

from attrs import define

from leverframe.persistence.finding import Statement, find_statement
from leverframe.persistence.rows import Query, Snapshot
from leverframe.persistence.statements import SNAPSHOT_COLUMNS, SNAPSHOT_WIDTH, Dialect

__all__ = ["HeartbeatReader", "HeartbeatVerbs", "HeartbeatWriter", "HeartbeatWriterVerbs", "ObservedRow"]

BEAT = """
INSERT INTO heartbeat (instance, tenant, at)
SELECT s.instance, s.tenant, /*now(*/?/*)now*/ FROM snapshot AS s
WHERE s.tenant = ? AND s.machine = ? AND s.key = ? /*kept*/
ON CONFLICT (instance) DO UPDATE SET at = excluded.at"""

ONE = f"SELECT {SNAPSHOT_COLUMNS} FROM snapshot AS s WHERE s.tenant = ? AND s.machine = ? AND s.key = ?"

# A look-up for each row: joined, the table of heartbeats might be read from end to end.
OBSERVED = """
SELECT o.*, (SELECT h.at FROM heartbeat AS h WHERE h.instance = o.instance), /*now(*/?/*)now*/
FROM ({snapshots}) AS o ORDER BY o.changed_at DESC, o.instance DESC"""

SILENT = """
SELECT w.* FROM (
    SELECT o.*, (SELECT h.at FROM heartbeat AS h WHERE h.instance = o.instance) AS heartbeat_at,
        /*now(*/?/*)now*/ AS read_at
    FROM ({snapshots}) AS o) AS w
WHERE w.heartbeat_at IS NULL OR w.heartbeat_at < w.read_at - ?
ORDER BY w.heartbeat_at NULLS FIRST, w.instance LIMIT ?"""

Row: TypeAlias = tuple[Any, ...]


@define
class ObservedRow:
    """An instance, its last heartbeat, None if there never was one, and the time at which both were read."""

    snapshot: Snapshot
    heartbeat_at: int | None
    read_at: int


class HeartbeatReader(Protocol):
    """Instances of one tenant with their heartbeats; `now` None is the time by the database's clock."""

    def observed(self, query: Query, now: int | None) -> list[ObservedRow]:
        """The instances that the query names, newest change first, by one statement."""
        ...

    def observed_one(self, machine: str, key: str, now: int | None) -> ObservedRow | None:
        """One instance."""
        ...

    def silent(self, query: Query, age: int, now: int | None, limit: int) -> list[ObservedRow]:
        """At most `limit` of those whose last heartbeat is older than so many microseconds; first those without one."""
        ...


class HeartbeatWriter(HeartbeatReader, Protocol):
    """Changes of them."""

    def beat(self, machine: str, key: str, now: int | None) -> bool:
        """An instance shows that it lives; False if there is none."""
        ...


class HeartbeatVerbs(ABC):
    """The reading verbs."""

    __slots__ = ()

    dialect: ClassVar[Dialect]
    tenant = ""

    @abstractmethod
    def _rows(self, statement: str, parameters: Sequence[object]) -> list[Row]: ...

    def observed(self, query: Query, now: int | None) -> list[ObservedRow]:
        found = find_statement(query, self.dialect, self.tenant)
        return [] if found is None else self._observed(found, now)

    def observed_one(self, machine: str, key: str, now: int | None) -> ObservedRow | None:
        return next(iter(self._observed((ONE, [self.tenant, machine, key]), now)), None)

    def silent(self, query: Query, age: int, now: int | None, limit: int) -> list[ObservedRow]:
        found = find_statement(query, self.dialect, self.tenant)
        if found is None:
            return []
        snapshots, parameters = found
        return read_observed(self._rows(SILENT.format(snapshots=snapshots), [now, *parameters, age, limit]))

    def _observed(self, found: Statement, now: int | None) -> list[ObservedRow]:
        snapshots, parameters = found
        return read_observed(self._rows(OBSERVED.format(snapshots=snapshots), [now, *parameters]))


def read_observed(rows: Sequence[Row]) -> list[ObservedRow]:
    return [ObservedRow(Snapshot(*row[:SNAPSHOT_WIDTH]), *row[SNAPSHOT_WIDTH:]) for row in rows]


class HeartbeatWriterVerbs(HeartbeatVerbs):
    """The writing verbs."""

    __slots__ = ()

    @abstractmethod
    def _execute_alone(self, statement: str, parameters: Sequence[object]) -> int: ...

    def beat(self, machine: str, key: str, now: int | None) -> bool:
        return self._execute_alone(BEAT, (now, self.tenant, machine, key)) == 1
