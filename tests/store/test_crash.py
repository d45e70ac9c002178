"""What is left when a writer is killed at any moment."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from crashing import run_rounds


@pytest.mark.parametrize(("durability", "rounds", "seed"), [("full", 100, 1), ("normal", 120, 2)])
def test_killed_writer(tmp_path: Path, durability: str, rounds: int, seed: int) -> None:
    """After each kill -9 the snapshot is what the journal replays to, and no acknowledged event is lost or doubled."""
    url = f"sqlite:///{tmp_path / 'store.db'}?durability={durability}"
    # A fresh process forks the writers: this one may have threads.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(run_rounds, url, rounds, seed).result() > rounds
