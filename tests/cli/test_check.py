"""What `leverframe check` prints, of machines and of what is stored."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from click.testing import Result
from documents import ROOT, run_on_terminal
from logs import event_line, write_log
from shop_files import write_shop

from leverframe.checks.finding import CODES
from leverframe.checks.rows import Code

Run = Callable[..., Result]

TRAP = ("    sent = state(Sent, final=True)", "    sent = state(Sent)")
FIELD = ("    reason: str\n\n\n@frozen\nclass Place(", "    why: str\n\n\n@frozen\nclass Place(")


@pytest.fixture(autouse=True)
def shop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in the working folder."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    write_shop(folder)
    yield
    sys.modules.pop("shop", None)


def test_nothing_is_found(run: Run) -> None:
    """Of machines without faults there is a word on stderr, and status 0."""
    result = run("check", "shop:Order", "pipeline")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Order: nothing was found\nPipeline: nothing was found\n"


def test_a_finding(run: Run, folder: Path) -> None:
    """In a pipe a finding is one line: file, line, code, what it is, what to do; and there is status 1."""
    write_shop(folder, TRAP)
    result = run("check", "shop:Order")
    assert result.exit_code == 1
    assert result.stdout == (
        "shop.py:68: trap: no move leads out of sent, and it is not final; "
        "write state(..., final=True), or a move out of it\n"
    )
    assert result.stderr == "Order: 1 finding\n"


def test_at_a_terminal(folder: Path) -> None:
    """At a terminal of 80 columns no line is longer."""
    write_shop(folder, TRAP, ("tuple[Line, ...]", "list[Line]"))
    status, printed = run_on_terminal(f"{sys.executable} -m leverframe check shop:Order")
    assert status == 1
    assert max(map(len, printed.splitlines())) <= 80
    assert "    -> write state(..., final=True), or a move out of it" in printed.splitlines()


def test_ignore(run: Run, folder: Path) -> None:
    """A code that is to be ignored makes for no finding, and no status."""
    write_shop(folder, TRAP)
    assert run("check", "shop:Order", "--ignore", "trap").exit_code == 0


def test_a_comment(run: Run, folder: Path) -> None:
    """A comment in the line accepts it."""
    write_shop(folder, (TRAP[0], f"{TRAP[1]}  # leverframe: ignore[trap]"))
    assert run("check", "shop:Order").exit_code == 0


def test_json(run: Run, folder: Path) -> None:
    """With --json there is each finding with its code and place."""
    write_shop(folder, TRAP)
    result = run("check", "shop:Order", "--json")
    assert result.exit_code == 1
    [machine] = json.loads(result.stdout)
    assert machine["machine"] == "Order"
    [finding] = machine["findings"]
    assert finding["code"] == "trap"
    assert finding["place"] == {"file": "shop.py", "line": 68}


def test_since_a_lock(run: Run, folder: Path) -> None:
    """With --lock there is what would no longer load; a machine that is not in the file is remarked."""
    assert run("lock", "shop:Order", "-o", "machines.lock").exit_code == 0
    assert run("check", "shop:Order", "--lock", "machines.lock").exit_code == 0
    write_shop(folder, FIELD)
    result = run("check", "shop:Order", "pipeline", "--lock", "machines.lock")
    assert result.exit_code == 1
    assert result.stdout.count(": no-upcaster: ") == 2
    assert "Pipeline is not in the lock file" in result.stderr


def test_stored_rows(run: Run, folder: Path, damage: Callable[[str], None]) -> None:
    """With --db each stored row is read; one that does not load is a finding, with its key."""
    log = write_log(folder / "log", event_line("a", "DepsMet"), event_line("b", "DepsMet"))
    assert run("replay", "pipeline", log).exit_code == 0
    url = "sqlite:///leverframe.db"
    result = run("check", "pipeline", "--db", url, "--journal")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Pipeline: nothing was found, in 2 stored instances and 4 lines of the journal too\n"
    damage("a")
    result = run("check", "pipeline", "--db", url)
    assert result.exit_code == 1
    assert result.stdout.startswith("Pipeline, active.coding: unreadable-row: 1 row: ")
    assert ": a; " in result.stdout
    assert run("check", "pipeline", "--db", url, "--ignore", "unreadable-row").exit_code == 0
    [machine] = json.loads(run("check", "pipeline", "--db", url, "--json").stdout)
    assert machine["stored"]["findings"][0]["keys"] == [{"tenant": "", "key": "a"}]


def test_the_variable_is_not_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database is read only where one is named: the variable alone makes no check of it."""
    monkeypatch.setenv("LEVERFRAME_DB", "sqlite:///nowhere.db")
    assert run("check", "pipeline").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "Missing argument"),
        (["pipeline", "--journal"], "give --db URL too"),
        (["pipeline", "--db", "sqlite:///nowhere.db"], "name a database"),
        (["pipeline", "--lock", "nowhere.lock"], "there is no such file"),
        (["pipeline", "--ignore", "trapp"], "trapp is no code; did you mean 'trap'?"),
    ],
)
def test_what_cannot_be_done(run: Run, arguments: list[str], problem: str) -> None:
    """Wrong usage is told with status 2."""
    result = run("check", *arguments)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_every_code_has_a_place_in_the_documents() -> None:
    """docs/checks.md says of each code what it means, and tells of none that there is not."""
    said = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs" / "checks.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(said) == sorted([*CODES, *get_args(Code)])
