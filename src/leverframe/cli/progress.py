"""How far is it?  A bar on stderr, where that is a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

from leverframe.cli.output import at_terminal
from leverframe.cli.text import shorten, single_line

__all__ = ["show_progress", "show_steps"]

LONGEST_NAME = 30

Advance = Callable[[int], None]


@contextlib.contextmanager
def show_progress(name: str, size: int | None) -> Generator[Advance]:
    """Show how many of `size` bytes are done; what is given is called with each number of bytes more."""
    if not at_terminal(err=True):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(shorten(single_line(name), LONGEST_NAME), total=size)
        yield lambda number: progress.advance(task, number)


@contextlib.contextmanager
def show_steps(name: str) -> Generator[Callable[[int, int], None]]:
    """Show how many steps are done; what is given is called with the number of all, and of those done since."""
    if not at_terminal(err=True):
        yield lambda _total, _more: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=None)
        yield lambda total, more: progress.update(task, total=total, advance=more)
