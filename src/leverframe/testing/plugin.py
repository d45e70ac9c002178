"""The pytest plugin: which moves do the tests take?  And stateful tests are collected by the class that users write.

It does nothing unless it is asked for moves, with `--moves-of` or in the configuration.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from leverframe.testing.move_report import MoveReport
    from leverframe.testing.noticing import Watch

__all__ = ["MovesPlugin", "pytest_addoption", "pytest_configure", "pytest_pycollect_makeitem"]

SENT = "leverframe_moves"
"""Under which name a worker of pytest-xdist sends what it has seen."""

OF = "a machine whose moves are counted; a list, one a line, in the configuration as leverframe_moves"
AT_LEAST = "fail if fewer than so many in a hundred moves of a machine were taken; also leverframe_moves_at_least"


RAN = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
"""What a run ends with that has come to its end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, in a group of their own."""
    group = parser.getgroup("leverframe", "moves of leverframe machines")
    group.addoption("--moves-of", action="append", default=[], metavar="MODULE:CLASS", help=OF)
    group.addoption("--moves-at-least", type=float, default=None, metavar="PERCENT", help=AT_LEAST)
    group.addoption("--moves-json", default=None, metavar="FILE", help="write what was counted to this file")
    parser.addini("leverframe_moves", OF, type="linelist", default=[])
    parser.addini("leverframe_moves_at_least", AT_LEAST, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Begin only where somebody asks."""
    configured: list[str] = config.getini("leverframe_moves")
    given: list[str] = config.getoption("--moves-of")  # pyright: ignore[reportAssignmentType]  # it has a default
    targets = dict.fromkeys([*configured, *given])
    if targets:
        config.pluginmanager.register(MovesPlugin(config, list(targets)), "leverframe_moves")


def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> Any:
    """Collect a class of rules as the test case that hypothesis makes of it."""
    rules = sys.modules.get("leverframe.testing.stateful")
    if rules is None or not (isinstance(obj, type) and issubclass(obj, rules.MachineRules)):
        return None
    if not collector.classnamefilter(name):
        return []
    case: Any = obj.TestCase  # type: ignore[attr-defined]  # hypothesis's own
    made = collector.ihook.pytest_pycollect_makeitem(collector=collector, name=name, obj=case)
    # It would look the class up again, by its name.
    made.obj = case
    return made


class MovesPlugin:
    """Counts from the end of the collection to the end of the tests, and tells at the end of it all."""

    def __init__(self, config: pytest.Config, targets: list[str]) -> None:
        self.config = config
        self.targets = targets
        self.watches: list[Watch] = []
        self.reports: dict[str, MoveReport] = {}
        self.problems: dict[str, None] = {}
        self.at_least = least(config)

    # ------------------------------------------------------------ counting

    def pytest_collection_finish(self) -> None:
        """Now the tests have imported what they need, from where they find it."""
        if self._is_controller():
            return
        from leverframe.testing.noticing import Watch

        for target in self.targets:
            try:
                self.watches.append(Watch(machine_of(target)))
            except pytest.UsageError as error:
                if not self._is_worker():
                    raise
                self.problems[str(error)] = None
        for watch in self.watches:
            watch.begin()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send or keep what was seen, and fail under the gate."""
        for watch in self.watches:
            watch.end()
        self._gather([self._report(watch) for watch in self.watches])
        if self._is_worker():
            told = {"reports": [report.to_json() for report in self.reports.values()], "problems": [*self.problems]}
            session.config.workeroutput[SENT] = told  # type: ignore[attr-defined]  # pytest-xdist's own
            return
        if self.config.option.collectonly:
            return
        self._write()
        if (self.problems or self.under_gate()) and session.exitstatus in RAN:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist is done."""
        from leverframe.testing.move_report import MoveReport

        told = getattr(node, "workeroutput", {}).get(SENT)
        if told is not None:
            self._gather([MoveReport.of_json(report) for report in told["reports"]])
            self.problems |= dict.fromkeys(told["problems"])

    # ------------------------------------------------------------ telling

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        """What was taken, and what never; where the tests were not run there is nothing to tell."""
        if self.config.option.collectonly or exitstatus not in RAN:
            return
        for problem in self.problems:
            terminalreporter.write_line(f"ERROR: {problem}", red=True)
        for report in self.reports.values():
            verbose = self.config.option.verbose > 0
            terminalreporter.write_sep("-", f"moves of {report.machine}")
            for line in report.lines(all_of_them=verbose):
                terminalreporter.write_line(line, red=line.lstrip().startswith("never"))
            terminalreporter.write_line(f"{report.taken} of {len(report.moves)} moves taken, {report.percent} %")
        for name, percent in self.under_gate():
            terminalreporter.write_line(f"FAIL {name}: {percent} % is less than {self.at_least:g} %", red=True)

    def under_gate(self) -> list[tuple[str, int]]:
        """The machines of which too few moves were taken."""
        return [
            (report.machine, report.percent)
            for report in self.reports.values()
            if self.at_least is not None and 100 * report.taken < self.at_least * len(report.moves)
        ]

    # ------------------------------------------------------------ parts

    def _report(self, watch: Watch) -> MoveReport:
        from leverframe.testing.move_report import report_of

        return report_of(watch)

    def _gather(self, reports: list[MoveReport]) -> None:
        for report in reports:
            known = self.reports.get(report.machine)
            self.reports[report.machine] = report if known is None else known + report

    def _write(self) -> None:
        path = self.config.getoption("--moves-json")
        if path is not None:
            told = [report.to_json() for report in self.reports.values()]
            Path(path).write_text(f"{json.dumps(told, indent=2)}\n", encoding="utf-8")

    def _is_worker(self) -> bool:
        return hasattr(self.config, "workerinput")

    def _is_controller(self) -> bool:
        """Whether workers of pytest-xdist run the tests."""
        return not self._is_worker() and self.config.pluginmanager.hasplugin("dsession")


def least(config: pytest.Config) -> float | None:
    """The gate: what the command says, or else the configuration."""
    given: float | None = config.getoption("--moves-at-least")
    configured: str = config.getini("leverframe_moves_at_least")
    if given is not None or not configured:
        return given
    try:
        return float(configured)
    except ValueError:
        raise pytest.UsageError(f"leverframe_moves_at_least = {configured} is no number") from None


def machine_of(target: str) -> Any:
    """The machine class that `module:Class` names.  Raises `pytest.UsageError`."""
    module_name, _, class_name = target.partition(":")
    if not module_name or not class_name:
        raise pytest.UsageError(f"--moves-of {target}: names no class; write module:Class")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except ImportError as error:
        raise pytest.UsageError(f"--moves-of {target}: {error}") from error
    if not hasattr(found, "_structure"):
        raise pytest.UsageError(f"--moves-of {target}: is no class that inherits Machine")
    return found
