"""Would what is stored still load?  Every row of a machine, read by today's code.

Rows are read in batches, and nothing is locked or written: the database can be used meanwhile.
"""

# pyright: reportPrivateUsage=false
# A store's database stands behind the class: those who use one have no use for it.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen

from leverframe.checks.forms import (
    AnyBinding,
    Fault,
    Faults,
    Form,
    Progress,
    Tag,
    learn_spellings,
    number_of_rows,
    read_tag,
    reason_of,
    stored_lines,
    stored_rows,
    view,
)
from leverframe.errors import DecodeError, Key, UnknownState, UnreadableRow
from leverframe.persistence.arguments import check_integer
from leverframe.persistence.backend import Reader
from leverframe.persistence.rewriting import StoredLine, StoredRow
from leverframe.persistence.rows import LookupValue
from leverframe.persistence.store import SnapshotStore
from leverframe.persistence.tables import LOOKUP
from leverframe.typed.machine import Machine
from leverframe.wording import did_you_mean

__all__ = [
    "Code",
    "FormCount",
    "RowFinding",
    "StoredRows",
    "event_tag",
    "examine",
    "ignore",
    "read_row",
    "state_tag",
]

Code: TypeAlias = Literal[
    "unreadable-row", "unreadable-line", "unknown-state", "reused-state", "wrong-look-up", "taken-look-up"
]

OTHER_STATE = "is another state's by column state"

_instance, _field, _value, _unique = (LOOKUP.reads(name) for name in ("instance", "field", "value", "is_unique"))


@frozen
class FormCount:
    """How many rows are stored as one class and version, in one state."""

    form: Form
    rows: int


@frozen
class RowFinding:
    """Rows that today's code would not load, or not find: how many, and the keys of the first, each with its tenant.

    Codes: `unreadable-row`, an instance does not decode; `unreadable-line`, a line of the journal does not;
    `unknown-state`, an instance is in a state whose path today's code does not know, and no look-up by state finds it;
    `reused-state`, a path of today's code is that of another class's instances; `wrong-look-up`, what is kept of a
    look-up is not what the state says; `taken-look-up`, two instances have the same value of a look-up that is unique
    now, so that a program that declares it cannot begin.
    """

    code: Code
    state: str
    problem: str
    remedy: str
    rows: int
    keys: tuple[tuple[str, Key], ...]


@frozen
class StoredRows:
    """What `examine` has read of a machine: how many instances, and lines of the journal; as what these are stored."""

    machine: str
    rows: int
    lines: int
    forms: tuple[FormCount, ...]
    findings: tuple[RowFinding, ...]


def examine(
    store: SnapshotStore,
    machine: type[Machine[Any, Any]],
    *,
    tenant: str | None = None,
    journal: bool = False,
    keys: int = 10,
    progress: Progress | None = None,
) -> StoredRows:
    """Read every instance of a machine by today's code, and with `journal` every line of its journal.

    `tenant` None means those of all tenants.  At most `keys` are named for each finding.  Raises `InvalidQuery`, and
    `AccessDenied` where the server lets nobody see all tenants.

    >>> from leverframe import open_store
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Pipeline, "story-7", Backlog())
    ...     seen = examine(store, Pipeline)
    >>> seen.rows, str(seen.forms[0].form.tag), seen.findings
    (1, 'Backlog', ())
    """
    check_integer("keys", keys, at_least=1)
    binding = store._bindings.of(machine)
    reader = view(store._backend, tenant).read()
    report = progress or ignore
    total = number_of_rows(reader, binding.name, tenant, journal=journal)
    survey = Survey(binding, reader, Faults(keys), partial(report, total), keys)
    survey.spellings = list(learn_spellings(reader, binding))
    for batch in stored_rows(reader, binding.name, tenant):
        survey.read(batch)
    if journal:
        for lines in stored_lines(reader, binding.name, tenant, survey.report):
            survey.read_lines(lines)
    return survey.told()


def ignore(_total: int, _more: int) -> None:
    """Nobody wants to know."""


# ---------------------------------------------------------------- one row


def read_row(binding: AnyBinding, stored: StoredRow) -> tuple[Form, Any]:
    """As what an instance is stored, and its typed state.  Raises `DecodeError`, whose path is the field."""
    row = stored.row
    state: object = binding.codec.states.decode(row.body)
    leaf = type(state)
    if binding.classes.get(row.state, leaf) is not leaf:
        raise DecodeError(leaf.__name__, (("", f"the body is a {leaf.__name__}, which {OTHER_STATE}"),))
    return form_of(binding, row.state, row.body, leaf), state


def form_of(binding: AnyBinding, path: str, body: str, leaf: type[Any]) -> Form:
    return Form(path, read_tag(body), binding.paths[leaf], state_tag(binding, leaf))


def state_tag(binding: AnyBinding, leaf: type[Any]) -> Tag:
    """As what states of a class are written today."""
    return Tag(leaf.__name__, binding.codec.state_version(leaf))


def event_tag(binding: AnyBinding, event: type[Any]) -> Tag:
    """As what events of a class are written today."""
    return Tag(event.__name__, binding.codec.event_version(event))


# ---------------------------------------------------------------- all rows


