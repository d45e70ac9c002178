"""Processes and threads that write to the same instances at once."""

from __future__ import annotations

import random

from parcels import City, Parcel, Stopped

from leverframe import open_store

__all__ = ["race"]


def race(url: str, name: str, keys: list[str], events: int) -> list[tuple[str, str, int]]:
    """Send events to random instances; key, city and version of each that was acknowledged."""
    chance = random.Random(name)
    won: list[tuple[str, str, int]] = []
    with open_store(url) as store:
        for number in range(events):
            key, city = chance.choice(keys), f"{name}-{number}"
            receipt = store.send(Parcel, key, Stopped(City(city)))
            won.append((key, city, receipt.version))
    return won
