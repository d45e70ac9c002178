"""What is left when a writer is killed at any moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from crashing import run_rounds
from postgres_server import Server

from by_hand import until_alone


def acknowledged(url: str, rounds: int, seed: int, between: Callable[[str], None] | None = None) -> int:
    # A fresh process forks the writers: this one may have threads.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run_rounds, url, rounds, seed, between).result()


@pytest.mark.parametrize(("durability", "rounds", "seed"), [("full", 100, 1), ("normal", 120, 2)])
def test_killed_writer(tmp_path: Path, durability: str, rounds: int, seed: int) -> None:
    """After each kill -9 the snapshot is what the journal replays to, and no acknowledged event is lost or doubled."""
    assert acknowledged(f"sqlite:///{tmp_path / 'store.db'}?durability={durability}", rounds, seed) > rounds


@pytest.mark.parametrize(("durability", "rounds", "seed"), [("full", 30, 3), ("normal", 40, 4)])
def test_killed_client(postgres_server: Server, durability: str, rounds: int, seed: int) -> None:
    """The same holds for a client of a server, once the server has ended what the killed one had begun."""
    url = postgres_server.fresh_url(f"&application_name=killed_{durability}&durability={durability}")
    assert acknowledged(url, rounds, seed, until_alone) > rounds
