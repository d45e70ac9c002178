"""Rows of older code, written as today's code does: what would be written, and writing it in batches.

What is written already is recognized, so that whoever interrupts it begins it again.  A body that stays in its state is
written in place at the same version: whoever moves the instance meanwhile decides on the same state, and leases and
what is remembered of an instance go by the version.  Where the state's path is another one today the instance is moved
there, as a repair is, for who has decided on the old path has to decide anew: else it would be counted wrongly.
"""

# pyright: reportPrivateUsage=false
# A store's database stands behind the class: those who use one have no use for it.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from attrs import define, evolve, field, frozen

from leverframe.checks.forms import (
    AT_ONCE,
    AnyBinding,
    Fault,
    Faults,
    Form,
    Progress,
    learn_spellings,
    number_of_rows,
    read_tag,
    reason_of,
    stored_lines,
    stored_rows,
    view,
)
from leverframe.checks.rows import FormCount, event_tag, ignore, read_row, state_tag
from leverframe.errors import DecodeError
from leverframe.persistence.arguments import check_integer
from leverframe.persistence.backend import Backend, Writer
from leverframe.persistence.effects import Note
from leverframe.persistence.lookups import check_declaration
from leverframe.persistence.notes import check_note
from leverframe.persistence.rewriting import NewBody, NewLine, StoredLine, StoredRow
from leverframe.persistence.rows import Move
from leverframe.persistence.store import SnapshotStore
from leverframe.persistence.tables import NOTE
from leverframe.typed.machine import Machine

__all__ = ["Migrated", "Plan", "migrate", "plan_migration"]

ROUNDS = 10
"""How often what others hold, or have moved, is read again at the end."""

WAITS_FROM = 3
"""From this round on what others hold is waited for."""

WHY = "written as {form} is today"


@frozen
class Plan:
    """What `migrate` would write: instances by what they are stored as, and what cannot be read.

    Attributes: `machine`; `forms`, also of those that stay as they are; `lines`, how many lines of the journal would be
    written, of `lines_read`; `faults`, which stay as they are.

    >>> Plan("Ticket", (), 0, 0, ()).outdated
    0
    """

    machine: str
    forms: tuple[FormCount, ...]
    lines: int
    lines_read: int
    faults: tuple[Fault, ...]

    @property
    def outdated(self) -> int:
        """How many instances would be written."""
        return sum(count.rows for count in self.forms if not count.form.is_current)


@frozen
class Migrated:
    """What `migrate` has written.

    Attributes: `machine`; `rows`, instances whose body was written in place; `moves`, those that were moved to another
    path; `lines` of the journal; `faults`, what cannot be read and is as it was; `overtaken`, instances that others
    moved each time, so that another call is needed.

    >>> Migrated("Ticket", 3, 1, 0, (), 0).rows
    3
    """

    machine: str
    rows: int
    moves: int
    lines: int
    faults: tuple[Fault, ...]
    overtaken: int


def plan_migration(
    store: SnapshotStore,
    machine: type[Machine[Any, Any]],
    *,
    tenant: str | None = None,
    journal: bool = False,
    keys: int = 10,
    progress: Progress | None = None,
) -> Plan:
    """What `migrate` would write now.  Nothing is written, and nothing is locked.

    Raises as `examine` does.

    >>> from leverframe import open_store
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Pipeline, "story-7", Backlog())
    ...     plan_migration(store, Pipeline).outdated
    0
    """
    binding = store._bindings.of(machine)
    migration = Migration.of(store, binding, tenant, keys, journal, progress)
    forms: Counter[Form] = Counter()
    for batch in stored_rows(migration.backend.read(), binding.name, tenant):
        forms.update(outdated.form for outdated in migration.read(batch))
        migration.report(len(batch))
    told = tuple(FormCount(form, rows) for form, rows in sorted(forms.items(), key=by_name))
    lines = sum(len(new) for new in migration.new_lines()) if journal else 0
    return Plan(binding.name, told, lines, migration.lines_read, migration.faults.told())


