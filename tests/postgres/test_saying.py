"""Statements that are said past psycopg's cursors."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from postgres_server import Server
from psycopg import errors

from leverframe.persistence.postgres.saying import SpokenConnection


@pytest.fixture
def connection(postgres_server: Server) -> Iterator[SpokenConnection]:
    with SpokenConnection.connect(postgres_server.url, autocommit=True) as opened:
        yield opened


def test_values_come_back_typed(connection: SpokenConnection) -> None:
    """Numbers are numbers, text is text, and what is missing is None."""
    rows = connection.say("SELECT %s::bigint, %s::text, %s::text, count(*)::int", (7, "ä'%", None))
    assert rows == [(7, "ä'%", None, 1)]


def test_values_by_name(connection: SpokenConnection) -> None:
    """A parameter with a name may stand twice."""
    assert connection.say("SELECT %(at)s + %(at)s, %(key)s", {"at": 2**40, "key": "a"}) == [(2**41, "a")]


def test_no_rows(connection: SpokenConnection) -> None:
    """No row is an empty list."""
    assert connection.say("SELECT 1 WHERE %s::text IS NULL", ("a",)) == []


def test_the_server_may_forget_at_any_time(connection: SpokenConnection) -> None:
    """Whatever the server has been told to forget meanwhile, each statement is said, in any order."""
    first, second = "SELECT %s::bigint", "SELECT %s::bigint + 1"
    for number in range(4):
        assert connection.say(first, (number,)) == [(number,)]
        assert connection.say(second, (number,)) == [(number + 1,)]
        connection.execute("DEALLOCATE ALL")
        assert connection.say(second, (number,)) == [(number + 1,)]
        assert connection.say(second, (number,)) == [(number + 1,)]
        assert connection.say(first, (number,)) == [(number,)]
        if number % 2:
            connection.execute("DEALLOCATE ALL")


def test_an_error_is_of_its_class(connection: SpokenConnection) -> None:
    """What the server refuses is psycopg's error for it, and the connection goes on."""
    with pytest.raises(errors.DivisionByZero):
        connection.say("SELECT 1 / %s::bigint", (0,))
    with pytest.raises(errors.UndefinedTable):
        connection.say("SELECT * FROM nowhere WHERE %s::text = 'a'", ("a",))
    assert connection.say("SELECT 1 / %s::bigint", (1,)) == [(1,)]


def test_a_lost_connection_is_an_operational_error(connection: SpokenConnection, postgres_server: Server) -> None:
    """A connection that the server ends is known to be closed."""
    process = connection.info.backend_pid
    postgres_server.run(f"SELECT pg_terminate_backend({process}, 10000)")
    with pytest.raises(psycopg.OperationalError):
        connection.say("SELECT %s::bigint", (1,))
    assert connection.closed
