"""Who has been silent for too long, among all that goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import pytest
from agents import hire

from leverframe import Store
from leverframe.coordination.staleness import StalenessLevel
from leverframe.machines import Run, Worker
from leverframe.machines.worker import InReview


class Clock(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **units: float) -> datetime: ...


def silent(store: Store, limit: int = 10) -> list[tuple[object, str]]:
    [worker] = store.overview([Worker], limit=limit).machines
    return [(each.stored.key, each.level.value) for each in worker.silent]


@pytest.fixture
def at_work(store: Store, clock: Clock) -> None:
    """One worker that never showed that it lives, and four that did, 40, 20, 10 and 5 minutes ago."""
    hire(store, "none", "dead", "stale", "warn", "fine")
    for key, minutes in (("dead", 20), ("stale", 10), ("warn", 5), ("fine", 5)):
        store.beat(Worker, key)
        clock.advance(minutes=minutes)


@pytest.mark.usefixtures("at_work")
def test_whoever_is_silent(store: Store) -> None:
    """Those whose level is no longer OK are listed with it: first without a heartbeat, then the longest silent."""
    assert silent(store) == [("none", "dead"), ("dead", "dead"), ("stale", "stale"), ("warn", "warn")]
    assert StalenessLevel.OK.value not in [level for _, level in silent(store)]


@pytest.mark.usefixtures("at_work")
def test_at_most_so_many(store: Store) -> None:
    """Of each machine as many are listed as are asked for."""
    assert [key for key, _ in silent(store, limit=2)] == ["none", "dead"]


def test_nobody_is_silent(store: Store, clock: Clock) -> None:
    """What is in a state that is not watched is not silent; nor is anything of a machine without Staleness."""
    hire(store, "review", kind=InReview)
    clock.advance(days=1)
    assert silent(store) == []
    assert store.overview([Run]).machines[0].silent == []


def test_those_of_others(store: Store) -> None:
    """Each tenant sees its own."""
    hire(store.scoped("red"), "a")
    assert silent(store) == []
    assert silent(store.scoped("red")) == [("a", "dead")]
