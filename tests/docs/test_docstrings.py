"""What the docstrings say is so, and nothing public goes without an example."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

import pytest
from documents import FLAGS, ROOT, sections

import leverframe
from leverframe import LeverframeError

ERRORS = ROOT / "docs" / "errors.md"


def module_names() -> Iterator[str]:
    yield leverframe.__name__
    for found in pkgutil.walk_packages(leverframe.__path__, f"{leverframe.__name__}."):
        yield found.name


@pytest.mark.parametrize("name", list(module_names()))
@pytest.mark.usefixtures("folder")
def test_examples_in_docstrings_run(name: str) -> None:
    """Each example in a module's docstrings prints what stands below it."""
    module: ModuleType = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=FLAGS).failed == 0


def test_examples_in_docstrings_are_found() -> None:
    """The finder sees the examples of functions, classes and methods."""
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module("leverframe.persistence.store"))
    assert sum(bool(each.examples) for each in found) >= 8


def is_error(name: str) -> bool:
    member = getattr(leverframe, name)
    return isinstance(member, type) and issubclass(member, LeverframeError)


@pytest.mark.parametrize("name", sorted(leverframe.__all__))
def test_every_public_name_has_a_docstring(name: str) -> None:
    """What is imported from leverframe says what it is."""
    assert (getattr(leverframe, name).__doc__ or "").strip()


@pytest.mark.parametrize("name", sorted(name for name in leverframe.__all__ if not is_error(name)))
def test_every_public_name_has_an_example(name: str) -> None:
    """What is imported from leverframe shows how it is used, in its docstring."""
    assert ">>>" in getattr(leverframe, name).__doc__


@pytest.mark.parametrize("name", sorted(name for name in leverframe.__all__ if is_error(name)))
def test_every_error_has_a_section_that_raises_it(name: str) -> None:
    """docs/errors.md, whose blocks run, raises each error or catches it by its name."""
    section = sections(ERRORS)[name]
    assert re.search(rf"^leverframe\.errors\.{name}: |^\.\.\. except {name} as error:$", section, re.MULTILINE)
    assert "**What to do.**" in section


def test_there_are_no_sections_of_errors_that_do_not_exist() -> None:
    """docs/errors.md describes the errors that there are."""
    described = {title for title in sections(ERRORS) if title.isidentifier()}
    assert described == {name for name in leverframe.__all__ if is_error(name)}


def test_the_tree_of_errors_is_that_of_the_classes() -> None:
    """The list at the top of docs/errors.md nests the errors as their classes inherit each other."""
    parents: list[str] = []
    for indent, name in re.findall(r"^( *)\* \[(\w+)\]\(#", ERRORS.read_text(encoding="utf-8"), re.MULTILINE):
        parents[len(indent) // 4 :] = [name]
        above = parents[-2] if len(parents) > 1 else "Exception"
        assert getattr(leverframe, name).__bases__[0].__name__ == above
