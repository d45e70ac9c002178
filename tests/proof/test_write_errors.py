"""Disks that are full, and writes and flushes that fail, at every place where one can."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from power_cut import FILE, connection_of, read_contents
from traced_disk import TracedDisk, traced
from write_errors import CALLS, FAULTS, Broken, opened, prepared, strike_everywhere

from leverframe import Store, open_store
from leverframe.errors import StoreError, StoreFailure, StoreFull

# Each commit is followed by a checkpoint, which can fail as well.
CHECKPOINTS = "wal_autocheckpoint = 1"


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("pragmas", [(), (CHECKPOINTS,)], ids=["commit", "commit and checkpoint"])
def test_calls(tmp_path: Path, call: str, fault: str, pragmas: Sequence[str]) -> None:
    """A call raises and has done nothing, or returns and has done all; a kill or a power cut then leaves no part."""
    assert strike_everywhere(tmp_path, CALLS[call], FAULTS[fault], pragmas=pragmas) > 0


@pytest.mark.parametrize("fault", FAULTS)
def test_errors_that_are_hushed_up(tmp_path: Path, fault: str) -> None:
    """A store that tells nobody of the error is caught."""

    def send_in_silence(store: Store) -> None:
        with contextlib.suppress(StoreFull, StoreFailure):
            CALLS["send"](store)

    with pytest.raises(Broken):
        strike_everywhere(tmp_path, send_in_silence, FAULTS[fault])


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_opening(tmp_path: Path, fault: str) -> None:
    """A store that cannot be made is made as soon as the disk can be written again."""
    number, struck = 0, True
    while struck:
        folder = tmp_path / str(number)
        folder.mkdir()
        disk = TracedDisk(fault=FAULTS[fault](number))
        with traced(disk):
            with contextlib.suppress(StoreError):
                open_store(f"sqlite:///{folder / FILE}").close()
            assert disk.fault is not None
            struck, disk.fault = disk.fault.struck, None
            prepared(folder).close()
        number += 1
    assert number > 1


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_closing(tmp_path: Path, fault: str) -> None:
    """A store is closed, and has all that was written, though its last checkpoint fails."""
    number, struck = 0, True
    while struck:
        folder = tmp_path / str(number)
        folder.mkdir()
        disk = TracedDisk()
        with traced(disk):
            store = prepared(folder)
            contents = read_contents(connection_of(store))
            disk.fault = FAULTS[fault](number)
            store.close()
            struck, disk.fault = disk.fault.struck, None
            with opened(folder) as again:
                assert read_contents(connection_of(again)) == contents
        number += 1
    assert number > 1
