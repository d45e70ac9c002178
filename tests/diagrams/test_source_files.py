"""Where classes and functions stand: as `inspect` says it, and each file read once."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from leverframe.cli.targets import SHIPPED, find_machine
from leverframe.diagrams.source_files import first_line_of, source_file


@pytest.mark.parametrize("target", SHIPPED)
def test_lines_are_those_of_inspect(target: str) -> None:
    """Of a machine, its states, events and handlers the line is the one that Python's own module finds."""
    machine: Any = find_machine(target)
    structure = machine._structure
    handlers = [edge.function for edge in structure.edges.values()]
    for written in (machine, *structure.leaves, *structure.superstates, *structure.events, *handlers):
        found = first_line_of(written)
        assert found is not None
        assert found[1] == inspect.getsourcelines(written)[1]


def test_a_class_inside_a_function() -> None:
    """A class that is made inside a function is found too."""

    class Inside: ...

    found = first_line_of(Inside)
    assert found is not None
    assert found[1] == inspect.getsourcelines(Inside)[1]


def test_nobody_can_say() -> None:
    """Of what no file has there is no line."""
    assert first_line_of(int) is None
    assert first_line_of(type("Made", (), {})) is None


def test_a_file_is_read_once(tmp_path: Path) -> None:
    """A file is read again only when it has changed."""
    path = tmp_path / "code.py"
    path.write_text("class First: ...\n")
    read = source_file(str(path))
    assert source_file(str(path)) is read
    path.write_text("class Second: ...\nclass First: ...\n")
    assert list(source_file(str(path)).classes) == ["First", "Second"]
    path.unlink()
    assert source_file(str(path)).classes == {}
