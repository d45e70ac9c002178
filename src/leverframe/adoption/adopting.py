"""Rows of a table as instances: what would become of each, and writing them in batches.

What is there already is recognized by its key and by the note of its first line, so that whoever interrupts it begins
it again.  Nobody is told of what is adopted: it was there before.
"""

# pyright: reportPrivateUsage=false
# A store's database stands behind the class: those who use one have no use for it.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from attrs import define, evolve, field, frozen

from leverframe.adoption.checking import AnyBinding, Recipe, check_mapping
from leverframe.adoption.mapping import AdoptionMapping
from leverframe.adoption.rows import Fit, Misfit, RowReader, Skipped
from leverframe.adoption.source import Source
from leverframe.errors import LeverframeError
from leverframe.persistence.backend import Backend, Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.codec import read_json
from leverframe.persistence.effects import Note
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.keys import decode_key
from leverframe.persistence.lookups import check_declaration
from leverframe.persistence.notes import check_note
from leverframe.persistence.rows import Creation, Query, Snapshot, UniqueTaken
from leverframe.persistence.store import SnapshotStore
from leverframe.typed.machine import Machine

__all__ = ["Adopted", "MisfitCount", "StatusCount", "adopt", "plan_adoption"]

MARK = "adopted from {table}"

SAME_KEY = "key: is that of another row of the table"
TAKEN = "key: is that of an instance that was not adopted from this table"
TOO_LONG = "key: is longer than {most:,} bytes"
CHANGED = "says something else than when it was adopted, and stays as it was"
VALUE_TAKEN = "{field}: is unique, and another one has the same value"

FIRST = 5
"""Rows that are named for each reason."""

Report = Callable[[Misfit], None]
Progress = Callable[[int, int], None]


@frozen
class StatusCount:
    """What became of the rows of one status: `path` is the state's, empty where they are left out."""

    status: str | None
    path: str
    rows: int
    fit: int
    there: int


@frozen
class MisfitCount:
    """How many rows do not fit for one reason, and the first of them."""

    reason: str
    rows: int
    first: tuple[dict[str, Any], ...]


@frozen
class Adopted:
    """What became of the rows of a table.

    Attributes: `machine`; `rows`, how many were read; `fit`, how many can be adopted, or were; `adopted`, how many were
    written by this call; `there`, how many had been adopted before, and `changed`, how many of these say something
    else now than they did then; `skipped`, those that the mapping leaves out; `unfit`, those that do not fit;
    `statuses` and `reasons`, of what these are made up.  A row may not fit for several reasons.
    """

    machine: str
    rows: int
    fit: int
    adopted: int
    there: int
    changed: int
    skipped: int
    unfit: int
    statuses: tuple[StatusCount, ...]
    reasons: tuple[MisfitCount, ...]


def plan_adoption(
    store: SnapshotStore | None,
    machine: type[Machine[Any, Any]],
    mapping: AdoptionMapping,
    source: Source,
    *,
    progress: Progress | None = None,
    report: Report | None = None,
) -> Adopted:
    """What `adopt` would do.  Nothing is written; `store` None means one that is not there yet.

    Raises `CannotAdopt` with all that does not fit the machine or the table.
    """
    binding: AnyBinding = Binding(machine) if store is None else store._bindings.of(machine)
    recipe = check_mapping(mapping, binding, source)
    return Adoption(recipe, binding, source, store, None, report or ignore).run(progress)


def adopt(
    store: SnapshotStore,
    machine: type[Machine[Any, Any]],
    mapping: AdoptionMapping,
    source: Source,
    *,
    by: str,
    why: str | None = None,
    progress: Progress | None = None,
    report: Report | None = None,
) -> Adopted:
    """Create an instance of each row that fits, in the state that its status means.

    It goes in batches, each a transaction, and can be interrupted at any time and called again.  The table is read
    alone.  An instance's first line of the journal tells `by` and `why`, and from which table it was adopted.  No
    entry hook runs, and no message is told.

    Raises `CannotAdopt` with all that does not fit the machine or the table, and then nothing is written;
    `InvalidQuery`, and as `Store.create` does.
    """
    mark = MARK.format(table=source.table)
    note = check_note(by, f"{mark}: {why}" if why else mark)
    binding = store._bindings.keeping_lookups(machine)
    recipe = check_mapping(mapping, binding, source)
    return Adoption(recipe, binding, source, store, note, report or ignore).run(progress)


