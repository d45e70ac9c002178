"""Parcels on the road since long ago, and all that a store has of them: what is kept and what goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from parcels import Loaded, Parcel, first_stop, waiting

from leverframe import Store

__all__ = ["DAY", "FAR_AHEAD", "LONG_AGO", "everything", "on_the_road"]

DAY = timedelta(days=1)

LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2150, 1, 1, tzinfo=UTC)


def on_the_road(store: Store, key: str, stops: int = 0) -> None:
    store.create(Parcel, key, waiting(key), at=FAR_AHEAD)
    store.send(Parcel, key, Loaded(), at=LONG_AGO)
    for _ in range(stops):
        store.send(Parcel, key, first_stop())


def everything(store: Store) -> list[Any]:
    keys = sorted(str(found.key) for found in store.find(Parcel))
    return [
        [(s.key, s.version, s.state) for s in store.find(Parcel)],
        [[(e.version, e.event, e.state) for e in store.history(Parcel, key)] for key in keys],
        store.count(Parcel),
        store.messages(limit=1000),
    ]
