"""The journal of one machine from end to end: a page at a time, so that no read is long and none takes much memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Protocol

from leverframe.persistence.statements import Dialect

__all__ = ["Line", "WalkingReader", "WalkingVerbs", "walk"]

AT_ONCE = 2000

TAIL = 200
"""How many characters of an event are read, from its end, where its type stands."""

Line = tuple[int, int, str | None, str | None, str, int]
"""Of a line of the journal: instance, version, the state before, the end of the event, the state behind, the time."""

# By number, and from the instances to their lines: in the order that is asked for, so that nothing is sorted.
# PostgreSQL may walk along both instead; the number is said of both, or each page would begin at the beginning.
WALK = f"""
SELECT j.instance, j.version, j.from_state,
    CASE WHEN length(j.event) > {TAIL} THEN substr(j.event, length(j.event) - {TAIL - 1}) ELSE j.event END,
    j.to_state, j.at
FROM snapshot AS s{{by_number}} CROSS JOIN journal AS j
WHERE s.tenant = ? AND s.machine = ? AND s.instance >= ? AND j.instance >= ? AND j.instance = s.instance
    AND j.version > CASE WHEN s.instance = ? THEN ? ELSE 0 END
ORDER BY s.instance, j.version LIMIT ?"""


class WalkingReader(Protocol):
    """What is read of the journal of a whole machine, of one tenant."""

    def lines_after(self, machine: str, instance: int, version: int, limit: int) -> list[Line]:
        """At most `limit` lines behind one, ordered by instance and version."""
        ...


class WalkingVerbs(ABC):
    """The verb, over anything that runs a statement of the catalogue."""

    __slots__ = ()

    dialect: ClassVar[Dialect]
    tenant = ""

    @abstractmethod
    def _rows(self, statement: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]: ...

    def lines_after(self, machine: str, instance: int, version: int, limit: int) -> list[Line]:
        of = (self.tenant, machine, instance, instance, instance, version, limit)
        return self._rows(WALK.format(by_number=self.dialect.by_number), of)


def walk(reader: WalkingReader, machine: str) -> Iterator[Line]:
    """Every line of the journal, one instance behind the other, each one's oldest line first.

    What is written meanwhile is met, or not.
    """
    instance, version = 0, 0
    while page := reader.lines_after(machine, instance, version, AT_ONCE):
        yield from page
        instance, version, *_ = page[-1]
