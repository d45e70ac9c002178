"""The pytest plugin: which moves a run of tests has taken, with and without workers, and the gate."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import shop
from documents import ROOT
from shop import Open, Order, Pay

from leverframe import Positive, decide
from leverframe.diagrams.looks import arrows_of
from leverframe.diagrams.picture import picture_of
from leverframe.machines.job import Done, Enqueued, Job, Pending, Running, Watermark
from leverframe.testing import MoveReport, marks_of, paths
from leverframe.testing.move_report import report_of
from leverframe.testing.noticing import Watch

SOME = """
from leverframe import Positive, decide, open_store
from shop import Open, Order, Paid, Pay, Ship, Tracking

def test_pay():
    assert decide(Order, Open(Positive(2)), Pay(Positive(2)), None).state == Paid(Positive(2))

def test_ship():
    Order.start(Paid(Positive(2))).send(Ship(Tracking("1Z-001")))

def test_pay_in_a_store():
    with open_store("sqlite://") as store:
        store.create(Order, "order-1", Open(Positive(2)))
        store.send(Order, "order-1", Pay(Positive(1)))
"""

ALL = """
from leverframe.testing import all_paths
from shop import Order

@all_paths(Order)
def test_path(path):
    path.run()
"""

RULES = """
from leverframe.testing import MachineRules
from shop import Order

class Base(MachineRules[Order]):
    pass

class TestOrders(Base):
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(Path(shop.__file__ or "").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "test_some.py").write_text(SOME, encoding="utf-8")
    return tmp_path


def run(folder: Path, *options: str) -> tuple[int, list[str]]:
    """A run of pytest of its own in the folder: its exit status, and the lines that it has printed."""
    environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines() + done.stderr.splitlines()


def test_nothing_is_told_unless_asked_for(folder: Path) -> None:
    """Without an option the plugin says nothing."""
    status, lines = run(folder)
    assert status == 0
    assert not any("moves" in line for line in lines)


def test_never_taken_moves_are_told_with_their_place(folder: Path) -> None:
    """Behind the tests stand the moves that none of them took, and where they are written; the gate fails the run."""
    status, lines = run(folder, "--moves-of", "shop:Order", "--moves-at-least", "100")
    assert status == 1
    start = next(number for number, line in enumerate(lines) if "moves of Order" in line)
    never = [line for line in lines[start:] if line.lstrip().startswith("never")]
    assert [line.strip().split("  ")[1] for line in never] == [
        "cancel (Cancel): open -> cancelled",
        "cancel (Cancel): paid -> cancelled",
    ]
    assert all(line.endswith("shop.py:71") and len(line) <= 80 for line in never)
    assert "3 of 5 moves taken, 60 %" in lines
    assert "FAIL Order: 60 % is less than 100 %" in lines


@pytest.mark.parametrize("workers", ["0", "2"])
def test_workers_are_counted_together(folder: Path, workers: str) -> None:
    """With workers of pytest-xdist the run as a whole is counted."""
    told = folder / "moves.json"
    status, lines = run(folder, "-n", workers, "--moves-of", "shop:Order", "--moves-json", str(told))
    assert (status, "3 of 5 moves taken, 60 %" in lines) == (0, True)
    [report] = MoveReport.read(told)
    assert {move.arrow: move.times for move in report.moves if move.times} == {
        "pay:Pay:open:open": 1,
        "pay:Pay:open:paid": 1,
        "ship:Ship:paid:shipped": 1,
    }


def test_the_configuration_can_say_it(folder: Path) -> None:
    """Machine and gate can stand in the configuration; a gate that is reached says nothing."""
    ini = "[pytest]\nleverframe_moves = shop:Order\nleverframe_moves_at_least = 60\n"
    (folder / "pytest.ini").write_text(ini, encoding="utf-8")
    status, lines = run(folder)
    assert (status, any(line.startswith("FAIL") for line in lines)) == (0, False)
    assert run(folder, "--moves-at-least", "61")[0] == 1


def test_all_paths_take_all_moves(folder: Path) -> None:
    """Each path is a test of its own, and together they reach a hundred in a hundred."""
    (folder / "test_paths.py").write_text(ALL, encoding="utf-8")
    status, lines = run(folder, "test_paths.py", "-vv", "--moves-of", "shop:Order", "--moves-at-least", "100")
    assert status == 0
    assert any("test_path[paid-ship-shipped] PASSED" in line for line in lines)
    assert "5 of 5 moves taken, 100 %" in lines


