"""The verbs about what holds a claim back, over anything that runs a statement of the catalogue.

    slot          of a limit: one row for each that may have a lease at one time, and who has it
    turn          of a group of which one at a time may have started: who has
    dependency    which instance waits for which, and whether it has to still

A claim locks what it asks in one order: the instance, then its lease, its subject, the gate of the subject's group, the
turn and the slot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from attrs import define, frozen

from leverframe.persistence.rows import Snapshot
from leverframe.persistence.statements import SNAPSHOT_COLUMNS
from leverframe.persistence.tables import marks

__all__ = [
    "DependencyRow",
    "GatingReader",
    "GatingVerbs",
    "GatingWriter",
    "GatingWriterVerbs",
    "Passing",
    "Place",
    "TurnRow",
]

Row: TypeAlias = tuple[Any, ...]

# ---------------------------------------------------------------- rows


@frozen
class Place:
    """What a limit is for: a scope of a machine."""

    machine: str
    scope: str


@define
class TurnRow:
    """Who has started in a group: the subject's key as text, and its instance."""

    subject: str
    instance: int


@define
class DependencyRow:
    """One instance waits for another, by their keys as text; `state` is where that one is, None if it is not there."""

    dependent: str
    prerequisite: str
    met: int
    state: str | None


@define
class Passing:
    """What a search for something to claim passes by: full scopes, and what the gates of its subject hold back.

    `subjects` is the machine of the subjects, empty where there are no gates; one in a state of `ended` is held back by
    nothing.  `gates` is the machine of the gates, and `shut` are its states in which no subject starts.  `in_turn`: one
    of a group may have started, which a shut gate does not hold back; else it holds back all.
    """

    full: Sequence[str] = ()
    subjects: str = ""
    ended: Sequence[str] = ()
    gates: str = ""
    shut: Sequence[str] = ()
    in_turn: bool = True

    def condition(self) -> tuple[str, tuple[object, ...]]:
        """What the candidate `l` has to be, and the values for that."""
        scopes = f"AND (l.scope IS NULL OR l.scope NOT IN ({marks(len(self.full))}))" if self.full else ""
        held, values = self._held_back() if self.subjects else ("", ())
        return f"{scopes} {held}".strip(), (*self.full, *values)

    def _held_back(self) -> tuple[str, tuple[object, ...]]:
        ended = f"AND t.state NOT IN ({marks(len(self.ended))})" if self.ended else ""
        shut = SHUT.format(states=marks(len(self.shut)), unstarted=UNSTARTED if self.in_turn else "")
        frozen = shut if self.shut else ""
        held = HELD_BACK.format(ended=ended, turn=OTHERS_TURN if self.in_turn else "", frozen=frozen)
        return held, (self.subjects, *self.ended, *((self.gates, *self.shut) if self.shut else ()))


# ---------------------------------------------------------------- statements

HELD_BACK = """AND NOT EXISTS (
    SELECT 1 FROM snapshot AS t
    WHERE t.tenant = l.tenant AND t.machine = ? AND t.key = l.subject {ended}
        AND (EXISTS (
            SELECT 1 FROM dependency AS d
            WHERE d.tenant = t.tenant AND d.machine = t.machine AND d.dependent = t.key AND d.met = 0)
        {turn} {frozen}))"""

TURN_OF_GROUP = "SELECT 1 FROM turn AS u WHERE u.tenant = t.tenant AND u.machine = t.machine AND u.serial = l.serial"

OTHERS_TURN = f"""OR EXISTS ({TURN_OF_GROUP} AND u.subject <> l.subject)"""

UNSTARTED = f"""AND NOT EXISTS ({TURN_OF_GROUP})"""

SHUT = """OR EXISTS (
            SELECT 1 FROM snapshot AS g WHERE g.tenant = t.tenant AND g.machine = ? AND g.key = l.serial
                AND g.state IN ({states}))
        {unstarted}"""

