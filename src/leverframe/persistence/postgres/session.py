"""What is open, for all who use one database: connections, memory, and which threads are inside of a transaction."""

from __future__ import annotations

import threading
from contextlib import suppress

import psycopg

from leverframe.persistence.postgres.location import Location
from leverframe.persistence.postgres.memory import Memory
from leverframe.persistence.postgres.pool import Connection, Pool
from leverframe.persistence.postgres.scope import Scope, set_scope
from leverframe.persistence.postgres.statements import FOLD_COUNTS
from leverframe.persistence.postgres.waking import Notifier
from leverframe.persistence.postgres.writer import PostgresWriter

__all__ = ["Session", "fold"]

MOVES_BETWEEN_FOLDS = 200


class Session:
    """One open database, shared by the backends of all its tenants."""

    def __init__(self, location: Location) -> None:
        self.where = location
        self.pool = Pool(location)
        self.memory = Memory()
        self.notifier = Notifier(self.pool, location)
        self.tends_all = False
        """Whether the server is known to let this role see all tenants at once."""
        self.joined: dict[int, PostgresWriter] = {}
        """By thread, the writer of the `transaction()` that it is inside of."""
        self.writing: set[int] = set()
        """The threads that are inside of any transaction."""
        self._moves = 0

    def joined_writer(self) -> PostgresWriter | None:
        return self.joined.get(threading.get_ident()) if self.joined else None

    def fold_now_and_then(self, connection: Connection, moves: int, tenant: str) -> None:
        """Add up the changes of counts, of all tenants where this role may do that."""
        # Two threads that count one move do no harm: what is not folded now is folded a little later.
        self._moves += moves
        if self._moves >= MOVES_BETWEEN_FOLDS:
            self._moves = 0
            fold(connection, Scope(tenant, whole=True))

    def close(self) -> None:
        self.notifier.close()
        self.pool.close()


def fold(connection: Connection, scope: Scope) -> None:
    """Add up the changes of counts; what was committed stands, whatever becomes of this."""
    with suppress(psycopg.Error):
        set_scope(connection, scope)
        connection.execute(FOLD_COUNTS.encode())
