"""A peer's half of the talk with `peers.py`: `enqueue 500` is a line of input, and so is `drain 500`.

It runs in the peer's environment, which does not have leverframe: nothing but the standard library is imported here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

__all__ = ["Stopwatch", "check_finished", "serve"]


Call: TypeAlias = Callable[..., Awaitable[Any]]


class Stopwatch:
    """The time from the first claim to the last completion: a worker that starts, or waits for more, costs nothing."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._began: float | None = None
        self._ended = 0.0

    def begin(self) -> None:
        """To be called before each claim; the first one counts."""
        if self._began is None:
            self._began = time.perf_counter()

    def end(self) -> None:
        """To be called after each completion; the last one counts."""
        self._ended = time.perf_counter()

    def claiming(self, call: Call) -> Call:
        """The same call, which begins the time."""

        async def run(*arguments: Any, **options: Any) -> Any:
            self.begin()
            return await call(*arguments, **options)

        return run

    def completing(self, call: Call) -> Call:
        """The same call, which ends the time."""

        async def run(*arguments: Any, **options: Any) -> Any:
            result = await call(*arguments, **options)
            self.end()
            return result

        return run

    @property
    def seconds(self) -> float:
        if self._began is None or self._ended <= self._began:
            raise RuntimeError("nothing was claimed and completed")
        return self._ended - self._began


def check_finished(finished: int, expected: int, left: int) -> None:
    """Raise unless the peer's own tables say that the work was done."""
    if finished != expected or left:
        raise RuntimeError(f"{finished} jobs are finished in the tables, not {expected}, and {left} are left")


def serve(enqueue: Callable[[int], object], drain: Callable[[int], float]) -> None:
    """Say that all is ready, and then answer each line: how many seconds a drain took, or that jobs are enqueued."""
    print("ready", flush=True)
    for line in sys.stdin:
        verb, jobs = line.split()
        if verb == "enqueue":
            enqueue(int(jobs))
            print("enqueued", flush=True)
        else:
            print(drain(int(jobs)), flush=True)
