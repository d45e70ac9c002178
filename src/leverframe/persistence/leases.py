"""What is kept beside an instance for those who share the work: rows of leases and wake-ups.

Times are microseconds since 1970-01-01 UTC by the store's clock.
"""

from __future__ import annotations

from attrs import define, field

from leverframe.errors import InvalidValue
from leverframe.persistence.gating import Passing
from leverframe.persistence.rows import Snapshot

__all__ = [
    "ABOVE_ALL",
    "HIGHEST_PRIORITY",
    "LOWEST_PRIORITY",
    "Candidate",
    "ClaimQuery",
    "LeaseRow",
    "WakeUpRow",
    "check_priority",
]

HIGHEST_PRIORITY = 2**31 - 1

LOWEST_PRIORITY = -(2**31)

ABOVE_ALL = HIGHEST_PRIORITY + 1
"""Where a look from the highest priority down begins."""


def check_priority(name: str, value: object) -> int:
    """The priority.  Raises `InvalidValue` for what is none.

    >>> check_priority("priority", 7)
    7
    """
    if isinstance(value, bool) or not isinstance(value, int) or not LOWEST_PRIORITY <= value <= HIGHEST_PRIORITY:
        raise InvalidValue(name, f"be an integer from {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}", value)
    return int(value)


# ---------------------------------------------------------------- rows read


@define
class LeaseRow:
    """Who has an instance, or since when it can be had."""

    instance: int
    age: int
    ready_at: int | None
    priority: int
    subject: str | None
    serial: str | None
    scope: str | None
    token: int | None
    worker: str | None
    claimed_at: int | None
    heartbeat_at: int | None
    expires_at: int | None
    host: str | None
    process_id: int | None
    process_start: int | None


@define
class Candidate:
    """An instance that may be claimed, or whose lease has run out; `clock` is the database's time, where it has one."""

    snapshot: Snapshot
    lease: LeaseRow
    clock: int | None = None


@define
class WakeUpRow:
    """An instance that is to be woken up."""

    snapshot: Snapshot
    name: str
    due_at: int
    clock: int | None = None


# ---------------------------------------------------------------- questions


@define
class ClaimQuery:
    """Which instances may be claimed: at most `limit`, at time `now` (None: by the database's clock).

    `below` looks only at priorities below this one; what `passing` names is passed by.
    """

    machine: str
    limit: int
    now: int | None
    below: int | None = None
    passing: Passing = field(factory=Passing)
