"""What is committed: the reading verbs over connections that are lent for a statement each."""

from __future__ import annotations

import psycopg

from leverframe.errors import StoreUnreachable
from leverframe.persistence.asking import Parameters, ReadingVerbs, Row
from leverframe.persistence.leases import Candidate, ClaimQuery
from leverframe.persistence.leasing import CLAIMABLE_BY_ALL
from leverframe.persistence.postgres.faults import fault
from leverframe.persistence.postgres.location import Location
from leverframe.persistence.postgres.memory import Memory
from leverframe.persistence.postgres.pool import Pool
from leverframe.persistence.postgres.row_security import OWNS
from leverframe.persistence.postgres.scope import Scope
from leverframe.persistence.postgres.statements import NOW, POSTGRES
from leverframe.persistence.rows import Loaded
from leverframe.persistence.statements import LOAD, LOAD_WITH_DELIVERY

__all__ = ["PostgresReader", "PostgresVerbs"]

OFTEN = frozenset((LOAD, LOAD_WITH_DELIVERY, CLAIMABLE_BY_ALL))
"""What is said with every event, or claim."""


class PostgresVerbs(ReadingVerbs):
    """The reading verbs as PostgreSQL takes them."""

    __slots__ = ()

    dialect = POSTGRES

    def now(self) -> int:
        """The time by the server's clock."""
        return int(self._rows(NOW, ())[0][0])

    def tends_all(self) -> bool:
        """Whether the server lets this role see all tenants at once."""
        return bool(self._rows(f"SELECT {OWNS}", ())[0][0])


class PostgresReader(PostgresVerbs):
    """What is committed."""

    __slots__ = ("_location", "_memory", "_pool", "_scope", "tenant")

    def __init__(self, pool: Pool, location: Location, memory: Memory, scope: Scope) -> None:
        self._pool = pool
        self._scope = scope
        self.tenant = scope.tenant
        self._location = location
        self._memory = memory

    def load(self, machine: str, key: str, delivery_id: str | None = None) -> Loaded | None:
        era = self._pool.made
        loaded = super().load(machine, key, delivery_id)
        if loaded is not None:
            self._memory.note_read(self.tenant, machine, loaded, era)
        return loaded

    def claimable(self, query: ClaimQuery) -> list[Candidate]:
        found = super().claimable(query)
        if found and found[0].clock is not None:
            self._memory.note_now(found[0].clock)
        return found

    def _rows(self, statement: str, parameters: Parameters) -> list[Row]:
        """All rows of a statement; once more if the connection had been lost while nobody used it."""
        try:
            return self._rows_once(statement, parameters)
        except StoreUnreachable:
            return self._rows_once(statement, parameters)

    def _rows_once(self, statement: str, parameters: Parameters) -> list[Row]:
        with self._pool.lend(self._scope) as connection:
            try:
                if statement in OFTEN:
                    return connection.say(POSTGRES.spell(statement), parameters)
                return connection.execute(POSTGRES.spell(statement).encode(), parameters).fetchall()
            except psycopg.Error as error:
                raise fault(error, self._location, connection) from error
