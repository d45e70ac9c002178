"""What do the reading verbs ask, and how do rows become what `backend.py` promises?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leverframe.persistence.finding import find_statement, keys_in, merge_ranges
from leverframe.persistence.handing import HandingReader
from leverframe.persistence.heartbeats import HeartbeatVerbs
from leverframe.persistence.leasing import LeasingVerbs
from leverframe.persistence.overseeing import OverseeingVerbs
from leverframe.persistence.rows import (
    Declaration,
    Delivery,
    JournalRow,
    KeyRange,
    Loaded,
    MessageRow,
    Query,
    Snapshot,
    StateCount,
)
from leverframe.persistence.statements import (
    CURSOR,
    DECLARATION,
    INSTANCES,
    JOURNAL_AT,
    JOURNAL_BETWEEN,
    JOURNAL_FROM,
    JOURNAL_LINE,
    LOAD,
    LOAD_WITH_DELIVERY,
    MESSAGES,
    MESSAGES_OF_TOPIC,
    SNAPSHOT_WIDTH,
)
from leverframe.persistence.tending import TendingReader
from leverframe.persistence.walking import WalkingVerbs

__all__ = ["Parameters", "ReadingVerbs", "Row"]

# What a SELECT gives; its columns' types are those of the statement, which no type checker reads.
Row = tuple[Any, ...]
Parameters = Sequence[object]


class ReadingVerbs(TendingReader, LeasingVerbs, HandingReader, HeartbeatVerbs, OverseeingVerbs, WalkingVerbs):
    """The verbs, over anything that runs a statement of the catalogue and gives all of its rows."""

    __slots__ = ()

    def load(self, machine: str, key: str, delivery_id: str | None = None) -> Loaded | None:
        if delivery_id is None:
            rows = self._rows(LOAD, (self.tenant, machine, key))
            return Loaded(Snapshot(*rows[0][:SNAPSHOT_WIDTH]), None, *rows[0][SNAPSHOT_WIDTH:]) if rows else None
        rows = self._rows(LOAD_WITH_DELIVERY, (delivery_id, self.tenant, machine, key))
        return loaded(rows[0]) if rows else None

    def find(self, query: Query) -> list[Snapshot]:
        statement = find_statement(query, self.dialect, self.tenant)
        return [] if statement is None else [Snapshot(*row) for row in self._rows(*statement)]

    def keys(self, machine: str, ranges: Sequence[KeyRange]) -> list[str]:
        return [row[0] for each in merge_ranges(ranges) for row in self._rows(*keys_in(each, machine, self.tenant))]

    def count(self, machine: str) -> list[StateCount]:
        return [StateCount(*row) for row in self._rows(self.dialect.count, (self.tenant, machine))]

    def instances(self, machine: str, after: int, limit: int) -> list[Snapshot]:
        return [Snapshot(*row) for row in self._rows(INSTANCES, (machine, after, limit))]

    def declaration(self, machine: str) -> Declaration | None:
        rows = self._rows(DECLARATION, (machine,))
        return Declaration(*rows[0]) if rows else None

    def journal(self, instance: int, first: int = 1, last: int | None = None) -> list[JournalRow]:
        if last is None:
            rows = self._rows(JOURNAL_FROM, (instance, first))
        else:
            rows = self._rows(JOURNAL_BETWEEN, (instance, first, last))
        return [JournalRow(*row) for row in rows]

    def journal_at(self, instance: int, at: int) -> JournalRow | None:
        return first_line(self._rows(JOURNAL_AT, (instance, at)))

    def journal_line(self, seq: int) -> JournalRow | None:
        return first_line(self._rows(JOURNAL_LINE, (seq,)))

    def messages(self, after: int, topic: str | None, limit: int) -> list[MessageRow]:
        if topic is None:
            rows = self._rows(MESSAGES, (self.tenant, after, limit))
        else:
            rows = self._rows(MESSAGES_OF_TOPIC, (self.tenant, topic, after, limit))
        return [MessageRow(*row) for row in rows]

    def cursor(self, name: str) -> int:
        rows = self._rows(CURSOR, (self.tenant, name))
        return int(rows[0][0]) if rows else 0


def loaded(row: Row) -> Loaded:
    declaration, settled, seq, refusal, *clock = row[SNAPSHOT_WIDTH:]
    delivery = None if settled is None else Delivery(seq, refusal)
    return Loaded(Snapshot(*row[:SNAPSHOT_WIDTH]), delivery, declaration, *clock)


def first_line(rows: list[Row]) -> JournalRow | None:
    return JournalRow(*rows[0]) if rows else None
