"""The store's PostgreSQL half: what is open, and how work is committed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg

from leverframe.errors import StoreFailure
from leverframe.persistence.asking import Row
from leverframe.persistence.backend import Loaded, Move, Reader, Refusal, UniqueTaken, Writer
from leverframe.persistence.migration import Migration
from leverframe.persistence.postgres.faults import Clash, Overtaken, fault, violated
from leverframe.persistence.postgres.location import Location, parse_location
from leverframe.persistence.postgres.memory import Memory
from leverframe.persistence.postgres.migrations import MIGRATIONS
from leverframe.persistence.postgres.pool import Connection, Pool, connect
from leverframe.persistence.postgres.reader import PostgresReader
from leverframe.persistence.postgres.rows import refusal_values
from leverframe.persistence.postgres.schema import prepare
from leverframe.persistence.postgres.statements import FOLD_COUNTS, POSTGRES
from leverframe.persistence.postgres.upkeep import PostgresUpkeep
from leverframe.persistence.postgres.waking import Notifier, Watch, watch
from leverframe.persistence.postgres.writer import LOOKUP_UNIQUE, PostgresWriter, spelled_move
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

NESTED = "is inside of a transaction already; one block is enough"

ATTEMPTS = 10
"""How often a piece of work is begun anew after the server ended it in favour of another."""

MOVES_BETWEEN_FOLDS = 200


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
    connection = connect(location)
    try:
        prepare(connection, location, migrations)
        # Programs that make a few moves each would never come to it otherwise.
        fold(connection)
    finally:
        connection.close()
    return PostgresBackend(location)


class PostgresBackend(PostgresUpkeep):
    """One open database.  Any thread may use it; a process that was forked off may not."""

    decides_in_turn = False
    # A row of an index takes a third of a page, less what else is in it.
    longest_indexed: int | None = 2_600
    numbers_without_gaps = False
    shows_own_messages = False

    def __init__(self, location: Location) -> None:
        self.where = location
        self.pool = Pool(location)
        self._memory = Memory()
        self._reader = PostgresReader(self.pool, location, self._memory)
        self._joined: dict[int, PostgresWriter] = {}
        self._writing: set[int] = set()
        self._moves = 0
        self._notifier = Notifier(self.pool, location)

    @property
    def location(self) -> str:
        return self.where.text

    def now(self) -> int:
        return self._reader.now() if (joined := self._joined_writer()) is None else joined.now()

    def read(self) -> Reader:
        self.pool.check_usable()
        return self._joined_writer() or self._reader

    def commit(self, work: Callable[[Writer], T]) -> T:
        joined = self._joined_writer()
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
            return joined.run_apart(work)
        with self.write() as writer:
            return work(writer)

    def recall(self, machine: str, key: str) -> Loaded | None:
        return self._memory.recall(machine, key)

    def move_recalled(self, move: Move) -> int | None:
        seq = self._move(move, recalled=True)
        if seq is None:
            self._memory.forget(move.machine, move.instance)
        return seq

    def remember(self, machine: str, written: Loaded) -> None:
        self._memory.note_moved(machine, written, self.pool.made)

    def move(self, move: Move) -> int | None:
        """One statement, which commits by itself."""
        return self._move(move, recalled=False)

    def _move(self, move: Move, *, recalled: bool) -> int | None:
        self._check_outside()
        with self.pool.lend() as connection:
            if recalled and not self._memory.holds(self.pool.made):
                return None
            try:
                rows = say_move(connection, move)
            except psycopg.Error as error:
                self._check_clash(error, connection)
                return None
            self._fold_now_and_then(connection, 1)
        if move.messages:
            self._notifier.tell()
        return int(rows[0][0]) if rows else None

    def _check_clash(self, error: psycopg.Error, connection: Connection) -> None:
        """Raise what failed, unless others were faster, so that it is to be decided anew."""
        if violated(error) == LOOKUP_UNIQUE:
            raise UniqueTaken from error
        problem = fault(error, self.where, connection, committing=True)
        if not isinstance(problem, Clash):
            raise problem from error

    def refuse(self, refusal: Refusal) -> bool:
        with self.pool.lend() as connection:
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
            self._joined[thread] = writer
            try:
                yield connection
            finally:
                del self._joined[thread]
            writer.check_whole()

    @contextmanager
    def watch(self) -> Generator[Watch]:
        if self.is_joined():
            raise StoreFailure(self.location, WAITS_INSIDE)
        with watch(self.pool, self.where) as found:
            yield found

    def is_joined(self) -> bool:
        return bool(self._joined) and self._joined_writer() is not None

    def close(self) -> None:
        self._notifier.close()
        self.pool.close()

    @contextmanager
    def write(self) -> Generator[PostgresWriter]:
        """A transaction of its own: commits at the block's end, rolls back on any exception."""
        with self._transaction() as (_, writer):
            yield writer

    @contextmanager
    def _transaction(self) -> Generator[tuple[Connection, PostgresWriter]]:
        self._check_outside()
        thread = threading.get_ident()
        with self.pool.lend() as connection:
            writer = PostgresWriter(connection, self.where)
            self._say(connection, "BEGIN")
            self._writing.add(thread)
            try:
                yield connection, writer
            except BaseException:
                roll_back(connection)
                raise
            finally:
                self._writing.discard(thread)
                writer.end()
            self._say(connection, "COMMIT")
            self._fold_now_and_then(connection, writer.moves)
        if writer.told:
            self._notifier.tell()

    def _say(self, connection: Connection, statement: str) -> None:
        try:
            connection.execute(statement.encode())
        except psycopg.Error as error:
            raise fault(error, self.where, connection, committing=statement == "COMMIT") from error

    def _fold_now_and_then(self, connection: Connection, moves: int) -> None:
        # Two threads that count one move do no harm: what is not folded now is folded a little later.
        self._moves += moves
        if self._moves >= MOVES_BETWEEN_FOLDS:
            self._moves = 0
            fold(connection)

    def _check_outside(self) -> None:
        if self._writing and threading.get_ident() in self._writing:
            raise StoreFailure(self.location, INSIDE)

    def _joined_writer(self) -> PostgresWriter | None:
        return self._joined.get(threading.get_ident()) if self._joined else None


def say_move(connection: Connection, move: Move) -> list[Row]:
    """The move as one statement; past the cursor, where no values are lists."""
    statement, values = spelled_move(move, 0)
    if move.lookups is None and not move.messages:
        return connection.say(statement, values)
    return connection.execute(statement.encode(), values).fetchall()


def fold(connection: Connection) -> None:
    """Add up the changes of counts; what was committed stands, whatever becomes of this."""
    with suppress(psycopg.Error):
        connection.execute(FOLD_COUNTS.encode())


def roll_back(connection: Connection) -> None:
    """End the transaction; where the connection is lost, the server has done so, and what went wrong before is told."""
    with suppress(psycopg.Error):
        connection.rollback()
