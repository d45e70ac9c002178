"""The verbs of one transaction, and how a failed part of it is taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from leverframe.errors import StoreFailure
from leverframe.persistence.asking import Parameters, Row
from leverframe.persistence.effects import Effect, Leave, Moved, Note, Stand, make_ready
from leverframe.persistence.heartbeats import HeartbeatWriterVerbs
from leverframe.persistence.leasing import LeasingWriterVerbs
from leverframe.persistence.obstacles import ENDED, OVER
from leverframe.persistence.postgres.faults import SPOILED, Overtaken, fault, violated
from leverframe.persistence.postgres.location import Location
from leverframe.persistence.postgres.moving import MOVE_MANY, are_alike, many_values
from leverframe.persistence.postgres.pool import Connection
from leverframe.persistence.postgres.rows import creation_values, move_values, refusal_values
from leverframe.persistence.postgres.scope import SET_SCOPE, Scope, scope_values
from leverframe.persistence.postgres.statements import (
    HOLD,
    HOLD_ALL,
    HOLD_GRAPH,
    HOLD_MISSING,
    LOCKS,
    MISSING,
    ORDINAL_BITS,
    POSTGRES,
    create_statement,
    move_statement,
    taken_statement,
)
from leverframe.persistence.postgres.upkeep import PostgresTending
from leverframe.persistence.rows import Creation, Loaded, LookupValue, Move, Refusal, UniqueTaken
from leverframe.persistence.statements import (
    ADD_LOOKUP_LATER,
    DECLARE,
    MARK,
    RELEASE_MARK,
    RELEASE_SAVEPOINT,
    REMOVE_LOOKUPS_OF_MACHINE,
    ROLL_BACK_TO_MARK,
    ROLL_BACK_TO_SAVEPOINT,
    SAVE_CURSOR,
    SAVEPOINT,
    SETTLE_AS_REFUSED,
)

__all__ = ["PostgresWriter"]

T = TypeVar("T")
R = TypeVar("R")

OVERTAKEN = "others were faster, time and again; call again"
TOO_MANY = f"one transaction tells more than {2**ORDINAL_BITS - 1:,} messages; send in smaller ones"

LOOKUP_UNIQUE = "lookup_unique"


class PostgresWriter(PostgresTending, LeasingWriterVerbs, HeartbeatWriterVerbs):
    """The verbs of one transaction; when that is over they are refused."""

    __slots__ = ("_connection", "_location", "_missing", "_over", "makes_ready", "moves", "scope", "tenant", "told")

    def __init__(self, connection: Connection, location: Location, scope: Scope) -> None:
        self._connection = connection
        self.scope = scope
        self.tenant = scope.tenant
        self._location = location
        self.told = 0
        self.makes_ready = False
        self._missing: set[tuple[str, str, str]] = set()
        self.moves = 0
        self._over = False

    def end(self) -> None:
        """From here on every verb is refused."""
        self._over = True

    def run_apart(self, work: Callable[[PostgresWriter], T], scope: Scope) -> T:
        """Do work on these rows so that, if it raises, all that it wrote is taken back, and only that."""
        self.check_begun()
        self._missing.clear()
        self._execute(MARK, ())
        before = self.scope
        try:
            self._switch(scope)
            result = work(self)
            self._switch(before)
            self._execute(RELEASE_MARK, ())
        except BaseException:
            # That takes the setting back too.
            self._take_back(ROLL_BACK_TO_MARK, RELEASE_MARK)
            raise
        finally:
            self._note(before)
        return result

    def rows_in(self, scope: Scope, statement: str, parameters: Parameters) -> list[Row]:
        """All rows that a statement gives of these."""
        before = self.scope
        self._switch(scope)
        try:
            rows = self._rows(statement, parameters)
            self._switch(before)
        finally:
            # Where it failed, nothing more can be said in this transaction before a part of it is taken back.
            self._note(before)
        return rows

    def _switch(self, scope: Scope) -> None:
        if scope != self.scope:
            self._execute(SET_SCOPE, scope_values(scope))
            self._note(scope)

    def _note(self, scope: Scope) -> None:
        self.scope = scope
        self.tenant = scope.tenant

    def check_begun(self) -> None:
        """Refused where the transaction has ended under us."""
        if self._over:
            raise StoreFailure(self._location.text, OVER)
        if not self._connection.closed and self._connection.info.transaction_status == TransactionStatus.IDLE:
            raise StoreFailure(self._location.text, ENDED)

    def check_whole(self) -> None:
        """Refused where a COMMIT would take all of it back without a word."""
        self.check_begun()
        if self._connection.info.transaction_status == TransactionStatus.INERROR:
            raise StoreFailure(self._location.text, SPOILED)

    def hold(self, machine: str, keys: Sequence[str]) -> None:
        asked = list(keys)
        missing = [
            number for (number,) in self._rows(MISSING, (f"{self.tenant}{machine}", asked, self.tenant, machine))
        ]
        if missing:
            self._rows(HOLD_MISSING, (missing,))
        self._rows(HOLD, (self.tenant, machine, asked))

    def hold_all(self) -> None:
        self._execute(HOLD_ALL, ())

    def hold_graph(self, machine: str) -> None:
        self._execute(HOLD_GRAPH, (f"{self.tenant} {machine}",))

    def load(self, machine: str, key: str, delivery_id: str | None = None) -> Loaded | None:
        found = super().load(machine, key, delivery_id)
        if found is None:
            self._missing.add((self.tenant, machine, key))
        return found

    def create(self, creation: Creation) -> tuple[int, int]:
        self.moves += 1
        self.makes_ready |= make_ready(creation.effects)
        self._count_messages(len(creation.messages))
        statement = create_statement(has_lookups=bool(creation.lookups), tells=bool(creation.messages))
        values = creation_values(creation, self.told - len(creation.messages), self.tenant)
        rows = self._whole(statement, values, creation.machine, 0, creation.lookups)
        if not rows:
            raise self._why_not_made(creation)
        instance, seq = int(rows[0][0]), int(rows[0][1])
        self.affect(Moved(instance, 1, seq, creation.recorded_at), creation.effects)
        return instance, seq

    def move(self, move: Move) -> int | None:
        self.moves += 1
        self.makes_ready |= make_ready(move.effects)
        self._count_messages(len(move.messages))
        statement, values = spelled_move(move, self.told - len(move.messages), self.tenant)
        rows = self._whole(statement, values, move.machine, move.instance, move.lookups or ())
        if not rows:
            return None
        seq = int(rows[0][0])
        if other := other_effects(move):
            self.affect(Moved(move.instance, move.seen + 1, seq, move.recorded_at), other)
        return seq

    def move_all(self, moves: Sequence[Move]) -> list[int | None]:
        if len(moves) < 2 or not are_alike(moves):
            return [self.move(move) for move in moves]
        self.moves += 1
        self.makes_ready |= any(make_ready(move.effects) for move in moves)
        rows: dict[int, int] = dict(self._run(MOVE_MANY, many_values(moves)))
        return [rows.get(move.instance) for move in moves]

    def refuse(self, refusal: Refusal) -> bool:
        return self._execute(SETTLE_AS_REFUSED, refusal_values(refusal)) == 1

    def declare(self, machine: str, text: str) -> int:
        self._execute(REMOVE_LOOKUPS_OF_MACHINE, (machine,))
        return int(self._rows(DECLARE, (machine, text))[0][0])

    def add_lookup(self, machine: str, instance: int, lookup: LookupValue) -> None:
        row = (lookup.field, machine, lookup.value, int(lookup.unique), instance)
        if not self._execute(ADD_LOOKUP_LATER, row):
            raise UniqueTaken(lookup.field, lookup.value)

    def save_cursor(self, name: str, position: int) -> None:
        self._execute(SAVE_CURSOR, (self.tenant, name, position))

    # ------------------------------------------------------------ parts of the verbs

    def _why_not_made(self, creation: Creation) -> UniqueTaken | Overtaken:
        """The key is taken; or it was taken, or look-ups were declared, only after this transaction had looked."""
        looked_for = (self.tenant, creation.machine, creation.key) in self._missing
        if looked_for or super().load(creation.machine, creation.key) is None:
            return Overtaken(self._location.text, OVERTAKEN)
        return UniqueTaken()

    def _whole(
        self, statement: str, values: dict[str, Any], machine: str, instance: int, lookups: tuple[LookupValue, ...]
    ) -> list[Row]:
        """The statement's rows; or raise `UniqueTaken`, the transaction as it was."""
        if not any(lookup.unique for lookup in lookups):
            return self._run(statement, values)
        self._execute(SAVEPOINT, ())
        try:
            rows = self._run(statement, values)
        except UniqueTaken:
            self._take_back(ROLL_BACK_TO_SAVEPOINT, RELEASE_SAVEPOINT)
            raise self._which_is_taken(machine, instance, lookups) from None
        self._execute(RELEASE_SAVEPOINT, ())
        return rows

    def _which_is_taken(self, machine: str, instance: int, lookups: tuple[LookupValue, ...]) -> UniqueTaken:
        unique = [lookup for lookup in lookups if lookup.unique]
        rows = self._run(
            taken_statement(),
            {
                "tenant": self.tenant,
                "machine": machine,
                "instance": instance,
                "fields": [lookup.field for lookup in unique],
                "values": [lookup.value for lookup in unique],
                "uniques": [1 for _ in unique],
            },
        )
        # Whoever had it may have let it go since: then it is the likeliest that is named.
        return UniqueTaken(*rows[0]) if rows else UniqueTaken(unique[0].field, unique[0].value)

    def _count_messages(self, number: int) -> None:
        self.told += number
        if self.told >= 2**ORDINAL_BITS:
            raise StoreFailure(self._location.text, TOO_MANY)

    def _take_back(self, roll_back: str, release: str) -> None:
        if not self._connection.closed and self._connection.info.transaction_status != TransactionStatus.IDLE:
            try:
                self._connection.execute(roll_back.encode())
                self._connection.execute(release.encode())
            except psycopg.Error as error:
                raise fault(error, self._location, self._connection) from error

    # ------------------------------------------------------------ statements

    def _rows(self, statement: str, parameters: Parameters) -> list[Row]:
        spelled = POSTGRES.spell(statement)
        for hole, lock in LOCKS.items():
            spelled = spelled.replace(hole, lock)
        return self._run(spelled, parameters)

    def _run(self, statement: str, parameters: Parameters | dict[str, Any]) -> list[Row]:
        return self._send(statement, parameters).fetchall()

    def _execute(self, statement: str, parameters: Parameters) -> int:
        """How many rows a statement has written."""
        return self._send(POSTGRES.spell(statement), parameters).rowcount

    def _execute_alone(self, statement: str, parameters: Parameters) -> int:
        return self._execute(statement, parameters)

    def _send(self, statement: str, parameters: Parameters | dict[str, Any]) -> psycopg.Cursor[Row]:
        if self._over:
            raise StoreFailure(self._location.text, OVER)
        try:
            return self._connection.execute(statement.encode(), parameters)
        except psycopg.Error as error:
            if violated(error) == LOOKUP_UNIQUE:
                raise UniqueTaken from error
            raise fault(error, self._location, self._connection) from error


def other_effects(move: Move) -> tuple[Effect, ...]:
    """What is not part of the one statement that a move is."""
    return tuple(effect for effect in move.effects if not isinstance(effect, Stand | Leave | Note))


def spelled_move(move: Move, told_before: int, tenant: str) -> tuple[str, dict[str, Any]]:
    statement = move_statement(
        settles=move.delivery_id is not None,
        changes_state=move.from_state != move.to_state,
        changes_lookups=move.lookups is not None,
        tells=bool(move.messages),
        stands=any(isinstance(effect, Stand) for effect in move.effects),
        leaves=any(isinstance(effect, Leave) for effect in move.effects),
        is_noted=any(isinstance(effect, Note) for effect in move.effects),
    )
    return statement, move_values(move, told_before, tenant)
