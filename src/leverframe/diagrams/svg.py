"""SVG: a picture with nothing beside it, in the reader's colours, with words for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from attrs import evolve

from leverframe.diagrams.colours import style
from leverframe.diagrams.drawing import Box, Drawing, Line, Wire, draw
from leverframe.diagrams.layout import LABEL, TITLE, Frame, Layout, Route, lay_out
from leverframe.diagrams.looks import Look
from leverframe.diagrams.measuring import text_width
from leverframe.diagrams.paths import Point, crossings, free_middle, number, rounded
from leverframe.diagrams.picture import Picture
from leverframe.diagrams.ports import spread_ports, straighten

__all__ = ["svg"]

LINE = 22
"""Pixels from one line of the legend to the next."""

SAMPLE = 34
"""Pixels of a sample of a mark."""

MARGIN = 12
"""Pixels around all."""

NO_BREAK = "\N{NO-BREAK SPACE}"

NARROW = 420
"""Pixels that the lines below a picture may take, however narrow it is."""


def svg(picture: Picture, look: Look) -> str:
    """A picture as SVG.  Raises `MissingExtra`."""
    drawing = draw(picture, look, shares=True)
    return "\n".join(_document(drawing, _laid_out(drawing), look)) + "\n"


def _laid_out(drawing: Drawing) -> Layout:
    return straighten(drawing, spread_ports(drawing, lay_out(drawing)))


def _document(drawing: Drawing, layout: Layout, look: Look) -> Iterator[str]:
    foot = list(_feet(drawing, max(layout.width, NARROW)))
    inner = max([layout.width, *(_line_width(line) for line in foot)])
    width, height = inner + 2 * MARGIN, layout.height + 2 * MARGIN + LINE * len(foot) + (MARGIN if foot else 0)
    size = f'viewBox="0 0 {number(width)} {number(height)}" width="{number(width)}" height="{number(height)}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" class="leverframe {look.theme}" {size} role="graphics-document">'
    yield f"<title>{escape(drawing.title)}</title>"
    yield f"<desc>{escape(drawing.description or f'The states and moves of {drawing.title}.')}</desc>"
    yield f"<style>{style(look.theme)}</style>"
    yield '<rect class="page" width="100%" height="100%"/>'
    yield f'<g transform="translate({number(MARGIN + (inner - layout.width) / 2)},{number(MARGIN)})">'
    yield from _drawn(drawing, layout)
    yield "</g>"
    yield from _foot(foot, layout.height + 2 * MARGIN)
    yield "</svg>"


def _drawn(drawing: Drawing, layout: Layout) -> Iterator[str]:
    """What lies below comes first: superstates, arrows, states, and the labels of the arrows."""
    depths = {box.path: min(box.path.count(".") + 1, 3) for box in drawing.walk()}
    paths = [route.corners for route in (*layout.routes, *layout.beginnings)]
    wires = list(zip(drawing.wires, layout.routes, strict=True))
    around = [box for box in drawing.walk() if box.boxes]
    yield from (_box(box, _moved(box, layout.frames[box.path], paths), depths[box.path]) for box in around)
    yield from (_beginning(route) for route in layout.beginnings)
    yield from (f'<circle class="dot" cx="{number(x)}" cy="{number(y)}" r="7"/>' for x, y in layout.dots)
    yield from (_wire(wire, route) for wire, route in wires)
    yield from (_box(box, layout.frames[box.path], 0) for box in drawing.walk() if not box.boxes)
    yield from (_label(wire, route, _ground(drawing, layout, depths, route)) for wire, route in wires)


def _moved(box: Box, frame: Frame, paths: list[tuple[Point, ...]]) -> Frame:
    """The frame of a superstate, with its texts where no arrow crosses them."""
    widths = [
        text_width(box.title, TITLE, bold=True),
        *(text_width(line.text, LABEL, bold=line.is_bold) for line in box.lines),
    ]
    taken = crossings(paths, frame.y, frame.rule or frame.y)
    x = free_middle(taken, frame.x, frame.x + frame.width, max(widths) + 2 * MARGIN)
    return evolve(frame, spots=tuple(evolve(spot, x=x) for spot in frame.spots))


# ---------------------------------------------------------------- boxes


def _box(box: Box, frame: Frame, depth: int) -> str:
    kind = "" if box.mark.kind == "plain" else f" {box.mark.kind}"
    sort = f"superstate depth{depth}" if box.boxes else "state"
    parts = [
        f'<g class="{sort}{kind}" data-id="{escape(box.path)}" role="graphics-symbol">',
        f"<title>{escape(box.description)}</title>",
        _rectangle(frame, "face", 8),
    ]
    if box.mark.share and box.mark.kind == "hot":
        parts.append(_rectangle(frame, "heat", 8, f' fill-opacity="{number(0.05 + 0.3 * box.mark.share)}"'))
    if box.folded:
        parts.insert(2, f'<rect class="behind" {_place(frame.x + 4, frame.y + 4, frame.width, frame.height)} rx="8"/>')
    if frame.rule is not None:
        left, right = number(frame.x), number(frame.x + frame.width)
        parts.append(f'<path class="rule" d="M{left},{number(frame.rule)}H{right}"/>')
    parts += _texts(box, frame)
    return "".join([*parts, "</g>"])


def _texts(box: Box, frame: Frame) -> Iterator[str]:
    for spot in frame.spots:
        if spot.line:
            yield _text(box.lines[spot.line - 1], spot.x, spot.y)
            continue
        middle = spot.x
        if box.final:
            left = frame.x + 18
            middle = max(middle, left + 16 + text_width(box.title, TITLE, bold=True) / 2)
            at = f'cx="{number(left)}" cy="{number(spot.y - 5.5)}"'
            yield f'<circle class="end" {at} r="6.5"/><circle class="dot" {at} r="3.5"/>'
        yield f'<text class="title" x="{number(middle)}" y="{number(spot.y)}">{escape(box.title)}</text>'


def _text(line: Line, x: float, y: float) -> str:
    kind = "" if line.kind == "plain" else f" {line.kind}"
    return f'<text class="{line.role}{kind}" x="{number(x)}" y="{number(y)}">{escape(line.text)}</text>'


# ---------------------------------------------------------------- wires


def _beginning(route: Route) -> str:
    return f'<g class="beginning"><path class="line" d="{route.loop or rounded(route.corners)}"/>{_head(route, 1)}</g>'


def _wire(wire: Wire, route: Route) -> str:
    kind = "" if wire.kind == "plain" else f" {wire.kind}"
    wide = f' style="stroke-width:{number(1.2 + 4.3 * wire.share)}px"' if wire.share else ""
    name = escape(" ".join(wire.arrows))
    return (
        f'<g class="wire{kind}" data-id="{name}" role="graphics-symbol"><title>{escape(wire.description)}</title>'
        f'<path class="line" d="{route.loop or rounded(route.corners)}"{wide}/>{_head(route, 1 + 0.9 * wire.share)}</g>'
    )


def _head(route: Route, scale: float) -> str:
    (tip_x, tip_y), *ends = route.head
    spread = [(tip_x + (x - tip_x) * scale, tip_y + (y - tip_y) * scale) for x, y in ends]
    points = " ".join(f"{number(x)},{number(y)}" for x, y in [(tip_x, tip_y), *spread])
    return f'<polygon class="head" points="{points}"/>'


def _label(wire: Wire, route: Route, ground: str) -> str:
    frame = route.label
    if frame is None:
        return ""
    kind = "" if wire.kind == "plain" else f" {wire.kind}"
    texts = "".join(_text(wire.lines[spot.line], spot.x, spot.y) for spot in frame.spots)
    # The arrow has said it already; here its words are for those who point at the label.
    title = f"<title>{escape(wire.description)}</title>"
    return f'<g class="label{kind}" aria-hidden="true">{title}{_rectangle(frame, ground, 3)}{texts}</g>'


def _ground(drawing: Drawing, layout: Layout, depths: dict[str, int], route: Route) -> str:
    """What a label lies on: the innermost superstate that it is all in, or the page."""
    label = route.label
    around = [box.path for box in drawing.walk() if box.boxes and label and _inside(label, layout.frames[box.path])]
    return f"ground{depths[around[-1]]}" if around else "page"


def _inside(inner: Frame, outer: Frame) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


# ---------------------------------------------------------------- what stands below


def _feet(drawing: Drawing, width: float) -> Iterator[Line]:
    """The fields of every state, and the legend, in as many lines as it takes."""
    if drawing.shared:
        fields = ", ".join(line.text.replace(" ", NO_BREAK) for line in drawing.shared)
        yield from _in_lines(Line(f"Every state has {fields}", "shared"), width)
    for line in drawing.legend:
        yield from _in_lines(line, width)


def _in_lines(line: Line, width: float) -> Iterator[Line]:
    text = ""
    for word in line.text.split(" "):
        if text and _line_width(evolve(line, text=f"{text} {word}")) > width:
            yield evolve(line, text=text)
            line, text = evolve(line, kind="plain"), word
        else:
            text = f"{text} {word}".strip()
    yield evolve(line, text=text)


def _line_width(line: Line) -> float:
    return text_width(line.text, LABEL) + (SAMPLE + 10 if line.kind != "plain" else 0)


def _foot(lines: list[Line], top: float) -> Iterator[str]:
    for count, line in enumerate(lines):
        y = top + LINE * count + LINE / 2
        left = float(MARGIN)
        if line.kind != "plain":
            yield f'<g class="sample {line.kind}"><rect class="face" {_place(left, y - 7, SAMPLE, 14)} rx="4"/></g>'
            left += SAMPLE + 10
        yield f'<text class="{line.role}" x="{number(left)}" y="{number(y + 5)}">{escape(line.text)}</text>'


# ---------------------------------------------------------------- shapes and numbers


def _rectangle(frame: Frame, name: str, radius: int, more: str = "") -> str:
    return f'<rect class="{name}" {_place(frame.x, frame.y, frame.width, frame.height)} rx="{radius}"{more}/>'


def _place(x: float, y: float, width: float, height: float) -> str:
    return f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
