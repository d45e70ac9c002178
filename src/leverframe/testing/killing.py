"""A store's statements, seen one by one: before each of them, and behind each commit, whoever says it can be killed.

What a killed process leaves is what the database makes of a connection that is gone: what was committed stands, and
nothing else.  On SQLite the open transaction is rolled back; of a server the connection is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from leverframe.testing.database import Killed

if TYPE_CHECKING:
    from leverframe.coordination.store import Store

__all__ = ["Killed", "Killer", "watched"]


class Killer:
    """Who lets so many moments pass, and then kills.

    A moment is before each statement, and behind each that has left no transaction open.
    """

    def __init__(self) -> None:
        self._left: int | None = None
        self.is_dead = False

    def kill_after(self, moments: int) -> None:
        """Kill whoever goes on after so many more moments."""
        self._left, self.is_dead = moments, False

    def spare(self) -> None:
        """Kill nobody from here on."""
        self._left, self.is_dead = None, False

    def strike(self) -> bool:
        """Whether this is the moment."""
        if self._left is None or self.is_dead:
            return False
        self.is_dead = self._left == 0
        self._left -= 1
        return self.is_dead


class Watched:
    """A connection whose statements are seen; everything else is the real one's."""

    _own = ("_real", "_killer", "_is_open", "_cut")

    def __init__(self, real: Any, killer: Killer, is_open: Callable[[], bool], cut: Callable[[], None]) -> None:
        self._real = real
        self._killer = killer
        self._is_open = is_open
        self._cut = cut

    def execute(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        return self._see(statement, lambda: self._real.execute(statement, *arguments, **options))

    def executemany(self, statement: Any, *arguments: Any) -> Any:
        return self._see(statement, lambda: self._real.executemany(statement, *arguments))

    def say(self, statement: Any, *arguments: Any) -> Any:
        return self._see(statement, lambda: self._real.say(statement, *arguments))

    def _see(self, statement: Any, run: Callable[[], Any]) -> Any:
        # Instead of its own ROLLBACK a killed process's transaction has the database's.
        if statement == "ROLLBACK":
            return run()
        self._strike()
        result = run()
        if not self._is_open():
            self._strike()
        return result

    def _strike(self) -> None:
        if self._killer.strike():
            self._cut()
            raise Killed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Watched._own:
            object.__setattr__(self, name, value)
        else:
            setattr(self._real, name, value)


@contextmanager
def watched(store: Store) -> Generator[Killer]:
    """In the block, whoever uses the store can be killed."""
    killer = Killer()
    backend: Any = store._backend  # pyright: ignore[reportPrivateUsage]  # no verb of a store tells its statements
    session: Any = backend.session
    put_back = watch_pool(session.pool, killer) if hasattr(session, "pool") else watch_connection(session, killer)
    try:
        yield killer
    finally:
        put_back()


def watch_connection(session: Any, killer: Killer) -> Callable[[], None]:
    """SQLite: there is one connection that writes."""
    real = session.connection

    def nothing() -> None:
        """What was begun is rolled back where the exception passes through."""

    session.connection = Watched(real, killer, lambda: bool(real.in_transaction), nothing)

    def put_back() -> None:
        session.connection = real

    return put_back


def watch_pool(pool: Any, killer: Killer) -> Callable[[], None]:
    """PostgreSQL: connections are lent."""
    take, give_back = pool.take, pool.give_back

    def take_watched(scope: Any) -> Watched:
        real = take(scope)
        return Watched(real, killer, lambda: is_in_transaction(real), real.close)

    def give_back_watched(lent: Watched) -> None:
        give_back(lent._real)  # pyright: ignore[reportPrivateUsage]  # the pool knows its own

    pool.take, pool.give_back = take_watched, give_back_watched

    def put_back() -> None:
        del pool.take, pool.give_back

    return put_back


def is_in_transaction(connection: Any) -> bool:
    """Whether the server waits for the end of a transaction."""
    return bool(connection.pgconn.transaction_status)
