"""Who is told what a worker does?  A log, and whoever counts.

Nothing of a payload is told to either: machine, key, token, paths of states, durations, and the class of an error.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any

from leverframe.coordination.held import Held
from leverframe.errors import Key

__all__ = ["Telling", "WorkerHooks", "facts_of", "find_log", "innermost", "place_error"]

NAME = "leverframe.worker"

PLACE = "__leverframe_place__"
"""Where an error keeps the place that it was raised at, in another process."""

Log = Callable[[int, str, dict[str, object]], None]


class WorkerHooks:
    """What is called as a worker goes, for metrics; inherit it, and write the methods that are wanted.

    They are called by several threads at a time, and whatever they raise is logged and ignored.

    >>> class Counting(WorkerHooks):
    ...     done = 0
    ...     def finished(self, machine: str, key: Key, token: int, path: str, seconds: float) -> None:
    ...         self.done += 1
    """

    def claimed(self, machine: str, key: Key, token: int, path: str) -> None:
        """A lease was claimed, which led to the state `path`."""

    def finished(self, machine: str, key: Key, token: int, path: str, seconds: float) -> None:
        """Its handler is done, after so many seconds, and left the instance in `path`."""

    def failed(self, machine: str, key: Key, token: int, path: str, error: str, seconds: float) -> None:
        """Its handler has raised an error of this class, which left the instance in `path`."""

    def lost(self, machine: str, key: Key, token: int, path: str, seconds: float) -> None:
        """The lease was over before the handler was; what that came to is thrown away.  `path` is the last known."""

    def reaped(self, machine: str, number: int) -> None:
        """So many leases that had run out were dealt with."""


class Telling:
    """A worker's log and hooks."""

    def __init__(self, worker: str, hooks: WorkerHooks) -> None:
        self._worker = worker
        self._hooks = hooks
        self._log = find_log()

    # ------------------------------------------------------------ the worker

    def started(self, concurrency: int) -> None:
        self._say(logging.INFO, "started", concurrency=concurrency)

    def stopping(self, under_way: int) -> None:
        self._say(logging.INFO, "stopping", under_way=under_way)

    def broken_off(self, error: BaseException) -> None:
        """The worker ends, for what no waiting mends."""
        self._say(logging.ERROR, "broken_off", **facts_of(error))

    def stopped(self, finished: int, left: int) -> None:
        self._say(logging.INFO, "stopped", finished=finished, left=left)

    def troubled(self, doing: str, error: BaseException, seconds: float) -> None:
        """The store did not do what it was asked, and is asked again in so many seconds."""
        self._say(logging.WARNING, "trouble", doing=doing, **facts_of(error), again_in=round(seconds, 3))

    def recovered(self) -> None:
        self._say(logging.INFO, "recovered")

    def reaped(self, machine: str, number: int) -> None:
        self._say(logging.INFO, "reaped", machine=machine, number=number)
        self._call(self._hooks.reaped, machine=machine, number=number)

    def woken(self, machine: str, number: int) -> None:
        self._say(logging.INFO, "woken", machine=machine, number=number)

    # ------------------------------------------------------------ one piece of work

    def claimed(self, held: Held[Any, Any]) -> None:
        self._say(logging.INFO, "claimed", **whose(held))
        self._call(self._hooks.claimed, **whose(held))

    def finished(self, held: Held[Any, Any], seconds: float) -> None:
        self._say(logging.INFO, "finished", **whose(held), seconds=round(seconds, 6))
        self._call(self._hooks.finished, **whose(held), seconds=seconds)

    def failed(self, held: Held[Any, Any], error: BaseException, seconds: float) -> None:
        self._say(logging.WARNING, "failed", **whose(held), seconds=round(seconds, 6), **facts_of(error))
        self._call(self._hooks.failed, **whose(held), error=type(error).__name__, seconds=seconds)

    def unsettled(self, held: Held[Any, Any], error: BaseException) -> None:
        """What the handler came to could not be sent."""
        self._say(logging.ERROR, "unsettled", **whose(held), **facts_of(error))

    def lost(self, held: Held[Any, Any], seconds: float) -> None:
        self._say(logging.WARNING, "lost", **whose(held), seconds=round(seconds, 6))
        self._call(self._hooks.lost, **whose(held), seconds=seconds)

    def released(self, held: Held[Any, Any]) -> None:
        self._say(logging.INFO, "released", **whose(held))

    def left(self, held: Held[Any, Any]) -> None:
        """The lease is left to run out."""
        self._say(logging.WARNING, "left", **whose(held))

    # ------------------------------------------------------------ parts

    def _say(self, level: int, event: str, **facts: object) -> None:
        self._log(level, event, {"worker": self._worker, **facts})

    def _call(self, hook: Callable[..., None], **facts: object) -> None:
        try:
            hook(**facts)
        except Exception as error:
            self._say(logging.ERROR, "hook_failed", hook=hook.__name__, **facts_of(error))


def whose(held: Held[Any, Any]) -> dict[str, Any]:
    machine = held.lease.machine
    return {
        "machine": machine.machine_name,
        "key": held.key,
        "token": held.token,
        "path": machine.path(type(held.now)),
    }


def facts_of(error: BaseException) -> dict[str, object]:
    """The class of an error, and where it was raised; not its text, in which there may be anything."""
    facts: dict[str, object] = {"error": type(error).__name__}
    place = vars(error).get(PLACE) or innermost(error.__traceback__)
    return facts if place is None else facts | {"where": place}


def place_error(error: BaseException, place: str | None) -> None:
    """Note where an error was raised whose traceback has stayed in another process."""
    vars(error)[PLACE] = place


def innermost(trace: TracebackType | None) -> str | None:
    """The last place that is not ours; None if there is none."""
    place = None
    while trace is not None:
        frame = trace.tb_frame
        if not frame.f_globals.get("__name__", "").startswith("leverframe."):
            place = f"{os.path.basename(frame.f_code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


# ---------------------------------------------------------------- logs


def find_log(name: str = NAME) -> Log:
    """structlog's, if the program has configured that; else the one of Python."""
    structlog: Any = sys.modules.get("structlog")
    if structlog is None or not structlog.is_configured():
        return partial(log_plainly, name)
    logger = structlog.get_logger(name)

    def log(level: int, event: str, facts: dict[str, object]) -> None:
        logger.log(level, event, **facts)

    return log


def log_plainly(name: str, level: int, event: str, facts: dict[str, object]) -> None:
    logger = logging.getLogger(name)
    if logger.isEnabledFor(level):
        told = " ".join(f"{name}={value!r}" for name, value in facts.items())
        logger.log(level, "%s %s", event, told, extra={"event": event, "facts": facts})
