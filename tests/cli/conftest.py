"""The command line, run in this process and in a folder of its own."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from leverframe import Store, open_store
from leverframe.cli import main

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: an empty one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEVERFRAME_DB", raising=False)
    monkeypatch.delenv("LEVERFRAME_TENANT", raising=False)
    # A command adds the working folder.
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.fixture
def run() -> Run:
    """Runs `leverframe` with these arguments; what it does not catch itself is raised here."""

    def run(*arguments: object, input: str | bytes | None = None) -> Result:
        return CliRunner(catch_exceptions=False).invoke(main, [str(each) for each in arguments], input=input)

    return run


@pytest.fixture
def run_json(run: Run) -> Callable[..., Any]:
    """Runs `leverframe ... --json`; the value that it prints."""

    def run_json(*arguments: object) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return run_json


@pytest.fixture
def problems(run: Run, folder: Path) -> Callable[..., list[dict[str, Any]]]:
    """Replays a log with a `--refused` file; what stands in that."""

    def problems(*arguments: object) -> list[dict[str, Any]]:
        result = run("replay", *arguments, "--refused", "refused.jsonl")
        assert result.exit_code == 0, result.stderr
        return [json.loads(line) for line in (folder / "refused.jsonl").read_text().splitlines()]

    return problems


@pytest.fixture
def damage(folder: Path) -> Callable[[str], None]:
    """Makes the row of an instance one that nobody can read."""

    def damage(key: str) -> None:
        with closing(sqlite3.connect(folder / "leverframe.db")) as connection:
            connection.execute('UPDATE snapshot SET body = \'{"body":{},"type":"Mystery"}\' WHERE key = ?', (key,))
            connection.commit()

    return damage


@pytest.fixture
def database(folder: Path) -> Path:
    """Where commands keep what they store."""
    return folder / "leverframe.db"


@pytest.fixture
def opened(database: Path) -> Callable[[], Store]:
    """Opens what commands stored."""
    return lambda: open_store(f"sqlite:///{database}")
