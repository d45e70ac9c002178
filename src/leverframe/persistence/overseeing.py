"""The verbs for those who look on: what waits, who works, and how far consumers are, each a few reads of an index.

Nothing here is counted to its end where that may be far: a count goes as far as its caller says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from attrs import define

from leverframe.persistence.gating import Passing

__all__ = ["ConsumerLag", "HandedOut", "OverseeingReader", "OverseeingVerbs", "Waiting", "Working"]

MACHINES = "/*summed*/SELECT DISTINCT c.machine FROM state_count AS c WHERE c.tenant = ? ORDER BY c.machine"

# The order is that of an index: a database that is free to choose may read a table from its beginning.
WAITING = """
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM lease AS r WHERE r.tenant = ? AND r.machine = ? AND r.priority = ? AND r.ready_at IS NOT NULL
            AND r.ready_at <= /*now(*/?/*)now*/ ORDER BY r.ready_at LIMIT ?) AS a),
    (SELECT count(*) FROM (
        SELECT 1 FROM lease AS f WHERE f.tenant = ? AND f.machine = ? AND f.priority = ? AND f.ready_at IS NOT NULL
            AND f.ready_at > /*now(*/?/*)now*/ ORDER BY f.ready_at LIMIT ?) AS b)"""

# What is looked at is counted first, and what holds it back only of that.
HELD_BACK = """
SELECT count(*) FROM (
    SELECT r.tenant, r.subject, r.serial, r.scope FROM lease AS r
    WHERE r.tenant = ? AND r.machine = ? AND r.priority = ? AND r.ready_at IS NOT NULL
        AND r.ready_at <= /*now(*/?/*)now*/ ORDER BY r.ready_at, r.instance LIMIT ?) AS l
WHERE NOT (1 = 1 {passing})"""

WORKING = """
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM lease AS h WHERE h.tenant = ? AND h.machine = ? AND h.token IS NOT NULL
        ORDER BY h.token LIMIT ?) AS a),
    (SELECT count(*) FROM (
        SELECT 1 FROM lease AS x WHERE x.tenant = ? AND x.machine = ? AND x.expires_at <= /*now(*/?/*)now*/
        ORDER BY x.expires_at LIMIT ?) AS b)"""

HANDED_OUT = """
SELECT c.name, c.topic, c.position FROM consumer AS c WHERE c.tenant = ? ORDER BY c.name LIMIT ?"""

LAG = """
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM message AS m WHERE m.tenant = ? {of_topic}AND m.position > ?
        ORDER BY m.position LIMIT ?) AS a),
    (SELECT count(*) FROM (
        SELECT 1 FROM consumption AS t WHERE t.tenant = ? AND t.consumer = ? AND t.set_aside_at IS NULL
        ORDER BY t.due_at LIMIT ?) AS b),
    (SELECT count(*) FROM (
        SELECT 1 FROM consumption AS s WHERE s.tenant = ? AND s.consumer = ? AND s.set_aside_at IS NOT NULL
        ORDER BY s.position LIMIT ?) AS c)"""

Row: TypeAlias = tuple[Any, ...]


@define
class Waiting:
    """How many instances of one priority can be claimed now, and how many later, each counted up to a limit."""

    ready: int
    later: int


@define
class Working:
    """How many leases are given, and how many of these have run out, each counted up to a limit."""

    leased: int
    run_out: int


@define
class HandedOut:
    """A consumer: of which topic (None: of all), and handed out up to which position."""

    name: str
    topic: str | None
    position: int


@define
class ConsumerLag:
    """How many messages a consumer has yet to be handed, has in flight, and has set aside, each up to a limit."""

    behind: int
    in_flight: int
    set_aside: int


class OverseeingReader(Protocol):
    """What is read of one tenant by those who look on."""

    def machines(self) -> list[str]:
        """The names of the machines that have, or had, instances."""
        ...

    def waiting(self, machine: str, priority: int, now: int | None, limit: int) -> Waiting:
        """What waits to be claimed, of one priority."""
        ...

    def held_back(self, machine: str, priority: int, now: int | None, limit: int, passing: Passing) -> int:
        """How many of the first `limit` that can be claimed now, of one priority, a search would pass by."""
        ...

    def working(self, machine: str, now: int | None, limit: int) -> Working:
        """What is claimed."""
        ...

    def handed_out(self, limit: int) -> list[HandedOut]:
        """At most so many consumers of this tenant, by their names."""
        ...

    def lag(self, consumer: HandedOut, limit: int) -> ConsumerLag:
        """What a consumer has before it."""
        ...


class OverseeingVerbs(ABC):
    """The verbs, over anything that runs a statement of the catalogue."""

    __slots__ = ()

    tenant = ""

    @abstractmethod
    def _rows(self, statement: str, parameters: Sequence[object]) -> list[Row]: ...

    def machines(self) -> list[str]:
        return [name for (name,) in self._rows(MACHINES, (self.tenant,))]

    def waiting(self, machine: str, priority: int, now: int | None, limit: int) -> Waiting:
        of = (self.tenant, machine, priority, now, limit)
        return Waiting(*self._rows(WAITING, (*of, *of))[0])

    def held_back(self, machine: str, priority: int, now: int | None, limit: int, passing: Passing) -> int:
        condition, values = passing.condition()
        statement = HELD_BACK.format(passing=condition)
        return int(self._rows(statement, (self.tenant, machine, priority, now, limit, *values))[0][0])

    def working(self, machine: str, now: int | None, limit: int) -> Working:
        of = (self.tenant, machine)
        return Working(*self._rows(WORKING, (*of, limit, *of, now, limit))[0])

    def handed_out(self, limit: int) -> list[HandedOut]:
        return [HandedOut(*row) for row in self._rows(HANDED_OUT, (self.tenant, limit))]

    def lag(self, consumer: HandedOut, limit: int) -> ConsumerLag:
        of_topic, topics = ("", ()) if consumer.topic is None else ("AND m.topic = ? ", (consumer.topic,))
        of = (self.tenant, consumer.name, limit)
        parameters = (self.tenant, *topics, consumer.position, limit, *of, *of)
        return ConsumerLag(*self._rows(LAG.format(of_topic=of_topic), parameters)[0])
