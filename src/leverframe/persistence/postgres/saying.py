"""What is said with every move goes past psycopg's cursors, which take longer than all the rest of the program.

A statement is prepared once for each connection, and then said by its name, with its values as text.  Waiting is
psycopg's own, so that an interrupt still gets through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import errors, generators
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, abc

from leverframe.persistence.asking import Row
from leverframe.persistence.postgres.scope import Scope

__all__ = ["SpokenConnection", "spoken"]

# Of the types that the statements' columns have, as `pg_type` numbers them.
BIGINT, TEXT = 20, 25
INTEGERS = (BIGINT, 23, 21)

BIGINTS = (
    "instance",
    "seen",
    "declaration",
    "at",
    "recorded_at",
    "ready_at",
    "priority",
    "claimed_at",
    "expires_at",
    "process_id",
    "process_start",
)
"""The parameters with a name that are numbers; all others are text."""

NAMED = re.compile(r"%\((\w+)\)s")


class Spoken:
    """A statement with numbers in place of `%s` and `%(name)s`; `names` are those of its parameters, in order."""

    __slots__ = ("name", "names", "text", "types")

    def __init__(self, statement: str) -> None:
        self.names = tuple(dict.fromkeys(NAMED.findall(statement)))
        text = NAMED.sub(lambda found: f"${self.names.index(found[1]) + 1}", statement)
        first, *others = text.split("%s")
        self.text = (first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))).encode()
        self.types = [BIGINT if name in BIGINTS else TEXT for name in self.names] or None
        self.name = f"leverframe_{sha256(self.text).hexdigest()[:16]}".encode()


@cache
def spoken(statement: str) -> Spoken:
    """The statement, taken apart once."""
    return Spoken(statement)


class SpokenConnection(psycopg.Connection[Any]):
    """A connection that knows which statements are prepared on it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._known: set[bytes] = set()
        self.scope: Scope | None = None
        """Whose rows it was last set to; None if nobody knows."""

    def say(self, statement: str, values: Sequence[object] | Mapping[str, object]) -> list[Row]:
        """All rows of a statement of the catalogue, outside of a transaction.  Raises `psycopg.Error`."""
        told = spoken(statement)
        given = [values[name] for name in told.names] if isinstance(values, Mapping) else values
        texts = [None if value is None else str(value).encode() for value in given]
        try:
            return self._say_prepared(told, texts)
        except errors.InvalidSqlStatementName:
            # The server was told to forget, as psycopg does after a rollback: nothing was done.
            self._known.discard(told.name)
            return self._say_prepared(told, texts)

    def _say_prepared(self, told: Spoken, texts: list[bytes | None]) -> list[Row]:
        with self.lock:
            if told.name not in self._known:
                self._prepare(told)
            result = self.wait(_exchange(self.pgconn, told.name, texts))
        return _rows(result)

    def _prepare(self, told: Spoken) -> None:
        result = self.wait(_preparing(self.pgconn, told))
        if result.status != ExecStatus.COMMAND_OK:
            raise errors.error_from_result(result)
        self._known.add(told.name)


def _preparing(server: abc.PGconn, statement: Spoken) -> PQGen[abc.PGresult]:
    server.send_prepare(statement.name, statement.text, statement.types)
    return (yield from _answer(server))


def _exchange(server: abc.PGconn, name: bytes, texts: list[bytes | None]) -> PQGen[abc.PGresult]:
    server.send_query_prepared(name, texts)
    return (yield from _answer(server))


def _answer(server: abc.PGconn) -> PQGen[abc.PGresult]:
    results: list[abc.PGresult] = yield from generators.execute(server)
    return results[-1]


def _rows(result: abc.PGresult) -> list[Row]:
    if result.status != ExecStatus.TUPLES_OK:
        raise errors.error_from_result(result)
    columns = range(result.nfields)
    readers = [int if result.ftype(column) in INTEGERS else bytes.decode for column in columns]
    value = result.get_value
    return [
        tuple([None if (found := value(row, column)) is None else readers[column](found) for column in columns])
        for row in range(result.ntuples)
    ]
