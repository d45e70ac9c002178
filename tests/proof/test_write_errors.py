"""Disks that are full, and writes and flushes that fail, at every place where one can."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest
from crowds import strike_threads
from power_cut import connection_of, quick_folder, read_contents
from proof_size import full_or_short
from soundness import check_all
from traced_disk import Fault, TracedDisk, traced
from write_errors import CALLS, FAULTS, KEYS, Broken, opened, prepared, strike_everywhere

from leverframe import Store
from leverframe.errors import StoreFailure, StoreFull

STRIDE = full_or_short(1, 5)

# Each commit is followed by a checkpoint, which can fail as well.
CHECKPOINTS = "wal_autocheckpoint = 1"


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("pragmas", [(), (CHECKPOINTS,)], ids=["commit", "commit and checkpoint"])
def test_calls(call: str, fault: str, pragmas: Sequence[str]) -> None:
    """A call raises and has done nothing, or returns and has done all; a kill or a power cut then leaves no part."""
    assert strike_everywhere(CALLS[call], FAULTS[fault], stride=STRIDE, pragmas=pragmas) > 0


@pytest.mark.parametrize("fault", FAULTS)
def test_errors_that_are_hushed_up(fault: str) -> None:
    """A store that tells nobody of the error is caught."""

    def send_in_silence(store: Store) -> None:
        with contextlib.suppress(StoreFull, StoreFailure):
            CALLS["send"](store)

    with pytest.raises(Broken):
        strike_everywhere(send_in_silence, FAULTS[fault])


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_many_threads(fault: str) -> None:
    """Where threads share a commit that fails, all whose call is not there are told, and no one else is."""
    raised = [strike_threads(6, 10, FAULTS[fault](number)) for number in range(0, 60, 3 * STRIDE)]
    assert sum(raised) > 0


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_opening(fault: str) -> None:
    """A store that cannot be made is made as soon as the disk can be written again."""
    number = 0
    while opening_is_struck(FAULTS[fault](number)):
        number += STRIDE
    assert number > 0


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_closing(fault: str) -> None:
    """A store is closed, and has all that was written, though its last checkpoint fails."""
    number = 0
    while closing_is_struck(FAULTS[fault](number)):
        number += STRIDE
    assert number > 0


def opening_is_struck(fault: Fault) -> bool:
    disk = TracedDisk(fault=fault)
    with quick_folder() as folder, traced(disk):
        with contextlib.suppress(StoreFull, StoreFailure):
            opened(folder).close()
        disk.fault = None
        with prepared(folder) as store:
            check_all(store, KEYS)
    return fault.struck


def closing_is_struck(fault: Fault) -> bool:
    disk = TracedDisk()
    with quick_folder() as folder, traced(disk):
        store = prepared(folder)
        contents = read_contents(connection_of(store))
        disk.fault = fault
        store.close()
        disk.fault = None
        with opened(folder) as again:
            assert read_contents(connection_of(again)) == contents
    return fault.struck
