"""Writers that are killed: one process forks a writer again and again, kills it, and looks at what it left."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

from parcels import City, Label, Loaded, Parcel, Stopped, Waiting
from soundness import check_all, tokens

from leverframe import open_store

__all__ = ["run_rounds"]

KEYS = [f"parcel-{n}" for n in range(4)]


def run_rounds(url: str, rounds: int, seed: int, between: Callable[[str], None] | None = None) -> int:
    """Kill a writer `rounds` times; how many events were acknowledged.  Raises AssertionError on anything lost.

    `between`, given the URL, waits after each kill until nothing of the killed one is under way any more.
    """
    chance = random.Random(seed)
    with open_store(url) as store:
        for key in KEYS:
            store.create(Parcel, key, Waiting(Label(key), None))
            store.send(Parcel, key, Loaded())
    acknowledged: dict[str, dict[str, int]] = {key: {} for key in KEYS}
    for number in range(rounds):
        for key, city, version in _one_round(url, number, chance):
            acknowledged[key][city] = version
        if between is not None:
            between(url)
        _check(url, acknowledged)
    return sum(map(len, acknowledged.values()))


def _one_round(url: str, number: int, chance: random.Random) -> list[tuple[str, str, int]]:
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        _write_for_ever(url, number, theirs)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        # After so many acknowledgements (none: while it opens the store), and a moment inside of what it does next.
        lines = [pipe.readline() for _ in range(chance.choice([0, 1, 5, 20]))]
        time.sleep(0.002 * chance.random())
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lines += pipe.readlines()
    answers = [line.decode().split() for line in lines]
    return [(key, city, int(version)) for key, city, version in answers]


def _write_for_ever(url: str, number: int, pipe: int) -> None:
    with open_store(url) as store:
        sent = 0
        while True:
            sent += 1
            key, city = KEYS[sent % len(KEYS)], f"city-{number}-{sent}"
            receipt = store.send(Parcel, key, Stopped(City(city)), delivery_id=city)
            os.write(pipe, f"{key} {city} {receipt.version}\n".encode())


def _check(url: str, acknowledged: dict[str, dict[str, int]]) -> None:
    with open_store(url) as store:
        check_all(store, KEYS)
        for key, said in acknowledged.items():
            kept = tokens(store, key)
            assert said.items() <= kept.items(), f"{key} lost {said.items() - kept.items()}"
