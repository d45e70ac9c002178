"""Thousands of simulated runs: the store as it is, and what workers believe about their leases."""

from __future__ import annotations

import pytest
from proof_size import full_or_short
from simulating import PLANS, play

pytestmark = pytest.mark.long

FIRST = 1_000


@pytest.mark.parametrize("name", PLANS)
def test_nothing_goes_wrong_in_thousands_of_runs(name: str) -> None:
    """No seed is found in which two have one instance, something is lost, or something waits for ever."""
    for seed in range(FIRST, FIRST + full_or_short(3_000, 100)):
        done = play(name, seed)
        assert done.problem == "", (seed, "\n".join(done.trace))
