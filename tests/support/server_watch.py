"""What a PostgreSQL server is doing: who waits there, who is connected, and what is in it."""

from __future__ import annotations

from typing import Any

from postgres_server import Server
from waiting import until

__all__ = ["connected", "relations", "terminate", "until_waiting"]


def until_waiting(server: Server, program: str, number: int = 1) -> None:
    """Return when so many connections of the program wait for a lock."""
    text = f"""
    SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = '{program}'"""
    until(lambda: server.run(text)[0][0] >= number)


def connected(server: Server, program: str) -> int:
    """How many connections the program has."""
    return int(server.run(f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{program}'")[0][0])


def terminate(server: Server, program: str) -> int:
    """End all connections of the program, and wait until they have gone; how many there were."""
    number = connected(server, program)
    server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{program}'")
    until(lambda: connected(server, program) == 0)
    return number


def relations(server: Server) -> list[tuple[Any, ...]]:
    """Every schema, and what is in it, but for the server's own."""
    return server.run("""
    SELECT n.nspname, c.relname, c.relkind FROM pg_namespace AS n LEFT JOIN pg_class AS c ON c.relnamespace = n.oid
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1, 2""")
