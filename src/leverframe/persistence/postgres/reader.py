"""What is committed: the reading verbs over connections that are lent for a statement each."""

from __future__ import annotations

import psycopg

from leverframe.errors import StoreUnreachable
from leverframe.persistence.asking import Parameters, ReadingVerbs, Row
from leverframe.persistence.postgres.faults import fault
from leverframe.persistence.postgres.location import Location
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

    __slots__ = ("_location", "_pool")

    def __init__(self, pool: Pool, location: Location) -> None:
        self._pool = pool
        self._location = location

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
