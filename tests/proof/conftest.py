"""Every store there is, by its URL: a proof that asks for `store_url` runs once on each."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres_server import Server

STORES = ("sqlite", "postgres")


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store, for any number of processes."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}?durability=normal"
    server: Server = request.getfixturevalue("postgres_server")
    return server.fresh_url("&durability=normal")


@pytest.fixture
def histories(tmp_path: Path) -> Path:
    """An empty folder for what processes write down."""
    folder = tmp_path / "histories"
    folder.mkdir()
    return folder
