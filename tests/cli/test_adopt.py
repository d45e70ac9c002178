"""What `adopt` tells, refuses and writes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from repair_tables import MAPPING, clean_rows, make_file

from adopting.make_database import rows
from adopting.repairs import BikeRepair
from leverframe import open_store
from leverframe.adoption.mapping import read_mapping
from leverframe.cli import adopt as command

Run = Callable[..., Result]

HERE = "sqlite:///leverframe.db"


@pytest.fixture(autouse=True)
def workshop(folder: Path) -> None:
    """The example's files in the working folder."""
    make_file(folder, list(rows(1000)))
    text = MAPPING.read_text().replace('"repairs:BikeRepair"', '"adopting.repairs:BikeRepair"')
    (folder / "repairs.toml").write_text(text)


def number() -> int:
    with open_store(HERE) as store:
        return store.count(BikeRepair).total()


def test_plan(run: Run, folder: Path) -> None:
    """A plan tells what becomes of each status and what does not fit; it writes nothing, and makes no database."""
    result = run("adopt", "repairs.toml")
    assert result.exit_code == 1
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["'collected'", "collected"] in [line[:2] for line in lines]
    assert any(line[:2] == ["'test'", "left"] for line in lines)
    assert any(line[:1] == ["key:"] for line in lines)
    assert "nothing is written without --apply" in result.stderr
    assert not (folder / "leverframe.db").exists()


def test_apply(run: Run) -> None:
    """--apply adopts what fits, says how many, and the journal tells who; a second time there is nothing to do."""
    result = run("adopt", "repairs.toml", "--apply", "--by", "anna", "--why", "new program")
    there = number()
    assert f"adopted: {there}" in result.stderr
    told = run("history", "adopting.repairs:BikeRepair", "old-town", "4").stdout
    assert "anna" in told
    assert "adopted from repair: new program" in told
    again = run("adopt", "repairs.toml", "--apply")
    assert f"{there} of them had been adopted before" in again.stderr
    assert number() == there


def test_all_fit(run: Run, folder: Path) -> None:
    """Where every row fits the status is 0."""
    (folder / "workshop.db").unlink()
    make_file(folder, clean_rows(5))
    assert run("adopt", "repairs.toml").exit_code == 0
    assert run("adopt", "repairs.toml", "--apply").exit_code == 0


def test_report(run: Run, folder: Path) -> None:
    """--report has a line for each row that does not fit."""
    result = run("adopt", "repairs.toml", "--report", "misfits.jsonl", "--json")
    told = json.loads(result.stdout)
    lines = [json.loads(line) for line in (folder / "misfits.jsonl").read_text().splitlines()]
    assert len(lines) == told["unfit"] > 3
    assert set(lines[0]) == {"row", "status", "problems"}
    assert (told["machine"], told["applied"], told["rows"]) == (
        "BikeRepair",
        False,
        told["fit"] + told["unfit"] + told["skipped"],
    )


def test_faults(run: Run, folder: Path) -> None:
    """All that is wrong with a mapping is told, a line each, with status 2; nothing is written."""
    path = folder / "repairs.toml"
    path.write_text(
        path.read_text().replace('"ready" = "Ready"', '"redy" = "Redy"').replace('"customer_no"', '"customer"')
    )
    for option in ("--plan", "--apply"):
        result = run("adopt", "repairs.toml", option)
        assert (result.exit_code, result.stdout) == (2, "")
        errors = result.stderr.splitlines()
        assert any("status 'redy': 'Redy' is no state of BikeRepair; did you mean 'Ready'?" in line for line in errors)
        assert any("has no column 'customer'; did you mean 'customer_no'?" in line for line in errors)
        assert any("status 'ready': " in line for line in errors)
        assert errors[-1] == "3 things to mend; nothing was written"
        assert not (folder / "leverframe.db").exists()
    told = json.loads(run("adopt", "repairs.toml", "--json").stdout)
    assert len(told["faults"]) == 3


def test_source_elsewhere(run: Run, folder: Path) -> None:
    """--source goes before what the file says, which may leave it out."""
    shutil.move(folder / "workshop.db", folder / "old.db")
    assert run("adopt", "repairs.toml").exit_code == 2
    assert run("adopt", "repairs.toml", "--source", "sqlite:///old.db").exit_code == 1
    path = folder / "repairs.toml"
    path.write_text(path.read_text().replace('url = "sqlite:///workshop.db"\n', ""))
    result = run("adopt", "repairs.toml")
    assert "give --source URL" in result.stderr


def test_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted, it ends with status 130 and says how to go on."""

    def interrupt(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "adopt", interrupt)
    result = run("adopt", "repairs.toml", "--apply")
    assert result.exit_code == 130
    assert "the same command carries on" in result.stderr


def test_init(run: Run, folder: Path) -> None:
    """--init guesses a mapping that can be read, and leaves empty what it cannot guess; no file is written over."""
    draft = ("adopt", "--init", "adopting.repairs:BikeRepair", "--source", "sqlite:///workshop.db", "--table", "repair")
    printed = run(*draft)
    assert printed.exit_code == 0, printed.stderr
    result = run(*draft, "-o", "draft.toml")
    assert result.exit_code == 0, result.stderr
    assert (folder / "draft.toml").read_text() == printed.stdout
    mapping = read_mapping("draft.toml")
    assert (mapping.status.column, mapping.status.states["ready"], mapping.status.states["new"]) == (
        "status",
        "Ready",
        "",
    )
    assert (mapping.fields["promised"].kind, mapping.fields["promised"].format) == ("date", "%d.%m.%Y")
    assert mapping.fields["finished_at"].kind == "epoch_milliseconds"
    assert run(*draft, "-o", "draft.toml").exit_code == 2
    unfinished = run("adopt", "draft.toml")
    assert unfinished.exit_code == 2
    assert "status 'new': is mapped to no state" in unfinished.stderr


def test_usage(run: Run) -> None:
    """What belongs to --init is refused without it, and --init without a table."""
    assert "--table goes with --init" in run("adopt", "repairs.toml", "--table", "repair").stderr
    assert "--init needs --source URL and --table NAME" in run("adopt", "--init", "pipeline").stderr
    assert "No such file" in run("adopt", "none.toml").stderr
    result = run("adopt", "--init", "pipeline", "--source", "sqlite:///workshop.db", "--table", "repairs")
    assert "did you mean 'repair'?" in result.stderr
