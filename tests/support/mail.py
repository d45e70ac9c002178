"""What the tests of consumers share: messages with a key each, and what consumers have of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from parcels import Parcel, waiting

from leverframe import BackOff, Delivered, Store

__all__ = ["AT_ONCE", "CUSTODY", "MINUTE", "SECOND", "keys", "tell"]

CUSTODY = "custody"
"""The topic on which each parcel tells of itself once, when it is made."""

SECOND = timedelta(seconds=1)
MINUTE = timedelta(seconds=60)

AT_ONCE: Any = BackOff(base=timedelta(microseconds=1), cap=timedelta(microseconds=1))
"""As soon as the clock has moved."""


def tell(store: Store, *names: str) -> None:
    """One message each, in this order."""
    for name in names:
        store.create(Parcel, name, waiting(name))


def keys(deliveries: Iterable[Delivered]) -> list[object]:
    return [delivery.message.key for delivery in deliveries]
