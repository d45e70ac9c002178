"""What `leverframe lock` writes, and what it says of a machine that has changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from documents import ROOT, run_on_terminal
from shop_files import write_shop

from leverframe.checks.lock import read_locks
from leverframe.cli.targets import SHIPPED

Run = Callable[..., Result]

FIELD = (
    "    parcel: str\n\n\n@frozen\nclass Cancelled",
    "    parcel: str\n    weight: int\n\n\n@frozen\nclass Cancelled",
)
MOVE = ("def place(", "def order(")


@pytest.fixture(autouse=True)
def shop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in the working folder."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    write_shop(folder)
    yield
    sys.modules.pop("shop", None)


@pytest.fixture
def locked(run: Run) -> None:
    assert run("lock", "shop:Order", "-o", "machines.lock").exit_code == 0


def test_write(run: Run, folder: Path) -> None:
    """The file is written, and each machine told with its fingerprint."""
    result = run("lock", "shop:Order", "pipeline", "-o", "machines.lock")
    assert result.exit_code == 0
    said = json.loads((folder / "machines.lock").read_text())
    assert [each["target"] for each in said["machines"]] == ["shop:Order", "pipeline"]
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows == [[each["machine"], each["fingerprint"], each["target"]] for each in said["machines"]]


def test_standard_output(run: Run, folder: Path) -> None:
    """With -o - the file goes to standard output, and none is written."""
    result = run("lock", "shop:Order", "-o", "-")
    assert json.loads(result.stdout)["machines"][0]["machine"] == "Order"
    assert [path.name for path in folder.iterdir()] == ["shop.py"]


@pytest.mark.usefixtures("locked")
def test_nothing_has_changed(run: Run) -> None:
    """A machine that is as it was makes for status 0."""
    result = run("lock", "--check", "machines.lock")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "machines.lock: 1 machine is as it was\n"


@pytest.mark.usefixtures("locked")
def test_changes(run: Run, folder: Path) -> None:
    """What has changed is told in words, what no longer loads is marked, and the status is 1; the file stays."""
    before = (folder / "machines.lock").read_text()
    write_shop(folder, FIELD, MOVE)
    result = run("lock", "--check", "machines.lock")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "Order  ! +  field weight of Sent is new, int",
        "Order    -  move place is gone: open.draft -Place-> open.placed",
        "Order    +  move order is new: open.draft -Place-> open.placed",
    ]
    assert "declare upcasters" in result.stderr
    assert "leverframe lock -o machines.lock" in result.stderr
    assert (folder / "machines.lock").read_text() == before


@pytest.mark.usefixtures("locked")
def test_changes_at_a_terminal(folder: Path) -> None:
    """At a terminal of 80 columns no line is longer."""
    write_shop(folder, FIELD, ("s: Open, e: Cancel", "s: Draft, e: Cancel"))
    status, printed = run_on_terminal(f"{sys.executable} -m leverframe lock --check machines.lock")
    assert status == 1
    assert "machine" in printed.splitlines()[0]
    assert max(map(len, printed.splitlines())) <= 80


@pytest.mark.usefixtures("locked")
def test_accept(run: Run, folder: Path) -> None:
    """Written anew, without naming machines, it has those that it had as they are now, and tells the changes."""
    write_shop(folder, MOVE)
    result = run("lock", "-o", "machines.lock")
    assert result.exit_code == 0
    assert "move order is new" in result.stdout
    assert run("lock", "--check", "machines.lock").exit_code == 0


@pytest.mark.usefixtures("locked")
def test_json(run: Run, folder: Path) -> None:
    """With --json there is each change with its sign and what it makes unreadable."""
    write_shop(folder, FIELD)
    result = run("lock", "--check", "machines.lock", "--json")
    assert result.exit_code == 1
    [machine] = json.loads(result.stdout)
    assert machine["machine"] == "Order"
    text = "field weight of Sent is new, int"
    assert machine["changes"] == [{"sign": "+", "text": text, "unreadable": ["snapshot", "journal"]}]


@pytest.mark.usefixtures("locked")
def test_another_name(run: Run, folder: Path) -> None:
    """A machine that stores would not find again is known by its target, and marked."""
    write_shop(folder, ("    class open", '    machine_name = "Purchase"\n\n    class open'))
    result = run("lock", "--check", "machines.lock")
    assert result.exit_code == 1
    assert result.stdout.startswith("Purchase  ! ~  machine is called Purchase now, was Order")


@pytest.mark.usefixtures("locked")
def test_a_machine_less(run: Run) -> None:
    """A machine that the file is no longer to have is told."""
    result = run("lock", "pipeline", "-o", "machines.lock")
    assert result.exit_code == 0
    assert "Order       -  machine is gone" in result.stdout


@pytest.mark.usefixtures("locked")
def test_a_file_with_a_merge_in_it(run: Run, folder: Path) -> None:
    """It is not believed, and can be written anew when the machines are named."""
    path = folder / "machines.lock"
    path.write_text(f"<<<<<<< ours\n{path.read_text()}")
    for arguments in (("--check", "machines.lock"), ("-o", "machines.lock")):
        result = run("lock", *arguments)
        assert result.exit_code == 2
        assert "write it anew" in result.stderr
    assert run("lock", "shop:Order", "-o", "machines.lock").exit_code == 0
    assert run("lock", "--check", "machines.lock").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "give either -o FILE or --check FILE"),
        (["-o", "a", "--check", "b"], "give either -o FILE or --check FILE"),
        (["pipeline", "--check", "b"], "leave MACHINE out"),
        (["--check", "nowhere.lock"], "there is no such file"),
        (["-o", "nowhere.lock"], "there is no such file"),
        (["pipeline", "leverframe.machines:Pipeline", "-o", "a"], "are both called Pipeline"),
        (["pipelin", "-o", "a"], "did you mean 'pipeline'"),
    ],
)
def test_what_cannot_be_done(run: Run, folder: Path, arguments: list[Any], problem: str) -> None:
    """Wrong usage is told with status 2, and nothing is written."""
    result = run("lock", *arguments)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert [path.name for path in folder.iterdir()] == ["shop.py"]


def test_the_shipped_machines_are_as_they_were(run: Run) -> None:
    """The machines that come with leverframe are as `machines.lock` says; `leverframe lock -o` writes it anew."""
    result = run("lock", "--check", ROOT / "machines.lock")
    assert (result.exit_code, result.stdout) == (0, ""), result.stdout
    assert {machine.target for machine in read_locks(ROOT / "machines.lock").values()} == set(SHIPPED)
