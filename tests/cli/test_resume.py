"""A replay may end anywhere: the next run carries on, and ends with the rows of one that was never interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import killed_replay
import pytest
from logs import CLICK, DIRTY, create_line, event_line, rows_of, write_log

SCRIPT = killed_replay.__file__


def replay(*arguments: object, killed: tuple[str, str, int] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a replay in a process of its own; `killed` says by which signal, where, and the how manieth time there."""
    how = killed or ("SIGKILL", "decision", 0)
    command = [sys.executable, SCRIPT, *map(str, how), "replay", *map(str, arguments), "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


Outcome = tuple[dict[str, Any], dict[str, list[tuple[Any, ...]]]]


def outcome_of(database: Path, *arguments: object) -> Outcome:
    """The totals and the rows of a replay that nobody disturbs."""
    found = replay(*arguments, "--db", f"sqlite:///{database}")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout), rows_of(database)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Outcome]:
    """What the real logs come to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return {log: outcome_of(folder / f"{log.stem}.db", "pipeline", log) for log in (CLICK, DIRTY)}


POINTS = [
    ("decision", 1),
    ("decision", 200),
    ("decision", 201),
    ("decision", 1234),
    ("commit", 1),
    ("commit", 7),
    ("commit", 10),
]


@pytest.mark.parametrize(("point", "number"), POINTS)
@pytest.mark.parametrize("log", [CLICK, DIRTY], ids=["clean", "damaged"])
def test_killed_and_run_again(
    folder: Path, undisturbed: dict[Path, Outcome], log: Path, point: str, number: int
) -> None:
    """Killed inside of a transaction or behind one, the second run ends with exactly the same rows and totals."""
    totals, rows = undisturbed[log]
    assert replay("pipeline", log, killed=("SIGKILL", point, number)).returncode == -signal.SIGKILL
    again = json.loads(replay("pipeline", log).stdout)
    assert again["duplicates"] < again["events"]
    assert again | {"duplicates": 0} == totals
    assert rows_of(folder / "leverframe.db") == rows


def test_killed_again_and_again(folder: Path, undisturbed: dict[Path, Outcome]) -> None:
    """A replay that is killed each time gets further each time, and ends with the same rows."""
    _, rows = undisturbed[CLICK]
    statuses = [replay("pipeline", CLICK, killed=("SIGKILL", "decision", 700)).returncode for _ in range(5)]
    assert statuses == [-signal.SIGKILL] * 3 + [0] * 2
    assert rows_of(folder / "leverframe.db") == rows


@pytest.mark.parametrize(
    ("point", "number"), [("decision", n) for n in range(1, 6)] + [("commit", n) for n in (1, 2, 3)]
)
def test_killed_between_create_lines(folder: Path, point: str, number: int) -> None:
    """Create lines, events before them and events whose handler raises are settled once too."""
    log = write_log(
        folder / "log",
        event_line("p", "Loaded"),
        create_line("p", "Waiting", label="x", city=None),
        event_line("p", "Loaded"),
        event_line("p", "Exploded"),
        create_line("q", "Waiting", label="y", city=None),
        event_line("q", "Loaded"),
        event_line("r", "Loaded"),
        event_line("p", "Stopped", city="Ulm"),
    )
    _, rows = outcome_of(folder / "whole.db", "parcels:Parcel", log)
    assert replay("parcels:Parcel", log, killed=("SIGKILL", point, number)).returncode == -signal.SIGKILL
    assert replay("parcels:Parcel", log).returncode == 0
    assert rows_of(folder / "leverframe.db") == rows


@pytest.mark.parametrize(("point", "number"), [("decision", 450), ("commit", 3)])
def test_interrupted(folder: Path, undisturbed: dict[Path, Outcome], point: str, number: int) -> None:
    """Ctrl-C ends a replay with status 130 and one line on stderr; run again, it carries on."""
    _, rows = undisturbed[CLICK]
    ended = replay("pipeline", CLICK, killed=("SIGINT", point, number))
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "Interrupted: the same command carries on where it stopped\n"
    assert replay("pipeline", CLICK).returncode == 0
    assert rows_of(folder / "leverframe.db") == rows
