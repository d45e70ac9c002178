"""All that can be read of a store, to compare before and after."""

from __future__ import annotations

from typing import Any

from leverframe import Store
from leverframe.machines.pipeline import Pipeline

__all__ = ["everything"]


def everything(store: Store, *keys: Any, machine: Any = Pipeline) -> list[Any]:
    """Instances, counts and messages, and the journals of these keys."""
    read: list[Any] = [store.find(machine), store.count(machine), store.messages(limit=10_000)]
    for key in keys:
        read.append([(e.seq, e.version, e.event, e.from_state, e.to_state, e.at) for e in store.history(machine, key)])
        read.append(store.get(machine, key).state)
    return read