# Where no lock has to be waited for, the row is as the statement sees it; where one had to be, as it is now.
LOOK_AT = f"SELECT {SNAPSHOT_COLUMNS} FROM snapshot AS s WHERE s.tenant = ? AND s.machine = ? AND s.key = ? /*shared*/"

OF_SCOPE = "tenant = ? AND machine = ? AND scope = ?"

S_OF_SCOPE = "s.tenant = ? AND s.machine = ? AND s.scope = ?"

# The lowest free slot has all those below it taken: with those above it, and itself, that makes all that are taken.  So
# whoever may have fewer than others never makes them more, although others have slots of higher numbers.
TAKE_SLOT = f"""
UPDATE slot SET instance = ? WHERE {OF_SCOPE} AND number = (
        SELECT s.number FROM slot AS s
        WHERE {S_OF_SCOPE} AND s.number <= ? AND (s.instance IS NULL OR s.instance = ?)
        ORDER BY s.number LIMIT 1 /*skipping*/)
    AND number + (SELECT count(*) FROM slot AS o WHERE o.tenant = ? AND o.machine = ? AND o.scope = ?
        AND o.number > slot.number AND o.instance <> ?) <= ?
RETURNING number"""

LET_GO = "UPDATE slot SET instance = NULL WHERE instance = ? AND number <> ?"

VACATE = "UPDATE slot SET instance = NULL WHERE instance = ?"

RUN_OUT = "EXISTS (SELECT 1 FROM lease AS l WHERE l.instance = {slot}.instance AND l.expires_at <= /*now(*/?/*)now*/)"

# First the slot is locked, then its lease is looked at in a statement that sees all that was committed before.  Who
# renews a lease locks that, and then its slot, which is either still there or gone for good.
RUN_OUT_SLOT = f"""
SELECT s.number FROM slot AS s
WHERE {S_OF_SCOPE} AND s.instance IS NOT NULL AND {RUN_OUT.format(slot="s")} ORDER BY s.number LIMIT 1 /*skipping*/"""

RECLAIM = f"""
UPDATE slot SET instance = NULL
WHERE {OF_SCOPE} AND number = ? AND {RUN_OUT.format(slot="slot")}"""

COUNT_SLOTS = f"SELECT count(*) FROM slot WHERE {OF_SCOPE} AND number <= ?"

ADD_SLOTS = """
WITH RECURSIVE n (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < ?)
INSERT INTO slot (tenant, machine, scope, number)
SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), number FROM n WHERE true
ON CONFLICT (tenant, machine, scope, number) DO NOTHING"""

KEPT_SLOTS = "SELECT s.instance FROM slot AS s WHERE s.instance IN ({marks}) ORDER BY s.instance {lock}"

TURN = "SELECT subject, instance FROM turn WHERE tenant = ? AND machine = ? AND serial = ?"

TAKE_TURN = """
INSERT INTO turn (tenant, machine, serial, subject, instance) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant, machine, serial) DO NOTHING"""

LEAVE_TURN = "DELETE FROM turn WHERE instance = ?"

DEPENDENCY_COLUMNS = "d.dependent, d.prerequisite, d.met, p.state"

# Written so that SQLite goes from the dependency to its prerequisite.
DEPENDENCY_AND_STATE = f"""
SELECT {DEPENDENCY_COLUMNS} FROM dependency AS d
LEFT JOIN snapshot AS p ON p.tenant = d.tenant AND p.machine = d.machine AND p.key = d.prerequisite
WHERE d.tenant = ? AND d.machine = ?"""

IN_ORDER = "ORDER BY d.dependent, d.prerequisite"

DEPENDENCIES = f"{DEPENDENCY_AND_STATE} {IN_ORDER}"

DEPENDENCIES_OF = f"{DEPENDENCY_AND_STATE} AND d.dependent = ? {IN_ORDER}"

UNMET = f"{DEPENDENCY_AND_STATE} AND d.dependent = ? AND d.met = 0 {IN_ORDER}"

