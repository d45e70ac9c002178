"""A write or a flush fails in the middle of a call: is all of the call there afterwards, or nothing, and what was said?

Each call is tried with a fault at its first write, its second, and so on until it is over before the fault comes.
After each: the same store, one that is opened beside it, what a kill would have left, and what a power cut would have.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen
from parcels import City, HandedOver, Loaded, Parcel, Relabelled, Stopped, waiting
from power_cut import FILE, Contents, connection_of, disk_after, put_on_disk, quick_folder, read_contents
from soundness import check_all
from traced_disk import FLUSH_FAILED, FULL, WRITE_FAILED, Fault, TracedDisk, traced

from leverframe import Send, Store, open_store
from leverframe.errors import StoreFailure, StoreFull

__all__ = ["CALLS", "FAULTS", "KEYS", "Broken", "opened", "prepared", "strike_everywhere"]

KEYS = ["parcel-0", "parcel-1", "parcel-2"]

CALLS: dict[str, Callable[[Store], object]] = {
    "create": lambda store: store.create(Parcel, "parcel-3", waiting("parcel-3", "Rome")),
    "send": lambda store: store.send(Parcel, "parcel-0", Loaded(), delivery_id="first"),
    "send with look-ups": lambda store: store.send(Parcel, "parcel-1", Stopped(City("x" * 9000))),
    "refuse": lambda store: store.send(Parcel, "parcel-0", HandedOver(), delivery_id="no", on_refused="return"),
    "send_many": lambda store: store.send_many(
        Parcel,
        [
            ("parcel-0", Loaded()),
            Send("parcel-1", Stopped(City("Rome")), delivery_id="second"),
            ("parcel-1", HandedOver()),
            ("parcel-3", Loaded()),
        ],
        create=waiting("parcel-3"),
    ),
    "save_cursor": lambda store: store.save_cursor("mailer", 7),
}

FAULTS: dict[str, Callable[[int], Fault]] = {
    "a full disk": lambda number: Fault("write", number, FULL, lasting=True),
    "a full disk, for a moment": lambda number: Fault("write", number, FULL),
    "a failed write": lambda number: Fault("write", number, WRITE_FAILED),
    "failing writes": lambda number: Fault("write", number, WRITE_FAILED, lasting=True),
    "a failed flush": lambda number: Fault("flush", number, FLUSH_FAILED),
    "failing flushes": lambda number: Fault("flush", number, FLUSH_FAILED, lasting=True),
}


class Broken(AssertionError):
    """A part of a call is there, or something else than was said."""


@frozen
class Expected:
    """What the tables have before a call and after it."""

    before: Contents
    after: Contents


def strike_everywhere(
    call: Callable[[Store], object], fault: Callable[[int], Fault], *, stride: int = 1, pragmas: Sequence[str] = ()
) -> int:
    """Strike at each write or flush of a call, or at every so many; how often that was.  Raises `Broken`."""
    with quick_folder() as folder:
        expected = expect(fresh(folder / "whole"), call)
        strikes = 0
        while strike(fresh(folder / "struck"), call, fault(strikes * stride), expected, pragmas):
            strikes += 1
    return strikes


def expect(folder: Path, call: Callable[[Store], object]) -> Expected:
    with prepared(folder) as store:
        before = read_contents(connection_of(store))
        call(store)
        return Expected(before, read_contents(connection_of(store)))


def strike(
    folder: Path, call: Callable[[Store], object], fault: Fault, expected: Expected, pragmas: Sequence[str]
) -> bool:
    """Whether the fault struck before the call was over."""
    disk = TracedDisk()
    with traced(disk):
        with prepared(folder) as store:
            for pragma in pragmas:
                connection_of(store).execute(f"PRAGMA {pragma}").fetchall()
            disk.fault = fault
            raised = attempt(store, call)
            disk.fault = None
            found = read_contents(connection_of(store))
            if found != (expected.before if raised else expected.after):
                raise Broken(f"raised was {raised!r}, and there is {'all' if found == expected.after else 'a part'}")
            check_others(folder, disk, expected, found)
            if raised:
                call(store)
        with opened(folder) as store:
            if read_contents(connection_of(store)) != expected.after:
                raise Broken("it does not work afterwards")
            check_all(store, [str(stored.key) for stored in store.find(Parcel)])
    return fault.struck


def attempt(store: Store, call: Callable[[Store], object]) -> Exception | None:
    """What the call raised, which has to be of ours."""
    try:
        call(store)
    except (StoreFull, StoreFailure) as error:
        return error
    return None


def check_others(folder: Path, disk: TracedDisk, expected: Expected, found: Contents) -> None:
    """A store that is opened now has what this one has; after a kill or a power cut it has all or nothing."""
    with opened(folder) as beside:
        if read_contents(connection_of(beside)) != found:
            raise Broken("another store has something else")
    chance = random.Random(len(disk.steps))
    for share in (1.0, 0.5, 0.0):
        with open_store(put_on_disk(disk_after(disk.steps, chance, share), fresh(folder / "left"))) as left:
            if read_contents(connection_of(left)) not in (expected.before, expected.after):
                raise Broken(f"a part is there when {share:.0%} of what was not flushed is")
            if found == expected.after != read_contents(connection_of(left)):
                raise Broken("what was acknowledged is lost in a power cut")


def prepared(folder: Path) -> Store:
    """A store with some parcels on their way, at a time that stands still."""
    store = opened(folder)
    for key in KEYS:
        store.create(Parcel, key, waiting(key))
    store.send(Parcel, "parcel-1", Loaded())
    store.send(Parcel, "parcel-2", Relabelled(waiting("parcel-2").label))
    return store


def opened(folder: Path) -> Store:
    return open_store(f"sqlite:///{folder / FILE}", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
