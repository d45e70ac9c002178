"""What `prune` deletes, counts, and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from logs import event_line, write_log

from leverframe import Store
from leverframe.machines import Pipeline

Run = Callable[..., Result]
RunJSON = Callable[..., Any]


@pytest.fixture(autouse=True)
def stories(run: Run, folder: Path) -> None:
    """Two stories with three and two lines in the journal, four deliveries."""
    log = write_log(
        folder / "log",
        event_line("a", "DepsMet"),
        event_line("a", "GatesStarted"),
        event_line("b", "DepsMet"),
        event_line("b", "Unblock"),
    )
    assert run("replay", "pipeline", log).exit_code == 0


def test_prune(run: Run, opened: Callable[[], Store]) -> None:
    """Each kind that is given an age is pruned, and what went is counted, one kind a line."""
    result = run("prune", "--journal", "0s", "--deliveries", "0s", "--messages", "0s")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.split() == ["journal", "3", "messages", "0", "deliveries", "4", "instances", "0"]
    with opened() as store:
        assert [entry.version for entry in store.history(Pipeline, "a")] == [3]


def test_what_is_young_stays(run_json: RunJSON) -> None:
    """What is younger than its age is left alone."""
    numbers = run_json("prune", "--journal", "1h", "--deliveries", "1y")
    assert numbers == {"journal": 0, "messages": 0, "deliveries": 0, "instances": 0, "dry_run": False}


def test_dry_run(run_json: RunJSON) -> None:
    """A dry run counts what goes the next time."""
    assert run_json("prune", "--journal", "0s", "--dry-run")["journal"] == 3
    assert run_json("prune", "--journal", "0s")["journal"] == 3
    assert run_json("prune", "--journal", "0s")["journal"] == 0


def test_finished(run: Run, run_json: RunJSON, opened: Callable[[], Store]) -> None:
    """Finished instances go, of the machines that are named."""
    with opened() as store:
        for key in ("a", "b"):
            assert store.get(Pipeline, key)
    assert run_json("prune", "--finished", "0s", "--machine", "pipeline")["instances"] == 0


def test_export(run: Run, folder: Path) -> None:
    """The rows that go stand in the file."""
    assert run("prune", "--journal", "0s", "--export", "old.jsonl").exit_code == 0
    found = [json.loads(line) for line in (folder / "old.jsonl").read_text().splitlines()]
    assert [(line["table"], line["version"]) for line in found] == [("journal", 1), ("journal", 2), ("journal", 1)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "nothing to prune"),
        (("--finished", "1y"), "not of which machines"),
        (("--machine", "pipeline", "--journal", "1d"), "without --finished"),
        (("--journal", "90"), "no span of time"),
        (("--journal", "ninety days"), "no span of time"),
        (("--journal", "999999999y"), "no span of time"),
        (("--journal", "9999y"), "reaches further back"),
        (("--finished", "1y", "--machine", "execution"), "has no final state"),
        (("--journal", "0s", "--export", "leverframe.db"), "are one file"),
        (("--journal", "0s", "--export", "none/old.jsonl"), "none/old.jsonl: No such file or directory"),
        (("--journal", "0s", "--db", "sqlite:///none.db"), "No such file or directory"),
    ],
)
def test_refused(run: Run, run_json: RunJSON, arguments: tuple[str, ...], told: str) -> None:
    """What cannot be meant ends with status 2 and one line that says what to give; nothing is deleted."""
    result = run("prune", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert run_json("prune", "--journal", "0s", "--dry-run")["journal"] == 3
