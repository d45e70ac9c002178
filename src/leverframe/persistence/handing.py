"""The verbs of `consumers.py`, over anything that runs a statement: what both databases say in the same words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

from leverframe.persistence.consumers import (
    Backlog,
    ConsumerRow,
    DueRow,
    Failure,
    Grasp,
    HeldConsumer,
    SetAsideRow,
)
from leverframe.persistence.rows import MessageRow
from leverframe.persistence.statements import MESSAGES_SELECT
from leverframe.persistence.tables import marks

__all__ = ["HandingReader", "HandingWriter"]

CONSUMER_COLUMNS = "tenant, name, topic, position, token"

CONSUMER = f"SELECT {CONSUMER_COLUMNS} FROM consumer WHERE tenant = ? AND name = ?"

# The time is asked around it: when nobody has to be waited for any more.
HELD_CONSUMER = f"SELECT {CONSUMER_COLUMNS}, /*now(*/?/*)now*/ FROM ({CONSUMER} /*taken*/) AS held"

CONSUMERS = f"SELECT {CONSUMER_COLUMNS} FROM consumer ORDER BY tenant, name"

ADD_CONSUMER = """
INSERT INTO consumer (tenant, name, topic, position, token) VALUES (?, ?, ?, ?, 0)
ON CONFLICT (tenant, name) DO NOTHING"""

ADVANCE = "UPDATE consumer SET position = ?, token = ? WHERE tenant = ? AND name = ?"

REWIND = "UPDATE consumer SET position = ? WHERE tenant = ? AND name = ? AND position > ?"

REMOVE_CONSUMER = "DELETE FROM consumer WHERE tenant = ? AND name = ?"

REMOVE_CONSUMPTION = "DELETE FROM consumption WHERE tenant = ? AND consumer = ?"

NEXT_DUE = "SELECT min(due_at) FROM consumption WHERE tenant = ? AND consumer = ? AND set_aside_at IS NULL"

# Without its message, which would be looked for in a plan of its own: by its position it is found in any case.
DUE = """
SELECT position, attempts FROM consumption
WHERE tenant = ? AND consumer = ? AND set_aside_at IS NULL AND due_at <= ?
ORDER BY due_at, position LIMIT ? /*unheld*/"""

MESSAGES_AT = f"{MESSAGES_SELECT} AND m.tenant = ? AND m.position IN ({{marks}}) ORDER BY m.position"

HAND_OUT = """
INSERT INTO consumption (tenant, consumer, position, instance, attempts, token, worker, due_at, error)
SELECT ?, ?, m.position, m.instance, 1, ?, ?, ?, '' FROM message AS m
WHERE m.tenant = ? AND m.position IN ({marks})
ON CONFLICT (tenant, consumer, position) DO NOTHING RETURNING position"""

HAND_OUT_AGAIN = """
UPDATE consumption SET attempts = attempts + 1, token = ?, worker = ?, due_at = ?
WHERE tenant = ? AND consumer = ? AND position IN ({marks})"""

DROP = "DELETE FROM consumption WHERE tenant = ? AND consumer = ? AND position IN ({marks})"

ACKNOWLEDGE = "DELETE FROM consumption WHERE tenant = ? AND consumer = ? AND position = ? AND token = ?"

EXTEND = """
UPDATE consumption SET due_at = /*now(*/?/*)now*/ + ? WHERE tenant = ? AND consumer = ? AND position = ? AND token = ?
RETURNING due_at"""

FAIL = """
UPDATE consumption SET token = 0, worker = '', due_at = /*now(*/?/*)now*/ + ?,
    set_aside_at = CASE WHEN ? = 1 THEN /*now(*/?/*)now*/ END, error = ?
WHERE tenant = ? AND consumer = ? AND position = ? AND token = ?"""

# Without a token it was reported as failed, and the error is there.
GIVE_UP = """
UPDATE consumption SET set_aside_at = ?, token = 0, worker = '',
    error = CASE WHEN token = 0 THEN error ELSE 'the lease of ' || worker || ' has run out' END
