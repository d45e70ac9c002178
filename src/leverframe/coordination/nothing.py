"""Why is there nothing to claim?  By what waits, counted, where nobody asks for one instance by its key."""

from __future__ import annotations

from leverframe.coordination.not_claimed import ALREADY_CLAIMED, HELD_BACK, MISSING, NOT_YET, NotClaimed
from leverframe.coordination.queues import count_queue
from leverframe.persistence.backend import Reader
from leverframe.persistence.gating import Passing
from leverframe.persistence.leases import ABOVE_ALL, Candidate, ClaimQuery

__all__ = ["oldest_ready", "why_nothing"]

COUNTED = 1_000
"""More than so many are not counted to give a reason."""


def oldest_ready(reader: Reader, machine: str, now: int | None) -> Candidate | None:
    """What would be claimed next if nothing held it back; `now` in microseconds, None for the database's clock."""
    below: int | None = ABOVE_ALL
    while below is not None:
        found = reader.claimable(ClaimQuery(machine, 1, now, below))
        if found:
            return found[0]
        below = reader.next_priority(machine, below)
    return None


def why_nothing(reader: Reader, machine: str, now: int | None, passing: Passing) -> NotClaimed:
    """The reason that most of all speaks of what could be done: something is held back, later, or somebody has it."""
    counts = count_queue(reader, machine, now, COUNTED, passing)
    more = "" if counts.exact else " or more"
    if counts.ready or counts.held_back:
        return NotClaimed(reason=HELD_BACK, detail=f"{counts.ready + counts.held_back}{more} are ready, and held back")
    if counts.later:
        return NotClaimed(reason=NOT_YET, detail=f"{counts.later}{more} are ready later")
    if counts.leased:
        return NotClaimed(reason=ALREADY_CLAIMED, detail=f"{counts.leased}{more} are claimed, and nothing else waits")
    return NotClaimed(reason=MISSING, detail=f"no {machine} waits to be claimed")
