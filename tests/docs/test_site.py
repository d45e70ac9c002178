"""The site has every page and every public name; what it is built of reads well without it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docstring_text import fenced, linked
from documents import DOCUMENTS, ROOT
from site_pages import page_of, stage

import leverframe
from leverframe import LeverframeError
from leverframe.cli.targets import SHIPPED

REFERENCE = ROOT / "docs" / "reference"
MACHINES = ROOT / "docs" / "machines"
BENCHMARKS = [ROOT / "benchmarks" / "README.md", ROOT / "benchmarks" / "queues" / "README.md"]

BY_HAND = {"leverframe.State"}
"""What the reference shows without its docstring, which is another package's."""


def in_navigation() -> list[str]:
    """The pages of the navigation, in their order."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    return re.findall(r"^ +- (?:[^:\n]+: )?(\S+\.md)$", navigation, re.MULTILINE)


def in_reference() -> list[str]:
    """The names whose signature and docstring the reference shows."""
    pages = (page.read_text(encoding="utf-8") for page in sorted(REFERENCE.glob("*.md")))
    return [name for page in pages for name in re.findall(r"^::: (\S+)$", page, re.MULTILINE)]


def public_packages() -> Iterator[str]:
    """leverframe, and those of its packages that are made to be imported from; machines have pages of their own."""
    yield leverframe.__name__
    for found in pkgutil.iter_modules(leverframe.__path__, f"{leverframe.__name__}."):
        if found.name.rpartition(".")[2] in ("adoption", "checks", "diagrams", "testing"):
            yield found.name


def public_names() -> list[str]:
    packages = [importlib.import_module(name) for name in public_packages()]
    return [f"{package.__name__}.{name}" for package in packages for name in getattr(package, "__all__", ())]


def meant(name: str) -> object:
    module, _, member = name.rpartition(".")
    return getattr(importlib.import_module(module), member)


def is_error(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, LeverframeError)


# ---------------------------------------------------------------- reference


@pytest.mark.parametrize("name", public_names())
def test_every_public_name_is_in_the_reference_once(name: str) -> None:
    """The reference shows each name that is made to be imported, on one page."""
    assert in_reference().count(name) == (name not in BY_HAND)
    if name in BY_HAND:
        assert f"\n## {name.rpartition('.')[2]}\n" in (REFERENCE / "machines.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", public_names())
def test_every_public_name_shows_how_it_is_used(name: str) -> None:
    """The docstring of each public name has an example; an error has one in docs/errors.md."""
    found = meant(name)
    if not inspect.isclass(found) and not inspect.isroutine(found):
        return  # an alias of a type has no docstring of its own
    docstring = inspect.getdoc(found) or ""
    assert docstring.strip()
    assert is_error(found) or ">>>" in docstring


def test_the_reference_has_nothing_that_is_not_public() -> None:
    """What stands in the reference can be imported under that name."""
    assert set(in_reference()) <= set(public_names())


@pytest.mark.parametrize("name", [name for name in in_reference() if name.startswith("leverframe.") and "." in name])
def test_every_error_of_the_reference_leads_to_what_to_do(name: str) -> None:
    """Behind each error stands a link to its section in docs/errors.md."""
    error = name.rpartition(".")[2]
    if not is_error(meant(name)) or error == LeverframeError.__name__:
        return
    link = f"::: {name}\n\n[When it comes, and what to do](../errors.md#{error.lower()})\n"
    assert link in (REFERENCE / "errors.md").read_text(encoding="utf-8")


# ---------------------------------------------------------------- pages


def test_every_page_is_in_the_navigation_once() -> None:
    """No page of docs/ can only be found by a link, and the navigation names no other."""
    documents = [path for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")]
    pages = sorted(page_of(str(path.relative_to(ROOT))) for path in documents)
    elsewhere = ["benchmarks/index.md", "benchmarks/queues.md", "changelog.md", "contributing.md"]
    assert sorted(in_navigation()) == sorted([*pages, *elsewhere])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_machine_has_a_page(name: str) -> None:
    """Each machine that comes with leverframe has a page with its picture and its table, and is listed."""
    page = (MACHINES / f"{name}.md").read_text(encoding="utf-8")
    assert f"<!-- leverframe diagram {name} -o {name}.svg -->\n![" in page
    assert f"<!-- leverframe diagram {name} -f md -->\n" in page
    assert (MACHINES / f"{name}.svg").exists()
    assert f"]({name}.md)" in (MACHINES / "index.md").read_text(encoding="utf-8")


def test_the_figures_of_costs_are_those_of_the_benchmarks() -> None:
    """Every measured figure of docs/costs.md stands in the pages that say how it was measured."""
    measured = "".join(path.read_text(encoding="utf-8") for path in BENCHMARKS)
    figures = re.findall(r"\d[\d,]*(?:\.\d+)? (?:µs|ns|ms)|\d+,\d{3}", (ROOT / "docs" / "costs.md").read_text("utf-8"))
    assert len(figures) > 30
    assert [figure for figure in figures if figure not in measured] == []


# ---------------------------------------------------------------- staging


def test_a_page_outside_of_docs_is_linked_where_it_stands(tmp_path: Path) -> None:
    """A link out of docs/ leads to the page that shows the document, or the file, that it means."""
    stage(tmp_path)
    assert "](changelog.md)" in (tmp_path / "index.md").read_text(encoding="utf-8")
    assert "](examples/orchestrator.md)" in (tmp_path / "orchestrator.md").read_text(encoding="utf-8")
    assert "](source/src/leverframe/machines/" in (tmp_path / "gates.md").read_text(encoding="utf-8")
    shown = tmp_path / "source/src/leverframe/machines/orchestrator/__init__.py.md"
    assert '```python\n"""' in shown.read_text(encoding="utf-8")


def test_pages_have_no_blocks_that_only_tests_see(tmp_path: Path) -> None:
    """What only sets up a page's tests is not on the site, nor is what says how a file is put together."""
    stage(tmp_path)
    pages = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.md")]
    assert not any("invisible-code-block" in page and "documents.py" not in page for page in pages)
    assert not any(re.search(r"^```.* append$", page, re.MULTILINE) for page in pages)


def test_a_picture_can_be_opened_by_itself(tmp_path: Path) -> None:
    """A picture on a page is a link to it, so that a large one can be read."""
    stage(tmp_path)
    page = (tmp_path / "machines" / "run.md").read_text(encoding="utf-8")
    assert "[![Run: its states and moves](run.svg)](run.svg)" in page
    assert (tmp_path / "machines" / "run.svg").exists()


def test_examples_of_docstrings_become_blocks() -> None:
    """An example stands in a fence, with the prose before and behind it outside."""
    assert fenced("One.\n\n>>> 1\n1\n>>> 2\n2\n\nTwo.") == "One.\n\n```pycon\n>>> 1\n1\n>>> 2\n2\n```\n\nTwo.\n"


def test_names_in_docstrings_become_links() -> None:
    """A public name, or a member of one, is a link to the reference; one in an example is left as it is."""
    names = {"Store": "leverframe.Store"}
    assert linked("`Store.send`", names) == "[`Store.send`][leverframe.Store.send]"
    assert linked("```\n`Store`\n```", names) == "```\n`Store`\n```"
    assert linked("`Storage`", names) == "`Storage`"


def test_a_bar_in_a_table_is_shown_as_a_bar(tmp_path: Path) -> None:
    """A type such as `str | None` in a cell keeps no backslash on the site."""
    stage(tmp_path)
    assert "<code>error_detail: str &#124; None = …</code>" in (tmp_path / "machines" / "run.md").read_text("utf-8")
