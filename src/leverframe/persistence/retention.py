"""What is old enough to go?  Rows are looked for batch by batch, exported, and deleted by their keys.

A batch is read outside of any transaction, and written to the export before the transaction that deletes it begins:
nobody waits for the search or for the file.  What is deleted are the very rows that were read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import frozen

from leverframe.errors import InvalidQuery
from leverframe.persistence.backend import Backend, Reader, Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.counting import counts_of_all_tenants
from leverframe.persistence.exporting import Export
from leverframe.persistence.reports import Pruned
from leverframe.persistence.tables import BELONGINGS, CONSUMPTION, DELIVERY, JOURNAL, MESSAGE, NOTE, SNAPSHOT, Table
from leverframe.persistence.upkeep import Row

__all__ = ["AT_ONCE", "Limits", "Place", "Pruning", "final_places"]

AT_ONCE = 1000
"""Rows of a batch."""

INSTANCES_AT_ONCE = 100
"""Each of them has some ten rows."""

BEFORE_ALL = (-(2**63) + 1, 0)

BEHIND_ALL = 2**63
"""A position: where a tenant has no cursor and no consumer, all its messages count as passed."""

Rows = Mapping[Table, Sequence[Row]]

_instance, _version, _recorded_at = (JOURNAL.reads(name) for name in ("instance", "version", "recorded_at"))
_position, _told_at, _told_by, _told_in = (
    MESSAGE.reads(name) for name in ("position", "recorded_at", "instance", "tenant")
)
_topic = MESSAGE.reads("topic")
_handed_out = CONSUMPTION.reads("position")
_settled_at = DELIVERY.reads("recorded_at")
_number, _state, _current = (SNAPSHOT.reads(name) for name in ("instance", "state", "version"))


@frozen
class Limits:
    """The times before which a thing is old, in microseconds; None: none of it is.  `now` is the store's time."""

    now: int
    journal: int | None = None
    messages: int | None = None
    deliveries: int | None = None
    finished: int | None = None


@frozen
class Place:
    """A state of a tenant's machine, by its path."""

    tenant: str
    machine: str
    path: str


@frozen
class Pruning:
    """One call: where, for all tenants, what, and whether it is only to be counted."""

    backend: Backend
    limits: Limits
    finals: Sequence[Place] = ()
    export: Export | None = None
    dry: bool = False

    def run(self) -> Pruned:
        limits = self.limits
        return Pruned(
            0 if limits.journal is None else sum(self._journal(limits.journal)),
            0 if limits.messages is None else sum(self._messages(limits.messages)),
            0 if limits.deliveries is None else sum(self._deliveries(limits.deliveries)),
            0 if limits.finished is None else sum(self._finished(limits.finished)),
        )

    # ------------------------------------------------------------ rows

    def _journal(self, before: int) -> Iterator[int]:
        """Lines in their order, up to the first that is young: so no instance's journal has a gap."""
        for rows in self._walk(JOURNAL):
            old, goes_on = self._old(rows, _recorded_at, before)
            versions = self.backend.read().versions(sorted({_instance(row) for row in old}))
            # The last line stays: it says since when the instance is as it is.
            past = [row for row in old if _version(row) < versions.get(_instance(row), 0)]
            yield self._remove_lines(past)
            if not goes_on:
                return

    def _remove_lines(self, lines: list[Row]) -> int:
        """Delete lines, and what was noted of them; how many lines that were."""
        if self.dry or not lines:
            return len(lines)
        notes = self.backend.read().rows_with(NOTE, [(_instance(line), _version(line)) for line in lines])
        self._export({JOURNAL: lines, NOTE: notes})

        def work(writer: Writer) -> int:
            writer.remove_rows(NOTE, [note[: NOTE.keys] for note in notes])
            return writer.remove_rows(JOURNAL, [line[: JOURNAL.keys] for line in lines])

        return self.backend.commit(work)

    def _messages(self, before: int) -> Iterator[int]:
        for rows in self._walk(MESSAGE):
            old, goes_on = self._old(rows, _told_at, before)
            passed = passed_by_all(self.backend.read(), old)
            yield self._remove(MESSAGE, passed, passed_by_all)
            if not goes_on:
                return

    def _deliveries(self, before: int) -> Iterator[int]:
        after: tuple[Any, ...] = ()
        while rows := self.backend.read().deliveries_before(before, after, AT_ONCE):
            after = (_settled_at(rows[-1]), *rows[-1][: DELIVERY.keys])
            yield self._remove(DELIVERY, rows)

    def _walk(self, table: Table) -> Iterator[list[Row]]:
        after: Row = ()
        while rows := self.backend.read().rows_after(table, after, AT_ONCE):
            after = rows[-1][: table.keys]
            yield rows

    def _old(self, rows: list[Row], time: Callable[[Row], int], before: int) -> tuple[list[Row], bool]:
        """The old ones before the first that is young, and whether there is none.

        One from the future was written by a wrong clock: it is not old, and must not keep all that is behind it.
        """
        young = (index for index, row in enumerate(rows) if before <= time(row) <= self.limits.now)
        end = next(young, None)
        return [row for row in rows[:end] if time(row) < before], end is None

    def _remove(
        self, table: Table, rows: list[Row], still: Callable[[Reader, list[Row]], list[Row]] = lambda _, rows: rows
    ) -> int:
        """Delete those of these rows that may go `still`."""
        if self.dry or not rows:
            return len(rows)
        self._export({table: rows})

        def work(writer: Writer) -> int:
            return writer.remove_rows(table, [row[: table.keys] for row in still(writer, rows)])

        return self.backend.commit(work)

    def _export(self, rows: Rows) -> None:
        if self.export is not None:
            for table, some in rows.items():
                self.export.add(table, some)

    # ------------------------------------------------------------ instances

    def _finished(self, before: int) -> Iterator[int]:
        for place in self.finals:
            yield from self._finished_in(place, before)

    def _finished_in(self, place: Place, before: int) -> Iterator[int]:
        after, backend = BEFORE_ALL, self.backend.scoped(place.tenant)
        while found := backend.read().finished(place.machine, place.path, after, INSTANCES_AT_ONCE):
            after = found[-1].changed_at, found[-1].instance
            old = [each.instance for each in found if each.recorded_at is not None and each.recorded_at < before]
            yield self._remove_instances(backend, old, partial(removable, place.path, before))

    def _remove_instances(
        self, backend: Backend, instances: Sequence[int], reads: Callable[[Reader, Sequence[int]], Rows]
    ) -> int:
        while seen := reads(backend.read(), instances):
            kept = [_number(row) for row in seen[SNAPSHOT]]
            if self.dry:
                return len(kept)
            self._export(seen)
            removed = backend.commit(partial(remove_unchanged, kept, seen, reads))
            if removed is not None:
                return removed
        return 0


