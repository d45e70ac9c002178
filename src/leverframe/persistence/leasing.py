"""The verbs for those who share the work, over anything that runs a statement of the catalogue.

An instance of a machine with a lease has one row in `lease` for as long as it can be claimed, or is: `ready_at` says
since when it can, or `token` that somebody has it.  Whoever gives a lease, or takes one away, moves the instance in the
same transaction: where the version is the same, the token is.  All rows are locked in one order, whoever asks: the
snapshot first, then what is beside it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

from leverframe.persistence.effects import (
    Effect,
    EndTurn,
    Grant,
    Leave,
    Meet,
    Moved,
    Note,
    Pause,
    Resume,
    Rouse,
    Stand,
    Vacate,
)
from leverframe.persistence.gating import LEAVE_TURN, MEET, VACATE, Passing
from leverframe.persistence.leases import ABOVE_ALL, Candidate, ClaimQuery, LeaseRow, WakeUpRow
from leverframe.persistence.notes import ADD_NOTE, note_values
from leverframe.persistence.renewing import RenewingReader, RenewingVerbs, RenewingWriter, RenewingWriterVerbs
from leverframe.persistence.rows import Snapshot
from leverframe.persistence.statements import SNAPSHOT_COLUMNS, SNAPSHOT_WIDTH, Dialect
from leverframe.persistence.tables import marks

__all__ = [
    "INTO_LEASE",
    "STANDS_ANEW",
    "LeasingReader",
    "LeasingVerbs",
    "LeasingWriter",
    "LeasingWriterVerbs",
]

# ---------------------------------------------------------------- statements

LEASE_COLUMNS = """l.instance, l.age, l.ready_at, l.priority, l.subject, l.serial, l.scope, l.token, l.worker,
    l.claimed_at, l.heartbeat_at, l.expires_at, l.host, l.process_id, l.process_start"""

LEASE_WIDTH = len(LEASE_COLUMNS.split(","))

LEASE_AND_SNAPSHOT = f"""
SELECT {SNAPSHOT_COLUMNS}, {LEASE_COLUMNS} /*clock*/
FROM lease AS l CROSS JOIN snapshot AS s"""

LEASE = f"SELECT {LEASE_COLUMNS} FROM lease AS l WHERE l.instance = ? /*leased*/"

# Nobody waits in it: one time is right for all that it finds.
READY_AND_SNAPSHOT = LEASE_AND_SNAPSHOT.replace("/*clock*/", "/*clock_once*/")

# One priority at a time: within one, those that are ready stand together in the index, the oldest first.  The version
# is that of the move by which it came to be ready: who waited for a lock sees the row of a later one, and passes it by.
CLAIMABLE = f"""{READY_AND_SNAPSHOT}
WHERE s.instance = l.instance AND s.version = l.version AND l.tenant = ? AND l.machine = ? AND l.priority = (
        SELECT max(p.priority) FROM lease AS p
        WHERE p.tenant = ? AND p.machine = ? AND p.priority < ? AND p.ready_at IS NOT NULL)
    AND l.ready_at IS NOT NULL AND l.ready_at <= /*now(*/?/*)now*/ {{passing}}
