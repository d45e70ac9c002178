"""A handler that uses the store in which it is run."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen
from parcels import Label, Parcel, Waiting

from leverframe import Event, Machine, Payload, Store, StoreFailure, on, state


@frozen
class Free(Payload): ...


@frozen
class Tick(Event): ...


def restless(store: Store) -> Any:
    class Restless(Machine[Free, Tick]):
        free = state(Free, initial=True)

        @on
        def tick(self, s: Free, e: Tick) -> Free:
            store.create(Parcel, "p", Waiting(Label("p"), None))
            return s

    return Restless


def test_handler_that_writes(store: Store) -> None:
    """A handler that writes in the midst of a write is refused at once, and nothing is written."""
    machine = restless(store)
    store.create(machine, "r", Free())
    store.find(Parcel, where={"label": "p"})  # after this, its look-ups are known to be kept
    with pytest.raises(StoreFailure, match="use no store in a handler"):
        store.send_many(machine, [("r", Tick())])
    assert store.get(machine, "r").version == 1
    assert store.find(Parcel) == []
    assert store.create(Parcel, "p", Waiting(Label("p"), None)).version == 1
