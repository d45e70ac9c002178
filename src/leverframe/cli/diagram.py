"""`leverframe diagram`: the picture of a machine, in a file, in a pipe, or in the documents that show it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import evolve, frozen

from leverframe.cli.failures import Failure
from leverframe.cli.files import put_whole
from leverframe.cli.output import at_terminal
from leverframe.cli.targets import AnyMachine, find_machine
from leverframe.diagrams.embedding import markers_in
from leverframe.diagrams.looks import Look
from leverframe.diagrams.picture import Picture, picture_of
from leverframe.diagrams.rendering import formats, render
from leverframe.wording import did_you_mean

if TYPE_CHECKING:
    from leverframe.diagrams.looks import Marks

__all__ = ["Overlay", "Shape", "draw", "drawn", "format_of"]

BY_SUFFIX = {".mmd": "mermaid", ".gv": "dot", ".markdown": "md"}
"""Of files whose suffix is not the name of their format."""


@frozen
class Shape:
    """How somebody wants a picture: in a format, or that of the file's name; `folded` are paths of superstates."""

    format: str | None = None
    path: str | None = None
    theme: Any = "auto"
    folded: tuple[str, ...] = ()
    shows_fields: bool = True
    shows_places: bool = False
    scale: float = 1.0


@frozen
class Overlay:
    """What is laid over it: the way of one instance, what a journal says of all, or what has changed since `old`."""

    key: tuple[str, ...] = ()
    heat: bool = False
    since: timedelta | None = None
    old: str | None = None
    url: str = ""
    tenant: str | None = None

    def check(self) -> None:
        """Raise click's error for what does not go together."""
        if sum((bool(self.key), self.heat, self.old is not None)) > 1:
            raise click.UsageError("--at, --heat and --diff are three pictures; give one of them")
        if self.since is not None and not self.heat:
            raise click.UsageError("--since is for --heat")


def draw(target: str, shape: Shape, overlay: Overlay) -> None:
    """Draw a machine, to where it is wanted."""
    overlay.check()
    format = format_of(shape)
    to_terminal = shape.path in (None, "-") and at_terminal()
    if to_terminal and format == "png":
        raise Failure("a png is no text for a terminal; name a file with -o, or send it into a pipe")
    picture, marks = overlaid(target, overlay)
    put(drawn(picture, shape, format, marks), shape.path)


def put(content: bytes, path: str | None) -> None:
    if path is None or path == "-":
        click.echo(content, nl=False)
        return
    if has_markers(path):
        raise Failure(f"{path} is a document with pictures of its own; bring them up to date with --write {path}")
    put_whole(path, content)


def has_markers(path: str) -> bool:
    """Whether there is a document that is more than the picture which is to take its place."""
    try:
        return bool(markers_in(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False


def drawn(picture: Picture, shape: Shape, format: str, marks: Marks | None = None) -> bytes:
    """The picture as it stands in a file.  Raises `Failure` for a state that is none, `MissingExtra`."""
    look = Look(
        theme=shape.theme,
        folded=frozenset(folded(picture, shape.folded)),
        shows_fields=shape.shows_fields,
        shows_places=shape.shows_places,
        scale=shape.scale,
    )
    content = render(picture, format, look if marks is None else evolve(look, marks=marks))
    return content if isinstance(content, bytes) else content.encode()


def folded(picture: Picture, wanted: Sequence[str]) -> Sequence[str]:
    known = {state.path: state for state in picture.states}
    for path in wanted:
        if path not in known:
            raise Failure(f"{picture.machine} has no state {path!r}{did_you_mean(path, known)}")
        if known[path].is_leaf:
            raise Failure(f"{path} has no states in it; --fold takes a superstate")
    return wanted


def format_of(shape: Shape) -> str:
    """The format that is said, or that the file's name says, or mermaid.  Raises `Failure` for what is none."""
    known = formats()
    if shape.format is not None:
        if shape.format not in known:
            raise Failure(f"there is no format {shape.format!r}{did_you_mean(shape.format, known)}: {', '.join(known)}")
        return shape.format
    suffix = os.path.splitext(shape.path or "")[1].lower()
    named = BY_SUFFIX.get(suffix, suffix[1:])
    return named if named in known else "mermaid"


# ---------------------------------------------------------------- what is laid over it


def overlaid(target: str, overlay: Overlay) -> tuple[Picture, Marks | None]:
    machine: AnyMachine = find_machine(target)
    if overlay.key or overlay.heat or overlay.old is not None:
        return laid_over(target, machine, overlay)
    return picture_of(machine), None


def laid_over(target: str, machine: AnyMachine, overlay: Overlay) -> tuple[Picture, Marks]:
    # Late: a picture alone needs no database.
    from leverframe.cli import overlays

    if overlay.old is not None:
        return overlays.difference(target, machine, overlay.old)
    if overlay.heat:
        marks = overlays.heat(machine, overlay.url, overlay.tenant, overlay.since)
    else:
        marks = overlays.track(machine, overlay.url, overlay.tenant, overlay.key)
    return picture_of(machine), marks
