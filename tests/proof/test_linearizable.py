"""What four processes see of a store could have happened one call after another."""

from __future__ import annotations

from pathlib import Path

import pytest
from evidence import check_sound, collect, find_anomalies, find_unexplained
from faulty_stores import FAULTS
from herding import Plan, run_herd
from proof_size import full_or_short

CALLS = full_or_short(100_000, 4_000)
WORKERS = 4


@pytest.mark.long
def test_four_processes(store_url: str, histories: Path) -> None:
    """Every answer fits an order in which each call happened at one moment between its beginning and its end."""
    run_herd(Plan(store_url, histories, seed=1, calls=CALLS // WORKERS, workers=WORKERS))
    evidence = collect(store_url, histories)
    assert evidence.calls >= CALLS * 0.99
    assert find_anomalies(evidence) == []
    assert find_unexplained(evidence) == []
    check_sound(store_url, evidence)


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_stores(store_url: str, histories: Path, fault: str) -> None:
    """A store that has a fault is caught, by its versions and by the search."""
    run_herd(Plan(store_url, histories, seed=2, calls=full_or_short(1_500, 500), workers=WORKERS, fault=fault))
    evidence = collect(store_url, histories)
    assert find_anomalies(evidence) != []
    assert find_unexplained(evidence) != []
