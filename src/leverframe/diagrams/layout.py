"""Where everything is drawn: places and paths, found by Pele's layout of Mermaid's state diagrams, inside of QuickJS.

Pele gets names in place of texts, and the width of each: what the texts are does not matter to it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

from attrs import field, frozen

from leverframe.diagrams.drawing import Box, Drawing
from leverframe.diagrams.extra import extra
from leverframe.diagrams.measuring import text_width
from leverframe.diagrams.paths import Point

__all__ = ["LABEL", "TITLE", "Frame", "Layout", "Route", "Spot", "lay_out"]

TITLE = 16
"""Pixels of a state's name."""

LABEL = 14
"""Pixels of all other text."""

MARK = 28
"""Pixels before the name of a final state, for its mark."""


@frozen
class Spot:
    """The middle of a line of text, at the foot of its letters; `line` is which one of its box or wire."""

    line: int
    x: float
    y: float


@frozen
class Frame:
    """The rectangle of a box; `rule` is how high the line under its title is, None where there is none."""

    x: float
    y: float
    width: float
    height: float
    rule: float | None
    spots: tuple[Spot, ...]


@frozen
class Route:
    """The path of a wire: its corners, or a `loop` as it is drawn; the three points of its head; its label's frame."""

    corners: tuple[Point, ...]
    head: tuple[Point, ...]
    label: Frame | None = None
    loop: str = ""


@frozen
class Layout:
    """A drawing, laid out: frames by path, a route for each wire, and the dots from which a machine begins."""

    width: float
    height: float
    frames: dict[str, Frame] = field(factory=dict[str, Frame])
    routes: tuple[Route, ...] = ()
    beginnings: tuple[Route, ...] = ()
    dots: tuple[Point, ...] = ()


def lay_out(drawing: Drawing) -> Layout:
    """Lay a drawing out.  Raises `MissingExtra`."""
    source = _Source(drawing)
    return _read(source, _render("\n".join(source.text), tuple(source.widths)))


# ---------------------------------------------------------------- what Pele is told


class _Source:
    """A drawing, as Mermaid text about boxes b0, b1... with the texts t0, t1..."""

    def __init__(self, drawing: Drawing) -> None:
        self.widths: list[float] = []
        self.names = {box.path: f"b{number}" for number, box in enumerate(drawing.walk())}
        self.paths = {name: path for path, name in self.names.items()}
        # Which edges are wires, and which are beginnings; Pele counts them together.
        self.edges: tuple[list[int], list[int]] = ([], [])
        boxes = [line for box in drawing.boxes for line in self._box(box)]
        self.text = ["stateDiagram-v2", *boxes, *self._beginnings(drawing.boxes)]
        for wire in drawing.wires:
            texts = [self._text(line.text, LABEL, line.is_bold) for line in wire.lines]
            self.text.append(
                self._edge(0, f"{self.names[wire.source]} --> {self.names[wire.target]} : {'<br/>'.join(texts)}")
            )

    def _box(self, box: Box) -> Iterator[str]:
        name = self.names[box.path]
        title = self._text(box.title, TITLE, True, MARK if box.final else 0)
        texts = [self._text(line.text, LABEL, line.is_bold) for line in box.lines]
        if not box.boxes:
            yield f'state "{title}" as {name}'
            yield from (f"{name} : {text}" for text in texts)
            return
        yield f'state "{"<br/>".join([title, *texts])}" as {name} {{'
        for inner in box.boxes:
            yield from self._box(inner)
        yield from self._beginnings(box.boxes)
        yield "}"

    def _beginnings(self, boxes: tuple[Box, ...]) -> list[str]:
        return [self._edge(1, f"[*] --> {self.names[box.path]}") for box in boxes if box.begins]

    def _edge(self, sort: int, text: str) -> str:
        self.edges[sort].append(len(self.edges[0]) + len(self.edges[1]))
        return text

    def _text(self, text: str, size: float, bold: bool, more: float = 0) -> str:
        self.widths.append(text_width(text, size, bold=bold) + more)
        return f"t{len(self.widths) - 1}"


# ---------------------------------------------------------------- Pele

