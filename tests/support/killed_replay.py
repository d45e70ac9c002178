"""`leverframe` in a process that ends at an exact point: python killed_replay.py SIGNAL POINT NUMBER ARGUMENT...

POINT is where: "decision", inside of the transaction that decides the NUMBERth event, or "commit", behind the
NUMBERth transaction.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from leverframe import Store
from leverframe.cli import main
from leverframe.persistence import sending


def end_at(number: int, signal_number: int) -> Callable[[], None]:
    """Something that sends this process a signal the `number`th time that it is called."""
    calls = itertools.count(1)

    def called() -> None:
        if next(calls) == number:
            os.kill(os.getpid(), signal_number)

    return called


def before(function: Callable[..., Any], called: Callable[[], None]) -> Callable[..., Any]:
    def both(*arguments: Any, **keywords: Any) -> Any:
        called()
        return function(*arguments, **keywords)

    return both


def behind(function: Callable[..., Any], called: Callable[[], None]) -> Callable[..., Any]:
    def both(*arguments: Any, **keywords: Any) -> Any:
        result = function(*arguments, **keywords)
        called()
        return result

    return both


if __name__ == "__main__":
    signal_name, point, number, *arguments = sys.argv[1:]
    called = end_at(int(number), signal.Signals[signal_name])
    if point == "decision":
        setattr(sending, "decide", before(getattr(sending, "decide"), called))  # noqa: B009, B010  # it is not exported
    else:
        setattr(Store, "send_many", behind(Store.send_many, called))  # noqa: B010  # a type checker refuses to assign a method
    main(arguments)