def migrate(
    store: SnapshotStore,
    machine: type[Machine[Any, Any]],
    *,
    by: str,
    tenant: str | None = None,
    journal: bool = False,
    keys: int = 10,
    progress: Progress | None = None,
) -> Migrated:
    """Write the instances of older code as today's code does; and with `journal` the lines of the journal too.

    It goes in batches, each a transaction, and can be interrupted at any time and called again.  Others may use the
    database meanwhile, but for programs of the older code: what was written they no longer read.  What cannot be read
    stays as it is.  `by` is who does it, which the journal tells of instances whose state has another path today.

    Raises as `examine` does, and `LookupsChanged` where another program has declared other upcasters meanwhile.

    >>> from leverframe import open_store
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Pipeline, "story-7", Backlog())
    ...     migrate(store, Pipeline, by="anna").rows
    0
    """
    check_note(by, WHY)
    binding = store._bindings.keeping_lookups(machine)
    migration = Migration.of(store, binding, tenant, keys, journal, progress)
    migration.by = by
    left: list[int] = []
    for batch in stored_rows(migration.backend.read(), binding.name, tenant):
        outdated = [each for each in migration.read(batch) if not each.form.is_current]
        left += migration.write(outdated, wait=False)
        migration.report(len(batch))
    overtaken = migration.write_again(left)
    if journal:
        migration.write_lines()
    faults = migration.faults.told()
    return Migrated(binding.name, migration.rows, migration.moves, migration.lines, faults, overtaken)


def by_name(item: tuple[Form, int]) -> tuple[str, str, int]:
    form, _ = item
    return form.path, form.tag.name, form.tag.version


# ---------------------------------------------------------------- the work


@frozen
class Outdated:
    """An instance, as what it is stored, and its typed state."""

    stored: StoredRow
    form: Form
    state: Any


