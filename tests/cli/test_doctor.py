"""What `doctor` prints of a database, and of one that is not well."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agents import hire
from click.testing import Result
from documents import run_on_terminal
from logs import event_line, write_log

from leverframe import Store, copy_store

Run = Callable[..., Result]
RunJSON = Callable[..., Any]


@pytest.fixture(autouse=True)
def stories(run: Run, folder: Path) -> None:
    log = write_log(folder / "log", event_line("a", "DepsMet"), event_line("b", "DepsMet"))
    assert run("replay", "pipeline", log).exit_code == 0


def test_sound_database(run: Run) -> None:
    """Of a sound database there are sizes and numbers, and that nothing is wrong, with status 0."""
    result = run("doctor", "pipeline", "execution")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["database", "sqlite:///leverframe.db"]
    assert ["snapshot", "2"] in [line.split() for line in lines]
    assert lines[-1] == "nothing is wrong"


def test_json(run_json: RunJSON, opened: Callable[[], Store]) -> None:
    """With --json there is all of it, for programs."""
    with opened() as store:
        store.save_cursor("mailer", 0)
    seen = run_json("doctor")
    assert seen["rows"]["journal"] == 4
    assert seen["behind"] == {"mailer": 0}
    assert seen["findings"] == []


def test_row_that_does_not_decode(run: Run, damage: Callable[[str], None]) -> None:
    """A row that does not decode is told, with what to do, and the status is 1; without its machine it is not read."""
    damage("a")
    result = run("doctor", "pipeline")
    assert result.exit_code == 1
    assert "Pipeline 'a': column snapshot.body does not decode" in result.stdout
    assert "declare an upcaster" in result.stdout
    assert run("doctor").exit_code == 0


def test_findings_fit_a_terminal(folder: Path, damage: Callable[[str], None]) -> None:
    """At a terminal of 80 columns no line is longer, and findings are told in two columns."""
    damage("a")
    status, printed = run_on_terminal(f"{sys.executable} -m leverframe doctor pipeline")
    assert status == 1
    assert max(map(len, printed.splitlines())) <= 80
    assert "what is wrong" in printed
    assert "what to do" in printed


def test_consumers(run: Run, opened: Callable[[], Store]) -> None:
    """Each consumer is a row: how many messages it is behind, and how many it has set aside."""
    with opened() as store:
        hire(store, "a", "b")
        store.consumer("all", attempts=1).take(1)[0].fail("no")
        store.scoped("red").consumer("mailer", topic="mail").take()
        told = len(store.messages())
    lines = [line.split() for line in run("doctor").stdout.splitlines()]
    assert ["all", str(told - 1), "1"] in lines
    assert ["mailer", "of", "tenant", "red", "0", "0"] in lines
    result = run("doctor", "--json")
    assert result.exit_code == 1
    seen = json.loads(result.stdout)
    assert seen["set_aside"] == {"all": 1, "mailer of tenant red": 0}
    _, printed = run_on_terminal(f"{sys.executable} -m leverframe doctor")
    assert max(map(len, printed.splitlines())) <= 80
    assert ["consumer", "messages", "behind", "set", "aside"] in [line.split() for line in printed.splitlines()]


def test_unfinished_copy(run: Run, folder: Path) -> None:
    """A database into which a copy has begun is told as such, with status 1."""

    def stop(_total: int, more: int) -> None:
        if more:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        copy_store("sqlite:///leverframe.db", "sqlite:///copy.db", progress=stop)
    result = run("doctor", "--db", "sqlite:///copy.db")
    assert result.exit_code == 1
    assert "is the unfinished copy of another database" in result.stdout
    seen = json.loads(run("doctor", "--db", "sqlite:///copy.db", "--json").stdout)
    assert [finding["kind"] for finding in seen["findings"]] == ["copy"]


def test_database_that_is_not_there(run: Run, folder: Path) -> None:
    """A database that is not there is an error, and is not made."""
    result = run("doctor", "--db", "sqlite:///none.db")
    assert result.exit_code == 2
    assert not (folder / "none.db").exists()
