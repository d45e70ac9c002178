"""In a notebook: what IPython shows of a machine, a handle and a stored instance."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

from leverframe import Machine, load_ipython_extension, open_store
from leverframe.diagrams import layout
from leverframe.machines.pipeline import Coding, Pipeline, Qa
from leverframe.typed.machine import MachineMeta

IMPORTED_LATER = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("from leverframe.machines.pipeline import Pipeline")
print(sorted(shell.display_formatter.format(shell.user_ns["Pipeline"])[0]))
"""


class Shell:
    """As much of an IPython shell as shows things."""

    def __init__(self) -> None:
        self.display_formatter: Any = DisplayFormatter()
        load_ipython_extension(self)

    def shows(self, shown: object) -> dict[str, str]:
        shown_as: dict[str, str] = self.display_formatter.format(shown)[0]
        return shown_as


@pytest.fixture
def shell() -> Shell:
    return Shell()


def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "quickjs", None)
    monkeypatch.setattr(layout, "_of_thread", threading.local())
    layout._render.cache_clear()  # pyright: ignore[reportPrivateUsage]  # as in a process that has drawn nothing


def test_a_machine_shows_its_picture(shell: Shell) -> None:
    """A class, which IPython asks for nothing, is shown as SVG."""
    assert shell.shows(Pipeline)["image/svg+xml"].startswith("<svg")


def test_a_handle_shows_where_it_is(shell: Shell) -> None:
    """Its state is marked, and told below."""
    shown = shell.shows(Pipeline.start(Coding()))["image/svg+xml"]
    assert 'class="state current" data-id="active.coding"' in shown
    assert ">Coding()<" in shown


def test_a_stored_instance_shows_where_it_is(shell: Shell) -> None:
    """As a handle, with its key."""
    with open_store("sqlite://") as store:
        shown = shell.shows(store.create(Pipeline, "story-7", Qa()))["image/svg+xml"]
    assert 'class="state current" data-id="active.qa"' in shown
    assert ">story-7 Qa()<" in shown


def test_without_the_extra_it_is_mermaid_text(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks draw it themselves, from Markdown."""
    without_extra(monkeypatch)
    shown = shell.shows(Pipeline)
    assert "image/svg+xml" not in shown
    assert shown["text/markdown"].startswith("```mermaid\nstateDiagram-v2\n")


def test_with_the_extra_there_is_no_mermaid_text(shell: Shell) -> None:
    """One picture is enough."""
    assert "text/markdown" not in shell.shows(Pipeline)


@pytest.mark.parametrize("shown", [Machine, MachineMeta, Coding()])
def test_what_is_no_machine_shows_no_picture(shell: Shell, shown: object) -> None:
    """The base class has no states, and a state is no machine."""
    assert set(shell.shows(shown)) == {"text/plain"}


def test_importing_leverframe_in_a_notebook_is_enough() -> None:
    """In a shell, machines are shown as pictures without another word."""
    ran = subprocess.run([sys.executable, "-c", IMPORTED_LATER], capture_output=True, text=True, check=True)
    assert "image/svg+xml" in ran.stdout


def test_outside_of_a_notebook_ipython_is_not_imported() -> None:
    """Nor is anything that draws."""
    program = "import sys, leverframe; print([name for name in sys.modules if 'IPython' in name or 'diagrams' in name])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
