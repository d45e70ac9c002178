"""The store as it is holds what it has to, whatever happens to those who use it."""

from __future__ import annotations

import pytest
from simulating import PLANS, play

SEEDS = 40


@pytest.mark.parametrize("name", PLANS)
def test_nothing_goes_wrong(name: str) -> None:
    """Nobody has what another one has, nothing is lost or done twice, and all work comes to an end."""
    for seed in range(SEEDS):
        done = play(name, seed)
        assert done.problem == "", (seed, "\n".join(done.trace))


def test_what_can_go_wrong_does() -> None:
    """In these runs leases are lost and reaped, workers are killed, renewed and woken up, and answers are lost."""
    told = "\n".join(line for seed in range(20) for line in play("run", seed).trace)
    for what in ("is lost", "reaps instance", "is killed", ": yes", ": no", "wakes instance", "StoreUnreachable"):
        assert what in told, what
