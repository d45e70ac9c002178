"""What does a transaction that one tenant's store has begun look like to the store of another, inside of it?"""

from __future__ import annotations

from leverframe.persistence.asking import Parameters, Row
from leverframe.persistence.rows import StateCount
from leverframe.persistence.sqlite.reader import SQLiteVerbs
from leverframe.persistence.sqlite.writer import SQLiteWriter

__all__ = ["JoinedReader"]


class JoinedReader(SQLiteVerbs):
    """What the transaction sees of a tenant."""

    __slots__ = ("_writer", "tenant")

    def __init__(self, writer: SQLiteWriter, tenant: str) -> None:
        self._writer = writer
        self.tenant = tenant

    def count(self, machine: str) -> list[StateCount]:
        self._writer.flush()
        return super().count(machine)

    def _rows(self, statement: str, parameters: Parameters) -> list[Row]:
        return self._writer.rows(statement, parameters)
