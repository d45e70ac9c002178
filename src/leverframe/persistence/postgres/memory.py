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

from leverframe.persistence.rows import Loaded, Move, Snapshot

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
    """The last moves of one store, and of those that are scoped to its tenants."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Known] = {}
        self._era = 0
        self._lock = Lock()
        # The server's time, and the time of this machine's own clock that only goes forward.
        self._clock = (0, -CLOCK_LASTS)

    def recall(self, tenant: str, machine: str, key: str) -> Loaded | None:
        """What a decision can start from without reading; None if it has to read."""
        known = self._known.get((tenant, machine, key))
        now = self.recent_now()
        return None if known is None or not known.is_ours or now is None else evolve(known.loaded, clock=now)

    def recent_now(self) -> int | None:
        """The server's time, in microseconds, carried on from when it last told; None where that was long ago."""
        read_at, then = self._clock
        passed = time.monotonic_ns() - then
        return read_at + passed // NANOSECONDS if passed < CLOCK_LASTS else None

    def note_now(self, clock: int) -> None:
        """The server has just told its time."""
        self._clock = (clock, time.monotonic_ns())

    def note_read(self, tenant: str, machine: str, loaded: Loaded, era: int) -> None:
        """Put what was read in place of what is known, and keep the server's time."""
        if loaded.clock is not None:
            self.note_now(loaded.clock)
        known = self._known.get((tenant, machine, loaded.snapshot.key))
        if known is not None:
            known.is_ours = known.loaded.snapshot.version == loaded.snapshot.version
            known.loaded = evolve(loaded, delivery=None, era=era)

    def note_moved(self, tenant: str, move: Move, era: int) -> None:
        """This store has made the move, when it had made so many connections."""
        place = (tenant, move.machine, move.key)
        with self._lock:
            if era != self._era:
                self._known.clear()
                self._era = era
            before = self._known.pop(place, None)
            if len(move.body) <= LONGEST_BODY:
                self._known[place] = Known(after(move, era), before is not None and before.is_ours)
            if len(self._known) > KNOWN_AT_MOST:
                del self._known[next(iter(self._known))]

    def forget(self, tenant: str, move: Move) -> None:
        """Somebody else has moved the instance, or may have."""
        with self._lock:
            self._known.pop((tenant, move.machine, move.key), None)


def after(move: Move, era: int) -> Loaded:
    """The instance as a move leaves it; when it was created no decision asks."""
    snapshot = Snapshot(move.instance, move.key, move.to_state, move.body, move.seen + 1, 0, move.at)
    return Loaded(snapshot, None, move.declaration, era=era)