@define
class Survey:
    """What was found so far."""

    binding: AnyBinding
    reader: Reader
    faults: Faults
    report: Callable[[int], None]
    limit: int
    rows: int = 0
    lines: int = 0
    forms: Counter[Form] = field(factory=Counter[Form])
    spellings: list[UnknownState] = field(factory=list[UnknownState])
    lookups: LookupSurvey | None = None

    def __attrs_post_init__(self) -> None:
        if self.binding.lookup_fields or self.binding.lookup_parts:
            self.lookups = LookupSurvey.of(self.binding, self.reader, self.limit)

    def read(self, batch: Sequence[StoredRow]) -> None:
        """Decode a batch of instances."""
        states: list[tuple[StoredRow, Any]] = []
        for stored in batch:
            try:
                form, state = read_row(self.binding, stored)
            except DecodeError as error:
                self.faults.add("snapshot", stored.row.state, reason_of(error), stored.tenant, stored.row.key)
            else:
                self.forms[form] += 1
                states.append((stored, state))
                if stored.row.state not in self.binding.classes:
                    self.faults.add("unknown", stored.row.state, "", stored.tenant, stored.row.key)
        if self.lookups is not None:
            self.lookups.read(states)
        self.rows += len(batch)
        self.report(len(batch))

    def read_lines(self, lines: Sequence[StoredLine]) -> None:
        """Decode lines of the journal."""
        for line in lines:
            for read in (self.binding.journal_state, self.binding.journal_event):
                try:
                    read(line.key, line.row)
                except UnreadableRow as error:
                    column = error.column.partition(" ")[0]
                    reason = f"{column}: {reason_of(DecodeError('', error.problems))}"
                    self.faults.add("journal", line.row.to_state, reason, line.tenant, line.key)
        self.lines += len(lines)

    def told(self) -> StoredRows:
        forms = sorted(self.forms.items(), key=lambda item: (item[0].path, item[0].tag.name, item[0].tag.version))
        return StoredRows(
            self.binding.name,
            self.rows,
            self.lines,
            tuple(FormCount(form, rows) for form, rows in forms),
            (*self._faults(), *(self.lookups.told() if self.lookups is not None else ())),
        )

    def _faults(self) -> Iterator[RowFinding]:
        for error in self.spellings:
            yield RowFinding("reused-state", error.state, str(error), "give the state another name", 0, ())
        for fault in self.faults.told():
            yield self._unknown(fault) if fault.table == "unknown" else self._unreadable(fault)

    def _unknown(self, fault: Fault) -> RowFinding:
        name = self.binding.name
        problem = f"no state of {name} is called so{did_you_mean(fault.path, self.binding.paths.values())}"
        remedy = "look-ups by state do not find these, and count() is refused; `leverframe migrate` renames them"
        return RowFinding("unknown-state", fault.path, problem, remedy, fault.rows, fault.keys)

    def _unreadable(self, fault: Fault) -> RowFinding:
        code: Code = "unreadable-row" if fault.table == "snapshot" else "unreadable-line"
        remedy = UnreadableRow(self.binding.name, "", "", (("", fault.reason),)).remedy
        return RowFinding(code, fault.path, fault.reason, remedy, fault.rows, fault.keys)


# ---------------------------------------------------------------- look-ups


@define
class LookupSurvey:
    """Look-ups as they are kept, where those are what the machine declares; as they will be, where they are not."""

    binding: AnyBinding
    reader: Reader
    limit: int
    are_kept: bool
    faults: Faults
    taken: dict[tuple[str, str], set[int]] = field(factory=dict[tuple[str, str], set[int]])

    @classmethod
    def of(cls, binding: AnyBinding, reader: Reader, limit: int) -> LookupSurvey:
        kept = reader.declaration(binding.name)
        return cls(binding, reader, limit, kept is not None and kept.text == binding.declared, Faults(limit))

    def read(self, states: Sequence[tuple[StoredRow, Any]]) -> None:
        if self.are_kept:
            self._compare(states)
        else:
            for stored, state in states:
                self._take(stored, self.binding.lookup_values(state, stored.row.key))

    def _compare(self, states: Sequence[tuple[StoredRow, Any]]) -> None:
        kept: dict[int, set[LookupTuple]] = {}
        for row in self.reader.rows_of(LOOKUP, [stored.row.instance for stored, _ in states]):
            kept.setdefault(_instance(row), set()).add((_field(row), _value(row), bool(_unique(row))))
        suspects: list[tuple[StoredRow, str]] = []
        for stored, state in states:
            wanted = {as_tuple(value) for value in self.binding.lookup_values(state, stored.row.key)}
            there = kept.get(stored.row.instance, set())
            if wanted != there:
                suspects.append((stored, min(wanted ^ there)[0]))
        # What was moved between the two readings is right in both.
        versions = self.reader.versions([stored.row.instance for stored, _ in suspects])
        for stored, name in suspects:
            if versions.get(stored.row.instance) == stored.row.version:
                self.faults.add("wrong", stored.row.state, name, stored.tenant, stored.row.key)

    def _take(self, stored: StoredRow, values: Sequence[LookupValue]) -> None:
        for value in values:
            # A number in place of the text: there may be a million.
            taken = self.taken.setdefault((stored.tenant, value.field), set())
            number = hash(value.value)
            if value.unique and number in taken:
                self.faults.add("taken", stored.row.state, value.field, stored.tenant, stored.row.key)
            elif value.unique:
                taken.add(number)

    def told(self) -> Iterator[RowFinding]:
        for fault in self.faults.told():
            if fault.table == "wrong":
                problem = f"look-up {fault.reason} is kept otherwise than the state says"
                remedy = "another program wrote to the tables; set the state by hand, or use a backup"
                yield RowFinding("wrong-look-up", fault.path, problem, remedy, fault.rows, fault.keys)
            else:
                problem = f"look-up {fault.reason} is unique, and another instance has the same value"
                remedy = "change one of the two first: a program that declares it cannot begin"
                yield RowFinding("taken-look-up", fault.path, problem, remedy, fault.rows, fault.keys)


LookupTuple: TypeAlias = tuple[str, str, bool]


def as_tuple(value: LookupValue) -> LookupTuple:
    return value.field, value.value, value.unique
