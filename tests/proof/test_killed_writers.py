"""Processes are killed, again and again, while others use the same store."""

from __future__ import annotations

from pathlib import Path

import pytest
from evidence import check_sound, collect, find_anomalies, find_unexplained
from herding import Plan, run_herd
from proof_size import full_or_short

KILLS = full_or_short(20, 4)


@pytest.mark.long
def test_kills_under_load(store_url: str, histories: Path) -> None:
    """The others go on, and see each call of the killed ones whole or not at all; none that was answered is lost."""
    calls = full_or_short(4_000, 1_000)
    run_herd(Plan(store_url, histories, seed=3, calls=calls, workers=4, kills=KILLS))
    evidence = collect(store_url, histories)
    cut_off = [o for operations in evidence.operations.values() for o in operations if o.answer is None]
    assert 0 < len(cut_off) <= KILLS
    assert find_anomalies(evidence) == []
    assert find_unexplained(evidence) == []
    check_sound(store_url, evidence)
