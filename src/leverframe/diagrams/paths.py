"""The lines of arrows: from one corner to the next, rounded; and what they cross."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import copysign

__all__ = ["Point", "crossings", "free_middle", "number", "rounded"]

Point = tuple[float, float]

RADIUS = 9.0


def rounded(corners: Sequence[Point]) -> str:
    """A path along straight lines, up and down or across, round at its corners.

    >>> rounded([(0, 0), (0, 50), (40, 50)])
    'M0,0L0,41Q0,50 9,50L40,50'
    """
    path = [f"M{_point(corners[0])}"]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        radius = min(RADIUS, _length(before, corner) / 2, _length(corner, after) / 2)
        entry, leave = _toward(corner, before, radius), _toward(corner, after, radius)
        path.append(f"L{_point(entry)}Q{_point(corner)} {_point(leave)}")
    return "".join([*path, f"L{_point(corners[-1])}"])


def _length(one: Point, two: Point) -> float:
    return abs(one[0] - two[0]) + abs(one[1] - two[1])


def _toward(start: Point, end: Point, length: float) -> Point:
    """So far from the start, straight toward the end."""
    across, down = end[0] - start[0], end[1] - start[1]
    if abs(across) > abs(down):
        return start[0] + copysign(length, across), start[1]
    return start[0], start[1] + copysign(length, down)


def crossings(routes: Iterable[Sequence[Point]], top: float, bottom: float) -> list[float]:
    """Where lines go up or down through a band of heights.

    >>> crossings([[(5, 0), (5, 9)], [(7, 0), (7, 1)]], 3, 6)
    [5]
    """
    return [
        x0
        for corners in routes
        for (x0, y0), (x1, y1) in pairwise(corners)
        if x0 == x1 and min(y0, y1) <= bottom and max(y0, y1) >= top
    ]


def free_middle(taken: Iterable[float], left: float, right: float, width: float) -> float:
    """The middle of a free place for a text of this width, as near as can be to the middle between two ends.

    Where no place is wide enough, the middle itself.

    >>> free_middle([], 0, 100, 20), free_middle([50], 0, 100, 20)
    (50.0, 40.0)
    """
    middle = (left + right) / 2
    walls = [left, *sorted(x for x in taken if left < x < right), right]
    free = [min(max(middle, one + width / 2), two - width / 2) for one, two in pairwise(walls) if two - one >= width]
    return min(free, key=lambda x: abs(x - middle), default=middle)


def _point(point: Point) -> str:
    return f"{number(point[0])},{number(point[1])}"


def number(value: float) -> str:
    """With no more digits than can be seen.

    >>> number(3.0), number(2.126), number(-0.001)
    ('3', '2.13', '0')
    """
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
