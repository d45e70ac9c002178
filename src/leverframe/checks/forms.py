"""As what is a row stored, and as what would it be today?  Its class and version, or why it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import define, field, frozen

from leverframe.errors import DecodeError, Key, UnknownState
from leverframe.persistence.backend import Backend, Reader
from leverframe.persistence.binding import Binding
from leverframe.persistence.codec import read_json
from leverframe.persistence.counting import counts_of_all_tenants
from leverframe.persistence.keys import decode_key
from leverframe.persistence.rewriting import StoredLine, StoredRow
from leverframe.persistence.rows import StateCount
from leverframe.persistence.tables import JOURNAL

__all__ = [
    "AT_ONCE",
    "Fault",
    "Faults",
    "Form",
    "Progress",
    "Tag",
    "learn_spellings",
    "number_of_rows",
    "read_tag",
    "reason_of",
    "stored_lines",
    "stored_rows",
    "view",
]

AnyBinding = Binding[Any, Any]

Progress = Callable[[int, int], None]
"""Called with how many rows there are, and how many more were done."""

AT_ONCE = 1000

# As this package writes them.
TAIL = re.compile(r'\},"type":"([^"\\]*)"(?:,"v":(\d+))?\}$')

GIVEN = re.compile(r", got .*", re.DOTALL)

MOST_REASONS = 50
"""Of one state; what is wrong with a value may be said of each value in other words."""

OTHERWISE = "cannot be read, for yet other reasons"


@frozen
class Tag:
    """The class of a stored body, by its name there and the version of its fields."""

    name: str
    version: int

    def __str__(self) -> str:
        return self.name if self.version == 1 else f"{self.name} {self.version}"


@frozen
class Form:
    """As what rows are stored: the path in column `state`, and the tag of the body; and as what they would be today."""

    path: str
    tag: Tag
    path_today: str
    tag_today: Tag

    @property
    def is_current(self) -> bool:
        """Whether they are stored as today's code would."""
        return self.tag == self.tag_today and self.path == self.path_today


@frozen
class Fault:
    """Rows of one state that cannot be read for one reason: how many, and the keys of the first, each with its tenant.

    `table` is "snapshot" or "journal".
    """

    table: str
    path: str
    reason: str
    rows: int
    keys: tuple[tuple[str, Key], ...]


@define
class Found:
    rows: int = 0
    keys: list[tuple[str, Key]] = field(factory=list[tuple[str, Key]])


@define
class Faults:
    """What cannot be read, as it is come upon; of each fault at most `limit` keys are kept."""

    limit: int
    found: dict[tuple[str, str, str], Found] = field(factory=dict[tuple[str, str, str], Found])

    def add(self, table: str, path: str, reason: str, whose: str, key: str) -> None:
        """One more row."""
        place = (table, path, reason)
        if place not in self.found and sum(each[:2] == place[:2] for each in self.found) >= MOST_REASONS:
            place = (table, path, OTHERWISE)
        found = self.found.setdefault(place, Found())
        found.rows += 1
        if len(found.keys) < self.limit:
            found.keys.append((whose, decode_key(key)))

    def told(self) -> tuple[Fault, ...]:
        """All of them, by table and state, the most frequent first."""
        faults = [Fault(*place, found.rows, tuple(found.keys)) for place, found in self.found.items()]
        return tuple(sorted(faults, key=lambda each: (each.table != "snapshot", each.path, -each.rows, each.reason)))


# ---------------------------------------------------------------- one row


def read_tag(text: str) -> Tag:
    """The class and version that a body names; it is one that could be read.

    >>> read_tag('{"body":{"number":3},"type":"New","v":2}')
    Tag(name='New', version=2)
    """
    # What somebody else has written may have its parts in another order.
    written = TAIL.search(text) if text.startswith('{"body":{') else None
    if written is not None:
        return Tag(written[1], int(written[2] or 1))
    raw: Any = read_json(text)
    return Tag(raw["type"], raw.get("v", 1))


def reason_of(error: DecodeError) -> str:
    """What is wrong, without the value that was found, so that the same of many rows is one reason.

    >>> from leverframe import DecodeError
    >>> reason_of(DecodeError("Merge", (("commits_ahead", "Positive must be an integer of at least 1, got 0"),)))
    'commits_ahead: Positive must be an integer of at least 1'
    """
    return "; ".join(GIVEN.sub("", f"{path}: {problem}" if path else problem) for path, problem in error.problems)


# ---------------------------------------------------------------- all rows


def view(backend: Backend, tenant: str | None) -> Backend:
    """The database as one tenant sees it; None: all of it, as far as the server lets one see that."""
    return backend.whole() if tenant is None else backend.scoped(tenant)


def stored_rows(reader: Reader, machine: str, tenant: str | None) -> Iterator[list[StoredRow]]:
    """All instances, batch by batch; none that is there all the while is passed over."""
    last = 0
    while rows := reader.stored(machine, last, AT_ONCE, tenant):
        last = rows[-1].row.instance
        yield rows


def stored_lines(
    reader: Reader, machine: str, tenant: str | None, report: Callable[[int], None]
) -> Iterator[list[StoredLine]]:
    """All lines of the journal, batch by batch; `report` is told how many lines of whatever machine were looked at."""
    last = 0
    while True:
        upto, lines = reader.stored_lines(machine, last, AT_ONCE, tenant)
        if not upto:
            return
        yield lines
        # Numbers that are missing belong to nobody: it is the way through the journal that is told.
        report(min(upto - last, AT_ONCE))
        last = upto


def number_of_rows(reader: Reader, machine: str, tenant: str | None, *, journal: bool) -> int:
    """How many rows there are to read, about."""
    counts = counts_of_all_tenants(reader, machine)
    instances = sum(count.number for whose, count in counts if tenant in (None, whose))
    return instances + (reader.number(JOURNAL) if journal else 0)


def learn_spellings(reader: Reader, binding: AnyBinding) -> Iterable[UnknownState]:
    """Have the binding read the paths of older code; what it cannot."""
    problems: list[UnknownState] = []
    for count in merged(count for _, count in counts_of_all_tenants(reader, binding.name)):
        try:
            binding.learn_spellings([count])
        except UnknownState as error:
            problems.append(error)
    return problems


def merged(counts: Iterable[StateCount]) -> list[StateCount]:
    """One count for each path and class's name, over all tenants."""
    found: dict[tuple[str, str], StateCount] = {}
    for count in counts:
        known = found.setdefault((count.state, count.type_name), StateCount(count.state, count.type_name, 0))
        known.number += count.number
    return list(found.values())
