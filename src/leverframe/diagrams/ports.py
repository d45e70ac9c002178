"""Where does an arrow leave, and arrive?  Beside the others at a superstate's border, and without a needless bend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from attrs import evolve

from leverframe.diagrams.drawing import Drawing
from leverframe.diagrams.layout import Frame, Layout, Route
from leverframe.diagrams.paths import Point, crossings

__all__ = ["spread_ports", "straighten"]

STEP = 8.0
"""Pixels between two places that an arrow could have."""

CLEAR = 14.0
"""Pixels between two arrows at a border."""

BEND = 24.0
"""Pixels between two lines that could be one."""

EDGE = 16.0
"""Pixels between an arrow and the corner of a border."""


def spread_ports(drawing: Drawing, layout: Layout) -> Layout:
    """The layout, with the arrows out of each superstate side by side, in an order in which they do not cross."""
    around = {box.path for box in drawing.walk() if box.boxes}
    leaving: dict[tuple[str, Point], list[int]] = defaultdict(list)
    for index, (wire, route) in enumerate(zip(drawing.wires, layout.routes, strict=True)):
        if wire.source in around and len(route.corners) > 2 and not _is_labelled_there(route):
            leaving[wire.source, route.corners[0]].append(index)
    routes = list(layout.routes)
    for (path, port), found in leaving.items():
        others = (each.corners for index, each in enumerate(routes) if index not in found)
        # An arrow that arrives ends before the border, where its head begins.
        taken = crossings(others, port[1] - CLEAR, port[1] + CLEAR)
        for index, x in _places(layout.frames[path], port[0], taken, {index: routes[index] for index in found}):
            routes[index] = _from(routes[index], x)
    return evolve(layout, routes=tuple(routes))


def _is_labelled_there(route: Route) -> bool:
    """Whether the label is on the first piece of the arrow, which then stays where it is."""
    return _is_labelled_at(route, route.corners[0][0])


def _is_labelled_at(route: Route, x: float) -> bool:
    return any(abs(spot.x - x) < 1 for spot in route.label.spots) if route.label else False


def _places(frame: Frame, port: float, taken: list[float], routes: dict[int, Route]) -> Iterator[tuple[int, float]]:
    """Where each leaves: to the left of the port what goes to the left, what turns first outermost; so to the right."""
    taken = list(taken)
    for side in (-1, 1):
        going = [index for index, each in routes.items() if (each.corners[2][0] > port) == (side > 0)]
        outermost_last = sorted(going, key=lambda index: -routes[index].corners[1][1])
        reach = int((frame.width / 2 - EDGE) / STEP)
        slots = iter([port + side * step * STEP for step in range(reach)])
        for index in outermost_last:
            x = next((slot for slot in slots if all(abs(slot - each) >= CLEAR for each in taken)), port)
            taken.append(x)
            yield index, x


def _from(route: Route, x: float) -> Route:
    (_, start_y), (_, turn_y), *rest = route.corners
    return evolve(route, corners=((x, start_y), (x, turn_y), *rest))


def straighten(drawing: Drawing, layout: Layout) -> Layout:
    """The layout, without bends so small that they look like a mistake: a leaf has room for the arrow beside."""
    leaves = {box.path for box in drawing.walk() if not box.boxes}
    routes = list(layout.routes)
    for index, wire in enumerate(drawing.wires):
        for path, turned in ((wire.source, False), (wire.target, True)):
            if path in leaves:
                others = [each for other, each in enumerate(routes) if other != index]
                routes[index] = _straight(routes[index], layout.frames[path], others, turned)
    return evolve(layout, routes=tuple(routes))


def _straight(route: Route, frame: Frame, others: list[Route], turned: bool) -> Route:
    """Without the first bend, or with `turned` the last."""
    corners = route.corners[::-1] if turned else route.corners
    if len(corners) < 4 or abs(corners[2][0] - corners[1][0]) > BEND or _is_labelled_at(route, corners[0][0]):
        return route
    x, height = corners[2][0], corners[0][1]
    taken = crossings((each.corners for each in others), height - BEND, height + BEND)
    inside = frame.x + EDGE <= x <= frame.x + frame.width - EDGE
    if not inside or any(abs(x - each) < STEP for each in taken):
        return route
    straight = ((x, height), *corners[3:])
    head = tuple((x + at - corners[0][0], y) for at, y in route.head) if turned else route.head
    return evolve(route, corners=straight[::-1] if turned else straight, head=head)
