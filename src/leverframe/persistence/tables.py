"""Which tables are there, in which columns and in which order, and what is said to any of them?

The names and columns are those of both databases' migrations.  Every walk goes along a primary key, so that a batch
costs what the batch holds, however long the table is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from attrs import frozen

__all__ = [
    "BELONGINGS",
    "CONSUMER",
    "CONSUMPTION",
    "CURSOR",
    "DELIVERY",
    "HEARTBEAT",
    "INSTANCES",
    "JOURNAL",
    "LEASE",
    "LOOKUP",
    "MESSAGE",
    "NOTE",
    "SNAPSHOT",
    "STATE_COUNT",
    "TABLES",
    "WAKE_UP",
    "Table",
    "marks",
]


@frozen
class Table:
    """A table: its columns, of which the first `keys` are its primary key; `rows`, which of its rows are any at all.

    >>> Table("cursor", ("name", "position")).walk(after=True)
    'SELECT name, position FROM cursor WHERE (name) > (?) ORDER BY name LIMIT ?'
    """

    name: str
    columns: tuple[str, ...]
    keys: int = 1
    rows: str = ""

    def reads(self, column: str) -> Callable[[Sequence[Any]], Any]:
        """A function that gives a row's value in a column.

        >>> Table("cursor", ("name", "position")).reads("position")(("mailer", 7))
        7
        """
        return itemgetter(self.columns.index(column))

    @property
    def key(self) -> str:
        return ", ".join(self.columns[: self.keys])

    @property
    def _selected(self) -> str:
        # Where changes of counts are kept apart, a count is the sum of all of them.
        summed = "/*summed*/" if self.name == "state_count" else ""
        return f"{summed}SELECT {', '.join(self.columns)} FROM {self.name}"

    def walk(self, *, after: bool) -> str:
        """The next rows by primary key; parameters: the last key if there is one, and how many."""
        behind = f"({self.key}) > ({marks(self.keys)})" if after else ""
        return f"{self._selected}{self._where(behind)} ORDER BY {self.key} LIMIT ?"

    def of_instances(self, number: int) -> str:
        """The rows of so many instances; parameters: these."""
        return f"{self._selected} WHERE instance IN ({marks(number)}) ORDER BY {self.key}"

    def last_key(self) -> str:
        """The highest primary key."""
        backwards = ", ".join(f"{column} DESC" for column in self.columns[: self.keys])
        return f"SELECT {self.key} FROM {self.name}{self._where()} ORDER BY {backwards} LIMIT 1"

    def counted(self) -> str:
        """How many rows there are."""
        return f"SELECT count(*) FROM {self.name}{self._where()}"

    def _where(self, condition: str = "") -> str:
        conditions = [each for each in (condition, self.rows) if each]
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def remove(self, number: int) -> str:
        """Delete the rows of so many primary keys; parameters: these, one behind the other."""
        if self.keys == 1:
            return f"DELETE FROM {self.name} WHERE {self.key} IN ({marks(number)})"
        rows = ", ".join([f"({marks(self.keys)})"] * number)
        return f"DELETE FROM {self.name} WHERE ({self.key}) IN (VALUES {rows})"

    def of_keys(self, number: int) -> str:
        """The rows with so many primary keys; parameters: these, one behind the other."""
        rows = ", ".join([f"({marks(self.keys)})"] * number)
        return f"{self._selected} WHERE ({self.key}) IN (VALUES {rows}) ORDER BY {self.key}"

    def remove_instances(self, number: int) -> str:
        """Delete the rows of so many instances; parameters: these."""
        return f"DELETE FROM {self.name} WHERE instance IN ({marks(number)})"

    def add(self) -> str:
        """Insert one whole row."""
        return f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({marks(len(self.columns))})"


def marks(number: int) -> str:
    """So many parameters."""
    return ", ".join("?" * number)


def table(name: str, columns: str, keys: int = 1, rows: str = "") -> Table:
    return Table(name, tuple(columns.split()), keys, rows)


INSTANCES = "machine > ''"
"""SQLite keeps a row of no machine, lest the number of a deleted instance be given again."""

SNAPSHOT = table("snapshot", "instance machine key state body version created_at changed_at tenant", rows=INSTANCES)
JOURNAL = table("journal", "seq instance version event from_state to_state body at recorded_at tenant")
STATE_COUNT = table("state_count", "tenant machine state type_name number", keys=3)
LOOKUP = table("lookup", "instance field machine value is_unique tenant", keys=2)
LOOKUP_DECLARATION = table("lookup_declaration", "machine number declared")
DELIVERY = table("delivery", "instance delivery_id seq refusal recorded_at tenant", keys=2)
MESSAGE = table("message", "position instance version topic kind correlation_id body at recorded_at tenant")
CURSOR = table("cursor", "tenant name position", keys=2)
CONSUMER = table("consumer", "tenant name topic position token", keys=2)
CONSUMPTION = table(
    "consumption", "tenant consumer position instance attempts token worker due_at set_aside_at error", keys=3
)
LEASE = table(
    "lease",
    "instance tenant machine version age ready_at priority subject serial scope token worker claimed_at heartbeat_at"
    " expires_at host process_id process_start",
)
WAKE_UP = table("wake_up", "instance name tenant machine due_at", keys=2)

HEARTBEAT = table("heartbeat", "instance tenant at")
SLOT = table("slot", "tenant machine scope number instance", keys=4)
TURN = table("turn", "tenant machine serial subject instance", keys=3)
DEPENDENCY = table("dependency", "tenant machine dependent prerequisite instance met", keys=4)
NOTE = table("note", "instance version tenant by why", keys=2)

TABLES: Sequence[Table] = (
    SNAPSHOT,
    JOURNAL,
    STATE_COUNT,
    LOOKUP,
    LOOKUP_DECLARATION,
    DELIVERY,
    MESSAGE,
    CURSOR,
    LEASE,
    WAKE_UP,
    CONSUMER,
    CONSUMPTION,
    HEARTBEAT,
    SLOT,
    TURN,
    DEPENDENCY,
    NOTE,
)

BELONGINGS: Sequence[Table] = (
    JOURNAL,
    LOOKUP,
    DELIVERY,
    MESSAGE,
    LEASE,
    WAKE_UP,
    HEARTBEAT,
    CONSUMPTION,
    SLOT,
    TURN,
    DEPENDENCY,
    NOTE,
)
"""What an instance has beside its snapshot."""
