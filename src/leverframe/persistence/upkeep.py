"""What a database must do for those who keep it small, whole, and in a second place; the rest is in `backend.py`.

Rows are those of `tables.py`, as tuples in the order of the table's columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from leverframe.persistence.rewriting import RewritingReader, RewritingWriter
from leverframe.persistence.tables import Table

if TYPE_CHECKING:
    from leverframe.persistence.backend import Reader

__all__ = ["Figures", "Finished", "Lag", "Numbers", "Row", "UpkeepBackend", "UpkeepReader", "UpkeepWriter"]

Row = tuple[Any, ...]


@frozen
class Finished:
    """An instance in a state that was asked for, and when its last change was recorded; None if nobody knows."""

    instance: int
    changed_at: int
    recorded_at: int | None


@frozen
class Lag:
    """A tenant's cursor, and how many of its messages stand behind it unread."""

    tenant: str
    name: str
    position: int
    behind: int


@frozen
class Numbers:
    """The highest numbers that were ever given: to an instance, a line of the journal, a message."""

    instance: int
    seq: int
    position: int


@frozen
class Figures:
    """What a database says of itself.

    Attributes: `database` and `driver`, with their versions; `size`, in bytes; `log`, the bytes of its write-ahead
    log, where that is a file beside it; `oldest`, how many seconds the oldest transaction has been open, where there is
    a server to ask.
    """

    database: str
    driver: str
    size: int
    log: int | None = None
    oldest: float | None = None


class UpkeepReader(RewritingReader, Protocol):
    """Rows of any table."""

    def rows_after(self, table: Table, after: Sequence[object], limit: int) -> list[Row]:
        """At most `limit` rows whose primary key is above `after` (empty: from the first), in its order."""
        ...

    def rows_of(self, table: Table, instances: Sequence[int]) -> list[Row]:
        """All rows of these instances, in the order of the primary key."""
        ...

    def rows_with(self, table: Table, keys: Sequence[Sequence[object]]) -> list[Row]:
        """The rows with these primary keys, those that there are."""
        ...

    def last_key(self, table: Table) -> Row:
        """The highest primary key; empty if there is no row."""
        ...

    def number(self, table: Table) -> int:
        """How many rows there are, counted."""
        ...

    def versions(self, instances: Sequence[int]) -> dict[int, int]:
        """The present version of each of these instances that is there."""
        ...

    def finished(self, machine: str, state: str, after: tuple[int, int], limit: int) -> list[Finished]:
        """At most `limit` instances of this reader's tenant in a state, above `after` by `changed_at` and number."""
        ...

    def deliveries_before(self, recorded_before: int, after: Sequence[object], limit: int) -> list[Row]:
        """At most `limit` deliveries settled before a time, in that order; `after` is the last one's time and key."""
        ...

    def slowest_cursors(self) -> Mapping[str, int]:
        """The lowest position of all cursors of each tenant that has some."""
        ...

    def lags(self) -> list[Lag]:
        """Every cursor, by tenant and name."""
        ...

    def counted_states(self) -> Mapping[tuple[str, str, str], int]:
        """How many instances of each tenant are in each state of each machine, by counting them."""
        ...

    def copied_from(self) -> str:
        """Of which database this is the unfinished copy; empty if it is none."""
        ...

    def applied(self) -> list[str]:
        """The names of the migrations by which the database came to its tables."""
        ...

    def numbers(self) -> Numbers:
        """The highest numbers that were ever given."""
        ...


class UpkeepWriter(UpkeepReader, RewritingWriter, Protocol):
    """Rows removed, and rows added as they are."""

    def hold_instances(self, instances: Sequence[int]) -> None:
        """Keep others from writing anything that belongs to these instances."""
        ...

    def remove_instances(self, instances: Sequence[int]) -> int:
        """Delete instances and all that belongs to them, and take them out of the counts; how many there were.

        Their numbers are not given again.
        """
        ...

    def remove_rows(self, table: Table, keys: Sequence[Sequence[object]]) -> int:
        """Delete the rows with these primary keys; how many there were."""
        ...

    def add_rows(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows as they are, with their numbers."""
        ...

    def clear(self) -> None:
        """Delete all rows of all tables."""
        ...

    def begin_copy(self, source: str) -> None:
        """Mark this database as the unfinished copy of another, so that it cannot be opened as anything else."""
        ...

    def name_source(self, source: str) -> None:
        """Say anew of which database this is the unfinished copy."""
        ...

    def finish_copy(self, numbers: Numbers) -> None:
        """Take the mark away; new rows are numbered behind these numbers."""
        ...


class UpkeepBackend(Protocol):
    """A database as a whole."""

    def at_one_time(self) -> AbstractContextManager[Reader]:
        """A reader that sees, for as long as the block lasts, what was committed when it began."""
        ...

    def wipe(self) -> None:
        """Make what was deleted unreadable on the disk too, as far as that needs no more than what was deleted."""
        ...

    def compact(self) -> None:
        """Write everything anew, so that the disk has nothing else, and no more room is taken than that needs."""
        ...

    def figures(self) -> Figures:
        """What the database says of itself."""
        ...