REACHED = """
WITH RECURSIVE reached (dependent, prerequisite) AS (
    SELECT dependent, prerequisite FROM dependency WHERE tenant = ? AND machine = ? AND dependent = ?
    UNION
    SELECT d.dependent, d.prerequisite FROM reached AS r
    JOIN dependency AS d ON d.tenant = ? AND d.machine = ? AND d.dependent = r.prerequisite)
SELECT dependent, prerequisite FROM reached ORDER BY dependent, prerequisite"""

ADD_DEPENDENCY = """
INSERT INTO dependency (tenant, machine, dependent, prerequisite, instance, met) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, machine, dependent, prerequisite) DO NOTHING"""

REMOVE_DEPENDENCY = """
DELETE FROM dependency WHERE tenant = ? AND machine = ? AND dependent = ? AND prerequisite = ?"""

MEET = "UPDATE dependency SET met = ? WHERE tenant = ? AND machine = ? AND prerequisite = ?"

# Of whichever tenant the instance is.
MEET_ANEW = """
UPDATE dependency SET met = ? WHERE machine = ? AND prerequisite = ? AND met <> ?
    AND tenant = (SELECT s.tenant FROM snapshot AS s WHERE s.instance = ?)"""

# ---------------------------------------------------------------- the verbs, for a store


class GatingReader(Protocol):
    """What holds claims back, of one tenant."""

    def turn(self, machine: str, serial: str) -> TurnRow | None:
        """Who has started in a group; None if nobody has."""
        ...

    def dependencies(self, machine: str, dependent: str | None = None) -> list[DependencyRow]:
        """What one instance waits for, or all of them; those that are met too."""
        ...

    def unmet(self, machine: str, dependent: str) -> list[DependencyRow]:
        """What one instance has to wait for still."""
        ...


class GatingWriter(GatingReader, Protocol):
    """Changes of it."""

    def look_at(self, machine: str, key: str) -> Snapshot | None:
        """An instance, which nobody moves before the end of the transaction; others may look at it meanwhile."""
        ...

    def take_slot(self, place: Place, instance: int, at_most: int) -> int | None:
        """Take a free slot for an instance, or its own, if fewer than so many others have one; its number."""
        ...

    def let_go(self, instance: int, kept: int) -> None:
        """Give back what slots an instance has but for the one of this number."""
        ...

    def kept_slots(self, instances: Sequence[int], *, waits: bool) -> set[int]:
        """Which of these instances have a slot; it stays theirs to the end of the transaction.

        Unless it `waits`, a slot that somebody else looks at or changes at this moment is left out.
        """
        ...

    def reclaim_slot(self, place: Place, now: int | None) -> bool:
        """Free the slot of a lease that has run out, which is renewed no more; False if there is none."""
        ...

    def add_slots(self, place: Place, at_most: int) -> bool:
        """Make room for more slots; False if there are as many as there may be."""
        ...

    def vacate(self, instance: int) -> None:
        """Give the slot of an instance back."""
        ...

    def take_turn(self, machine: str, serial: str, subject: TurnRow) -> bool:
        """Be the one that has started in a group; False if another is."""
        ...

    def leave_turn(self, instance: int) -> None:
        """Let another one start."""
        ...

    def hold_graph(self, machine: str) -> None:
        """Keep others from adding dependencies of this machine."""
        ...

    def reached_from(self, machine: str, dependent: str) -> list[tuple[str, str]]:
        """All pairs of dependent and prerequisite on the ways that lead from an instance."""
        ...

    def add_dependency(self, machine: str, dependent: Snapshot, prerequisite: str, *, met: bool) -> bool:
        """Let one instance wait for another; False if it does already."""
        ...

    def remove_dependency(self, machine: str, dependent: str, prerequisite: str) -> bool:
        """Let it wait no longer; False if it does not."""
        ...

    def meet_anew(self, machine: str, instance: Snapshot, *, met: bool) -> None:
        """Whether those that wait for an instance of any tenant have to, now that it is said otherwise."""
        ...


# ---------------------------------------------------------------- the verbs, over statements


