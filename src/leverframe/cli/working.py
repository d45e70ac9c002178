"""What does a person see of a worker at a terminal?  A line of how far it is, a line for what goes wrong, and a sum."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from leverframe import Worker, WorkerEnded, WorkerHooks
from leverframe.cli.text import show_key, show_number, single_line

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Tally", "show_end", "shown"]

HOOKS: tuple[str, ...] = ("claimed", "finished", "failed", "lost", "reaped")

LOGGER = "leverframe.worker"


@contextmanager
def shown(worker: Worker) -> Generator[Tally]:
    """Show what a worker does while it is at work, and count it."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    worker.hooks = tally = Tally(worker.hooks)
    with printed(console):
        if console.is_dumb_terminal:
            # It would show each change in a line of its own.
            yield tally
            return
        with console.status(show_progress(tally.numbers)) as status:
            tally.show = status.update
            yield tally


# ---------------------------------------------------------------- how far it is


class Tally(WorkerHooks):
    """A worker's own hooks, and how often each was called; `show` is told so each time."""

    def __init__(self, hooks: WorkerHooks) -> None:
        self.show: Callable[[str], object] = len
        self.numbers = dict.fromkeys(HOOKS, 0)
        self._lock = Lock()
        for name in HOOKS:
            setattr(self, name, self._counting(name, getattr(hooks, name)))

    def _counting(self, name: str, hook: Callable[..., None]) -> Callable[..., None]:
        def call(**facts: Any) -> None:
            with self._lock:
                self.numbers[name] += facts.get("number", 1)
                self.show(show_progress(self.numbers))
            hook(**facts)

        return call


def show_progress(numbers: dict[str, int]) -> str:
    """How far a worker is.

    >>> show_progress({"claimed": 5, "finished": 2, "failed": 1, "lost": 0, "reaped": 0})
    '2 under way · 2 done · 1 failed'
    """
    under_way = numbers["claimed"] - numbers["finished"] - numbers["failed"] - numbers["lost"]
    told = {"done": numbers["finished"], **{name: numbers[name] for name in ("failed", "lost", "reaped")}}
    return " · ".join([f"{show_number(under_way)} under way", *counted(told)])


def show_end(ended: WorkerEnded, numbers: dict[str, int]) -> str:
    """What it came to.

    >>> show_end(WorkerEnded(3, 1, False), {"failed": 2, "lost": 0})
    'Stopped: 1 done, 2 failed, 1 left to others'
    """
    done = max(0, ended.finished - numbers["failed"] - numbers["lost"])
    told = {"failed": numbers["failed"], "lost": numbers["lost"], "left to others": ended.left}
    return "Stopped: " + ", ".join([f"{show_number(done)} done", *counted(told)])


def counted(numbers: dict[str, int]) -> list[str]:
    return [f"{show_number(number)} {name}" for name, number in numbers.items() if number]


# ---------------------------------------------------------------- what goes wrong


@contextmanager
def printed(console: Console) -> Generator[None]:
    """Print a line for what somebody has to know, unless the program has seen to its logs itself."""
    logger = logging.getLogger(LOGGER)
    if logger.hasHandlers():
        yield
        return
    before, handler = logger.level, Lines(console)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


class Lines(logging.Handler):
    """Prints a worker's log, of several lines in a row about the same trouble the first."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._trouble: object = None

    def emit(self, record: logging.LogRecord) -> None:
        event, facts = record.__dict__["event"], record.__dict__["facts"]
        trouble = (facts["doing"], facts["error"]) if event == "trouble" else None
        if event not in TEXTS or (trouble is not None and trouble == self._trouble):
            return
        if event in ("trouble", "recovered"):
            self._trouble = trouble
        text = single_line(TEXTS[event](facts))
        self._console.print(text, markup=False, soft_wrap=True)


def whose(facts: dict[str, Any]) -> str:
    return f"{facts['machine']} {show_key(facts['key'])}"


def what(facts: dict[str, Any]) -> str:
    """The error, and where it was raised, if that is known."""
    return f"{facts['error']} ({facts['where']})" if "where" in facts else str(facts["error"])


TEXTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "failed": lambda facts: f"{whose(facts)} failed: {what(facts)}; now in {facts['path']}",
    "lost": lambda facts: f"{whose(facts)} lost its lease; what its handler came to is thrown away",
    "unsettled": lambda facts: f"{whose(facts)}: what it came to could not be written: {what(facts)}",
    "released": lambda facts: f"{whose(facts)} handed back",
    "left": lambda facts: f"{whose(facts)} left until its lease runs out",
    "hook_failed": lambda facts: f"the hook {facts['hook']} failed: {what(facts)}",
    "trouble": lambda facts: f"trouble ({facts['doing']}): {what(facts)}; tried again until it is over",
    "recovered": lambda _: "the trouble is over",
    "stopping": lambda facts: (
        f"Stopping: {show_number(facts['under_way'])} under way; once more, and they are not waited for"
    ),
}
"""By the events of a worker's log; what else there is in it is counted."""
