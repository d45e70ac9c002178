"""Every store there is: a test that asks for `store` or `open_again` runs once on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from postgres_server import Server

from leverframe import Store, open_store

STORES = ("file", "memory", "postgres")


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


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A store that is not there yet; in memory it is another one each time that it is opened."""
    if kind == "postgres":
        server: Server = request.getfixturevalue("postgres_server")
        return server.fresh_url("&durability=normal")
    return "sqlite://" if kind == "memory" else f"sqlite:///{tmp_path / 'store.db'}?durability=normal"


@pytest.fixture
def store(url: str, clock: Callable[[], datetime]) -> Iterator[Store]:
    with open_store(url, clock=clock) as opened:
        yield opened
