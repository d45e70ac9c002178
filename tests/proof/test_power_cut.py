"""The power fails while the store writes to SQLite's files."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest
from crowds import lost_by_threads, record_threads
from parcels import Loaded, Parcel, first_stop
from power_cut import (
    FILE,
    Outcome,
    Recorder,
    disk_after,
    look_after_cut,
    parcel,
    quick_folder,
    record,
    record_calls,
)
from proof_size import full_or_short
from traced_disk import TracedDisk, traced
from write_errors import prepared

RECORDINGS = full_or_short(20, 4)
CUTS = full_or_short(2_400, 240)
CALLS = 80
THREADS = 6

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
    kinds = Counter(outcome.kind for outcome in cut_often("normal", cuts=CUTS // 2))
    assert kinds["damaged"] == 0
    assert kinds["lost"] > CUTS // 40


@pytest.mark.long
def test_no_durability() -> None:
    """Where SQLite is told to flush nothing, databases are damaged: the simulation can see it."""
    kinds = Counter(outcome.kind for outcome in cut_often(pragmas=("synchronous = OFF",), cuts=CUTS // 2))
    assert kinds["damaged"] > CUTS // 200


def two_transactions(recorder: Recorder) -> Iterator[Callable[[], object]]:
    """Calls that write what belongs together one after the other."""
    yield lambda: recorder.store.create(Parcel, "p", parcel("p"))
    yield lambda: [recorder.store.send(Parcel, "p", event) for event in (Loaded(), first_stop("Rome"))]


def test_calls_in_two_parts() -> None:
    """A call that writes in two transactions is found out: there are cuts that leave half of it."""
    recording = record_calls(two_transactions)
    call = recording.calls[-1]
    outcomes = [look_after_cut(recording, cut, random.Random(cut)) for cut in range(call.began, call.ended + 1)]
    assert Outcome("damaged", "a part of a call is there") in outcomes


def test_nothing_is_overlooked() -> None:
    """What was written down is all that SQLite wrote: it makes up the very files."""
    disk = TracedDisk()
    with quick_folder() as folder, traced(disk), prepared(folder):
        written = {name: (folder / name).read_bytes() for name in (FILE, f"{FILE}-wal")}
        assert disk_after(disk.steps, random.Random(1), 1.0) == written


@pytest.mark.long
def test_many_threads() -> None:
    """What many threads were told at once, in commits that they may share, is there after a cut."""
    chance = random.Random(1)
    for _ in range(full_or_short(20, 3)):
        recording = record_threads(THREADS, 12)
        for _ in range(20):
            lost = lost_by_threads(recording, chance.randrange(recording.began, len(recording.steps) + 1), chance)
            assert lost == []


@pytest.mark.long
def test_many_threads_without_flushes() -> None:
    """Where flushes are left out, something of what the threads were told is lost."""
    recording = record_threads(THREADS, 12, durability="normal")
    chance = random.Random(1)
    cuts = [chance.randrange(recording.began, len(recording.steps) + 1) for _ in range(20)]
    assert any(lost_by_threads(recording, cut, chance) for cut in cuts)


@pytest.mark.long
def test_while_the_file_is_made() -> None:
    """A store whose power failed when it was opened for the first time is opened as a new one."""
    recording = record(1, 1)
    chance = random.Random(1)
    for number in range(CUTS):
        cut = number % (recording.calls[0].ended + 1)
        assert look_after_cut(recording, cut, chance) == Outcome("kept"), f"cut at {cut}"
