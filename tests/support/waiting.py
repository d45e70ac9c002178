"""Waiting for what another thread is about to do, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["LONG", "until"]

# How long something may take that will happen for certain: on a slow machine, late.
LONG = 60.0


def until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds; fail if it does not come to hold."""
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline, f"did not come about within {LONG} s"
        time.sleep(0.001)