def ignore(_: object) -> None:
    """Nobody wants to know."""


# ---------------------------------------------------------------- the work


@define
class Reason:
    rows: int = 0
    first: list[dict[str, Any]] = field(factory=list[dict[str, Any]])


@define
class Adoption:
    """One call: what it reads, where it writes, and what it has done so far.  Without a note it writes nothing."""

    recipe: Recipe
    binding: AnyBinding
    source: Source
    store: SnapshotStore | None
    note: Note | None
    report: Report
    seen: set[str] = field(factory=set[str])
    values: set[tuple[str, str]] = field(factory=set[tuple[str, str]])
    rows: Counter[str | None] = field(factory=Counter[str | None])
    fit: Counter[str | None] = field(factory=Counter[str | None])
    there: Counter[str | None] = field(factory=Counter[str | None])
    reasons: dict[str, Reason] = field(factory=dict[str, Reason])
    adopted: int = 0
    changed: int = 0
    skipped: int = 0
    unfit: int = 0

    def run(self, progress: Progress | None) -> Adopted:
        reader = RowReader(self.recipe, self.binding, self.source.key)
        for batch in self.source.rows(self.recipe.columns, self.recipe.mapping.where):
            self.settle([each for each in map(reader.read, batch) if self.counts(each)])
            if progress is not None:
                progress(self.recipe.rows, len(batch))
        return self.told()

    def counts(self, row: Fit | Misfit | Skipped) -> bool:
        """Whether it fits; what does not is noted."""
        self.rows[row.status] += 1
        if isinstance(row, Skipped):
            self.skipped += 1
        elif isinstance(row, Misfit):
            self.note_misfit(row)
        return isinstance(row, Fit)

    def note_misfit(self, row: Misfit) -> None:
        self.unfit += 1
        for told in row.reasons:
            reason = self.reasons.setdefault(told, Reason())
            reason.rows += 1
            if len(reason.first) < FIRST:
                reason.first.append(row.row)
        self.report(row)

    def refuse(self, row: Fit, reason: str) -> None:
        problem = f"{reason}: {decode_key(row.key)!r}" if reason.startswith("key") else reason
        self.note_misfit(Misfit(row.row, row.status, (problem,), (reason,)))

    def settle(self, rows: Sequence[Any]) -> None:
        """Adopt what fits, and is not there."""
        fresh = [row for row in rows if self.is_first(row)]
        present = self.present([row.key for row in fresh])
        new: list[tuple[Fit, Creation]] = []
        for row in fresh:
            if row.key in present:
                self.compare(row, present[row.key])
            elif (creation := self.creation(row)) is not None:
                new.append((row, creation))
        for row, _ in self.write(new) if self.note is not None else self.pretend(new):
            self.fit[row.status] += 1
            self.adopted += self.note is not None

    def is_first(self, row: Fit) -> bool:
        if row.key in self.seen:
            self.refuse(row, SAME_KEY)
            return False
        self.seen.add(row.key)
        return True

    @property
    def backend(self) -> Backend | None:
        return None if self.store is None else self.store._backend

    # ------------------------------------------------------------ what is there

    def present(self, keys: Sequence[str]) -> dict[str, Snapshot]:
        """The instances with these keys, those that there are."""
        if self.backend is None or not keys:
            return {}
        query = Query(self.binding.name, None, (), (), None, tuple(keys))
        return {row.key: row for row in self.backend.read().find(query)}

    def compare(self, row: Fit, present: Snapshot) -> None:
        """An instance has the row's key: one that was adopted before, or none of ours."""
        assert self.backend is not None
        lines = self.backend.read().journal(present.instance, 1, 1)
        # Where the first line is pruned nobody knows any more, and nothing may be doubled.
        if lines and not self.is_mark(lines[0].why or ""):
            self.refuse(row, TAKEN)
            return
        self.there[row.status] += 1
        self.fit[row.status] += 1
        if lines and self.was_otherwise(lines[0].body, row):
            self.changed += 1
            self.report(Misfit(row.row, row.status, (CHANGED,), ()))

    def is_mark(self, why: str) -> bool:
        mark = MARK.format(table=self.source.table)
        return why == mark or why.startswith(f"{mark}: ")

    def was_otherwise(self, body: str, row: Fit) -> bool:
        return bool(read_json(body) != read_json(self.binding.codec.encode_state(row.state)))

    # ------------------------------------------------------------ what is written

    def creation(self, row: Fit) -> Creation | None:
        """The new instance of a row; None, and it is noted, where there can be none."""
        most = None if self.backend is None else self.backend.longest_indexed
        if most is not None and len(row.key.encode()) > most:
            self.refuse(row, TOO_LONG.format(most=most))
            return None
        now = 0 if self.store is None else to_microseconds(self.store._now())
        try:
            made = self.binding.creation(row.key, row.state, (), now if row.at is None else row.at, now)
        except LeverframeError as error:
            self.refuse(row, f"{row.way.tag}: {error}")
        except Exception as error:  # a policy's own function
            self.refuse(row, f"{row.way.tag}: a policy of the machine raised {type(error).__name__}: {error}")
        else:
            return made if self.note is None else evolve(made, effects=(*made.effects, self.note))
        return None

    def write(self, new: Sequence[tuple[Fit, Creation]]) -> Iterator[tuple[Fit, Creation]]:
        """Write these in one transaction; those that were."""
        assert self.backend is not None
        taken = self.backend.commit(partial(create_all, self.binding, [made for _, made in new])) if new else []
        for (row, made), value in zip(new, taken, strict=True):
            if value is None:
                yield row, made
            elif value:
                self.refuse(row, VALUE_TAKEN.format(field=value))
            else:
                # Somebody else was faster, who may adopt the same table.
                self.compare(row, self.present([row.key])[row.key])

    def pretend(self, new: Sequence[tuple[Fit, Creation]]) -> Iterator[tuple[Fit, Creation]]:
        """Those that would be written."""
        for row, made in new:
            unique = [(value.field, value.value) for value in made.lookups if value.unique]
            wrong = next((value for value in unique if value in self.values or self.is_taken(value)), None)
            if wrong is None:
                self.values.update(unique)
                yield row, made
            else:
                self.refuse(row, VALUE_TAKEN.format(field=wrong[0]))

    def is_taken(self, value: tuple[str, str]) -> bool:
        if self.backend is None:
            return False
        return bool(self.backend.read().find(Query(self.binding.name, None, (), (value,), 1)))

    # ------------------------------------------------------------ what is told

    def told(self) -> Adopted:
        reasons = sorted(self.reasons.items(), key=lambda item: (-item[1].rows, item[0]))
        statuses = sorted(self.rows, key=lambda status: (-self.rows[status], str(status)))
        return Adopted(
            self.binding.name,
            self.rows.total(),
            self.fit.total(),
            self.adopted,
            self.there.total(),
            self.changed,
            self.skipped,
            self.unfit,
            tuple(self.status_count(status) for status in statuses),
            tuple(MisfitCount(told, reason.rows, tuple(reason.first)) for told, reason in reasons),
        )

    def status_count(self, status: str | None) -> StatusCount:
        way = self.recipe.ways.get(status)
        path = "" if way is None else way.path
        return StatusCount(status, path, self.rows[status], self.fit[status], self.there[status])


def create_all(binding: AnyBinding, creations: Sequence[Creation], writer: Writer) -> list[str | None]:
    """Write new instances; of each None, or the unique look-up whose value is another's, empty for the key."""
    check_declaration(writer, binding)
    writer.hold(binding.name, [creation.key for creation in creations])
    return [create_one(creation, writer) for creation in creations]


def create_one(creation: Creation, writer: Writer) -> str | None:
    try:
        writer.create(creation)
    except UniqueTaken as taken:
        return taken.field or ""
    return None