ORDER BY l.ready_at, l.instance LIMIT ? /*skipping*/"""

NEXT_PRIORITY = """
SELECT max(priority) FROM lease WHERE tenant = ? AND machine = ? AND priority < ? AND ready_at IS NOT NULL"""

# Where nothing holds any of them back.
CLAIMABLE_BY_ALL = CLAIMABLE.format(passing="")

CLAIMABLE_KEY = f"""{LEASE_AND_SNAPSHOT}
WHERE s.instance = l.instance AND s.tenant = ? AND s.machine = ? AND s.key = ? /*held*/"""

RUN_OUT = f"""{LEASE_AND_SNAPSHOT}
WHERE s.instance = l.instance AND l.tenant = ? AND l.machine = ? AND l.expires_at <= /*now(*/?/*)now*/ {{passing}}
ORDER BY l.expires_at, l.instance LIMIT ? /*skipping*/"""

LEASED = f"""{LEASE_AND_SNAPSHOT}
WHERE s.instance = l.instance AND l.tenant = ? AND l.machine = ? AND l.token IS NOT NULL
ORDER BY l.token LIMIT ?"""

# Leases are as many as are worked on at one time, so that no index is kept for these.
PROCESSES = """
SELECT DISTINCT l.process_id, l.process_start FROM lease AS l
WHERE l.tenant = ? AND l.machine = ? AND l.token IS NOT NULL AND l.host = ?"""

HELD_BY = f"""{LEASE_AND_SNAPSHOT}
WHERE s.instance = l.instance AND l.tenant = ? AND l.machine = ? AND l.token IS NOT NULL
    AND l.host = ? AND l.process_id = ? AND l.process_start = ?
ORDER BY l.token LIMIT ? /*skipping*/"""

INTO_LEASE = """
INSERT INTO lease (instance, tenant, machine, version, age, ready_at, priority, subject, serial, scope,
    token, worker, claimed_at, heartbeat_at, expires_at, host, process_id, process_start)"""

# Its age is that of its first row; what can be had at once has waited since then.
STANDS_ANEW = """
ON CONFLICT (instance) DO UPDATE SET version = excluded.version,
    ready_at = CASE WHEN excluded.ready_at <= excluded.age THEN lease.age ELSE excluded.ready_at END,
    priority = excluded.priority, subject = excluded.subject, serial = excluded.serial, scope = excluded.scope,
    token = excluded.token, worker = excluded.worker,
    claimed_at = excluded.claimed_at, heartbeat_at = excluded.heartbeat_at, expires_at = excluded.expires_at,
    host = excluded.host, process_id = excluded.process_id, process_start = excluded.process_start"""

STAND = f"{INTO_LEASE}\nVALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?){STANDS_ANEW}"

PAUSE = """
UPDATE lease SET ready_at = NULL, token = NULL, heartbeat_at = NULL, expires_at = NULL WHERE instance = ?"""

# Where a limit's slot went to somebody else before the pause, the lease has run out already.
RESUME = """
UPDATE lease SET ready_at = NULL, token = ?, claimed_at = ?, heartbeat_at = ?,
    expires_at = CASE WHEN scope IS NULL OR EXISTS (SELECT 1 FROM slot AS s WHERE s.instance = lease.instance)
        THEN ? ELSE ? END
WHERE instance = ?"""

LEAVE = "DELETE FROM lease WHERE instance = ?"

# Of all tenants: policies are declared for the whole database.
FORGET_WAKE_UPS = "DELETE FROM wake_up WHERE machine = ?"

FORGET_READY = "DELETE FROM lease WHERE machine = ? AND token IS NULL AND worker IS NULL"

OF_THEIR_TENANTS = tuple(
    f"""
