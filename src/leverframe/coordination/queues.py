"""How much waits?  Counted priority by priority along the index by which work is claimed, and not without end."""

from __future__ import annotations

from attrs import evolve, frozen

from leverframe.persistence.backend import Reader
from leverframe.persistence.gating import Passing
from leverframe.persistence.leases import ABOVE_ALL

__all__ = ["QueueCounts", "count_queue"]

MOST_PRIORITIES = 50
"""How many of them are looked at."""

NOTHING = Passing()


@frozen(kw_only=True)
class QueueCounts:
    """What waits to be claimed, and what is claimed.

    Attributes: `ready`, how many can be claimed now; `held_back`, how many could, if the gates of what they are about
    let them; `later`, how many only at a later time; `leased`, how many somebody has; `stale`, how many of these leases
    have run out; `exact`, whether these are all that there are: else some were counted only as far as was asked for.

    Limits are not asked: what is ready may be more than may be worked on at one time.

    >>> from leverframe import QueueCounts
    >>> QueueCounts(ready=3, later=1, leased=2).exact
    True
    """

    ready: int = 0
    held_back: int = 0
    later: int = 0
    leased: int = 0
    stale: int = 0
    exact: bool = True


def count_queue(reader: Reader, machine: str, now: int | None, limit: int, passing: Passing = NOTHING) -> QueueCounts:
    """Count, each up to `limit`; `now` in microseconds, None for the database's clock."""
    counts = QueueCounts()
    looked_at, priority = 0, reader.next_priority(machine, ABOVE_ALL)
    while priority is not None and looked_at < MOST_PRIORITIES and min(counts.ready, counts.later) < limit:
        counts = with_priority(counts, reader, machine, priority, now, limit, passing)
        looked_at += 1
        priority = reader.next_priority(machine, priority)
    work = reader.working(machine, now, limit + 1)
    cut = priority is not None or not counts.exact or max(work.leased, work.run_out) > limit
    return evolve(counts, leased=min(work.leased, limit), stale=min(work.run_out, limit), exact=not cut)


def with_priority(
    counts: QueueCounts, reader: Reader, machine: str, priority: int, now: int | None, limit: int, passing: Passing
) -> QueueCounts:
    # One more than is asked for tells whether there are more.
    found = reader.waiting(machine, priority, now, limit + 1)
    held = reader.held_back(machine, priority, now, limit, passing) if found.ready and passing != NOTHING else 0
    numbers = {
        "ready": counts.ready + found.ready - held,
        "held_back": counts.held_back + held,
        "later": counts.later + found.later,
    }
    exact = counts.exact and max(*numbers.values(), found.ready) <= limit
    return QueueCounts(**{name: min(number, limit) for name, number in numbers.items()}, exact=exact)
