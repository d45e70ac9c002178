"""What `migrate` tells, and writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from grown import Errand, OldErrand, Queued, Waiting, old
from postgres_server import Server

from leverframe import open_store
from leverframe.cli import migrate as command

Run = Callable[..., Result]

HERE = "sqlite:///leverframe.db"
TARGET = "grown:Errand"


@pytest.fixture(autouse=True)
def errands(folder: Path) -> None:
    with open_store(HERE) as store:
        old(store, "a", "b")
        store.claim(OldErrand.lease, worker="older")


def add_bad(number: int) -> None:
    with open_store(HERE) as store:
        old(store, *[f"bad-{count}" for count in range(number)])


def test_plan(run: Run) -> None:
    """A plan is what is told without --apply: what rows are stored as, and what they would be; nothing is written."""
    result = run("migrate", TARGET)
    assert result.exit_code == 0, result.stderr
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["doing", "Doing", "1", "Doing", "2"],
        ["waiting", "Waiting", "1", "Queued", "in", "queued"],
    ]
    assert result.stderr == "2 instances of older code\nnothing is written without --apply\n"
    assert run("migrate", TARGET, "--plan").stdout == result.stdout
    with open_store(HERE) as store:
        assert store.get(OldErrand, "b").state == Waiting("b")


def test_apply(run: Run) -> None:
    """--apply writes, and says how many; afterwards all is as today's code stores it."""
    result = run("migrate", TARGET, "--apply", "--by", "anna")
    assert result.exit_code == 0, result.stderr
    assert "moved to their path of today  1" in result.stdout
    with open_store(HERE) as store:
        assert store.get(Errand, "b").state == Queued("b", urgent=False)
        assert store.history(Errand, "b")[-1].by == "anna"
    again = run("migrate", TARGET)
    assert "all that can be read is stored as today's code stores it" in again.stderr


def test_what_cannot_be_read(run: Run) -> None:
    """What cannot be read is told with its state, its reason and the first keys, and makes for status 1."""
    add_bad(12)
    for option in ("--plan", "--apply"):
        result = run("migrate", TARGET, option)
        assert result.exit_code == 1
        line = result.stdout.splitlines()[-1]
        assert line.split()[:2] == ["waiting", "12"]
        assert line.endswith("nobody knows how urgent it was  bad-0, bad-1, bad-2, ...")


def test_json(run: Run) -> None:
    """--json has all that is told, with as many keys as are asked for."""
    add_bad(5)
    result = run("migrate", TARGET, "--json", "--keys", "2")
    told = json.loads(result.stdout)
    assert (told["machine"], told["outdated"], told["applied"], result.exit_code) == ("Errand", 2, False, 1)
    assert told["faults"][0]["keys"] == [{"tenant": "", "key": "bad-0"}, {"tenant": "", "key": "bad-1"}]
    done = json.loads(run("migrate", TARGET, "--json", "--apply").stdout)
    assert (done["rows"], done["moves"], done["applied"]) == (1, 1, True)


def test_journal(run: Run) -> None:
    """The journal is written where that is asked for, and told."""
    result = run("migrate", TARGET, "--journal")
    assert "3 of 3 lines of the journal are of older code" in result.stderr
    assert "lines of the journal          4" in run("migrate", TARGET, "--journal", "--apply").stdout


def test_tenant(run: Run) -> None:
    """--tenant restricts it to one."""
    with open_store(HERE) as store:
        old(store.scoped("north"), "n")
    result = run("migrate", TARGET, "--tenant", "north", "--apply")
    assert "moved to their path of today  1" in result.stdout
    with open_store(HERE) as store:
        assert [found.path for found in store.find(Errand, keys=["b"])] == ["waiting"]


def test_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted, it ends with status 130 and says how to go on."""

    def interrupt(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "migrate", interrupt)
    result = run("migrate", TARGET, "--apply")
    assert (result.exit_code, result.stdout) == (130, "")
    assert "the same command carries on" in result.stderr


def test_no_database(run: Run, folder: Path) -> None:
    """Without a database there is nothing to do, and none is made."""
    result = run("migrate", TARGET, "--db", "sqlite:///none.db", "--apply")
    assert result.exit_code == 2
    assert not (folder / "none.db").exists()


def test_none(run: Run) -> None:
    """A machine without instances is told as such."""
    result = run("migrate", "pipeline")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "there is no Pipeline" in result.stderr


def test_server(run: Run, postgres_server: Server) -> None:
    """A database on a server is migrated likewise."""
    url = postgres_server.fresh_url()
    with open_store(url) as store:
        old(store, "a")
    assert "moved to their path of today  1" in run("migrate", TARGET, "--db", url, "--apply").stdout
