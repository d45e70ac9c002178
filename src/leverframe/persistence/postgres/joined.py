"""What does a transaction that one tenant's store has begun look like to the store of another, inside of it?"""

from __future__ import annotations

from leverframe.persistence.asking import Parameters, Row
from leverframe.persistence.postgres.reader import PostgresVerbs
from leverframe.persistence.postgres.scope import Scope
from leverframe.persistence.postgres.writer import PostgresWriter

__all__ = ["JoinedReader"]


class JoinedReader(PostgresVerbs):
    """What the transaction sees of a tenant."""

    __slots__ = ("_scope", "_writer", "tenant")

    def __init__(self, writer: PostgresWriter, scope: Scope) -> None:
        self._writer = writer
        self._scope = scope
        self.tenant = scope.tenant

    def _rows(self, statement: str, parameters: Parameters) -> list[Row]:
        return self._writer.rows_in(self._scope, statement, parameters)
