"""Mermaid text: what Git hosts, wikis and notebooks show as a picture by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from leverframe.diagrams.drawing import Box, Drawing, Line, draw
from leverframe.diagrams.looks import Look
from leverframe.diagrams.picture import Picture

__all__ = ["mermaid"]

RESERVED = frozenset(
    {"as", "class", "classdef", "click", "default", "direction", "end", "fork", "hide", "history", "href", "join"}
    | {"acctitle", "accdescr", "choice", "note", "of", "over", "root", "scale", "state", "style", "title"}
)

SPELLED = str.maketrans({'"': "”", ";": ",", "#": "＃", "<": "‹", ">": "›", "%": "％", "`": "'"})

WIDEST = 40
"""Characters in the title of a superstate, before types of fields and then hooks are left out."""

STYLES = {
    "current": "fill:#fff1c2,stroke:#bf6a02,stroke-width:3px,color:#1f2328",
    "visited": "fill:#ddf4ff,stroke:#0969da,color:#1f2328",
    "added": "fill:#dafbe1,stroke:#1a7f37,stroke-width:2px,color:#1f2328",
    "removed": "fill:#ffebe9,stroke:#cf222e,stroke-dasharray:5 4,color:#1f2328",
    "changed": "fill:#fbefff,stroke:#8250df,stroke-width:2px,color:#1f2328",
    "hot": "fill:#b6e3ff,stroke:#0969da,color:#1f2328",
    "never": "stroke-dasharray:5 4",
}


SAID = ("added", "removed", "changed")
"""What is said behind a line, which has no colours here; a sign before it would be taken for that of a list."""


def mermaid(picture: Picture, look: Look) -> str:
    """A picture as Mermaid text.

    >>> from leverframe.diagrams.looks import PLAIN
    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.orchestrator import TrackerCard
    >>> print(mermaid(picture_of(TrackerCard), PLAIN), end="")
    stateDiagram-v2
        accTitle: TrackerCard
        accDescr: A message about a task in somebody's tracker.
        state "Open" as open
        state "Deleted" as deleted
        deleted : at: datetime
        [*] --> open
        open --> deleted : Gone
        deleted --> [*]
    """
    return "\n".join(_Writer(draw(picture, look)).text()) + "\n"


class _Writer:
    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self.names = _names([box.path for box in drawing.walk()])

    def text(self) -> Iterator[str]:
        yield "stateDiagram-v2"
        yield f"    accTitle: {_plain(self.drawing.title)}"
        if self.drawing.description:
            yield f"    accDescr: {_plain(self.drawing.description)}"
        for box in self.drawing.boxes:
            yield from self._box(box, "    ")
        yield from self._beginnings(self.drawing.boxes, "    ")
        for wire in self.drawing.wires:
            label = "<br/>".join(_said(line) for line in wire.lines)
            yield f"    {self.names[wire.source]} --> {self.names[wire.target]} : {label}"
        yield from (f"    {self.names[box.path]} --> [*]" for box in self.drawing.walk() if box.final)
        yield from self._marks()
        yield from (
            f"    %% {line.kind + ': ' if line.kind != 'plain' else ''}{_plain(line.text)}"
            for line in self.drawing.legend
        )

    def _box(self, box: Box, indent: str) -> Iterator[str]:
        name = self.names[box.path]
        if not box.boxes:
            yield f'{indent}state "{_plain(box.title)}" as {name}'
            yield from (f"{indent}{name} : {_said(line)}" for line in box.lines)
            return
        yield f'{indent}state "{_plain(_title(box))}" as {name} {{'
        for inner in box.boxes:
            yield from self._box(inner, f"{indent}    ")
        yield from self._beginnings(box.boxes, f"{indent}    ")
        yield f"{indent}}}"

    def _beginnings(self, boxes: tuple[Box, ...], indent: str) -> Iterator[str]:
        yield from (f"{indent}[*] --> {self.names[box.path]}" for box in boxes if box.begins)

    def _marks(self) -> Iterator[str]:
        for kind, colours in STYLES.items():
            marked = [self.names[box.path] for box in self.drawing.walk() if box.mark.kind == kind]
            if marked:
                yield f"    classDef {kind} {colours}"
                yield f"    class {','.join(marked)} {kind}"


# ---------------------------------------------------------------- spelling


def _title(box: Box) -> str:
    """The title of a state with others in it: one line, no wider than the state is likely to be."""
    texts = [line.text for line in box.lines]
    names = [text.partition(":")[0] for text in texts]
    fields = [line.text.partition(":")[0] for line in box.lines if line.role != "hook"]
    shown = next((each for each in map(", ".join, (texts, names)) if len(each) <= WIDEST), ", ".join(fields))
    return f"{box.title} ({shown})" if shown else box.title


def _names(paths: list[str]) -> dict[str, str]:
    """Names of states: Mermaid reads dots in a way of its own, and keeps some words for itself."""
    names: dict[str, str] = {}
    for path in paths:
        name = path.replace(".", "_")
        while name in names.values() or name.lower() in RESERVED:
            name += "_"
        names[path] = name
    return names


def _said(line: Line) -> str:
    return f"{_plain(line.text)} ({line.kind})" if line.kind in SAID else _plain(line.text)


def _plain(text: str) -> str:
    """Without what ends a statement or a text, begins a comment, or would be taken for markup."""
    return re.sub(r"\s+", " ", text).strip().translate(SPELLED)