UPDATE {table} SET tenant = (SELECT s.tenant FROM snapshot AS s WHERE s.instance = {table}.instance)
WHERE machine = ?"""
    for table in ("lease", "wake_up")
)

ROUSE = """
INSERT INTO wake_up (instance, name, tenant, machine, due_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (instance, name) DO UPDATE SET due_at = excluded.due_at"""

LET_SLEEP = "DELETE FROM wake_up WHERE instance = ? AND name = ?"

DUE = f"""
SELECT {SNAPSHOT_COLUMNS}, w.name, w.due_at /*clock*/
FROM wake_up AS w CROSS JOIN snapshot AS s
WHERE s.instance = w.instance AND w.tenant = ? AND w.machine = ? AND w.due_at <= /*now(*/?/*)now*/{{named}}
ORDER BY w.due_at, w.instance LIMIT ? /*skipping*/"""


NOTHING = Passing()

Row: TypeAlias = tuple[Any, ...]


# ---------------------------------------------------------------- the verbs, for a store


class LeasingReader(RenewingReader, Protocol):
    """What is kept beside the instances of one tenant."""

    def lease(self, instance: int) -> LeaseRow | None:
        """Who has an instance, or since when it can be had; in a transaction nobody changes that meanwhile."""
        ...

    def leased(self, machine: str, limit: int) -> list[Candidate]:
        """The instances that somebody has, the longest held first."""
        ...

    def claimable(self, query: ClaimQuery) -> list[Candidate]:
        """The instances that are ready, in the order in which they are claimed; in a transaction nobody else gets them.

        Only those of the highest priority that any has; `next_priority` says which that was.
        """
        ...

    def next_priority(self, machine: str, below: int) -> int | None:
        """The highest priority below this one that any instance has which can be claimed, now or later."""
        ...

    def candidate(self, machine: str, key: str) -> Candidate | None:
        """One instance, as `claimable` gives them, whether it is ready or not."""
        ...

    def run_out(self, machine: str, now: int | None, limit: int, passing: Passing = NOTHING) -> list[Candidate]:
        """The instances whose lease has run out, the longest first; in a transaction nobody else gets them."""
        ...

    def processes(self, machine: str, host: str) -> list[tuple[int, int]]:
        """The processes of a host that have instances: number and start of each."""
        ...

    def held_by(self, machine: str, host: str, process: tuple[int, int], limit: int) -> list[Candidate]:
        """The instances that a process has, the longest held first; in a transaction nobody else gets them."""
        ...

    def due_wake_ups(
        self, machine: str, now: int | None, limit: int, names: Sequence[str] | None = None
    ) -> list[WakeUpRow]:
        """The instances whose time has come, the earliest first; in a transaction nobody else gets them.

        `names` are those of the policies that are looked for, None for all.
        """
        ...


class LeasingWriter(LeasingReader, RenewingWriter, Protocol):
    """Changes of it."""

    def affect(self, moved: Moved, effects: Sequence[Effect]) -> None:
        """Write what a move brings along."""
        ...

    def forget_ready(self, machine: str) -> None:
        """Forget, of all tenants, what can be claimed and what is to be woken up; what somebody has stays."""
        ...

    def put_to_tenants(self, machine: str) -> None:
        """What was made for instances of all tenants belongs to these from here on."""
        ...


# ---------------------------------------------------------------- the verbs, over statements


class LeasingVerbs(RenewingVerbs):
    """The reading verbs."""

    __slots__ = ()

    dialect: ClassVar[Dialect]
    tenant = ""

    @abstractmethod
    def _rows(self, statement: str, parameters: Sequence[object]) -> list[Row]: ...

    def lease(self, instance: int) -> LeaseRow | None:
        rows = self._rows(LEASE, (instance,))
        return LeaseRow(*rows[0]) if rows else None

    def leased(self, machine: str, limit: int) -> list[Candidate]:
        return self._candidates(LEASED, (self.tenant, machine, limit))

    def claimable(self, query: ClaimQuery) -> list[Candidate]:
        of = (self.tenant, query.machine)
        below = ABOVE_ALL if query.below is None else query.below
        condition, values = query.passing.condition()
        statement = CLAIMABLE.format(passing=condition) if condition else CLAIMABLE_BY_ALL
        return self._candidates(statement, (*of, *of, below, query.now, *values, query.limit))

    def next_priority(self, machine: str, below: int) -> int | None:
        priority: int | None = self._rows(NEXT_PRIORITY, (self.tenant, machine, below))[0][0]
        return priority

    def candidate(self, machine: str, key: str) -> Candidate | None:
        return next(iter(self._candidates(CLAIMABLE_KEY, (self.tenant, machine, key))), None)

    def run_out(self, machine: str, now: int | None, limit: int, passing: Passing = NOTHING) -> list[Candidate]:
        condition, values = passing.condition()
        statement = RUN_OUT.format(passing=condition)
        return self._candidates(statement, (self.tenant, machine, now, *values, limit))

    def processes(self, machine: str, host: str) -> list[tuple[int, int]]:
        return [(number, start) for number, start in self._rows(PROCESSES, (self.tenant, machine, host))]

    def held_by(self, machine: str, host: str, process: tuple[int, int], limit: int) -> list[Candidate]:
        return self._candidates(HELD_BY, (self.tenant, machine, host, *process, limit))

    def due_wake_ups(
        self, machine: str, now: int | None, limit: int, names: Sequence[str] | None = None
    ) -> list[WakeUpRow]:
        named = "" if names is None else f" AND w.name IN ({marks(len(names))})"
        rows = self._rows(DUE.format(named=named), (self.tenant, machine, now, *(names or ()), limit))
        return [WakeUpRow(Snapshot(*row[:SNAPSHOT_WIDTH]), *row[SNAPSHOT_WIDTH:]) for row in rows]

    def _candidates(self, statement: str, parameters: Sequence[object]) -> list[Candidate]:
        return [candidate(row) for row in self._rows(statement, parameters)]


class LeasingWriterVerbs(LeasingVerbs, RenewingWriterVerbs):
    """The writing verbs."""

    __slots__ = ()

    @abstractmethod
    def _execute_alone(self, statement: str, parameters: Sequence[object]) -> int: ...

    def affect(self, moved: Moved, effects: Sequence[Effect]) -> None:
        for effect in effects:
            statement, parameters = spell(effect, self.tenant, moved)
            self._execute_alone(statement, parameters)

    def forget_ready(self, machine: str) -> None:
        self._execute_alone(FORGET_WAKE_UPS, (machine,))
        self._execute_alone(FORGET_READY, (machine,))

    def put_to_tenants(self, machine: str) -> None:
        for statement in OF_THEIR_TENANTS:
            self._execute_alone(statement, (machine,))


def candidate(row: Row) -> Candidate:
    lease_end = SNAPSHOT_WIDTH + LEASE_WIDTH
    lease = LeaseRow(*row[SNAPSHOT_WIDTH:lease_end])
    return Candidate(Snapshot(*row[:SNAPSHOT_WIDTH]), lease, *row[lease_end:])


def spell(effect: Effect, tenant: str, moved: Moved) -> tuple[str, Sequence[object]]:
    """The statement that an effect is."""
    instance = moved.instance
    match effect:
        case Stand():
            return STAND, stand_values(effect, tenant, moved)
        case Pause():
            return PAUSE, (instance,)
        case Resume():
            return RESUME, (moved.seq, moved.now, moved.now, effect.expires_at, moved.now, instance)
        case Leave():
            return LEAVE, (instance,)
        case Rouse(due_at=None):
            return LET_SLEEP, (instance, effect.name)
        case Rouse():
            return ROUSE, (instance, effect.name, tenant, effect.machine, effect.due_at)
        case Note():
            return ADD_NOTE, note_values(effect, tenant, moved)
        case Vacate():
            return VACATE, (instance,)
        case EndTurn():
            return LEAVE_TURN, (instance,)
        case Meet():
            return MEET, (int(effect.met), tenant, effect.machine, effect.key)


def stand_values(stand: Stand, tenant: str, moved: Moved) -> Sequence[object]:
    of = (moved.instance, tenant, stand.machine, moved.version, moved.now)
    waits = (stand.ready_at, stand.priority, stand.subject, stand.serial, stand.scope)
    return (*of, *waits, *(NOBODY if stand.grant is None else grant_values(stand.grant, moved)))


NOBODY = (None,) * 8


def grant_values(grant: Grant, moved: Moved) -> Sequence[object]:
    process = (grant.host, grant.process_id, grant.process_start)
    return (moved.seq, grant.worker, moved.now, moved.now, grant.expires_at, *process)
