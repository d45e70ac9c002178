"""Formats: which there are, and that each is the same each time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from leverframe import LeverframeError, MissingExtra
from leverframe.cli.targets import SHIPPED, find_machine
from leverframe.diagrams import (
    Look,
    Picture,
    Renderer,
    formats,
    layout,
    picture_of,
    register_renderer,
    render,
    rendering,
)
from leverframe.diagrams.objects import read_picture
from leverframe.machines.pipeline import Pipeline

ALL = ("dot", "json", "md", "mermaid", "png", "svg")

PROGRAM = """
import sys
from leverframe.diagrams import Look, render
from leverframe.machines.pipeline import Pipeline
for name in sys.argv[1:]:
    drawn = render(Pipeline, name)
    sys.stdout.buffer.write(drawn if isinstance(drawn, bytes) else drawn.encode())
"""


def names_only(picture: Picture, look: Look) -> str:
    return f"{look.theme}: {', '.join(leaf.name for leaf in picture.leaves)}"


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone behind it."""
    monkeypatch.setattr(rendering, "_registered", {})


def test_formats_are_listed() -> None:
    """All formats that come with leverframe are told."""
    assert set(ALL) <= set(formats())


@pytest.mark.parametrize("target", SHIPPED)
@pytest.mark.parametrize("name", ALL)
def test_every_shipped_machine_is_drawn_in_every_format(target: str, name: str) -> None:
    """Something comes out, and it ends its last line."""
    drawn = render(find_machine(target), name)
    assert drawn if isinstance(drawn, bytes) else drawn.endswith("\n")


@pytest.mark.parametrize("name", ALL)
def test_other_processes_bring_the_same_bytes(name: str) -> None:
    """Two processes, whose hashes of texts differ, draw the same."""
    one, two = (
        subprocess.run([sys.executable, "-c", PROGRAM, name], capture_output=True, check=True).stdout for _ in range(2)
    )
    drawn = render(Pipeline, name)
    assert one == two == (drawn if isinstance(drawn, bytes) else drawn.encode())


@pytest.mark.usefixtures("forgetful")
def test_a_registered_renderer_draws_its_format() -> None:
    """A function from a picture and a look is a format, under the name it was given."""
    register_renderer("names", names_only)
    assert "names" in formats()
    assert render(Pipeline, "names").startswith("auto: backlog, coding")  # type: ignore[arg-type]  # it is text


@pytest.mark.usefixtures("forgetful")
def test_a_registered_renderer_takes_the_place_of_one_that_is_there() -> None:
    """A name that comes with leverframe can be given to another function."""
    register_renderer("svg", names_only)
    assert render(Pipeline, "svg").startswith("auto: backlog")


@pytest.mark.usefixtures("forgetful")
def test_an_installed_package_adds_a_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points of the group are formats, and are loaded when one is asked for."""
    entry = EntryPoint("names", f"{__name__}:names_only", rendering.GROUP)

    def load(entry: EntryPoint) -> Renderer:
        return names_only

    def installed(group: str, name: str = "names") -> EntryPoints:
        return EntryPoints([entry]).select(group=group, name=name)

    monkeypatch.setattr(EntryPoint, "load", load)
    monkeypatch.setattr(rendering, "entry_points", installed)
    assert "names" in formats()
    assert render(Pipeline, "names") == names_only(picture_of(Pipeline), Look())


def test_an_unknown_format_is_refused() -> None:
    """The refusal names the nearest format."""
    with pytest.raises(ValueError, match="no format 'mermade'; did you mean 'mermaid'"):
        render(Pipeline, "mermade")


@pytest.mark.parametrize(("name", "library"), [("svg", "quickjs"), ("png", "resvg_py")])
def test_without_the_extra_it_is_said_what_to_install(name: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra, and is one of leverframe's."""
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr(layout, "_of_thread", threading.local())
    layout._render.cache_clear()  # pyright: ignore[reportPrivateUsage]  # as in a process that has drawn nothing
    with pytest.raises(MissingExtra, match=r"run: pip install 'leverframe\[svg\]'") as raised:
        render(Pipeline, name)
    assert isinstance(raised.value, LeverframeError)
    assert name in raised.value.location


def test_text_formats_need_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mermaid, dot, JSON and Markdown are drawn without the libraries for SVG and PNG."""
    monkeypatch.setitem(sys.modules, "quickjs", None)
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert all(render(Pipeline, name) for name in ("mermaid", "dot", "json", "md"))


@pytest.mark.parametrize("target", SHIPPED)
def test_a_picture_comes_back_from_json(target: str) -> None:
    """What was written as JSON is read as the same picture."""
    picture = picture_of(find_machine(target))
    assert read_picture(json.loads(render(picture, "json"))) == picture
