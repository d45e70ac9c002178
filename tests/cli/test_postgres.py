"""The command line on PostgreSQL: every command takes its URL, and those that read make no store there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from logs import event_line, totals, write_log
from postgres_server import Server

Run = Callable[..., Result]
RunJSON = Callable[..., Any]

SECRET = "hunter2"

READING = {
    "ls": ("ls", "pipeline"),
    "show": ("show", "pipeline", "a"),
    "history": ("history", "pipeline", "a"),
    "prune": ("prune", "--journal", "1d", "--export", "old.jsonl"),
    "doctor": ("doctor", "pipeline"),
    "doctor for programs": ("doctor", "--json"),
}


@pytest.fixture
def url(postgres_server: Server) -> str:
    """A schema that is not there yet."""
    return postgres_server.fresh_url(f"&sslpassword={SECRET}")


@pytest.fixture(params=["--db", "LEVERFRAME_DB"])
def named(request: pytest.FixtureRequest, url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """What a command is given so that it uses the database: its URL, or nothing, where that is in the environment."""
    if request.param == "--db":
        return ("--db", url)
    monkeypatch.setenv("LEVERFRAME_DB", url)
    return ()


@pytest.fixture
def log(folder: Path) -> Path:
    return write_log(
        folder / "log", event_line("a", "DepsMet"), event_line("b", "DepsMet"), event_line("b", "Accepted")
    )


def schema_of(url: str) -> str:
    return url.partition("schema=")[2].partition("&")[0]


def is_made(server: Server, url: str) -> bool:
    return server.run(f"SELECT 1 FROM pg_namespace WHERE nspname = '{schema_of(url)}'") != []


def test_replay_and_read(run: Run, run_json: RunJSON, named: tuple[str, ...], log: Path) -> None:
    """What a replay made on a server is listed, shown and told there, and the server is well."""
    expected = totals(stories=2, events=3, moved=2, refused=1, states={"active.coding": 2})
    assert run_json("replay", "pipeline", log, *named) == expected
    assert [found["key"] for found in run_json("ls", "pipeline", *named)] == ["b", "a"]
    assert run_json("show", "pipeline", "a", *named)["state"] == "active.coding"
    assert [line["to"] for line in run_json("history", "pipeline", "b", *named)] == ["active.backlog", "active.coding"]
    examined = run("doctor", "pipeline", *named)
    assert examined.exit_code == 0, examined.stderr
    assert "kept by" in examined.stdout
    assert "PostgreSQL" in examined.stdout
    assert SECRET not in examined.stdout


def test_replay_twice(run_json: RunJSON, named: tuple[str, ...], log: Path) -> None:
    """A log that is replayed again on a server moves nothing a second time."""
    run_json("replay", "pipeline", log, *named)
    before = run_json("history", "pipeline", "a", *named)
    assert run_json("replay", "pipeline", log, *named)["duplicates"] == 3
    assert run_json("history", "pipeline", "a", *named) == before


@pytest.mark.parametrize("command", READING.values(), ids=READING)
def test_reading_makes_no_schema(
    run: Run, postgres_server: Server, url: str, named: tuple[str, ...], folder: Path, command: tuple[str, ...]
) -> None:
    """To read from a schema that is not there is an error that names it, and makes none."""
    result = run(*command, *named)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.endswith(
        f"has no store in schema {schema_of(url)}; name a database with --db or LEVERFRAME_DB\n"
    )
    assert SECRET not in result.stderr
    assert not is_made(postgres_server, url)
    assert not (folder / "old.jsonl").exists()


def test_schema_of_another_program(run: Run, postgres_server: Server, url: str) -> None:
    """A schema that has no store, but tables of another program, is reported too, and left as it is."""
    schema = schema_of(url)
    postgres_server.run(f"CREATE SCHEMA {schema}")
    postgres_server.run(f"CREATE TABLE {schema}.theirs (version INTEGER)")
    result = run("ls", "pipeline", "--db", url)
    assert result.exit_code == 2
    assert f"has no store in schema {schema}" in result.stderr
    tables = postgres_server.run(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")
    assert tables == [("theirs",)]


def test_copy_of_a_schema_that_is_not_there(run: Run, postgres_server: Server, url: str, folder: Path) -> None:
    """A copy of a schema that is not there is refused, and makes neither it nor the target."""
    result = run("copy", url, "sqlite:///copy.db")
    assert result.exit_code == 2
    assert f"has no store in schema {schema_of(url)}" in result.stderr
    assert SECRET not in result.stderr
    assert not is_made(postgres_server, url)
    assert not (folder / "copy.db").exists()


def test_server_that_is_not_there(run: Run) -> None:
    """A server that cannot be reached is an error in one line, without the password."""
    result = run("ls", "pipeline", "--db", f"postgresql://ann:{SECRET}@127.0.0.1:1/stories")
    assert result.exit_code == 2
    assert "the server cannot be reached" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert SECRET not in result.stderr
