"""Many threads use one store while the power fails, or a write: each of them has to have been told the truth."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from attrs import evolve, frozen
from parcels import Loaded, Parcel, first_stop
from power_cut import FILE, disk_after, parcel, put_on_disk, quick_folder
from soundness import check_all, tokens
from traced_disk import Fault, Step, TracedDisk, traced

from leverframe import Store, open_store
from leverframe.errors import StoreFailure, StoreFull

__all__ = ["Crowd", "Told", "lost_by_threads", "record_threads", "strike_threads"]

T = TypeVar("T")

KEYS = ["parcel-0", "parcel-1"]


@frozen
class Told:
    """What one call was answered, and how many steps there were by then at the most."""

    key: str
    city: str
    version: int
    ended: int = 0


@frozen
class Crowd:
    """What a store did for many threads, from when it was ready for them; and what it told them."""

    steps: Sequence[Step]
    began: int
    told: Sequence[Told]


# ---------------------------------------------------------------- the power fails


def record_threads(threads: int, calls: int, *, durability: str = "full") -> Crowd:
    """So many threads make so many calls each, of one store."""
    disk = TracedDisk()

    def send(store: Store, key: str, city: str) -> Told:
        version = store.send(Parcel, key, first_stop(city), delivery_id=city).version
        return Told(key, city, version, len(disk.steps))

    with quick_folder() as folder, traced(disk):
        with open_store(f"sqlite:///{folder / FILE}?durability={durability}") as store:
            prepare(store)
            began = len(disk.steps)
            told = crowd_together(store, threads, calls, send)
    return Crowd(disk.steps, began, told)


def lost_by_threads(crowd: Crowd, cut: int, chance: random.Random) -> list[Told]:
    """What is not there if the power fails behind so many steps, though it was told before; what is there is sound."""
    left = disk_after(crowd.steps[:cut], chance, chance.random())
    with quick_folder() as folder, open_store(put_on_disk(left, folder)) as store:
        # At normal durability the last ones may be gone altogether.
        present = [str(found.key) for found in store.find(Parcel)]
        check_all(store, present)
        there = kept(store, present)
        return [told for told in crowd.told if told.ended <= cut and evolve(told, ended=0) not in there]


# ---------------------------------------------------------------- a write fails


def strike_threads(threads: int, calls: int, fault: Fault) -> int:
    """How many calls raised when a write or flush failed; each of those was made again, and none was done twice."""
    disk = TracedDisk()
    raised: list[str] = []

    def send(store: Store, key: str, city: str) -> Told:
        try:
            receipt = store.send(Parcel, key, first_stop(city), delivery_id=city)
        except (StoreFull, StoreFailure):
            raised.append(city)
            disk.fault = None
            receipt = store.send(Parcel, key, first_stop(city), delivery_id=city)
            assert not receipt.duplicate, f"{city} was done though it had raised"
        return Told(key, city, receipt.version)

    with quick_folder() as folder, traced(disk):
        with open_store(f"sqlite:///{folder / FILE}") as store:
            prepare(store)
            disk.fault = fault
            told = crowd_together(store, threads, calls, send)
            assert set(told) == kept(store, KEYS)
            check_all(store, KEYS)
        with open_store(f"sqlite:///{folder / FILE}") as store:
            assert set(told) == kept(store, KEYS)
    return len(raised)


# ---------------------------------------------------------------- both


def prepare(store: Store) -> None:
    for key in KEYS:
        store.create(Parcel, key, parcel(key))
        store.send(Parcel, key, Loaded())


def crowd_together(store: Store, threads: int, calls: int, send: Callable[[Store, str, str], T]) -> list[T]:
    """What all threads were told; each call has a city of its own."""

    def work(thread: int) -> list[T]:
        return [send(store, KEYS[number % len(KEYS)], f"city-{thread}-{number}") for number in range(calls)]

    with ThreadPoolExecutor(threads) as pool:
        return [told for answers in pool.map(work, range(threads)) for told in answers]


def kept(store: Store, keys: Sequence[str]) -> set[Told]:
    """What is there of all that could have been told, whenever that was."""
    return {Told(key, city, version) for key in keys for city, version in tokens(store, key).items()}
