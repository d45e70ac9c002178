"""Who tells a worker that it is time to look again, or to stop?  Signals, its own threads, and other programs."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from leverframe.coordination.attending import Attending
from leverframe.errors import StoreError

__all__ = ["Bell", "listening", "stopped_by_signals"]

SLICE = 0.1
"""Seconds after which who watches the store looks whether it may stop."""

LATER = 1.0
"""Seconds after which a store that could not be watched is watched again."""

STOPPING = (signal.SIGTERM, signal.SIGINT)


class Bell:
    """What wakes a worker.  Anybody may ring it, a signal's handler in the midst of anything too."""

    def __init__(self) -> None:
        # Not an Event: a signal may come while its lock is held by the very thread that is interrupted.
        self._rung: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ring(self) -> None:
        self._rung.put(None)

    def wait(self, seconds: float) -> None:
        """Until it is rung, at most so many seconds."""
        try:
            self._rung.get(timeout=min(seconds, threading.TIMEOUT_MAX))
            while True:
                self._rung.get_nowait()
        except queue.Empty:
            return


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Generator[None]:
    """SIGTERM and SIGINT call `stop` while the block runs; in the main thread, which alone is given any.

    A third one does what it would do without that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    told_before: list[int] = []

    def told(number: int, _frame: FrameType | None) -> None:
        stop()
        told_before.append(number)
        if len(told_before) == 2:
            for each in STOPPING:
                signal.signal(each, signal.SIG_DFL)

    before: dict[signal.Signals, Any] = {number: signal.signal(number, told) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: whoever set it was no Python, and cannot be set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def listening(store: Attending, changed: Callable[[], None]) -> Generator[None]:
    """`changed` is called, for as long as the block runs, when the database tells that something was committed."""
    began, ended = threading.Event(), threading.Event()
    arguments = (store, changed, began, ended)
    thread = threading.Thread(target=_listen, args=arguments, name="leverframe-listen", daemon=True)
    thread.start()
    try:
        # What is committed from here on is told, and what was before is seen by whoever looks now.
        began.wait()
        yield
    finally:
        ended.set()
        thread.join()


def _listen(store: Attending, changed: Callable[[], None], began: threading.Event, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            with store.watch() as watch:
                began.set()
                while not ended.is_set():
                    if watch.sleep(SLICE):
                        changed()
        except StoreError:
            # A worker looks by itself, too.
            began.set()
            ended.wait(LATER)
        finally:
            began.set()
