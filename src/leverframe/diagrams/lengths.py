"""How are numbers and lengths of time written in a picture?  In a few characters."""

from __future__ import annotations

from datetime import timedelta

__all__ = ["short_length", "short_share"]

UNITS = (("d", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 0.001))


def short_length(length: timedelta) -> str:
    """A length of time in two digits, or a few more, of one unit.

    >>> [short_length(timedelta(seconds=each)) for each in (0, 0.0123, 4.26, 59, 119, 4650, 90_000, 400_000, 10**8)]
    ['0s', '12ms', '4.3s', '59s', '119s', '78min', '25h', '4.6d', '1157d']
    """
    seconds = length.total_seconds()
    for name, unit in UNITS:
        if seconds >= unit * (2 if name in ("d", "h", "min") else 1) * 0.995:
            return f"{digits(seconds / unit)}{name}"
    return f"{seconds * 1_000_000:.0f}µs" if seconds else "0s"


def digits(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0") if number < 9.95 else f"{number:.0f}"


def short_share(part: int, whole: int) -> str:
    """A part of a whole in hundredths.

    >>> [short_share(part, 1000) for part in (1000, 999, 333, 4, 0)]
    ['100%', '>99%', '33%', '<1%', '0%']
    """
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 1:
        return "<1%"
    return ">99%" if 99 < share < 100 else f"{share:.0f}%"
