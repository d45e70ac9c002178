"""The lines of this benchmark, no longer than 80 columns: a terminal shows them whole."""

from __future__ import annotations

from benchmarks.reporting import ROWS, Row, digits, typical

__all__ = ["compare", "tell"]

HEAD = f"    {'':<38}{'measured':>9}{'other':>9} {'':<7}{'ratio':>6} bound"


def compare(
    name: str, measured: float, other: float, bound: float | None, *, unit: str, at_least: bool = False
) -> None:
    """Print one line, with the verdict, and remember it: the bound is for `measured` over `other`."""
    note(Row(name, measured, bound, other, unit, at_least, False))


def tell(name: str, measured: float, bound: float | None, *, unit: str) -> None:
    """The same for a number that is no ratio."""
    note(Row(name, measured, bound, None, unit, False, False))


def note(row: Row) -> None:
    if not ROWS:
        print(HEAD)
    ROWS.append(row)
    print(line(row), flush=True)


def line(row: Row) -> str:
    """The row in 80 columns.

    >>> line(Row("SQLite, NORMAL / by hand", 120.0, 1.5, 100.0, "µs/job", False, False))
    'ok  SQLite, NORMAL / by hand                    120      100 µs/job   1.20 ≤ 1.5'
    """
    verdict = " - " if row.bound is None else "ok " if row.kept else "NOT"
    other = "" if row.other is None else digits(typical(row.other))
    ratio = "" if row.other is None else f"{row.figure:.2f}"
    bound = "" if row.bound is None else f"{'≥' if row.at_least else '≤'} {row.bound:g}"
    told = f"{verdict} {row.name:<38}{digits(typical(row.measured)):>9}{other:>9} {row.unit:<7}{ratio:>6} {bound}"
    return told.rstrip()
