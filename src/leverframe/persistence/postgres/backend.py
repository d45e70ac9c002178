"""The store's PostgreSQL half: how a database is opened, and how one tenant's work is committed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg

from leverframe.errors import AccessDenied, StoreFailure
from leverframe.persistence.asking import Row
from leverframe.persistence.backend import Reader, Writer
from leverframe.persistence.effects import make_ready
from leverframe.persistence.migration import Migration
from leverframe.persistence.obstacles import NESTED
from leverframe.persistence.postgres.faults import Clash, Overtaken, fault, violated
from leverframe.persistence.postgres.joined import JoinedReader
from leverframe.persistence.postgres.location import parse_location
from leverframe.persistence.postgres.migrations import MIGRATIONS
from leverframe.persistence.postgres.moving import MOVE_BOTH, MOVE_MANY, are_alike, many_values
from leverframe.persistence.postgres.pool import Connection, connect
from leverframe.persistence.postgres.reader import PostgresReader, PostgresVerbs
from leverframe.persistence.postgres.rows import refusal_values
from leverframe.persistence.postgres.schema import prepare
from leverframe.persistence.postgres.scope import PLAIN, WHOLE, Scope
from leverframe.persistence.postgres.session import Session, fold
from leverframe.persistence.postgres.statements import POSTGRES
from leverframe.persistence.postgres.upkeep import PostgresUpkeep
from leverframe.persistence.postgres.waking import Watch, watch
from leverframe.persistence.postgres.writer import LOOKUP_UNIQUE, PostgresWriter, other_effects, spelled_move
from leverframe.persistence.rows import Loaded, Move, Refusal, UniqueTaken
from leverframe.persistence.statements import SETTLE_AS_REFUSED

__all__ = ["PostgresBackend", "open_postgres"]

T = TypeVar("T")

INSIDE = (
    "this thread is inside a write of its own, which a second one may wait for without end; "
    "let that one end, and use no store in a handler"
)
WAITS_INSIDE = "is inside of a transaction, which sees nothing of what others commit; wait outside of it"

# The user's own statements are planned as the server is set up to.
PLAN_AS_USUAL = "SET LOCAL plan_cache_mode TO DEFAULT; SET LOCAL max_parallel_workers_per_gather TO DEFAULT"

NOT_ALL = (
    "this is work on the rows of all tenants, which the server lets nobody do but members of the role that owns the "
    "tables; open the store as one of them"
)

LONGEST_INDEXED = 2_600
"""Bytes: a row of an index takes a third of a page, less what else is in it."""

ATTEMPTS = 10
"""How often a piece of work is begun anew after the server ended it in favour of another."""


def open_postgres(
    url: str,
    *,
    durability: str | None = None,
    timeout: float | None = None,
    pool_size: int | None = None,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> PostgresBackend:
    """Open the database that `url` names; its schema is made, or brought to our age.

    `durability` "normal" does not wait for the disk of the server (synchronous_commit = off): what was committed in the
    last moments may be lost when the server crashes, never part of it.  `timeout` is how many seconds a call waits for
    a connection, and for a row that others hold.
    """
    location = parse_location(url, durability, timeout, pool_size)
    connection = connect(location, WHOLE)
    try:
        prepare(connection, location, migrations)
        # Programs that make a few moves each would never come to it otherwise.
        fold(connection, WHOLE)
    finally:
        connection.close()
    return PostgresBackend(Session(location), PLAIN)


class PostgresBackend(PostgresUpkeep):
    """One open database, as one tenant sees it.  Any thread may use it; a process that was forked off may not."""

    decides_in_turn = False
    longest_indexed: int | None
    numbers_without_gaps = False
    shows_own_messages = False

    def __init__(self, session: Session, scope: Scope) -> None:
        self.session = session
        self.scope = scope
        self.tenant = scope.tenant
        self.longest_indexed = LONGEST_INDEXED - len(scope.tenant.encode())
        self.where = session.where
        self.pool = session.pool
        self._memory = session.memory
        self._reader = PostgresReader(self.pool, self.where, self._memory, scope)

    @property
    def location(self) -> str:
        return self.where.text

    def scoped(self, tenant: str) -> PostgresBackend:
        return PostgresBackend(self.session, Scope(tenant))

    def whole(self) -> PostgresBackend:
        """The same database, for work on rows of all tenants.  Raises `AccessDenied` if the server would hide some."""
        found = PostgresBackend(self.session, WHOLE)
        if not self.session.tends_all:
            if not found._reads().tends_all():
                raise AccessDenied(self.location, NOT_ALL)
            self.session.tends_all = True
        return found

    def now(self) -> int:
        return self._reader.now() if (joined := self.session.joined_writer()) is None else joined.now()

    def read(self) -> Reader:
        self.pool.check_usable()
        return self._reads()

    def _reads(self) -> PostgresVerbs:
        joined = self.session.joined_writer()
        if joined is None:
            return self._reader
        return joined if joined.scope == self.scope else JoinedReader(joined, self.scope)

    def commit(self, work: Callable[[Writer], T]) -> T:
        joined = self.session.joined_writer()
        for _ in range(ATTEMPTS - 1):
            try:
                return self._commit_once(joined, work)
            except Overtaken:
                continue
            except Clash:
                # In a transaction of several calls the others are in the way still.
                if joined is not None:
                    raise
        return self._commit_once(joined, work)

    def _commit_once(self, joined: PostgresWriter | None, work: Callable[[Writer], T]) -> T:
        if joined is not None:
            return joined.run_apart(work, self.scope)
        with self.write() as writer:
            return work(writer)

    def era(self) -> int:
        return self.pool.made

    def recent_now(self) -> int | None:
        return self._memory.recent_now()

    def recall(self, machine: str, key: str) -> Loaded | None:
        return self._memory.recall(self.tenant, machine, key)

    def move(self, move: Move) -> int | None:
        """One statement, which commits by itself."""
        return self._move(move, None)

    def move_in(self, era: int, move: Move) -> int | None:
        seq = self._move(move, era)
        if seq is None:
            self._memory.forget(self.tenant, move)
        return seq

    def _move(self, move: Move, era: int | None) -> int | None:
        self._check_outside()
        if other_effects(move):
            # What was known may be of before the server was started anew: that is looked at below alone.
            return self.commit(lambda writer: writer.move(move)) if era is None else None
        with self.pool.lend(self.scope) as connection:
            made = self.pool.made
            if era is not None and era != made:
                return None
            try:
                rows = say_move(connection, move, self.tenant)
            except psycopg.Error as error:
                self._check_clash(error, connection)
                return None
            self.session.fold_now_and_then(connection, 1, self.tenant)
        if rows:
            self._memory.note_moved(self.tenant, move, made)
        if move.messages or make_ready(move.effects):
            self.session.notifier.tell()
        return int(rows[0][0]) if rows else None

    def move_at_once(self, moves: Sequence[Move]) -> list[int | None]:
        if len(moves) < 2 or not are_alike(moves):
            return [self._move_if_free(move) for move in moves]
        numbers = self._say_moves(MOVE_MANY, moves)
        return [numbers.get(move.instance) for move in moves]

    def _say_moves(self, statement: str, moves: Sequence[Move], era: int | None = None) -> dict[int, int]:
        """The journal's numbers of those that hold, by instance; of none if that era is over."""
        self._check_outside()
        with self.pool.lend(self.scope) as connection:
            if era is not None and era != self.pool.made:
                return {}
            try:
                rows = connection.say(statement, many_values(moves))
            except psycopg.Error as error:
                self._check_clash(error, connection)
                return {}
            # However many they are, their counts are two changes or a few.
            self.session.fold_now_and_then(connection, 1, self.tenant)
        if any(make_ready(move.effects) for move in moves):
            self.session.notifier.tell()
        return dict(rows)

    def move_both(self, era: int, first: Move, second: Move) -> tuple[int, int | None] | None:
        moves = (first, second)
        if not are_alike(moves):
            return None
        numbers = self._say_moves(MOVE_BOTH, moves, era)
        seq = numbers.get(first.instance)
        return None if seq is None else (seq, numbers.get(second.instance))

    def _move_if_free(self, move: Move) -> int | None:
        try:
            return self.move(move)
        except UniqueTaken:
            return None

    def _check_clash(self, error: psycopg.Error, connection: Connection) -> None:
        """Raise what failed, unless others were faster, so that it is to be decided anew."""
        if violated(error) == LOOKUP_UNIQUE:
            raise UniqueTaken from error
        problem = fault(error, self.where, connection, committing=True)
        if not isinstance(problem, Clash):
            raise problem from error

    def refuse(self, refusal: Refusal) -> bool:
        with self.pool.lend(self.scope) as connection:
            try:
                statement = POSTGRES.spell(SETTLE_AS_REFUSED).encode()
                return connection.execute(statement, refusal_values(refusal)).rowcount == 1
            except psycopg.Error as error:
                raise fault(error, self.where, connection, committing=True) from error

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        if self.is_joined():
            raise StoreFailure(self.location, NESTED)
        thread = threading.get_ident()
        with self._transaction() as (connection, writer):
            self._say(connection, PLAN_AS_USUAL)
            self.session.joined[thread] = writer
            try:
                yield connection
            finally:
                del self.session.joined[thread]
                # Whoever had the connection may have set it to anything.
                connection.scope = None
            writer.check_whole()

    @contextmanager
    def watch(self) -> Generator[Watch]:
        if self.is_joined():
            raise StoreFailure(self.location, WAITS_INSIDE)
        with watch(self.pool, self.where) as found:
            yield found

    def is_joined(self) -> bool:
        return self.session.joined_writer() is not None

    def close(self) -> None:
        self.session.close()

    @contextmanager
    def write(self) -> Generator[PostgresWriter]:
        """A transaction of its own: commits at the block's end, rolls back on any exception."""
        with self._transaction() as (_, writer):
            yield writer

    @contextmanager
    def _transaction(self) -> Generator[tuple[Connection, PostgresWriter]]:
        self._check_outside()
        thread = threading.get_ident()
        with self.pool.lend(self.scope) as connection:
            writer = PostgresWriter(connection, self.where, self.scope)
            self._say(connection, "BEGIN")
            self.session.writing.add(thread)
            try:
                yield connection, writer
            except BaseException:
                roll_back(connection)
                raise
            finally:
                self.session.writing.discard(thread)
                writer.end()
            self._say(connection, "COMMIT")
            self.session.fold_now_and_then(connection, writer.moves, self.tenant)
        if writer.told or writer.makes_ready:
            self.session.notifier.tell()

    def _say(self, connection: Connection, statement: str) -> None:
        try:
            connection.execute(statement.encode())
        except psycopg.Error as error:
            raise fault(error, self.where, connection, committing=statement == "COMMIT") from error

    def _check_outside(self) -> None:
        if self.session.writing and threading.get_ident() in self.session.writing:
            raise StoreFailure(self.location, INSIDE)


def say_move(connection: Connection, move: Move, tenant: str) -> list[Row]:
    """The move as one statement; past the cursor, where no values are lists."""
    statement, values = spelled_move(move, 0, tenant)
    if move.lookups is None and not move.messages:
        return connection.say(statement, values)
    return connection.execute(statement.encode(), values).fetchall()


def roll_back(connection: Connection) -> None:
    """End the transaction; where the connection is lost, the server has done so, and what went wrong before is told."""
    with suppress(psycopg.Error):
        connection.rollback()