WHERE tenant = ? AND consumer = ? AND position IN ({marks})"""

SET_ASIDE = """
SELECT position, attempts, error, set_aside_at FROM consumption
WHERE tenant = ? AND consumer = ? AND set_aside_at IS NOT NULL AND position > ? ORDER BY position LIMIT ?"""

REPLAY_SET_ASIDE = """
UPDATE consumption SET attempts = 0, due_at = ?, set_aside_at = NULL, error = ''
WHERE tenant = ? AND consumer = ? AND set_aside_at IS NOT NULL"""

REPLAY_ONE = """
INSERT INTO consumption (tenant, consumer, position, instance, attempts, token, worker, due_at, error)
SELECT ?, ?, m.position, m.instance, 0, 0, '', ?, '' FROM message AS m WHERE m.tenant = ? AND m.position = ?
ON CONFLICT (tenant, consumer, position) DO UPDATE
SET attempts = 0, token = 0, worker = '', due_at = excluded.due_at, set_aside_at = NULL, error = ''
WHERE consumption.token = 0 OR consumption.due_at <= excluded.due_at"""

# All but what is in somebody's hands.
FORGET_BEHIND = """
DELETE FROM consumption WHERE tenant = ? AND consumer = ? AND position > ? AND (token = 0 OR due_at <= ?)"""

TOLD_BETWEEN = """
SELECT count(*) FROM message AS m WHERE m.tenant = ? AND m.position > ? AND m.position <= ?"""

HANDED_OUT_BETWEEN = """
SELECT count(*) FROM consumption WHERE tenant = ? AND consumer = ? AND position > ? AND position <= ?"""

BACKLOGS = """
SELECT c.tenant, c.name,
    (SELECT count(*) FROM message AS m
        WHERE m.tenant = c.tenant AND m.position > c.position AND (c.topic IS NULL OR m.topic = c.topic)),
    (SELECT count(*) FROM consumption AS a
        WHERE a.tenant = c.tenant AND a.consumer = c.name AND a.set_aside_at IS NOT NULL)
