"""A heartbeat without a thread, by the clock of its store: a test says when it is its turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from leverframe import Store
from leverframe.coordination.claiming import Claiming
from leverframe.coordination.heartbeat import Heartbeat

__all__ = ["beat", "by_hand"]


class ByHand(Heartbeat):
    """A heartbeat without a thread."""

    def _start(self) -> None:
        return None


def by_hand(patch: pytest.MonkeyPatch, clock: Callable[[], datetime]) -> None:
    """From here on stores are opened whose heartbeats go by this clock, and only where a test says so."""

    def make(_store: Claiming) -> Heartbeat:
        return ByHand(lambda: clock().timestamp())

    patch.setattr(Claiming, "_make_heartbeat", make)


def beat(store: Store) -> None:
    """Let the heartbeat do what is due."""
    shared: Any = store._shared  # pyright: ignore[reportPrivateUsage]  # what a store does by itself is nobody's to call
    shared.heartbeat.renew_due()
