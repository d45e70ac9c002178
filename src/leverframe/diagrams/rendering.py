"""Which formats are there, and who draws them: one function for each, from a picture and a look to text or bytes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Literal, overload

from leverframe.diagrams.looks import PLAIN, Look
from leverframe.diagrams.picture import Picture, picture_of
from leverframe.typed.machine import Machine
from leverframe.wording import did_you_mean

__all__ = ["Renderer", "formats", "register_renderer", "render", "renderer_of"]

Renderer = Callable[[Picture, Look], str | bytes]
"""Draws a picture in one format.  The same picture and look bring the same text or bytes, each time."""

Drawable = type[Machine[Any, Any]] | Picture
"""What can be drawn: a machine, or a picture of one."""

GROUP = "leverframe.renderers"
"""The group of entry points by which an installed package adds formats: `name = "module:function"`."""

_OWN = {
    "dot": "leverframe.diagrams.dot:dot",
    "json": "leverframe.diagrams.picture_json:picture_json",
    "md": "leverframe.diagrams.table:markdown_of",
    "mermaid": "leverframe.diagrams.mermaid:mermaid",
    "png": "leverframe.diagrams.png:png",
    "svg": "leverframe.diagrams.svg:svg",
}

_registered: dict[str, Renderer] = {}


def register_renderer(name: str, renderer: Renderer) -> None:
    """Add a format, or take the place of one.

    >>> register_renderer("names", lambda picture, look: " ".join(leaf.name for leaf in picture.leaves))
    >>> from leverframe.machines.run import Run
    >>> render(Run, "names").split()[:2]
    ['pending', 'running']
    """
    _registered[name] = renderer


def formats() -> tuple[str, ...]:
    """The names of all formats, sorted.

    >>> [name for name in formats() if name in ("dot", "mermaid", "svg")]
    ['dot', 'mermaid', 'svg']
    """
    return tuple(sorted({*_registered, *_OWN, *(each.name for each in entry_points(group=GROUP))}))


def renderer_of(name: str) -> Renderer:
    """Who draws this format.  Raises `ValueError` for a name that is no format."""
    if name not in _registered:
        _registered[name] = _find(name)
    return _registered[name]


def _find(name: str) -> Renderer:
    if name in _OWN:
        module, _, function = _OWN[name].partition(":")
        found: Renderer = getattr(importlib.import_module(module), function)
        return found
    for entry in entry_points(group=GROUP, name=name):
        loaded: Renderer = entry.load()
        return loaded
    raise ValueError(f"there is no format {name!r}{did_you_mean(name, formats())}; formats: {', '.join(formats())}")


@overload
def render(
    machine: Drawable, format: Literal["dot", "json", "md", "mermaid", "svg"] = ..., look: Look = ...
) -> str: ...
@overload
def render(machine: Drawable, format: Literal["png"], look: Look = ...) -> bytes: ...
@overload
def render(machine: Drawable, format: str, look: Look = ...) -> str | bytes: ...
def render(machine: Drawable, format: str = "svg", look: Look = PLAIN) -> str | bytes:
    """Draw a machine, or a picture of one, in a format: text, or bytes of a "png".

    The same bytes each time.  Raises `ValueError` for a name that is no format, and `MissingExtra` where "svg" or
    "png" is asked for without the extra `leverframe[svg]`.

    >>> from leverframe.machines.worker import Worker
    >>> print(render(Worker, "mermaid").partition("\\n")[0])
    stateDiagram-v2
    """
    picture = machine if isinstance(machine, Picture) else picture_of(machine)
    return renderer_of(format)(picture, look)
