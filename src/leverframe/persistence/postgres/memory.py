"""What this store last wrote of the instances that nobody else moves: a decision about them need not read first.

It is never the truth.  What is decided on it is written only if the instance is still at that version, by the server's
word; what would be refused on it is decided anew on what is read.  An instance is known once this store has moved it
twice with nobody in between.  A new connection may mean that the server was started anew, and has lost its last
commits, as `durability=normal` allows: then all is forgotten.
"""

from __future__ import annotations

import time
from threading import Lock

from attrs import define, evolve

from leverframe.persistence.backend import Loaded

__all__ = ["Memory"]

KNOWN_AT_MOST = 1000

LONGEST_BODY = 10_000
"""Characters; what is longer is read each time."""

CLOCK_LASTS = 1_000_000_000
"""Nanoseconds for which the server's clock is carried on by that of this machine."""

NANOSECONDS = 1_000
"""In a microsecond."""


@define
class Known:
    """What was written, and whether nobody else came between this and the move before."""

    loaded: Loaded
    is_ours: bool


class Memory:
    """The last moves of one store."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Known] = {}
        self._connections = 0
        self._lock = Lock()
        # The server's time, and the time of this machine's own clock that only goes forward.
        self._clock = (0, -CLOCK_LASTS)

    def recall(self, machine: str, key: str) -> Loaded | None:
        """What a decision can start from without reading; None if it has to read."""
        known = self._known.get((machine, key))
        if known is None or not known.is_ours:
            return None
        read_at, then = self._clock
        passed = time.monotonic_ns() - then
        return evolve(known.loaded, clock=read_at + passed // NANOSECONDS) if passed < CLOCK_LASTS else None

    def note_read(self, machine: str, loaded: Loaded) -> None:
        """Compare what was read with what is known, and keep the server's time."""
        if loaded.clock is not None:
            self._clock = (loaded.clock, time.monotonic_ns())
        place = (machine, loaded.snapshot.key)
        known = self._known.get(place)
        if known is not None:
            known.is_ours = known.loaded.snapshot.version == loaded.snapshot.version

    def note_moved(self, machine: str, loaded: Loaded, connections: int) -> None:
        """This store has moved the instance to there, when it had made so many connections."""
        place = (machine, loaded.snapshot.key)
        with self._lock:
            if not self.holds(connections):
                self._known.clear()
                self._connections = connections
            before = self._known.pop(place, None)
            if len(loaded.snapshot.body) <= LONGEST_BODY:
                self._known[place] = Known(loaded, before is not None and before.is_ours)
            if len(self._known) > KNOWN_AT_MOST:
                del self._known[next(iter(self._known))]

    def forget(self, machine: str, instance: int) -> None:
        """Somebody else has moved it, or may have."""
        with self._lock:
            for place, known in tuple(self._known.items()):
                if place[0] == machine and known.loaded.snapshot.instance == instance:
                    del self._known[place]

    def holds(self, connections: int) -> bool:
        """Whether no connection was made since what is known was written."""
        return self._connections == connections