FROM consumer AS c ORDER BY c.tenant, c.name"""

Row: TypeAlias = tuple[Any, ...]


class HandingReader(ABC):
    """The reading verbs."""

    __slots__ = ()

    tenant: str

    @abstractmethod
    def _rows(self, statement: str, parameters: Sequence[object]) -> list[Row]:
        """All rows that a statement gives."""

    def consumer(self, name: str) -> ConsumerRow | None:
        return first_consumer(self._rows(CONSUMER, (self.tenant, name)))

    def consumers(self) -> list[ConsumerRow]:
        return [ConsumerRow(*row) for row in self._rows(CONSUMERS, ())]

    def next_due(self, name: str) -> int | None:
        due_at: int | None = self._rows(NEXT_DUE, (self.tenant, name))[0][0]
        return due_at

    def set_aside(self, name: str, after: int, limit: int) -> list[SetAsideRow]:
        rows = self._rows(SET_ASIDE, (self.tenant, name, after, limit))
        messages = self._messages_at([row[0] for row in rows])
        # Who deletes one at this moment may be seen to have done half of it.
        return [SetAsideRow(messages[position], *row) for position, *row in rows if position in messages]

    def _messages_at(self, positions: Sequence[int]) -> dict[int, MessageRow]:
        if not positions:
            return {}
        rows = self._rows(MESSAGES_AT.format(marks=marks(len(positions))), (self.tenant, *positions))
        return {row[0]: MessageRow(*row) for row in rows}

    def backlogs(self) -> list[Backlog]:
        return [Backlog(*row) for row in self._rows(BACKLOGS, ())]


class HandingWriter(HandingReader):
    """The writing verbs."""

    __slots__ = ()

    @abstractmethod
    def _execute_alone(self, statement: str, parameters: Sequence[object]) -> int:
        """How many rows a statement has written."""

    def hold_consumer(self, name: str, topic: str | None, position: int, now: int | None) -> HeldConsumer:
        held = self._hold(name, now)
        while held is None:  # another one may remove it again
            self._execute_alone(ADD_CONSUMER, (self.tenant, name, topic, position))
            held = self._hold(name, now)
        return held

    def _hold(self, name: str, now: int | None) -> HeldConsumer | None:
        rows = self._rows(HELD_CONSUMER, (now, self.tenant, name))
        return HeldConsumer(*rows[0]) if rows else None

    def advance(self, name: str, position: int, token: int) -> None:
        self._execute_alone(ADVANCE, (position, token, self.tenant, name))

    def due(self, name: str, now: int, limit: int) -> list[DueRow]:
        rows = self._rows(DUE, (self.tenant, name, now, limit))
        messages = self._messages_at([position for position, _ in rows])
        return [DueRow(position, attempts, messages.get(position)) for position, attempts in rows]

    def hand_out_again(self, name: str, positions: Sequence[int], grasp: Grasp) -> None:
        if positions:
            statement = HAND_OUT_AGAIN.format(marks=marks(len(positions)))
            self._execute_alone(statement, (grasp.token, grasp.worker, grasp.until, self.tenant, name, *positions))

    def hand_out(self, name: str, positions: Sequence[int], grasp: Grasp) -> set[int]:
        statement = HAND_OUT.format(marks=marks(len(positions)))
        given = (self.tenant, name, grasp.token, grasp.worker, grasp.until)
        rows = self._rows(statement, (*given, self.tenant, *positions))
        return {position for (position,) in rows}

    def drop(self, name: str, positions: Sequence[int]) -> None:
        if positions:
            self._execute_alone(DROP.format(marks=marks(len(positions))), (self.tenant, name, *positions))

    def acknowledge(self, name: str, position: int, token: int) -> bool:
        return self._execute_alone(ACKNOWLEDGE, (self.tenant, name, position, token)) == 1

    def extend(self, name: str, position: int, token: int, now: int | None, lease: int) -> int | None:
        rows = self._rows(EXTEND, (now, lease, self.tenant, name, position, token))
        return rows[0][0] if rows else None

    def fail(self, name: str, position: int, token: int, now: int | None, failure: Failure) -> bool:
        what = (now, failure.delay, int(failure.sets_aside), now, failure.error)
        return self._execute_alone(FAIL, (*what, self.tenant, name, position, token)) == 1

    def give_up(self, name: str, positions: Sequence[int], now: int) -> None:
        if positions:
            self._execute_alone(GIVE_UP.format(marks=marks(len(positions))), (now, self.tenant, name, *positions))

    def replay_set_aside(self, name: str, now: int) -> int:
        return self._execute_alone(REPLAY_SET_ASIDE, (now, self.tenant, name))

    def replay_one(self, name: str, position: int, now: int) -> int:
        return self._execute_alone(REPLAY_ONE, (self.tenant, name, now, self.tenant, position))

    def rewind(self, name: str, topic: str | None, after: int, until: int, now: int) -> int:
        self._execute_alone(FORGET_BEHIND, (self.tenant, name, after, now))
        self._execute_alone(REWIND, (after, self.tenant, name, after))
        between = (after, until)
        told = (TOLD_BETWEEN, ()) if topic is None else (f"{TOLD_BETWEEN} AND m.topic = ?", (topic,))
        [(number,)] = self._rows(told[0], (self.tenant, *between, *told[1]))
        [(still,)] = self._rows(HANDED_OUT_BETWEEN, (self.tenant, name, *between))
        return int(number - still)

    def remove_consumer(self, name: str) -> bool:
        # Its own row goes last: until then nobody can make it anew, and hand out what is about to be forgotten.
        held = self._hold(name, 0) is not None
        self._execute_alone(REMOVE_CONSUMPTION, (self.tenant, name))
        self._execute_alone(REMOVE_CONSUMER, (self.tenant, name))
        return held


def first_consumer(rows: list[Row]) -> ConsumerRow | None:
    return ConsumerRow(*rows[0]) if rows else None