def test_the_search_for_paths_is_no_test(folder: Path) -> None:
    """What is tried while paths are looked for counts for nothing."""
    (folder / "test_paths.py").write_text(ALL, encoding="utf-8")
    status, lines = run(folder, "test_paths.py", "-k", "paid-ship", "--moves-of", "shop:Order", "--moves-at-least", "1")
    assert (status, "2 of 5 moves taken, 40 %" in lines) == (0, True)


def test_rules_are_collected_by_their_class(folder: Path) -> None:
    """A class of rules is a test under its own name, if that is a test's."""
    (folder / "test_rules.py").write_text(RULES, encoding="utf-8")
    _, lines = run(folder, "test_rules.py", "-vv", "-W", "error")
    assert [line.split(" ")[0] for line in lines if "PASSED" in line] == ["test_rules.py::TestOrders::runTest"]


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("shop:Ordr", "is no class that inherits Machine"),
        ("no_shop:Order", "No module named 'no_shop'"),
        ("shop", "names no class; write module:Class"),
    ],
)
def test_a_machine_that_is_not_there(folder: Path, workers: str, target: str, problem: str) -> None:
    """What names no machine fails the run, in one line."""
    status, lines = run(folder, "-n", workers, "--moves-of", target)
    assert status != 0
    assert len([line for line in lines if problem in line]) == 1


def test_an_unwatched_machine_runs_its_own_table() -> None:
    """Behind the watch the table is the very one that was there before it."""
    table = Order._table  # pyright: ignore[reportPrivateUsage]  # it is what must not change
    watch = Watch(Order)
    watch.begin()
    assert Order._table is not table  # pyright: ignore[reportPrivateUsage]  # it is what must not change
    watch.end()
    assert Order._table is table  # pyright: ignore[reportPrivateUsage]  # it is what must not change


def test_marks_are_of_the_picture() -> None:
    """A report's marks have the names of the picture's arrows: how often, and never."""
    watch = Watch(Order)
    watch.begin()
    decide(Order, Open(Positive(2)), Pay(Positive(2)), None)
    watch.end()
    marks = marks_of(report_of(watch))
    assert set(marks.arrows) == {arrow.name for arrow in arrows_of(picture_of(Order))}
    assert (marks.arrows["pay:Pay:open:paid"].kind, marks.arrows["pay:Pay:open:paid"].share) == ("hot", 1.0)
    assert marks.arrows["pay:Pay:open:open"].kind == "never"
    assert marks.legend == ("1 of 5 moves taken in tests, 20 %",)


def test_a_move_that_stays_where_it_is() -> None:
    """Of a move that leaves each of several states as it is, the ways between them do not count once it did."""
    watch = Watch(Job)
    watch.begin()
    decide(Job, Pending(), Enqueued(Watermark(1)), None)
    assert "enqueued:Enqueued:pending:done" in {move.arrow for move in report_of(watch).moves}
    for path in paths(Job):
        path.run()
    watch.end()
    report = report_of(watch)
    assert (report.percent, len(report.moves), len(report.all_moves)) == (100, 12, 24)
    assert {Running, Done} <= set(Job.leaves())


def test_the_table_fits_in_80_columns() -> None:
    """What does not fit on one line has its place on the next."""
    watch = Watch(Job)
    lines = list(report_of(watch).lines())
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("missing", "name"), [("hypothesis", "paths"), ("hypothesis", "events"), ("pytest", "all_paths")]
)
def test_what_is_not_installed_is_named(missing: str, name: str) -> None:
    """Without the extra's libraries the error says what to install; a simulation needs none of them."""
    program = f"""
import sys
sys.modules[{missing!r}] = None
from leverframe.testing import simulate
from leverframe.testing import {name}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    told = f"leverframe.testing.{name}: needs {missing}, which is not installed; run: pip install 'leverframe[testing]'"
    assert done.stderr.splitlines()[-1].endswith(f"MissingExtra: {told}")


def test_a_goal_without_a_path_is_a_test_that_fails(folder: Path) -> None:
    """What cannot be reached is not left out without a word."""
    source = ALL.replace("(Order)", "(Order, begin=Paid(Positive(2)))").replace("import Order", "import *")
    (folder / "test_paths.py").write_text(f"from leverframe import Positive\n{source}", encoding="utf-8")
    status, lines = run(folder, "test_paths.py")
    assert status == 1
    assert any("no moves lead from paid to open; begin there too" in line for line in lines)
