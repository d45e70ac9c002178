"""Stores on SQLite as most tests here want them: in a file or in memory, and with nothing in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import LONG

from leverframe.persistence.sqlite import SQLiteBackend, open_sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def on_file(path: Path) -> Iterator[SQLiteBackend]:
    opened = open_sqlite(f"sqlite:///{path}?durability=normal", timeout=LONG)
    yield opened
    opened.close()


@pytest.fixture(params=["file", "memory"])
def backend(request: pytest.FixtureRequest, path: Path) -> Iterator[SQLiteBackend]:
    url = "sqlite://" if request.param == "memory" else f"sqlite:///{path}?durability=normal"
    opened = open_sqlite(url, timeout=LONG)
    yield opened
    opened.close()
