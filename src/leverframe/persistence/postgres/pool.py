"""Connections to one server: never more than the pool's size, each lent for a moment."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from leverframe.errors import PoolExhausted, StoreClosed, StoreError
from leverframe.persistence.postgres.faults import opening_fault
from leverframe.persistence.postgres.location import Location

__all__ = ["Connection", "Pool", "connect"]

Connection = psycopg.Connection[tuple[Any, ...]]

CLOSED = "was closed"
FORKED = "was opened in another process"

MILLISECONDS = 1000

# The user's own tables stay in reach, behind ours.
SET_UP = """
SELECT set_config('search_path', %s || ', ' || current_setting('search_path'), false),
    set_config('lock_timeout', %s, false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('synchronous_commit', CASE WHEN %s THEN 'off'
        WHEN current_setting('synchronous_commit') = 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, false)"""


def connect(location: Location) -> Connection:
    """One connection outside of any pool.  Raises `AccessDenied`, `MissingDatabase`, `StoreUnreachable`."""
    try:
        connection = psycopg.connect(**options(location))
    except psycopg.Error as error:
        raise opening_fault(error, location) from error
    try:
        set_up(connection, location)
    except psycopg.Error as error:
        connection.close()
        raise opening_fault(error, location) from error
    return connection


def options(location: Location) -> dict[str, Any]:
    return {**location.conninfo, "autocommit": True}


def set_up(connection: Connection, location: Location) -> None:
    lasting = f"{max(1, int(location.timeout * MILLISECONDS))}ms"
    connection.execute(SET_UP, (location.schema, lasting, location.durability == "normal"))


class Pool:
    """Lends connections; a thread that finds none free waits for one, at most the timeout."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._process = os.getpid()
        self._closed = False
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs=options(location),
            min_size=1,
            max_size=location.pool_size,
            timeout=location.timeout,
            configure=lambda connection: set_up(connection, location),
            name="leverframe",
            open=True,
        )

    @contextmanager
    def lend(self) -> Generator[Connection]:
        """A connection for the block.  Raises `StoreClosed`, `StoreUnreachable`, `PoolExhausted`."""
        self.check_usable()
        try:
            connection = self._pool.getconn()
        except PoolClosed as error:
            raise StoreClosed(self._location.text, CLOSED) from error
        except PoolTimeout as error:
            raise self._why_none() from error
        try:
            yield connection
        finally:
            end_what_is_open(connection)
            lost = connection.closed
            self._pool.putconn(connection)
            if lost:
                # The others of the pool are gone too, most likely: none of them is lent unseen.
                self._pool.check()

    def check_usable(self) -> None:
        if self._process != os.getpid():
            raise StoreClosed(self._location.text, FORKED)
        if self._closed:
            raise StoreClosed(self._location.text, CLOSED)

    def close(self) -> None:
        if self._process == os.getpid() and not self._closed:
            self._closed = True
            self._pool.close()

    def size(self) -> int:
        """How many connections there are now."""
        return self._pool.get_stats().get("pool_size", 0)

    def _why_none(self) -> StoreError:
        """Whether all were in use, or the server does not answer: one try tells."""
        try:
            connect(self._location).close()
        except StoreError as error:
            return error
        return PoolExhausted(self._location.text, self._location.timeout, self._location.pool_size)


def end_what_is_open(connection: Connection) -> None:
    """A connection that comes back in the middle of a transaction, after an interrupt, is closed."""
    if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
        connection.close()
