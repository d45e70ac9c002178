"""Connections to one server: never more than the pool's size, each lent for a moment.

They are made by the thread that needs one, so that a server that cannot be reached is told at once, and each call tries
anew.  psycopg's own pool connects in the background, after ever longer pauses: a call could wait while the server was
back already.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from leverframe.errors import PoolExhausted, StoreClosed
from leverframe.persistence.obstacles import CLOSED, FORKED
from leverframe.persistence.postgres.faults import opening_fault
from leverframe.persistence.postgres.location import Location
from leverframe.persistence.postgres.permits import Permits
from leverframe.persistence.postgres.saying import SpokenConnection
from leverframe.persistence.postgres.scope import PLAIN, Scope, scope_values, set_scope

__all__ = ["Connection", "Pool", "connect"]

Connection = SpokenConnection

MILLISECONDS = 1000

MOST_IDLE = 600.0
"""Seconds after which a connection that nobody needs any more is closed."""

# The user's own tables stay in reach, behind ours, and temporary ones behind those.  Statements are planned once: a
# limit or a range as a parameter makes the server plan them each time, which takes longer than to run them.
SET_UP = """
SELECT set_config('plan_cache_mode', 'force_generic_plan', false),
    set_config('max_parallel_workers_per_gather', '0', false),
    set_config('search_path',
        concat_ws(', ', %s::text, nullif(current_setting('search_path'), ''), 'pg_temp'), false),
    set_config('lock_timeout', %s, false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('leverframe.tenant', %s, false),
    set_config('leverframe.whole', %s, false),
    set_config('synchronous_commit', CASE WHEN %s THEN 'off'
        WHEN current_setting('synchronous_commit') = 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, false)"""


def connect(location: Location, scope: Scope = PLAIN) -> Connection:
    """One connection, outside of any pool, that sees these rows.

    Raises `AccessDenied`, `MissingDatabase`, `StoreUnreachable`.
    """
    try:
        connection = SpokenConnection.connect(**options(location))
    except psycopg.Error as error:
        raise opening_fault(error, location) from error
    try:
        set_up(connection, location, scope)
    except psycopg.Error as error:
        connection.close()
        raise opening_fault(error, location) from error
    return connection


def options(location: Location) -> dict[str, Any]:
    return {**location.conninfo, "autocommit": True}


def set_up(connection: Connection, location: Location, scope: Scope) -> None:
    lasting = f"{max(1, int(location.timeout * MILLISECONDS))}ms"
    values = (location.schema, lasting, *scope_values(scope), location.durability == "normal")
    connection.execute(SET_UP, values)
    connection.scope = scope


class Pool:
    """Lends connections; a thread that finds none free waits for one, at most the timeout."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._process = os.getpid()
        self._closed = False
        self._permits = Permits(location.pool_size)
        self._lock = threading.Lock()
        self.made = 0
        """How many connections there have been."""
        # With the time since when it is idle; the last one is lent first.
        self._idle: deque[tuple[float, Connection]] = deque()

    def lend(self, scope: Scope | None = None) -> Loan:
        """A connection for a block, which sees these rows (None: it does not matter which).

        Raises `StoreClosed`, `StoreUnreachable`, `PoolExhausted`.
        """
        return Loan(self, scope)

    def take(self, scope: Scope | None) -> Connection:
        """A connection, which has to be given back."""
        self.check_usable()
        if not self._permits.take(self._location.timeout):
            raise PoolExhausted(self._location.text, self._location.timeout, self._location.pool_size)
        try:
            self.check_usable()
            return self._find(scope) or self._connect(scope or PLAIN)
        except BaseException:
            self._permits.give_back()
            raise

    def give_back(self, connection: Connection) -> None:
        try:
            self._take_back(connection)
        finally:
            self._permits.give_back()

    def check_usable(self) -> None:
        if self._process != os.getpid():
            raise StoreClosed(self._location.text, FORKED)
        if self._closed:
            raise StoreClosed(self._location.text, CLOSED)

    def close(self) -> None:
        """Close what is idle now, and what is lent when it comes back; who waits is told."""
        if self._process != os.getpid():
            return
        with self._lock:
            self._closed = True
            left = [connection for _, connection in self._idle]
            self._idle.clear()
        self._permits.let_all_in()
        for connection in left:
            connection.close()

    def _connect(self, scope: Scope) -> Connection:
        connection = connect(self._location, scope)
        with self._lock:
            self.made += 1
        return connection

    def _find(self, scope: Scope | None) -> Connection | None:
        """A connection that nobody uses, set to see these rows."""
        while (connection := self._find_idle(scope)) is not None:
            if scope is None or connection.scope == scope:
                return connection
            try:
                set_scope(connection, scope)
            except psycopg.Error:
                # It had ended while nobody used it.
                connection.close()
                continue
            return connection
        return None

    def _find_idle(self, scope: Scope | None) -> Connection | None:
        """A connection that nobody uses, and that the server has not ended meanwhile."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._pop(scope)
            if not has_ended(connection):
                return connection
            connection.close()

    def _pop(self, scope: Scope | None) -> Connection:
        """The one that was used last, but for one that need not be set anew."""
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index][1].scope == scope:
                found = self._idle[index][1]
                del self._idle[index]
                return found
        return self._idle.pop()[1]

    def _take_back(self, connection: Connection) -> None:
        now = time.monotonic()
        end_what_is_open(connection)
        with self._lock:
            if not connection.closed and not self._closed:
                self._idle.append((now, connection))
            unused = self._idle.popleft()[1] if self._idle and self._idle[0][0] < now - MOST_IDLE else None
        if unused is not None:
            unused.close()
        if self._closed:
            connection.close()


class Loan:
    """A connection for a block: a class, because a generator takes several times as long, with every event."""

    __slots__ = ("_connection", "_pool", "_scope")

    def __init__(self, pool: Pool, scope: Scope | None) -> None:
        self._pool = pool
        self._scope = scope
        self._connection: Connection | None = None

    def __enter__(self) -> Connection:
        connection = self._connection = self._pool.take(self._scope)
        return connection

    def __exit__(self, *raised: object) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(connection)


def has_ended(connection: Connection) -> bool:
    """Whether the server has said goodbye: seen in what has arrived already, without a word to it."""
    try:
        # What it said last comes first, and then the end.
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return connection.closed


def end_what_is_open(connection: Connection) -> None:
    """A connection that comes back in the middle of a transaction, after an interrupt, is closed."""
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        connection.close()