def passed_by_all(reader: Reader, messages: list[Row]) -> list[Row]:
    """Those that no cursor or consumer of their tenant has yet to pass, and that no consumer has still."""
    cursors, consumers = reader.slowest_cursors(), slowest_consumers(reader)
    # Asked for behind the consumers' positions: what one has passed is among these, or acknowledged.
    still = {_handed_out(row) for row in reader.rows_of(CONSUMPTION, sorted({_told_by(row) for row in messages}))}

    def is_passed(row: Row) -> bool:
        tenant = _told_in(row)
        slowest = (cursors.get(tenant), consumers.get((tenant, None)), consumers.get((tenant, _topic(row))))
        return all(place is None or _position(row) <= place for place in slowest) and _position(row) not in still

    return [row for row in messages if is_passed(row)]


def slowest_consumers(reader: Reader) -> Mapping[tuple[str, str | None], int]:
    """By tenant and topic (None: all of them), up to where all of its consumers were handed messages."""
    slowest: dict[tuple[str, str | None], int] = {}
    for each in reader.consumers():
        whose = each.tenant, each.topic
        slowest[whose] = min(each.position, slowest.get(whose, each.position))
    return slowest


def removable(path: str, before: int, reader: Reader, instances: Sequence[int]) -> Rows:
    """All rows of those instances that are in this state still, and have been for long; empty if none is."""
    rows = {table: reader.rows_of(table, instances) for table in (SNAPSHOT, *BELONGINGS)}
    recorded = {(_instance(row), _version(row)): _recorded_at(row) for row in rows[JOURNAL]}
    awaited = unread(reader, rows[MESSAGE])
    kept = {
        _number(row)
        for row in rows[SNAPSHOT]
        if _state(row) == path
        and recorded.get((_number(row), _current(row)), before) < before
        and _number(row) not in awaited
    }
    return {table: of_instances(table, some, kept) for table, some in rows.items()} if kept else {}


def unread(reader: Reader, messages: list[Row]) -> set[int]:
    """The instances that have told what some cursor or consumer still needs."""
    passed = {_position(row) for row in passed_by_all(reader, messages)}
    return {_told_by(row) for row in messages if _position(row) not in passed}


def of_instances(table: Table, rows: Sequence[Row], instances: set[int]) -> list[Row]:
    number = table.reads("instance")
    return [row for row in rows if number(row) in instances]


def remove_unchanged(
    instances: Sequence[int], seen: Rows, reads: Callable[[Reader, Sequence[int]], Rows], writer: Writer
) -> int | None:
    """Delete these instances, unless anything of them is no longer as it was seen."""
    writer.hold_instances(instances)
    return writer.remove_instances(instances) if reads(writer, instances) == seen else None


def final_places(binding: Binding[Any, Any], reader: Reader) -> list[Place]:
    """Where instances are in states that take no event, in every spelling.  Raises `InvalidQuery` if none is final."""
    counts = counts_of_all_tenants(reader, binding.name)
    binding.learn_spellings([count for _, count in counts])
    taken = binding.machine._table.rows
    finals = {path for path, leaf in binding.classes.items() if not taken.get(leaf)}
    if not finals:
        raise InvalidQuery(binding.name, "has no final state: every one takes some event; name other machines")
    return [Place(tenant, binding.name, count.state) for tenant, count in counts if count.state in finals]
