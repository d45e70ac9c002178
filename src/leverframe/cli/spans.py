"""How is a span of time written on the command line?  `90d`, `12h`, `1y`."""

from __future__ import annotations

import re
from datetime import timedelta

import click

__all__ = ["Span", "parse_span", "show_span"]

UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}

LARGEST_FIRST = [(unit, UNITS[unit]) for unit in ("d", "h", "m")]

SHAPE = re.compile(r"([0-9]{1,9})([smhdwy])", re.ASCII)

PROBLEM = "is no span of time; write a number and s, m, h, d, w or y, such as 90d"


class Span(click.ParamType[timedelta]):
    """A span of time, as an option."""

    name = "span"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The span, or click's error for what is none."""
        if isinstance(value, timedelta):
            return value
        span = parse_span(value)
        return span if span is not None else self.fail(f"{value!r} {PROBLEM}", param, ctx)


def parse_span(text: str) -> timedelta | None:
    """The span that is written so; None if it is none, or longer than there are times.

    >>> parse_span("90d"), parse_span("2 weeks")
    (datetime.timedelta(days=90), None)
    """
    found = SHAPE.fullmatch(text)
    if found is None:
        return None
    try:
        return int(found[1]) * UNITS[found[2]]
    except OverflowError:
        return None


def show_span(span: timedelta) -> str:
    """A span of time in one unit, for people.

    >>> [show_span(timedelta(seconds=seconds)) for seconds in (0.4, 45, 119, 700, 90_000, 400_000)]
    ['0s', '45s', '119s', '11m', '25h', '4d']
    """
    for unit, length in LARGEST_FIRST:
        if span >= 2 * length:
            return f"{span // length}{unit}"
    return f"{span // UNITS['s']}s"
