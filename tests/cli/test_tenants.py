"""Commands on one tenant's part of a database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from leverframe import open_store
from leverframe.machines.pipeline import Coding, Pipeline

Run = Callable[..., Result]

LINE = json.dumps({"id": "story-7", "at": "2026-01-01T00:00:00Z", "event": {"type": "DepsMet"}})

URL = "sqlite:///leverframe.db"


@pytest.fixture
def log(folder: Path, run: Run) -> Path:
    """A log that was replayed for tenant a, and with one event more for tenant b."""
    path = folder / "log.jsonl"
    path.write_text(f"{LINE}\n")
    assert run("replay", "pipeline", path, "--tenant", "a").exit_code == 0
    longer = LINE.replace("DepsMet", "GatesStarted").replace("00:00:00", "01:00:00")
    (folder / "longer.jsonl").write_text(f"{LINE}\n{longer}\n")
    assert run("replay", "pipeline", folder / "longer.jsonl", "--tenant", "b").exit_code == 0
    return path


@pytest.mark.usefixtures("log")
def test_replay_writes_for_a_tenant(run_json: Callable[..., Any]) -> None:
    """What a log tells belongs to the tenant that was named, and to nobody else."""
    assert [found["version"] for found in run_json("ls", "pipeline", "--tenant", "a")] == [2]
    assert [found["version"] for found in run_json("ls", "pipeline", "--tenant", "b")] == [3]
    assert run_json("ls", "pipeline") == []
    with open_store(URL) as store:
        assert isinstance(store.scoped("a").get(Pipeline, "story-7").state, Coding)


def test_a_log_is_replayed_for_each_tenant(run: Run, log: Path) -> None:
    """A line that one tenant has had is new for another, and settled for the same one."""
    again = json.loads(run("replay", "pipeline", log, "--tenant", "a", "--json").stdout)
    plain = json.loads(run("replay", "pipeline", log, "--json").stdout)
    assert again != plain
    with open_store(URL) as store:
        assert store.get(Pipeline, "story-7").version == store.scoped("a").get(Pipeline, "story-7").version == 2


@pytest.mark.usefixtures("log")
def test_show_and_history(run_json: Callable[..., Any]) -> None:
    """One key is shown as the tenant has it, with its own history."""
    assert run_json("show", "pipeline", "story-7", "--tenant", "a")["state"] == "active.coding"
    assert run_json("show", "pipeline", "story-7", "--tenant", "b")["version"] == 3
    assert len(run_json("history", "pipeline", "story-7", "--tenant", "a")) == 2
    assert len(run_json("history", "pipeline", "story-7", "--tenant", "b")) == 3


@pytest.mark.parametrize("command", ["show", "history"])
def test_what_another_tenant_has_is_not_there(run: Run, log: Path, command: str) -> None:
    """An instance of another tenant is not found, and the message says where it was looked for."""
    result = run(command, "pipeline", "story-7", "--tenant", "c")
    assert result.exit_code == 1
    assert f"there is no Pipeline story-7 in tenant c of {URL}" in result.stderr
    assert run(command, "pipeline", "story-7").exit_code == 1
    assert log.exists()


@pytest.mark.usefixtures("log")
def test_a_tenant_from_the_environment(run_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """LEVERFRAME_TENANT names the tenant where no option does."""
    monkeypatch.setenv("LEVERFRAME_TENANT", "b")
    assert [found["version"] for found in run_json("ls", "pipeline")] == [3]
    assert [found["version"] for found in run_json("ls", "pipeline", "--tenant", "a")] == [2]


@pytest.mark.parametrize(
    "words",
    [("ls", "pipeline"), ("show", "pipeline", "k"), ("history", "pipeline", "k"), ("replay", "pipeline", "log.jsonl")],
)
@pytest.mark.parametrize("name", ["", "x" * 201])
def test_a_name_that_is_none(run: Run, log: Path, words: tuple[str, ...], name: str) -> None:
    """An empty name, or one that is too long, is refused in one line, and nothing is written."""
    before = versions()
    result = run(*words, "--tenant", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "a tenant's name" in result.stderr
    assert result.stderr.count("\n") == 1
    assert versions() == before
    assert log.exists()


def versions() -> list[list[int]]:
    with open_store(URL) as store:
        return [[s.version for s in each.find(Pipeline)] for each in (store, store.scoped("a"), store.scoped("b"))]


@pytest.mark.parametrize(
    "words",
    [("prune", "--journal", "1d"), ("doctor",), ("copy", URL, "sqlite:///copy.db")],
    ids=["prune", "doctor", "copy"],
)
def test_commands_for_the_whole_database(run: Run, log: Path, words: tuple[str, ...]) -> None:
    """What is for the whole database takes no tenant, and works on all of them."""
    refused = run(*words, "--tenant", "a")
    assert refused.exit_code == 2
    assert "No such option" in refused.stderr
    assert run(*words).exit_code == 0
    assert log.exists()


@pytest.mark.usefixtures("log")
def test_prune_and_copy_have_all_tenants(run: Run, run_json: Callable[..., Any]) -> None:
    """A copy has every tenant, and to prune takes old lines of every tenant."""
    assert run("copy", URL, "sqlite:///copy.db").exit_code == 0
    assert len(run_json("history", "pipeline", "story-7", "--tenant", "b", "--db", "sqlite:///copy.db")) == 3
    assert run_json("prune", "--journal", "0s")["journal"] == 1 + 2
    assert run_json("doctor")["rows"]["journal"] == 2
