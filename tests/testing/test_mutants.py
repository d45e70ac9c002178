"""What real queues had wrong, the simulation sees."""

from __future__ import annotations

import pytest
from mutants import MUTANTS
from simulating import play

SEEDS = 100
"""Within so many a fault has to show; most of them take fewer than thirty."""


def seeds_needed(name: str) -> int:
    """How many seeds it takes until this fault is seen; more than there are if it is not."""
    mutant = MUTANTS[name]
    with mutant.fault():
        for seed in range(SEEDS):
            if play(mutant.shows_in, seed).problem:
                return seed + 1
    return SEEDS + 1


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_seen(name: str) -> None:
    """Each fault, put into the real code, breaks what has to hold within a few seeds."""
    needed = seeds_needed(name)
    print(f"{name}: {needed} seeds")
    assert needed <= SEEDS


@pytest.mark.parametrize("name", sorted({mutant.shows_in for mutant in MUTANTS.values()}))
def test_a_fault_is_gone_with_its_block(name: str) -> None:
    """Behind the block of a fault the code is the real one again."""
    for each in MUTANTS.values():
        with each.fault():
            pass
    assert play(name, 0).problem == ""
