"""What do the writing verbs say, in which order, and what becomes of a transaction in which one of them failed?

One connection writes, in one transaction at a time.  Changes of counts are added up and written once, before the
commit: however many moves a transaction makes, a count's row is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from leverframe.errors import StoreFailure
from leverframe.persistence.effects import Effect, Moved
from leverframe.persistence.heartbeats import HeartbeatWriterVerbs
from leverframe.persistence.leasing import LeasingWriterVerbs, spell
from leverframe.persistence.obstacles import ENDED, OVER
from leverframe.persistence.rows import Creation, LookupValue, Move, NewMessage, Refusal, StateCount, UniqueTaken
from leverframe.persistence.sqlite.connection import Parameters, Row
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.faults import fault
from leverframe.persistence.sqlite.location import Location
from leverframe.persistence.sqlite.upkeep import SQLiteTending
from leverframe.persistence.statements import (
    ADD_JOURNAL,
    ADD_LOOKUP,
    ADD_LOOKUP_LATER,
    ADD_MESSAGE,
    CHANGE_COUNT,
    CREATE_SNAPSHOT,
    DECLARE,
    MARK,
    MOVE_SNAPSHOT,
    MOVE_SNAPSHOT_UNLESS_SETTLED,
    RELEASE_MARK,
    RELEASE_SAVEPOINT,
    REMOVE_LOOKUPS,
    REMOVE_LOOKUPS_OF_MACHINE,
    ROLL_BACK_TO_MARK,
    ROLL_BACK_TO_SAVEPOINT,
    SAVE_CURSOR,
    SAVEPOINT,
    SETTLE_AS_MOVED,
    SETTLE_AS_REFUSED,
)

__all__ = ["SQLiteWriter"]

T = TypeVar("T")
R = TypeVar("R")

SPOILED = "a part of this transaction failed, so that it can only be rolled back; leave its block with that error"

FIRST_VERSION = 1


class SQLiteWriter(SQLiteTending, LeasingWriterVerbs, HeartbeatWriterVerbs):
    """The verbs of one transaction; when that is over they are refused."""

    __slots__ = ("_connection", "_counts", "_location", "_obstacle", "tenant")

    def __init__(self, connection: sqlite3.Connection, location: Location, tenant: str = "") -> None:
        self._connection = connection
        self._location = location
        self._obstacle = ""
        self.tenant = tenant
        # (tenant, machine, state) -> (the class's name, the change)
        self._counts: dict[tuple[str, str, str], tuple[str, int]] = {}

    def flush(self) -> None:
        """Write what waits for the commit.  Refused where a part of the transaction has failed."""
        self._start()
        if self._counts:
            counts, self._counts = self._counts, {}
            for place, (type_name, change) in counts.items():
                self._execute(CHANGE_COUNT, (*place, type_name, change))
        self._obstacle = ""

    def begin_anew(self) -> None:
        """Forget what was written in a transaction that is rolled back: another one begins."""
        self._counts = {}
        self._obstacle = ""

    def end(self) -> None:
        """From here on every verb is refused."""
        self._obstacle = OVER

    def _start(self) -> None:
        """A verb begins.  Until it says that it is done, what it has written is a part of something."""
        if self._obstacle:
            raise StoreFailure(self._location.text, self._obstacle)
        self._obstacle = SPOILED

    def run_apart(self, work: Callable[[SQLiteWriter], T], tenant: str) -> T:
        """Do a tenant's work so that, if it raises, all that it wrote is taken back, and only that."""
        self._check_begun()
        self._execute(MARK, ())
        counts, self._counts = self._counts, dict(self._counts)
        before, self.tenant = self.tenant, tenant
        try:
            result = work(self)
            self._execute_alone(RELEASE_MARK, ())
        except BaseException:
            self._take_back(counts)
            raise
        finally:
            self.tenant = before
        return result

    def _take_back(self, counts: dict[tuple[str, str, str], tuple[str, int]]) -> None:
        # SQLite may have rolled back all of it by itself, as on a full disk.
        if self._connection.in_transaction:
            self._execute(ROLL_BACK_TO_MARK, ())
            self._execute(RELEASE_MARK, ())
            self._counts = counts
            self._obstacle = ""

    def _check_begun(self) -> None:
        """Refused where the transaction has ended under us: a SAVEPOINT would begin another."""
        if self._obstacle or not self._connection.in_transaction:
            raise StoreFailure(self._location.text, self._obstacle or ENDED)

    # ------------------------------------------------------------ verbs

    def hold(self, machine: str, keys: Sequence[str]) -> None:
        """Whoever has begun to write is the only one who does."""

    def hold_all(self) -> None:
        """As `hold`."""

    def hold_graph(self, machine: str) -> None:
        """As `hold`."""

    def count(self, machine: str) -> list[StateCount]:
        self.flush()
        return super().count(machine)

    def create(self, creation: Creation) -> tuple[int, int]:
        return self._whole(self._add_creation, creation, creation.lookups)

    def move(self, move: Move) -> int | None:
        if move.lookups:
            return self._whole(self._add_move, move, move.lookups)
        self._start()
        seq = self._add_move(move)
        self._obstacle = ""
        return seq

    def move_all(self, moves: Sequence[Move]) -> list[int | None]:
        return [self.move(move) for move in moves]

    def refuse(self, refusal: Refusal) -> bool:
        row = (refusal.delivery_id, refusal.refusal, refusal.recorded_at, refusal.instance, refusal.seen)
        return self._execute_alone(SETTLE_AS_REFUSED, row) == 1

    def declare(self, machine: str, text: str) -> int:
        self._execute_alone(REMOVE_LOOKUPS_OF_MACHINE, (machine,))
        return int(self._rows(DECLARE, (machine, text))[0][0])

    def add_lookup(self, machine: str, instance: int, lookup: LookupValue) -> None:
        row = (lookup.field, machine, lookup.value, int(lookup.unique), instance)
        if not self._execute_alone(ADD_LOOKUP_LATER, row):
            raise UniqueTaken(lookup.field, lookup.value)

    def save_cursor(self, name: str, position: int) -> None:
        self._execute_alone(SAVE_CURSOR, (self.tenant, name, position))

    # ------------------------------------------------------------ parts of the verbs

    def _whole(self, verb: Callable[[T], R], row: T, lookups: tuple[LookupValue, ...]) -> R:
        """Do all of it, or raise `UniqueTaken` and leave the transaction as it was.

        Only where a unique look-up is written can there be something to take back.
        """
        self._start()
        taken_back = any(lookup.unique for lookup in lookups)
        if taken_back:
            self._execute(SAVEPOINT, ())
        try:
            result = verb(row)
        except UniqueTaken:
            if taken_back:
                self._execute(ROLL_BACK_TO_SAVEPOINT, ())
                self._execute(RELEASE_SAVEPOINT, ())
            self._obstacle = ""
            raise
        if taken_back:
            self._execute(RELEASE_SAVEPOINT, ())
        self._obstacle = ""
        return result

    def _add_creation(self, creation: Creation) -> tuple[int, int]:
        at, recorded_at = creation.at, creation.recorded_at
        row = (self.tenant, creation.machine, creation.key, creation.state, creation.body, at, at)
        created = self._run(CREATE_SNAPSHOT, row)
        if not created:
            raise UniqueTaken
        instance = int(created[0][0])
        what = (None, None, creation.state, creation.body)
        seq = self._add_journal((self.tenant, instance, FIRST_VERSION, *what, at, recorded_at))
        self._add_lookups(creation.machine, instance, creation.lookups)
        self._add_messages(instance, FIRST_VERSION, creation.messages, at, recorded_at)
        self._affect(Moved(instance, FIRST_VERSION, seq, recorded_at), creation.effects)
        self._change_count(self.tenant, creation.machine, creation.state, creation.type_name, 1)
        return instance, seq

    def _add_move(self, move: Move) -> int | None:
        instance, version = move.instance, move.seen + 1
        row = (move.to_state, move.body, move.at, instance, move.seen)
        what = (move.event, move.from_state, move.to_state, move.body)
        line = (self.tenant, instance, version, *what, move.at, move.recorded_at)
        execute = self._connection.execute
        try:
            if move.delivery_id is None:
                moved = execute(MOVE_SNAPSHOT, row).rowcount
            else:
                moved = execute(MOVE_SNAPSHOT_UNLESS_SETTLED, (*row, move.delivery_id)).rowcount
            if moved != 1:
                return None
            seq = execute(ADD_JOURNAL, line).lastrowid
        except sqlite3.Error as error:
            raise fault(error, self._location) from error
        if move.delivery_id is not None or move.lookups is not None or move.messages:
            self._add_belongings(move, version, seq)
        if move.effects:
            self._affect(Moved(instance, version, seq or 0, move.recorded_at), move.effects)
        if move.from_state != move.to_state:
            # A state that is left has been entered, and so has a row, with its class's name in it.
            self._change_count(self.tenant, move.machine, move.from_state, "", -1)
            self._change_count(self.tenant, move.machine, move.to_state, move.type_name, 1)
        return seq

    def _add_belongings(self, move: Move, version: int, seq: int | None) -> None:
        """What a move brings along beside its two rows."""
        instance = move.instance
        if move.delivery_id is not None:
            self._execute(SETTLE_AS_MOVED, (self.tenant, instance, move.delivery_id, seq, move.recorded_at))
        if move.lookups is not None:
            self._execute(REMOVE_LOOKUPS, (instance,))
            self._add_lookups(move.machine, instance, move.lookups)
        if move.messages:
            self._add_messages(instance, version, move.messages, move.at, move.recorded_at)

    def _affect(self, moved: Moved, effects: Sequence[Effect]) -> None:
        for effect in effects:
            statement, parameters = spell(effect, self.tenant, moved)
            self._execute(statement, parameters)

    def _add_journal(self, line: Parameters) -> int:
        try:
            seq = self._connection.execute(ADD_JOURNAL, line).lastrowid
        except sqlite3.Error as error:
            raise fault(error, self._location) from error
        assert seq is not None
        return seq

    def _add_lookups(self, machine: str, instance: int, lookups: tuple[LookupValue, ...]) -> None:
        for lookup in lookups:
            row = (self.tenant, instance, lookup.field, machine, lookup.value, int(lookup.unique))
            if not self._execute(ADD_LOOKUP, row):
                raise UniqueTaken(lookup.field, lookup.value)

    def _add_messages(
        self, instance: int, version: int, messages: tuple[NewMessage, ...], at: int, recorded_at: int
    ) -> None:
        for message in messages:
            said = (message.topic, message.kind, message.correlation_id, message.body)
            self._execute(ADD_MESSAGE, (self.tenant, instance, version, *said, at, recorded_at))

    def _change_count(self, tenant: str, machine: str, state: str, type_name: str, change: int) -> None:
        known_name, before = self._counts.get((tenant, machine, state), ("", 0))
        self._counts[tenant, machine, state] = (known_name or type_name, before + change)

    # ------------------------------------------------------------ statements

    def rows(self, statement: str, parameters: Parameters) -> list[Row]:
        """All rows that a statement gives, whichever tenant it is about."""
        return self._rows(statement, parameters)

    def _rows(self, statement: str, parameters: Parameters) -> list[Row]:
        self._start()
        rows = self._run(statement, parameters)
        self._obstacle = ""
        return rows

    def _execute_alone(self, statement: str, parameters: Parameters) -> int:
        self._start()
        number = self._execute(statement, parameters)
        self._obstacle = ""
        return number

    def _run(self, statement: str, parameters: Parameters) -> list[Row]:
        """All rows of a statement; running it to its end matters, for a commit waits for that."""
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise fault(error, self._location) from error

    def _execute(self, statement: str, parameters: Parameters) -> int:
        """How many rows a statement has written."""
        try:
            return self._connection.execute(statement, parameters).rowcount
        except sqlite3.Error as error:
            raise fault(error, self._location) from error
