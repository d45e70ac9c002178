"""Every store there is: a test that asks for `store` or `url` runs once on each.

What needs a second opening asks for `shared_url`, and runs on those that can be opened twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from postgres_server import Server

from leverframe import Store, open_store
from leverframe.persistence import retention

STORES = ("file", "memory", "postgres")
SHARED_STORES = ("file", "postgres")
"""A store in memory is another one each time that it is opened."""


class TestClock:
    """A clock that stands still until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **units: float) -> datetime:
        self.time += timedelta(**units)
        return self.time


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(params=STORES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=SHARED_STORES)
def shared_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fresh_url(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """By the kind of a store, the URL of one that is not there yet."""
    numbers = itertools.count(1)

    def make(kind: str) -> str:
        if kind == "postgres":
            server: Server = request.getfixturevalue("postgres_server")
            return server.fresh_url("&durability=normal")
        return "sqlite://" if kind == "memory" else f"sqlite:///{tmp_path}/{next(numbers)}.db?durability=normal"

    return make


@pytest.fixture
def url(kind: str, fresh_url: Callable[[str], str]) -> str:
    """A store that is not there yet; in memory it is another one each time that it is opened."""
    return fresh_url(kind)


@pytest.fixture
def shared_url(shared_kind: str, fresh_url: Callable[[str], str]) -> str:
    """A store that is not there yet, and that can be opened again."""
    return fresh_url(shared_kind)


@pytest.fixture
def store(url: str, clock: Callable[[], datetime]) -> Iterator[Store]:
    with open_store(url, clock=clock) as opened:
        yield opened


@pytest.fixture(params=[1, 3, 1000])
def batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of several sizes."""
    monkeypatch.setattr(retention, "AT_ONCE", request.param)
    monkeypatch.setattr(retention, "INSTANCES_AT_ONCE", request.param)
