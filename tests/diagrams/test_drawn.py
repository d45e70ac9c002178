"""What is seen: nothing lies on anything, and nothing is cut off."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from attrs import evolve
from factories import FACTORY
from workshops import WORKSHOP

from leverframe.cli.targets import SHIPPED, find_machine
from leverframe.diagrams import ArrowMark, Look, Marks, Picture, StateMark, arrows_of, picture_of
from leverframe.diagrams.drawing import Drawing, draw
from leverframe.diagrams.layout import LABEL, TITLE, Frame, Layout, lay_out
from leverframe.diagrams.measuring import text_width
from leverframe.diagrams.paths import Point
from leverframe.diagrams.ports import spread_ports, straighten

MADE_UP = {"factory": FACTORY, "workshop": WORKSHOP}

PICTURES = [*SHIPPED, *MADE_UP]
LOOKS = ["plain", "marked", "folded", "places"]


def picture_named(name: str) -> Picture:
    return MADE_UP[name] if name in MADE_UP else picture_of(find_machine(name))


def look_of(name: str, picture: Picture) -> Look:
    if name == "marked":
        states = {state.path: StateMark("hot", ("12 now", "median 4 min, p95 17 h"), 0.5) for state in picture.states}
        arrows = {arrow.name: ArrowMark("hot", "1,234 (12%)", 0.5) for arrow in arrows_of(picture)}
        return Look(marks=Marks(states, arrows))
    if name == "folded":
        return Look(folded=frozenset(state.path for state in picture.states if state.children))
    return Look(shows_places=name == "places")


@pytest.fixture(params=[(name, look) for name in PICTURES for look in LOOKS], ids=lambda each: "-".join(each))
def laid_out(request: pytest.FixtureRequest) -> tuple[Drawing, Layout]:
    """Each shipped machine, and two that nobody has written, in several looks."""
    name, look = request.param
    picture = picture_named(name)
    drawing = draw(picture, look_of(look, picture), shares=True)
    return drawing, straighten(drawing, spread_ports(drawing, lay_out(drawing)))


def overlap(one: Frame, two: Frame) -> bool:
    across = min(one.x + one.width, two.x + two.width) - max(one.x, two.x)
    down = min(one.y + one.height, two.y + two.height) - max(one.y, two.y)
    return across > 0.5 and down > 0.5


def leaves(drawing: Drawing, layout: Layout) -> dict[str, Frame]:
    return {box.path: layout.frames[box.path] for box in drawing.walk() if not box.boxes}


def labels(drawing: Drawing, layout: Layout) -> dict[str, Frame]:
    wires = zip(drawing.wires, layout.routes, strict=True)
    return {" ".join(wire.arrows): route.label for wire, route in wires if route.label}


def test_no_two_things_overlap(laid_out: tuple[Drawing, Layout]) -> None:
    """No state lies on another one, no label on a state, and none on another label."""
    drawing, layout = laid_out
    frames = {**leaves(drawing, layout), **labels(drawing, layout)}
    assert [(a, b) for (a, one), (b, two) in combinations(frames.items(), 2) if overlap(one, two)] == []


def test_every_arrow_has_its_label_on_it(laid_out: tuple[Drawing, Layout]) -> None:
    """Each arrow that goes somewhere passes under its own label."""
    drawing, layout = laid_out
    astray = [
        wire.arrows
        for wire, route in zip(drawing.wires, layout.routes, strict=True)
        if route.label is None or (route.corners and not passes(route.corners, route.label))
    ]
    assert astray == []


def passes(corners: tuple[Point, ...], frame: Frame) -> bool:
    return any(
        min(x0, x1) <= frame.x + frame.width
        and max(x0, x1) >= frame.x
        and min(y0, y1) <= frame.y + frame.height
        and max(y0, y1) >= frame.y
        for (x0, y0), (x1, y1) in pairwise(corners)
    )


def test_no_arrow_passes_through_a_state(laid_out: tuple[Drawing, Layout]) -> None:
    """Arrows go around the states that they are not about."""
    drawing, layout = laid_out
    through = [
        (wire.arrows, path)
        for wire, route in zip(drawing.wires, layout.routes, strict=True)
        for path, frame in leaves(drawing, layout).items()
        if path not in (wire.source, wire.target) and route.corners and passes(route.corners, shrunk(frame))
    ]
    assert through == []


def shrunk(frame: Frame) -> Frame:
    return evolve(frame, x=frame.x + 1, y=frame.y + 1, width=frame.width - 2, height=frame.height - 2)


def test_every_arrow_begins_and_ends_at_its_states(laid_out: tuple[Drawing, Layout]) -> None:
    """Both ends of an arrow are at the borders of its states."""
    drawing, layout = laid_out
    loose = [
        wire.arrows
        for wire, route in zip(drawing.wires, layout.routes, strict=True)
        if route.corners
        and not (
            at_border(route.corners[0], layout.frames[wire.source])
            and at_border(route.head[0], layout.frames[wire.target])
        )
    ]
    assert loose == []


def test_no_two_arrows_share_an_end(laid_out: tuple[Drawing, Layout]) -> None:
    """Where one arrow leaves or arrives, no other one does."""
    drawing, layout = laid_out
    ends = [
        (path, end)
        for wire, route in zip(drawing.wires, layout.routes, strict=True)
        for path, end in ((wire.source, route.corners[:1]), (wire.target, route.head[:1]))
        if route.corners
    ]
    assert [a for a, b in combinations(ends, 2) if a[0] == b[0] and distance(a[1][0], b[1][0]) < 7] == []


def distance(one: Point, two: Point) -> float:
    return abs(one[0] - two[0]) + abs(one[1] - two[1])


def at_border(point: Point, frame: Frame) -> bool:
    x, y = point
    inside = frame.x - 1 <= x <= frame.x + frame.width + 1
    # To a state inside of it, an arrow leaves a superstate below its title.
    borders = (frame.y, frame.y + frame.height, frame.rule or frame.y)
    return inside and min(abs(y - border) for border in borders) < 1.5


def test_every_text_is_inside_of_its_state(laid_out: tuple[Drawing, Layout]) -> None:
    """The name and the lines of a state are not wider than it is, and all of them are there."""
    drawing, layout = laid_out
    for box in drawing.walk():
        frame = layout.frames[box.path]
        widths = [text_width(box.title, TITLE, bold=True), *(text_width(each.text, LABEL) for each in box.lines)]
        assert len(frame.spots) == 1 + len(box.lines)
        assert max(widths) < frame.width - 12
        assert all(frame.y < spot.y < frame.y + frame.height for spot in frame.spots)


def test_everything_is_inside_of_the_picture(laid_out: tuple[Drawing, Layout]) -> None:
    """Nothing is cut off at the picture's edges."""
    drawing, layout = laid_out
    for frame in [*layout.frames.values(), *labels(drawing, layout).values()]:
        assert frame.x >= 0
        assert frame.y >= 0
        assert frame.x + frame.width <= layout.width
        assert frame.y + frame.height <= layout.height
    for route in layout.routes:
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in route.corners)
