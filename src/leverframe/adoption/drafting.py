"""A first mapping, guessed from a table: its key, its status, what means which state, and what each field may be.

It is a file to be read and mended.  Whatever could not be guessed stands in it as an empty text, which is refused.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import NOTHING, fields, frozen

from leverframe.adoption.checking import AnyBinding
from leverframe.adoption.source import Source
from leverframe.errors import CannotAdopt
from leverframe.persistence.codec.containers import OptionalForm
from leverframe.persistence.codec.scalars import SCALARS, Form
from leverframe.wording import did_you_mean

__all__ = ["draft_mapping"]

STATUSES = ("status", "state", "phase", "stage", "step")
KEYS = ("key", "id", "uuid", "number", "code")
CREATED = ("created_at", "created", "creation_time", "inserted_at", "received_at", "opened_at", "added_at", "date")

DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d")
CLOCKS = (" %H:%M:%S", " %H:%M")

FORMATS = {"date": DATES, "time": [f"{day}{clock}" for day in DATES for clock in CLOCKS]}

MOST_STATUSES = 50
ALIKE = 0.6

MILLISECONDS_FROM = 100_000_000_000
"""A number since 1970 of this and more is none of seconds: that would be in the year 5138."""

MICROSECONDS_FROM = 100_000_000_000_000


def draft_mapping(binding: AnyBinding, target: str, url: str, source: Source, status: str | None = None) -> str:
    """The text of a file.  `status` names the column where there is no guessing it.  Raises `CannotAdopt`."""
    return "\n".join(Draft(binding, target, url, source, chosen_status(source, status)).lines()) + "\n"


def chosen_status(source: Source, status: str | None) -> str:
    """The column that says the state."""
    names = source.names()
    if status is not None:
        if status not in names:
            raise CannotAdopt(source.place, (f"has no column {status!r}{did_you_mean(status, names)}",))
        return status
    found = named_like(STATUSES, names) or next(few_values(source), None)
    if found is None:
        raise CannotAdopt(source.place, ("no column looks like a status; name it with --status COLUMN",))
    return found


def few_values(source: Source) -> Iterator[str]:
    """Columns of text with some different values, each in several rows."""
    for column in source.columns:
        if column.kind.upper().startswith(("TEXT", "VARCHAR", "CHAR")) and column.name not in source.key:
            values = source.values(column.name, "", MOST_STATUSES + 1)
            if 2 <= len(values) <= MOST_STATUSES and sum(rows for _, rows in values) >= 2 * len(values):
                yield column.name


@frozen
class Draft:
    """What is drafted, and of what."""

    binding: AnyBinding
    target: str
    url: str
    source: Source
    status: str

    def lines(self) -> Iterator[str]:
        yield f"# How rows of {self.source.table} become instances of {self.binding.name}."
        yield "# A guess: read all of it, and fill in what is empty.  docs/adopting.md says what can be written."
        yield ""
        yield f"machine = {quoted(self.target)}"
        yield f"key = {self.key()}"
        yield from self.created_at()
        yield ""
        yield "[source]"
        yield f"url = {quoted(self.url)}"
        yield f"table = {quoted(self.source.table)}"
        yield ""
        yield from self.statuses()
        yield ""
        yield from self.rules()

    # ------------------------------------------------------------ the key and the time

    def key(self) -> str:
        own = [name for name in self.source.key if name in self.source.names()]
        found = own or [name for name in (named_like(KEYS, self.source.names()),) if name is not None]
        return quoted(found[0]) if len(found) == 1 else f"[{', '.join(map(quoted, found))}]"

    def created_at(self) -> Iterator[str]:
        names = self.source.names()
        found = next((name for name in CREATED if name in names), None)
        if found is None:
            yield "# created_at = { column = ..., as = ... }: without it, the time of the adoption"
        else:
            yield f"created_at = {self.rule(found, time_kind(self.samples(found)))}"

    # ------------------------------------------------------------ statuses

    def statuses(self) -> Iterator[str]:
        yield "[status]"
        yield f"column = {quoted(self.status)}"
        values = self.source.values(self.status, "", MOST_STATUSES + 1)
        nulls = sum(rows for value, rows in values if value is None)
        if nulls:
            yield f'null = ""  # {told_rows(nulls)}; or skip_null = true'
        yield "skip = []  # statuses whose rows are left out"
        yield ""
        yield f"# Of {', '.join(leaf.__name__ for leaf in self.binding.paths)}."
        yield "[status.states]"
        for value, rows in values:
            if value is not None:
                yield self.one_status(str(value), rows)
        if len(values) > MOST_STATUSES:
            yield f"# ... and more: {self.status} has over {MOST_STATUSES} values"

    def one_status(self, value: str, rows: int) -> str:
        return f"{quoted(value)} = {quoted(self.state_like(value))}  # {told_rows(rows)}"

    def state_like(self, value: str) -> str:
        """The state whose name is most like a status."""
        spellings: dict[str, str] = {}
        for leaf, path in self.binding.paths.items():
            for name in (path, path.rpartition(".")[2], leaf.__name__):
                spellings[folded(name)] = leaf.__name__
        near = difflib.get_close_matches(folded(value), spellings, 1, ALIKE)
        return spellings[near[0]] if near else ""

    # ------------------------------------------------------------ fields

    def rules(self) -> Iterator[str]:
        yield "# A field of several states has one rule here; [states.NAME] has those of one state alone."
        yield "[fields]"
        told: set[str] = set()
        for leaf in self.binding.paths:
            known = self.binding.codec.states.fields_of(leaf.__name__)
            for each in fields(leaf):
                if each.name in known and each.name not in told:
                    told.add(each.name)
                    yield self.one_field(each.name, known[each.name], needed=each.default is NOTHING)

    def one_field(self, name: str, form: Form, *, needed: bool) -> str:
        column = self.column_like(name)
        states = ", ".join(self.states_with(name))
        if column is None:
            return f'{name} = ""  # {states}' if needed else f'# {name} = "": {states}, which can do without'
        return f"{name} = {self.rule(column, self.kind_of(form, column))}  # {states}"

    def states_with(self, name: str) -> Iterator[str]:
        for leaf in self.binding.paths:
            if name in self.binding.codec.states.fields_of(leaf.__name__):
                yield leaf.__name__

    def column_like(self, name: str) -> str | None:
        spellings = {folded(column): column for column in self.source.names() if column != self.status}
        near = difflib.get_close_matches(folded(name), spellings, 1, ALIKE)
        if near:
            return spellings[near[0]]
        # A part of the name: `price` for `price_cents`.
        return next((column for spelling, column in spellings.items() if folded(name) in spelling), None)

    def kind_of(self, form: Form, column: str) -> str:
        inner = form.item if isinstance(form, OptionalForm) else form
        samples = self.samples(column)
        if inner is SCALARS[datetime]:
            return time_kind(samples)
        for kind, name in ((bool, "boolean"), (date, "date"), (timedelta, "seconds"), (Decimal, "decimal")):
            if inner is SCALARS[kind]:
                return name
        if inner is SCALARS[int]:
            return "integer" if any(isinstance(value, str) for value in samples) else ""
        if inner is SCALARS[float]:
            return "number" if any(isinstance(value, str) for value in samples) else ""
        return self.other_kind(samples)

    def other_kind(self, samples: Sequence[object]) -> str:
        texts = [value for value in samples if isinstance(value, str)]
        return "json" if texts and all(value.startswith(("[", "{")) for value in texts) else ""

    def samples(self, column: str) -> list[Any]:
        return [value for value, _ in self.source.values(column, "", MOST_STATUSES) if value is not None]

    def rule(self, column: str, kind: str) -> str:
        if not kind:
            return quoted(column)
        shape = usual_format(FORMATS[kind], self.samples(column)) if kind in FORMATS else ""
        told = f", format = {quoted(shape)}" if shape else ""
        zone = ', zone = "UTC"' if kind == "time" and self.has_no_zone(column) else ""
        return f"{{ column = {quoted(column)}, as = {quoted(kind)}{told}{zone} }}"

    def has_no_zone(self, column: str) -> bool:
        for value in self.samples(column):
            if isinstance(value, datetime) and value.tzinfo is None:
                return True
            if isinstance(value, str) and not re.search(r"(Z|[+-][0-9]{2}:?[0-9]{2})$", value.strip()[10:]):
                return True
        return False


def time_kind(samples: Sequence[object]) -> str:
    """How a column says times."""
    numbers = [value for value in samples if isinstance(value, int | float)]
    if not numbers or len(numbers) * 2 < len(samples):
        return "time"
    usual = sorted(numbers)[len(numbers) // 2]
    if usual >= MICROSECONDS_FROM:
        return "epoch_microseconds"
    return "epoch_milliseconds" if usual >= MILLISECONDS_FROM else "epoch_seconds"


def usual_format(formats: Sequence[str], samples: Sequence[object]) -> str:
    """How most of the texts are written; empty for ISO 8601, or where there is no telling."""
    texts = [value.strip() for value in samples if isinstance(value, str)]
    fitting = {shape: sum(is_written(shape, value) for value in texts) for shape in formats}
    best = max(fitting, key=lambda shape: fitting[shape])
    # A day that may be a month says nothing.
    is_alone = sum(number == fitting[best] for number in fitting.values()) == 1
    return best if is_alone and fitting[best] * 2 > len(texts) and not best.startswith("%Y-") else ""


def is_written(shape: str, value: str) -> bool:
    try:
        datetime.strptime(value, shape)
    except ValueError:
        return False
    return True


def named_like(known: Iterable[str], names: Sequence[str]) -> str | None:
    """A column of one of these names, or with one in its name."""
    words = list(known)
    exact = next((name for word in words for name in names if name.lower() == word), None)
    return exact or next((name for word in words for name in names if word in re.split(r"\W|_", name.lower())), None)


def folded(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def told_rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def quoted(text: str) -> str:
    """A text as TOML has it, in which JSON's escapes are known too.

    >>> quoted('a "word"')
    '"a \\\\"word\\\\""'
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
