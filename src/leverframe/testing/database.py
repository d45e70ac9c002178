"""A database in memory whose statements are seen one by one: before each of them a process can be killed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from leverframe.persistence.sqlite.backend import SQLiteBackend, open_sqlite
from leverframe.persistence.sqlite.connection import set_up_writer
from leverframe.persistence.sqlite.driver import sqlite3
from leverframe.persistence.sqlite.session import Session
from leverframe.persistence.sqlite.turn import Turn

__all__ = ["Database", "Killed", "Violation"]

URL = "sqlite://"


class Killed(BaseException):
    """What ends a simulated process in the middle of a call; no code of the store's may catch it."""


class Violation(BaseException):
    """What must never happen has happened; neither the store nor a worker may catch it."""


class Connection:
    """The real connection, with somebody who watches each statement."""

    def __init__(self, real: sqlite3.Connection, watcher: Callable[[str, bool], None]) -> None:
        self._real = real
        self._watcher = watcher

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        self._watcher(statement, False)
        result = self._real.execute(statement, parameters)
        self._watcher(statement, True)
        return result

    @property
    def in_transaction(self) -> bool:
        return self._real.in_transaction

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Database:
    """One empty database, and the killing of whoever uses it.

    `connection` is for looks from outside: what is run on it is seen by nobody.
    """

    def __init__(self) -> None:
        made = template().session
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        made.connection.backup(self.connection)
        set_up_writer(self.connection, made.where)
        watched = cast("sqlite3.Connection", Connection(self.connection, self._watch))
        self.session = Session(made.where, Turn(made.where, None), watched, None)
        self._left: int | None = None
        self._dead = False

    def kill_after(self, statements: int | None) -> None:
        """Whoever goes on is killed after so many more statements; None: nobody is."""
        self._left, self._dead = statements, False

    def spare(self) -> int | None:
        """Kill nobody from here on; what `kill_after` takes to go on with it."""
        left, self._left = self._left, None
        return left

    def is_dying(self) -> bool:
        """Whether whoever goes on is to be killed, or is dead already."""
        return self._left is not None

    def close(self) -> None:
        """Give back all that is held."""
        self.connection.close()

    def _watch(self, statement: str, is_done: bool) -> None:
        # Behind a statement that is no commit it is as before the next one; and instead of its own ROLLBACK a killed
        # process's transaction has the database's.
        if self._left is None or statement == "ROLLBACK" or (is_done and statement != "COMMIT"):
            return
        if self._dead:
            raise Violation(f"a killed process went on with {' '.join(statement.split())[:60]}")
        if self._left == 0:
            self._dead = True
            raise Killed
        self._left -= 1


@cache
def template() -> SQLiteBackend:
    """An empty database with all of its tables, made once."""
    return open_sqlite(URL)
