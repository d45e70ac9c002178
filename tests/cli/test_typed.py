"""What `leverframe typed` writes, and how it tells that a file is out of date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from leverframe.checks.typed_module import typed_module
from leverframe.machines import Pipeline

Run = Callable[..., Result]


def test_write(run: Run, folder: Path) -> None:
    """The module is written to the file, or to standard output."""
    assert run("typed", "pipeline", "-o", "by_state.py").exit_code == 0
    written = (folder / "by_state.py").read_text()
    assert written == typed_module(Pipeline, "pipeline")
    assert run("typed", "pipeline", "-o", "-").stdout == written


def test_up_to_date(run: Run) -> None:
    """A file that is as it would be written makes for status 0."""
    run("typed", "pipeline", "-o", "by_state.py")
    result = run("typed", "pipeline", "--check", "by_state.py")
    assert (result.exit_code, result.stdout) == (0, "")


def test_out_of_date(run: Run, folder: Path) -> None:
    """A file that is not so makes for status 1, and stays as it is; how to write it is said."""
    run("typed", "job", "-o", "by_state.py")
    before = (folder / "by_state.py").read_text()
    result = run("typed", "pipeline", "--check", "by_state.py")
    assert result.exit_code == 1
    assert "leverframe typed pipeline -o by_state.py" in result.stderr
    assert (folder / "by_state.py").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["pipeline"], "give either -o FILE or --check FILE"),
        (["pipeline", "--check", "nowhere.py"], "there is no such file"),
        (["pipeline", "-o", "nowhere/by_state.py"], "No such file"),
        (["pipelin", "-o", "by_state.py"], "did you mean 'pipeline'"),
    ],
)
def test_what_cannot_be_done(run: Run, folder: Path, arguments: list[str], problem: str) -> None:
    """Wrong usage is told with status 2, and nothing is written."""
    result = run("typed", *arguments)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert list(folder.iterdir()) == []
