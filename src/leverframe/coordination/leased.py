"""Which lease does somebody have?  A row of leases, for people."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from leverframe.coordination.processes import Process
from leverframe.errors import Key
from leverframe.persistence.instants import from_microseconds
from leverframe.persistence.keys import decode_key
from leverframe.persistence.leases import Candidate

__all__ = ["LeaseRecord", "read_lease"]


@frozen
class LeaseRecord:
    """A lease that somebody has.

    Attributes: `key` and `path`, the instance and how its state is spelled; `worker`, empty where the instance came
    there without one; `token`; `claimed_at`, `heartbeat_at` and `expires_at`, in UTC, None where there is none; `host`
    and `process_id` of the worker, where it said so; `stale`, whether the lease has run out and nobody has dealt with
    that yet; `process_start`, when that process was started, as its host counts.

    >>> from leverframe import open_store
    >>> from leverframe.machines.run import *
    >>> with open_store("sqlite://") as store:
    ...     [(record.worker, record.key) for record in store.leases(Run.lease) if record.stale]
    []
    """

    key: Key
    path: str
    worker: str
    token: int
    claimed_at: datetime
    heartbeat_at: datetime | None
    expires_at: datetime | None
    host: str
    process_id: int | None
    stale: bool
    process_start: int | None = None

    @property
    def process(self) -> Process:
        """The worker's process, as others of its host can find it."""
        return Process(self.host, self.process_id or 0, self.process_start or 0)


def read_lease(found: Candidate, now: int | None) -> LeaseRecord:
    """A lease as it stands; `now` None: by the clock that came with it."""
    lease, time = found.lease, found.clock if now is None else now
    assert time is not None, "a database without a clock is told the time"
    assert lease.token is not None, "it was asked for as one that somebody has"
    assert lease.claimed_at is not None, "whoever has it was given it at a time"
    return LeaseRecord(
        decode_key(found.snapshot.key),
        found.snapshot.state,
        lease.worker or "",
        lease.token,
        from_microseconds(lease.claimed_at),
        None if lease.heartbeat_at is None else from_microseconds(lease.heartbeat_at),
        None if lease.expires_at is None else from_microseconds(lease.expires_at),
        lease.host or "",
        lease.process_id or None,
        lease.expires_at is not None and lease.expires_at <= time,
        lease.process_start or None,
    )
