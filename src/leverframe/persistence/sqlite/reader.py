"""What is committed: the reading verbs over connections that are lent for a statement each."""

from __future__ import annotations

from leverframe.persistence.asking import Parameters, ReadingVerbs, Row
from leverframe.persistence.sqlite.source import Source
from leverframe.persistence.statements import SQLITE

__all__ = ["SQLiteReader", "SQLiteVerbs"]


class SQLiteVerbs(ReadingVerbs):
    """The reading verbs as SQLite takes them."""

    __slots__ = ()

    dialect = SQLITE


class SQLiteReader(SQLiteVerbs):
    """What is committed."""

    __slots__ = ("_source", "tenant")

    def __init__(self, source: Source, tenant: str = "") -> None:
        self._source = source
        self.tenant = tenant

    def _rows(self, statement: str, parameters: Parameters) -> list[Row]:
        return self._source.rows(statement, parameters)
