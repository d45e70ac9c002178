"""What is committed: the reading verbs over connections that are lent for a statement each."""

from __future__ import annotations

import psycopg

from leverframe.errors import StoreUnreachable
from leverframe.persistence.asking import Parameters, ReadingVerbs, Row
from leverframe.persistence.backend import Loaded
from leverframe.persistence.postgres.faults import fault
from leverframe.persistence.postgres.location import Location
from leverframe.persistence.postgres.memory import Memory
from leverframe.persistence.postgres.pool import Pool
from leverframe.persistence.postgres.statements import NOW, POSTGRES
from leverframe.persistence.statements import LOAD, LOAD_WITH_DELIVERY

__all__ = ["PostgresReader", "PostgresVerbs"]

OFTEN = frozenset((LOAD, LOAD_WITH_DELIVERY))
"""What is said with every event."""


class PostgresVerbs(ReadingVerbs):
    """The reading verbs as PostgreSQL takes them."""

    __slots__ = ()

    dialect = POSTGRES

    def now(self) -> int:
        """The time by the server's clock."""
        return int(self._rows(NOW, ())[0][0])


class PostgresReader(PostgresVerbs):
    """What is committed."""

    __slots__ = ("_location", "_memory", "_pool")

    def __init__(self, pool: Pool, location: Location, memory: Memory) -> None:
        self._pool = pool
        self._location = location
        self._memory = memory

    def load(self, machine: str, key: str, delivery_id: str | None = None) -> Loaded | None:
        loaded = super().load(machine, key, delivery_id)
        if loaded is not None:
            self._memory.note_read(machine, loaded)
        return loaded

    def _rows(self, statement: str, parameters: Parameters) -> list[Row]:
        """All rows of a statement; once more if the connection had been lost while nobody used it."""
        try:
            return self._rows_once(statement, parameters)
        except StoreUnreachable:
            return self._rows_once(statement, parameters)

    def _rows_once(self, statement: str, parameters: Parameters) -> list[Row]:
        with self._pool.lend() as connection:
            try:
                if statement in OFTEN:
                    return connection.say(POSTGRES.spell(statement), parameters)
                return connection.execute(POSTGRES.spell(statement).encode(), parameters).fetchall()
            except psycopg.Error as error:
                raise fault(error, self._location, connection) from error
