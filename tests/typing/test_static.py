"""What mypy --strict and pyright strict say about right and wrong programs, line by line.

In the files beside this one a line that is wrong has a tag: `# E:` both checkers must report it, `# M:` mypy only,
`# P:` pyright only, `# R:` neither, it fails when it runs.  Every other line must be clean.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from leverframe.checks.typed_module import typed_module
from leverframe.cli.targets import SHIPPED, find_machine

HERE = Path(__file__).parent
PROGRAMS = sorted(path for path in HERE.glob("*.py") if not path.name.startswith("test_"))
TAG = re.compile(r"# ([EMPR]): ")
REPORTED_BY = {"E": {"mypy", "pyright"}, "M": {"mypy"}, "P": {"pyright"}, "R": set[str](), "": set[str]()}

Places = dict[tuple[str, int], str]
"""File name and line of each report, and what it says."""

USER_PROGRAM = """
from attrs import frozen

from leverframe import Event, Handle, Machine, Payload, Positive, on, state


@frozen
class Locked(Payload):
    coins: Positive


@frozen
class Open(Payload): ...


@frozen
class Push(Event): ...


class Turnstile(Machine[Locked | Open, Push]):
    locked = state(Locked, initial=True)
    open = state(Open)

    @on
    def push(self, s: Locked, e: Push) -> Open:
        return Open()


def run(handle: Handle[Turnstile, Locked]) -> Open:
    return handle.fire(Turnstile.push, Push()).state


reveal_type(Turnstile.start(Open()).send(Push()).state)
Locked(3)
"""


def tool(name: str) -> str:
    """The program of this name that is installed beside the running Python."""
    return str(Path(sys.executable).with_name(name))


def run_mypy(folder: Path, *arguments: str) -> Places:
    options = ["--no-error-summary", "--hide-error-context", "--no-pretty", "--cache-dir", str(folder / "cache")]
    command = [tool("mypy"), *options, "--python-executable", sys.executable, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    found = re.findall(r"^(.+?):(\d+): (?:error: |note: (?=Revealed))(.*)$", ran.stdout, re.MULTILINE)
    return {(Path(name).name, int(line)): text for name, line, text in found}


def run_pyright(folder: Path, programs: list[Path]) -> Places:
    config = folder / "pyrightconfig.json"
    config.write_text(json.dumps({"typeCheckingMode": "strict", "pythonVersion": "3.11"}))
    for program in programs:
        shutil.copy(program, folder)
    command = [tool("pyright"), "-p", str(config), "--pythonpath", sys.executable, "--outputjson"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    report = json.loads(ran.stdout)
    assert report["summary"]["filesAnalyzed"] == len(programs), report
    errors = [found for found in report["generalDiagnostics"] if found["severity"] == "error"]
    return {(Path(e["file"]).name, e["range"]["start"]["line"] + 1): e["message"] for e in errors}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Places]:
    """One run of each checker over all files, and over a module made by `leverframe typed` for each machine."""
    programs = [*PROGRAMS, *write_typed_modules(tmp_path_factory.mktemp("typed"))]
    mypy = ["--strict", "--python-version", "3.11", "--config-file", "", *map(str, programs)]
    return {
        "mypy": run_mypy(tmp_path_factory.mktemp("mypy"), *mypy),
        "pyright": run_pyright(tmp_path_factory.mktemp("pyright"), programs),
    }


def write_typed_modules(folder: Path) -> list[Path]:
    for target in SHIPPED:
        module = folder / typed_name(target)
        module.write_text(typed_module(find_machine(target), target), encoding="utf-8")
    return sorted(folder.glob("*.py"))


def typed_name(target: str) -> str:
    return f"{target.replace('-', '_')}_typed.py"


def expected_reports(program: Path) -> dict[int, set[str]]:
    lines = program.read_text(encoding="utf-8").splitlines()
    return {number: REPORTED_BY[tag_of(line)] for number, line in enumerate(lines, 1)}


def tag_of(line: str) -> str:
    found = TAG.search(line)
    return found[1] if found else ""


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_reports_are_those_of_the_tags(program: Path, reports: dict[str, Places]) -> None:
    """Each tagged line is reported by the checkers that its tag names, and no other line by any."""
    surprises: list[str] = []
    for number, expected in expected_reports(program).items():
        got = {
            checker: places[program.name, number]
            for checker, places in reports.items()
            if (program.name, number) in places
        }
        if set(got) != expected:
            surprises.append(
                f"{program.name}:{number}: expected {sorted(expected) or 'nothing'}, got {got or 'nothing'}"
            )
    assert not surprises, "\n".join(["", *surprises])


@pytest.mark.parametrize("target", SHIPPED)
def test_a_generated_module_is_clean(target: str, reports: dict[str, Places]) -> None:
    """Neither checker, as strict as it can be, says anything about the module of a shipped machine."""
    said = {place: text for places in reports.values() for place, text in places.items()}
    assert {place: text for place, text in said.items() if place[0] == typed_name(target)} == {}


def test_enough_wrong_lines() -> None:
    """The tagged lines cover what a checker can find: at least a hundred of them."""
    tags = [
        tag
        for program in PROGRAMS
        for line in program.read_text(encoding="utf-8").splitlines()
        if (tag := tag_of(line))
    ]
    assert len(tags) >= 100, len(tags)


def test_a_users_project_needs_nothing_but_strict(tmp_path: Path) -> None:
    """In a project with plain mypy and `strict = true`, the installed package is typed, and wrong lines are found."""
    (tmp_path / "pyproject.toml").write_text("[tool.mypy]\nstrict = true\n")
    program = tmp_path / "turnstile.py"
    program.write_text(USER_PROGRAM.lstrip())
    places = run_mypy(tmp_path, program.name)
    texts = [places[key] for key in sorted(places)]
    assert texts == [
        'Revealed type is "turnstile.Locked | turnstile.Open"',
        'Argument 1 to "Locked" has incompatible type "int"; expected "Positive"  [arg-type]',
    ]