# Steps: arrows go across in tracks of their own, none along another one.
_PROGRAM = """
const options = {
    responsive: false, autoDirection: false, images: false, links: false, padding: 4,
    config: {flowchart: {curve: "step"}, state: {nodeSpacing: 28, rankSpacing: 40}},
};
function leverframe(source, texts) {
    const widths = JSON.parse(texts);
    const measurer = {width: text => widths[+text.slice(1)]};
    return JSON.stringify(pele.render(source, {...options, measurer}).svg);
}
"""

_of_thread = threading.local()


@lru_cache(64)
def _render(source: str, widths: tuple[float, ...]) -> str:
    """One engine for each thread, for none may be entered by another one."""
    if not hasattr(_of_thread, "render"):
        _of_thread.render = _load()
    # As JSON, for a string that was put together of others cannot be handed over as it is.
    drawn: str = json.loads(_of_thread.render(source, json.dumps(widths)))
    return drawn


def _load() -> Any:
    context: Any = extra("quickjs", "svg").Context()
    context.eval(files("leverframe.diagrams").joinpath("bundled/pele-state.js").read_text(encoding="utf-8"))
    context.eval(_PROGRAM)
    return context.get("leverframe")


# ---------------------------------------------------------------- what Pele says

_NUMBER = r"(-?[\d.]+)"
_SIZE = re.compile(rf'viewBox="0 0 {_NUMBER} {_NUMBER}"')
_GROUP = re.compile(
    r'<g class="pele-(edge-label|cluster|edge|node) ?([\w-]*)[^"]*" data-id="(\w+)"'
    rf'(?: transform="translate\({_NUMBER},{_NUMBER}\)")?>(.*?)</g>'
)
_RECTANGLE = re.compile(rf'<rect x="{_NUMBER}" y="{_NUMBER}" width="{_NUMBER}" height="{_NUMBER}"')
_RULE = re.compile(rf'<path d="M{_NUMBER},{_NUMBER}H')
_TEXT = re.compile(rf'<(?:text|tspan)[^>]*? x="{_NUMBER}" y="{_NUMBER}"[^>]*>t(\d+)<')
_PATH = re.compile(r'<path d="([^"]*)"')
_HEAD = re.compile(r'<path class="pele-marker" d="([^"]*)"')
_COMMAND = re.compile(r"[MLQ][^MLQ]*")
_POINT = re.compile(rf"{_NUMBER},{_NUMBER}")


def _read(source: _Source, drawn: str) -> Layout:
    size = _SIZE.search(drawn)
    assert size
    frames: dict[str, Frame] = {}
    labels: dict[str, Frame] = {}
    routes: dict[str, str] = {}
    dots: list[tuple[float, float]] = []
    for kind, sort, name, x, y, inner in _GROUP.findall(drawn):
        if kind == "edge":
            routes[name] = inner
        elif kind == "edge-label":
            labels[name] = _frame(inner)
        elif sort == "pele-state-start":
            dots.append((float(x), float(y)))
        else:
            frames[source.paths[name]] = _frame(inner, float(x or 0), float(y or 0))
    edges = [_route(routes[f"edge{number}"], labels.get(f"edge{number}")) for number in range(len(routes))]
    return Layout(
        width=float(size[1]),
        height=float(size[2]),
        frames=frames,
        routes=tuple(edges[number] for number in source.edges[0]),
        beginnings=tuple(edges[number] for number in source.edges[1]),
        dots=tuple(dots),
    )


def _route(inner: str, label: Frame | None) -> Route:
    path, head = _PATH.search(inner), _HEAD.search(inner)
    assert path
    assert head
    if "C" in path[1]:
        return Route((), _points(head[1]), label, path[1])
    # A rounded corner is a curve about it, from one side of it to the other: the first of its points is the corner.
    start, *rest = (_points(each) for each in _COMMAND.findall(path[1]))
    return Route((*start, *(points[0] for points in rest if len(points) == 2), rest[-1][-1]), _points(head[1]), label)


def _points(written: str) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in _POINT.findall(written))


def _frame(inner: str, x: float = 0, y: float = 0) -> Frame:
    rectangle, rule = _RECTANGLE.search(inner), _RULE.search(inner)
    assert rectangle
    left, top, width, height = map(float, rectangle.groups())
    texts = [(int(number), float(across) + x, float(down) + y) for across, down, number in _TEXT.findall(inner)]
    first = min(number for number, _, _ in texts)
    spots = tuple(Spot(number - first, across, down) for number, across, down in texts)
    return Frame(left + x, top + y, width, height, float(rule[2]) + y if rule else None, spots)
