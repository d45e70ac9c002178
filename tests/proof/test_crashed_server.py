"""The PostgreSQL server crashes, again and again, while processes use a store of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from evidence import (
    Evidence,
    check_settled,
    check_sound,
    collect,
    find_anomalies,
    find_doubled,
    find_lost,
    find_unasked,
    find_unexplained,
)
from herding import Plan, run_herd_through_crashes
from postgres_server import OwnServer, own_server
from proof_size import full_or_short

CRASHES = full_or_short(20, 3)
CALLS = 150
WORKERS = 4

# Few crashes may come between the calls.
CUT_OFF = full_or_short(1, 0)


@pytest.fixture
def server() -> Iterator[OwnServer]:
    """A server that nobody else uses, and that waits for the disk."""
    with own_server(hurried=False) as server:
        yield server


def crash_often(server: OwnServer, url: str, histories: Path, seed: int) -> Evidence:
    """What four processes have left that went on with their store after each crash."""
    plan = Plan(url, histories, seed=seed, calls=CALLS, workers=WORKERS, crashes=CRASHES, delivered=0.9)
    run_herd_through_crashes(plan, server)
    evidence = collect(url, histories)
    assert evidence.calls >= CALLS * WORKERS * (CRASHES + 1)
    return evidence


@pytest.mark.long
def test_full_durability(server: OwnServer, histories: Path) -> None:
    """At full durability nothing that was answered is lost, and what is sent again with its delivery id moves once."""
    url = server.fresh_url("&durability=full")
    evidence = crash_often(server, url, histories, seed=5)
    assert len(evidence.cut_off) >= CUT_OFF
    assert find_lost(evidence) == set()
    assert find_unasked(evidence) == set()
    assert find_doubled(evidence) == []
    assert find_anomalies(evidence) == []
    assert find_unexplained(evidence) == []
    check_settled(url, evidence)
    check_sound(url, evidence)


@pytest.mark.long
def test_normal_durability(server: OwnServer, histories: Path) -> None:
    """At normal durability the last moves may be lost; of those that are there no part is, and none is there twice."""
    url = server.fresh_url("&durability=normal")
    evidence = crash_often(server, url, histories, seed=6)
    assert find_unasked(evidence) == set()
    assert find_doubled(evidence) == []
    check_settled(url, evidence)
    check_sound(url, evidence)
