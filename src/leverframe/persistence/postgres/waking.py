"""Who waits for messages is woken by NOTIFY, if the URL says `notify=yes`; else it looks again now and then.

A NOTIFY with each commit would make commits stand in a line.  So a thread says it for all of the last moments at once,
after their commits: it may come late, or not at all if the program ends, which is why whoever waits also looks by
itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from leverframe.errors import StoreError
from leverframe.persistence.postgres.faults import fault
from leverframe.persistence.postgres.location import Location
from leverframe.persistence.postgres.pool import Connection, Pool

__all__ = ["Notifier", "Watch", "watch"]

SECONDS_APART = 0.05
"""Between two notifications."""

LOOKS_EVERY = 0.5
"""Seconds after which who waits looks by itself."""


class Notifier:
    """Tells all who listen that there are messages, soon after it was told so itself."""

    def __init__(self, pool: Pool, location: Location) -> None:
        self._pool = pool
        self._wanted = location.notify
        self._statement = sql.SQL("NOTIFY {}").format(sql.Identifier(location.schema))
        self._told = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def tell(self) -> None:
        """Something was committed.  Returns at once, and does nothing unless the URL asks for it."""
        if not self._wanted:
            return
        self._told.set()
        if self._thread is None:
            self._start()

    def close(self) -> None:
        self._closed = True
        self._told.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leverframe-notify", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while self._told.wait() and not self._closed:
            self._told.clear()
            self._notify()
            time.sleep(SECONDS_APART)

    def _notify(self) -> None:
        try:
            with self._pool.lend() as connection:
                connection.execute(self._statement)
        except (psycopg.Error, StoreError):
            return  # Who waits looks by itself.


class Watch:
    """Sleeps until something was committed, or for a while."""

    def __init__(self, connection: Connection | None, location: Location) -> None:
        self._connection = connection
        self._location = location

    def sleep(self, seconds: float) -> bool:
        """At most so many seconds, and at most until it is time to look again; whether it was notified.

        Raises `StoreUnreachable`.
        """
        seconds = min(seconds, LOOKS_EVERY)
        if self._connection is None:
            time.sleep(seconds)
            return False
        try:
            for _ in self._connection.notifies(timeout=seconds, stop_after=1):
                return True
        except psycopg.Error as error:
            raise fault(error, self._location, self._connection) from error
        return False


@contextmanager
def watch(pool: Pool, location: Location) -> Generator[Watch]:
    """Listens for as long as the block lasts, on a connection of the pool; without `notify=yes` on none."""
    if not location.notify:
        yield Watch(None, location)
        return
    with pool.lend() as connection:
        try:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(location.schema)))
        except psycopg.Error as error:
            raise fault(error, location, connection) from error
        try:
            yield Watch(connection, location)
        finally:
            # What fails here has closed the connection, which is noticed when it is given back.
            with suppress(psycopg.Error):
                connection.execute(b"UNLISTEN *")