class GatingVerbs(ABC):
    """The reading verbs."""

    __slots__ = ()

    tenant: str

    @abstractmethod
    def _rows(self, statement: str, parameters: Sequence[object]) -> list[Row]: ...

    def turn(self, machine: str, serial: str) -> TurnRow | None:
        rows = self._rows(TURN, (self.tenant, machine, serial))
        return TurnRow(*rows[0]) if rows else None

    def dependencies(self, machine: str, dependent: str | None = None) -> list[DependencyRow]:
        of = (self.tenant, machine)
        rows = self._rows(DEPENDENCIES, of) if dependent is None else self._rows(DEPENDENCIES_OF, (*of, dependent))
        return [DependencyRow(*row) for row in rows]

    def unmet(self, machine: str, dependent: str) -> list[DependencyRow]:
        return [DependencyRow(*row) for row in self._rows(UNMET, (self.tenant, machine, dependent))]


class GatingWriterVerbs(GatingVerbs):
    """The writing verbs."""

    __slots__ = ()

    @abstractmethod
    def _execute_alone(self, statement: str, parameters: Sequence[object]) -> int: ...

    def look_at(self, machine: str, key: str) -> Snapshot | None:
        rows = self._rows(LOOK_AT, (self.tenant, machine, key))
        return Snapshot(*rows[0]) if rows else None

    def take_slot(self, place: Place, instance: int, at_most: int) -> int | None:
        of = (self.tenant, place.machine, place.scope)
        free = (*of, at_most, instance)
        rows = self._rows(TAKE_SLOT, (instance, *of, *free, *of, instance, at_most))
        return int(rows[0][0]) if rows else None

    def let_go(self, instance: int, kept: int) -> None:
        self._execute_alone(LET_GO, (instance, kept))

    def kept_slots(self, instances: Sequence[int], *, waits: bool) -> set[int]:
        lock = "/*shared*/" if waits else "/*skipping shared*/"
        rows = self._rows(KEPT_SLOTS.format(marks=marks(len(instances)), lock=lock), instances)
        return {instance for (instance,) in rows}

    def reclaim_slot(self, place: Place, now: int | None) -> bool:
        of = (self.tenant, place.machine, place.scope)
        while rows := self._rows(RUN_OUT_SLOT, (*of, now)):
            if self._execute_alone(RECLAIM, (*of, rows[0][0], now)):
                return True
        return False

    def add_slots(self, place: Place, at_most: int) -> bool:
        of = (self.tenant, place.machine, place.scope)
        [(number,)] = self._rows(COUNT_SLOTS, (*of, at_most))
        if number >= at_most:
            return False
        # Not all at once: a limit may be so high that it is none.
        self._execute_alone(ADD_SLOTS, (min(at_most, 2 * number + 4), *of))
        return True

    def vacate(self, instance: int) -> None:
        self._execute_alone(VACATE, (instance,))

    def take_turn(self, machine: str, serial: str, subject: TurnRow) -> bool:
        row = (self.tenant, machine, serial, subject.subject, subject.instance)
        return self._execute_alone(TAKE_TURN, row) == 1

    def leave_turn(self, instance: int) -> None:
        self._execute_alone(LEAVE_TURN, (instance,))

    def reached_from(self, machine: str, dependent: str) -> list[tuple[str, str]]:
        of = (self.tenant, machine)
        return [(row[0], row[1]) for row in self._rows(REACHED, (*of, dependent, *of))]

    def add_dependency(self, machine: str, dependent: Snapshot, prerequisite: str, *, met: bool) -> bool:
        row = (self.tenant, machine, dependent.key, prerequisite, dependent.instance, int(met))
        return self._execute_alone(ADD_DEPENDENCY, row) == 1

    def remove_dependency(self, machine: str, dependent: str, prerequisite: str) -> bool:
        return self._execute_alone(REMOVE_DEPENDENCY, (self.tenant, machine, dependent, prerequisite)) == 1

    def meet_anew(self, machine: str, instance: Snapshot, *, met: bool) -> None:
        self._execute_alone(MEET_ANEW, (int(met), machine, instance.key, int(met), instance.instance))