@define
class Migration:
    """One call: where it reads and writes, and what it has done so far."""

    store: SnapshotStore
    backend: Backend
    binding: AnyBinding
    tenant: str | None
    faults: Faults
    report: Callable[[int], None]
    by: str = ""
    rows: int = 0
    moves: int = 0
    lines: int = 0
    lines_read: int = 0
    faulty: set[int] = field(factory=set[int])

    @classmethod
    def of(
        cls,
        store: SnapshotStore,
        binding: AnyBinding,
        tenant: str | None,
        keys: int,
        journal: bool,
        progress: Progress | None,
    ) -> Migration:
        check_integer("keys", keys, at_least=1)
        backend = view(store._backend, tenant)
        reader = backend.read()
        # What is called otherwise than today is renamed here; what cannot be read is told row by row.
        learn_spellings(reader, binding)
        total = number_of_rows(reader, binding.name, tenant, journal=journal)
        return cls(store, backend, binding, tenant, Faults(keys), partial(progress or ignore, total))

    # ------------------------------------------------------------ instances

    def read(self, batch: Sequence[StoredRow]) -> Iterator[Outdated]:
        """Each instance that can be read; the others are noted."""
        for stored in batch:
            try:
                form, state = read_row(self.binding, stored)
            except DecodeError as error:
                if stored.row.instance not in self.faulty:
                    self.faulty.add(stored.row.instance)
                    self.faults.add("snapshot", stored.row.state, reason_of(error), stored.tenant, stored.row.key)
            else:
                yield Outdated(stored, form, state)

    def write(self, outdated: Sequence[Outdated], *, wait: bool) -> list[int]:
        """Write these; the numbers of those that others hold, or have moved."""
        stay = [each for each in outdated if each.form.path == each.form.path_today]
        go = sorted((each for each in outdated if each.form.path != each.form.path_today), key=whose)
        left = self._write_bodies(stay, wait) if stay else []
        for tenant, moves in groupby(go, whose):
            left += self._write_moves(tenant, list(moves), wait)
        return left

    def write_again(self, left: Sequence[int]) -> int:
        """Write what others held or had moved, as it is now; how many are left even so."""
        for attempt in range(ROUNDS):
            if not left:
                break
            again: list[int] = []
            for part in parts(left):
                outdated = [each for each in self.read(self._now(part)) if not each.form.is_current]
                again += self.write(outdated, wait=attempt >= WAITS_FROM)
            left = again
        return len(left)

    def _now(self, instances: Sequence[int]) -> list[StoredRow]:
        return self.backend.read().stored_now(instances)

    def _write_bodies(self, outdated: Sequence[Outdated], wait: bool) -> list[int]:
        def work(writer: Writer) -> set[int]:
            check_declaration(writer, self.binding)
            free = writer.hold_free([number(each) for each in outdated], wait=wait)
            versions = writer.versions(sorted(free))
            new = [each for each in outdated if versions.get(number(each)) == each.stored.row.version]
            writer.rewrite_bodies([self._new_body(each) for each in new])
            return {number(each) for each in new}

        done = self.backend.commit(work)
        self.rows += len(done)
        return [number(each) for each in outdated if number(each) not in done]

    def _new_body(self, outdated: Outdated) -> NewBody:
        row = outdated.stored.row
        return NewBody(row.instance, row.version, self.binding.codec.encode_state(outdated.state))

    def _write_moves(self, tenant: str, outdated: Sequence[Outdated], wait: bool) -> list[int]:
        now = self.store._backend.now()

        def work(writer: Writer) -> set[int]:
            check_declaration(writer, self.binding)
            free = writer.hold_free([number(each) for each in outdated], wait=wait)
            moves = [(each, self._move(each, now)) for each in outdated if number(each) in free]
            seqs = writer.move_all([move for _, move in moves])
            moved = [each for (each, _), seq in zip(moves, seqs, strict=True) if seq is not None]
            writer.add_rows(NOTE, [self._note(each) for each in moved])
            writer.carry_ready([number(each) for each in moved])
            return {number(each) for each in moved}

        # A journal's line is of the tenant whose writer writes it.
        done = self.store._backend.scoped(tenant).commit(work)
        self.moves += len(done)
        return [number(each) for each in outdated if number(each) not in done]

    def _move(self, outdated: Outdated, now: int) -> Move:
        row, form = outdated.stored.row, outdated.form
        # At the time of its last change, for nothing has happened to it since.
        return Move(
            self.binding.name,
            row.instance,
            row.version,
            row.state,
            form.path_today,
            form.tag_today.name,
            self.binding.codec.encode_state(outdated.state),
            None,
            row.changed_at,
            now,
            declaration=self.binding.declaration,
            key=row.key,
        )

    def _note(self, outdated: Outdated) -> tuple[object, ...]:
        row = outdated.stored.row
        note = Note(self.by, WHY.format(form=outdated.form.tag))
        return (row.instance, row.version + 1, outdated.stored.tenant, note.by, note.why)

    # ------------------------------------------------------------ the journal

    def write_lines(self) -> None:
        """Write the lines of older code as today's code does."""
        for lines in self.new_lines():
            if lines:
                self.lines += self.backend.commit(partial(rewrite_lines, lines))

    def new_lines(self) -> Iterator[list[NewLine]]:
        """What lines of older code are to say, batch by batch."""
        for batch in stored_lines(self.backend.read(), self.binding.name, self.tenant, self.report):
            self.lines_read += len(batch)
            yield [new for new in map(self._new_line, batch) if new is not None]

    def _new_line(self, line: StoredLine) -> NewLine | None:
        """What a line is to say; None where it says it, or cannot be read."""
        row = line.row
        try:
            new = self._as_today(line)
        except DecodeError as error:
            self.faults.add("journal", row.to_state, reason_of(error), line.tenant, line.key)
            return None
        stored = NewLine(row.seq, row.event, row.from_state, row.to_state, row.body)
        return None if new == stored else new

    def _as_today(self, line: StoredLine) -> NewLine:
        row, codec = line.row, self.binding.codec
        state: object = codec.decode_state(row.body)
        body = row.body if read_tag(row.body) == state_tag(self.binding, type(state)) else codec.encode_state(state)
        new = NewLine(row.seq, row.event, self._path(row.from_state), self.binding.paths[type(state)], body)
        if row.event is None:
            return new
        event: object = codec.decode_event(row.event)
        is_current = read_tag(row.event) == event_tag(self.binding, type(event))
        return new if is_current else evolve(new, event=codec.encode_event(event))

    def _path(self, path: str | None) -> str | None:
        """How a path is called today, where that is known."""
        leaf = None if path is None else self.binding.classes.get(path)
        return path if leaf is None else self.binding.paths[leaf]


def rewrite_lines(lines: Sequence[NewLine], writer: Writer) -> int:
    return writer.rewrite_lines(lines)


def number(outdated: Outdated) -> int:
    return outdated.stored.row.instance


def whose(outdated: Outdated) -> str:
    return outdated.stored.tenant


def parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(numbers), AT_ONCE):
        yield numbers[first : first + AT_ONCE]
