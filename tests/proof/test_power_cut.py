"""The power fails while the store writes to SQLite's files."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from power_cut import Outcome, look_after_cut, record
from proof_size import full_or_short

RECORDINGS = full_or_short(20, 4)
CUTS = full_or_short(2_400, 240)
CALLS = 80

# A checkpoint every few pages: many of them in a short time.
BUSY = "wal_autocheckpoint = 20"


def cut_often(durability: str = "full", pragmas: Sequence[str] = (), *, cuts: int = CUTS) -> list[Outcome]:
    """What is found after cuts at any moment behind the one at which the store was first open."""
    outcomes: list[Outcome] = []
    for seed in range(RECORDINGS):
        busy = (BUSY,) * (seed % 2)
        recording = record(seed, CALLS, durability=durability, pragmas=(*busy, *pragmas))
        chance = random.Random(seed)
        for _ in range(cuts // RECORDINGS):
            cut = chance.randrange(recording.calls[0].ended, len(recording.steps) + 1)
            outcomes.append(look_after_cut(recording, cut, chance))
    return outcomes


@pytest.mark.long
def test_full_durability() -> None:
    """At full durability nothing that was acknowledged is lost, nothing is damaged, and no call is there in part."""
    outcomes = cut_often()
    assert [outcome for outcome in outcomes if outcome.kind != "kept"] == []
    assert len(outcomes) == CUTS


@pytest.mark.long
def test_normal_durability() -> None:
    """At normal durability the last calls may be lost, and are in some of the cuts; nothing is damaged."""
    kinds = Counter(outcome.kind for outcome in cut_often("normal"))
    assert kinds["damaged"] == 0
    assert kinds["lost"] > CUTS // 20


@pytest.mark.long
def test_no_durability() -> None:
    """Where SQLite is told to flush nothing, databases are damaged: the simulation can see it."""
    kinds = Counter(outcome.kind for outcome in cut_often(pragmas=("synchronous = OFF",), cuts=CUTS // 2))
    assert kinds["damaged"] > CUTS // 200


@pytest.mark.long
def test_while_the_file_is_made() -> None:
    """A store whose power failed when it was opened for the first time is opened as a new one."""
    recording = record(1, 1)
    chance = random.Random(1)
    for number in range(CUTS):
        cut = number % (recording.calls[0].ended + 1)
        assert look_after_cut(recording, cut, chance) == Outcome("kept"), f"cut at {cut}"
