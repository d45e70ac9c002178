"""Servers to do things to that a shared one would not bear, and what all tests of PostgreSQL's own ways ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from parcels import Label, Parcel, Waiting
from postgres_server import OwnServer, Server, own_server

from leverframe import Store, open_store


@pytest.fixture(scope="module")
def crashing_server() -> Iterator[OwnServer]:
    """A server of the module's own, which its tests stop and start."""
    with own_server(hurried=True) as server:
        yield server


@pytest.fixture
def url(postgres_server: Server) -> str:
    """A schema that is not there yet."""
    return postgres_server.fresh_url()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """With two parcels that wait."""
    with open_store(url) as opened:
        for key in ("p", "q"):
            opened.create(Parcel, key, Waiting(Label(key), None))
        yield opened
