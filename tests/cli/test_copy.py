"""What `copy` copies, refuses, and carries on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from logs import event_line, write_log
from postgres_server import Server

from leverframe import copy_store
from leverframe.cli import copy as command

Run = Callable[..., Result]
RunJSON = Callable[..., Any]

HERE, THERE = "sqlite:///leverframe.db", "sqlite:///copy.db"


@pytest.fixture(autouse=True)
def stories(run: Run, folder: Path) -> None:
    log = write_log(folder / "log", event_line("a", "DepsMet"), event_line("b", "Block", reason="waits"))
    assert run("replay", "pipeline", log).exit_code == 0


def test_copy(run: Run, run_json: RunJSON) -> None:
    """A copy prints how many rows each table has, and shows the same afterwards."""
    result = run("copy", HERE, THERE)
    assert result.exit_code == 0, result.stderr
    assert ["journal", "4"] in [line.split() for line in result.stdout.splitlines()]
    assert run_json("ls", "pipeline", "--db", THERE) == run_json("ls", "pipeline")


def test_there_and_back(run: Run, run_json: RunJSON, postgres_server: Server) -> None:
    """A copy to PostgreSQL and back shows the same."""
    server = postgres_server.fresh_url()
    assert run_json("copy", HERE, server) == run_json("copy", server, THERE)
    assert run_json("history", "pipeline", "b", "--db", THERE) == run_json("history", "pipeline", "b")


def test_target_in_use(run: Run, run_json: RunJSON) -> None:
    """A target that holds a store is refused with status 2, and stays as it is."""
    run("copy", HERE, THERE)
    before = run_json("ls", "pipeline", "--db", THERE)
    result = run("copy", HERE, THERE, "--fresh")
    assert result.exit_code == 2
    assert "holds a store already" in result.stderr
    assert run_json("ls", "pipeline", "--db", THERE) == before


def test_source_that_is_not_there(run: Run, folder: Path) -> None:
    """A source that is not there is refused with status 2, and no file is made."""
    result = run("copy", "sqlite:///none.db", THERE)
    assert result.exit_code == 2
    assert "is not there" in result.stderr
    assert not (folder / "none.db").exists()
    assert not (folder / "copy.db").exists()


def test_interrupted(run: Run, run_json: RunJSON, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that is interrupted says so, with status 130; other commands refuse it, and the same one carries on."""

    def interrupted(*arguments: Any, progress: Any, **keywords: Any) -> Any:
        def stop(_total: int, more: int) -> None:
            if more:
                raise KeyboardInterrupt

        return copy_store(*arguments, progress=stop, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(command, "copy_store", interrupted)
        result = run("copy", HERE, THERE)
    assert result.exit_code == 130
    assert result.stderr == "Interrupted: the same command carries on where it stopped\n"
    refused = run("ls", "pipeline", "--db", THERE)
    assert refused.exit_code == 2
    assert "run `leverframe copy` again" in refused.stderr
    assert run_json("copy", HERE, THERE)["rows"]["snapshot"] == 2
