"""What a database must do for the store, in rows of plain text and integers: the place to start for a new store.

The store (`store.py`) knows machines, types and JSON; a backend knows tables and transactions, and neither
knows the other's half.  Times are integers, microseconds since 1970-01-01 UTC.  States are paths
(`active.merge`).  Keys are text, made by `keys.py`.

    Backend.read()         ->  Reader   what is committed, each call one short read
    Backend.commit(work)   ->  Writer   one piece of work: everything in it is committed, or nothing of it
    Backend.transaction()  ->           many pieces of work, and the user's own statements, committed together
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from leverframe.persistence.consumers import ConsumerReader, ConsumerWriter
from leverframe.persistence.heartbeats import HeartbeatReader, HeartbeatWriter
from leverframe.persistence.leasing import LeasingReader, LeasingWriter
from leverframe.persistence.overseeing import OverseeingReader
from leverframe.persistence.rows import (
    Creation,
    Declaration,
    JournalRow,
    KeyRange,
    Loaded,
    LookupValue,
    MessageRow,
    Move,
    Query,
    Refusal,
    Snapshot,
    StateCount,
)
from leverframe.persistence.upkeep import UpkeepBackend, UpkeepReader, UpkeepWriter
from leverframe.persistence.walking import WalkingReader

__all__ = [
    "Backend",
    "Reader",
    "Watch",
    "Writer",
]

T = TypeVar("T")


# ---------------------------------------------------------------- verbs


class Reader(UpkeepReader, LeasingReader, ConsumerReader, OverseeingReader, HeartbeatReader, WalkingReader, Protocol):
    """What is committed.  No call keeps a transaction open after it has returned.

    All that is asked here is asked of the rows of one tenant; what `upkeep.py` names, of all rows.
    """

    tenant: str

    def load(self, machine: str, key: str, delivery_id: str | None = None) -> Loaded | None:
        """The instance, and how the delivery id was settled if it was; None if there is no such instance."""
        ...

    def find(self, query: Query) -> list[Snapshot]:
        """The instances that the query names."""
        ...

    def keys(self, machine: str, ranges: Sequence[KeyRange]) -> list[str]:
        """The keys in any of the ranges, in no order."""
        ...

    def count(self, machine: str) -> list[StateCount]:
        """How many instances are in each state that ever held one; a look-up, not a scan."""
        ...

    def instances(self, machine: str, after: int, limit: int) -> list[Snapshot]:
        """At most `limit` instances of a machine with a number above `after`, in order of their numbers."""
        ...

    def declaration(self, machine: str) -> Declaration | None:
        """Which look-ups are kept for a machine; None if none ever were."""
        ...

    def journal(self, instance: int, first: int = 1, last: int | None = None) -> list[JournalRow]:
        """The journal of one instance from version `first` to `last`, oldest first."""
        ...

    def journal_at(self, instance: int, at: int) -> JournalRow | None:
        """The last line, in order of arrival, whose time is not after `at`."""
        ...

    def journal_line(self, seq: int) -> JournalRow | None:
        """One line by its number."""
        ...

    def messages(self, after: int, topic: str | None, limit: int) -> list[MessageRow]:
        """Messages behind position `after`, in order, none that a later call could find missing."""
        ...

    def cursor(self, name: str) -> int:
        """The position saved under this name; 0 if there is none."""
        ...


class Writer(UpkeepWriter, LeasingWriter, ConsumerWriter, HeartbeatWriter, Reader, Protocol):
    """One transaction.  Its reads see its own writes; nobody else writes what `load` or `hold` has read in it."""

    def hold(self, machine: str, keys: Sequence[str]) -> None:
        """Keep others from writing these instances, in one order whoever asks, before any of them is loaded."""
        ...

    def hold_all(self) -> None:
        """Keep others from writing anything: look-ups are about to be declared anew."""
        ...

    def create(self, creation: Creation) -> tuple[int, int]:
        """Write snapshot, journal line, look-ups, messages and count; the instance's number and the line's `seq`.

        Raises `UniqueTaken`; then nothing of this call is written, and the transaction goes on.
        """
        ...

    def move(self, move: Move) -> int | None:
        """Write a move and all that belongs to it; its `seq`, or None if the instance is no longer at `move.seen`.

        None is also the answer when the delivery id was settled meanwhile.  Raises `UniqueTaken`; then nothing of
        this call is written, and the transaction goes on.
        """
        ...

    def move_all(self, moves: Sequence[Move]) -> list[int | None]:
        """As `move`, for several, in as few words to the database as it takes; an answer each, in their order."""
        ...

    def refuse(self, refusal: Refusal) -> bool:
        """Settle a delivery id as refused; False if the instance moved, or the id was settled, meanwhile."""
        ...

    def declare(self, machine: str, text: str) -> int:
        """Keep other look-ups for a machine from here on; the values there are removed.  Its number."""
        ...

    def add_lookup(self, machine: str, instance: int, lookup: LookupValue) -> None:
        """Add one value of an instance.  Raises `UniqueTaken`."""
        ...

    def save_cursor(self, name: str, position: int) -> None:
        """Keep a position under a name."""
        ...


class Watch(Protocol):
    """Sleeps until something was committed."""

    def sleep(self, seconds: float) -> bool:
        """At most so many seconds, and it may wake earlier; whether it knows that something was committed."""
        ...


class Backend(UpkeepBackend, Protocol):
    """One database, as one tenant sees it.  Usable from any number of threads; not across a fork.

    `decides_in_turn` says whether a write waits for its turn before it begins, as in SQLite: then a decision is taken
    inside of it, which saves a read and every conflict.  Elsewhere it is taken between `read` and `move`.
    """

    decides_in_turn: bool

    longest_indexed: int | None
    """How many bytes a key, a delivery id or a look-up's value may have for certain; None: as many as one likes."""

    numbers_without_gaps: bool
    """Whether the journal's numbers of a transaction that was taken back are given out again."""

    shows_own_messages: bool
    """Whether messages told inside of `transaction()` can be read inside of it."""

    tenant: str
    """Whose rows are read and written here."""

    @property
    def location(self) -> str:
        """Where it is, for messages; never with a password."""
        ...

    def scoped(self, tenant: str) -> Backend:
        """The same open database, as another tenant sees it; a transaction of one is joined by all of them."""
        ...

    def whole(self) -> Backend:
        """The same open database, for work on rows of all tenants.  What it does may raise `AccessDenied`."""
        ...

    def now(self) -> int:
        """The time by the clock that all who use this database share."""
        ...

    def read(self) -> Reader:
        """A reader for the calling thread."""
        ...

    def commit(self, work: Callable[[Writer], T]) -> T:
        """Do a piece of work in a transaction, its own or one shared with others; its result, once it is committed.

        What the work raises is raised here, and then nothing that it wrote is written.  It may be done on another
        thread, and again where the database asks for that, so that it must do nothing but use its writer.
        """
        ...

    def era(self) -> int:
        """A number that is another one where what this program has committed may have been lost since, in a crash."""
        ...

    def recent_now(self) -> int | None:
        """The time by the database's clock, where that need not be asked for; None also where it has none."""
        ...

    def recall(self, machine: str, key: str) -> Loaded | None:
        """What this program last wrote of an instance, where that is likely to be its present; it is not the truth.

        Only a move that `move_in` has accepted may follow from it.
        """
        ...

    def move_in(self, era: int, move: Move) -> int | None:
        """As `move`, for a move that was decided on what was known in that era; None also if it is over."""
        ...

    def move_at_once(self, moves: Sequence[Move]) -> list[int | None]:
        """As `move`, for several, each for itself, in as few words to the database as it takes."""
        ...

    def move_both(self, era: int, first: Move, second: Move) -> tuple[int, int | None] | None:
        """As `move_in`, for two instances at once, the second move only if the first one holds.

        None if the first one does not, or if these two cannot be written at once.
        """
        ...

    def move(self, move: Move) -> int | None:
        """Commit one move by itself, with as few words to the database as it takes; answers as `Writer.move`."""
        ...

    def refuse(self, refusal: Refusal) -> bool:
        """Commit one refusal by itself; answers as `Writer.refuse`."""
        ...

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction that all calls of this thread join; the driver's connection, for statements of the user's own.

        It is committed at the block's end, or rolled back on any exception.  A call in it that raises has written
        nothing, and the transaction goes on.
        """
        ...

    def watch(self) -> AbstractContextManager[Watch]:
        """What tells a thread that waits when to look again.  Refused inside of `transaction()`."""
        ...

    def is_joined(self) -> bool:
        """Whether the calling thread is inside of `transaction()`."""
        ...

    def close(self) -> None:
        """Give back all that is held.  Closing twice does no harm."""
        ...
