"""Which keys are there?  Nothing else is read."""

from __future__ import annotations

from typing import Any

from leverframe.errors import Key
from leverframe.persistence.backend import Backend
from leverframe.persistence.bindings import Bindings
from leverframe.persistence.keys import decode_key, prefix_ranges
from leverframe.typed.machine import Machine

__all__ = ["Listing"]


class Listing:
    """The verb of a store that lists keys."""

    _backend: Backend
    _bindings: Bindings

    def keys(self, machine: type[Machine[Any, Any]], *, prefix: Key) -> list[Key]:
        """The keys of the machine's instances that begin so, as in `find`, by the index on keys alone; in no order.

        Raises `InvalidKey`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, ("shop", "story-7"), Backlog())
        ...     store.keys(Pipeline, prefix=("shop",))
        [('shop', 'story-7')]
        """
        name = self._bindings.of(machine).name
        return [decode_key(text) for text in self._backend.read().keys(name, prefix_ranges(prefix))]
