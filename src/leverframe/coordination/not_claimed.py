"""Why an instance was not claimed."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from leverframe.errors import Key

__all__ = [
    "ALREADY_CLAIMED",
    "CONCURRENCY_LIMIT",
    "DEPENDENCY",
    "FROZEN",
    "HELD_BACK",
    "MISSING",
    "NOT_CLAIMABLE",
    "NOT_YET",
    "SERIAL",
    "NotClaimed",
]

MISSING = "missing"
NOT_CLAIMABLE = "not_claimable"
ALREADY_CLAIMED = "already_claimed"
NOT_YET = "not_yet"
DEPENDENCY = "dependency"
SERIAL = "serial"
FROZEN = "frozen"
CONCURRENCY_LIMIT = "concurrency_limit"
HELD_BACK = "held_back"


@frozen(kw_only=True)
class NotClaimed:
    """An instance was not claimed, and nothing was changed.

    `reason` is the first of these that holds: `missing`; the state's own, in the machine's words where its lease has
    `reason=`, else `not_claimable`, `already_claimed` or `not_yet`; then of the gates `dependency`, `serial` or
    `frozen`; and last `concurrency_limit`.  `detail` says it in words.  `until` is when that may be over, where a time
    is known; `waits_for` are the keys of the subjects that it waits for.

    Where nobody asked for one by its key it is the reason of what has waited longest, with its `key`; `held_back`, if
    that could have been claimed meanwhile but others cannot; `not_yet`, `already_claimed`, or `missing` where nothing
    waits at all.

    >>> from leverframe import open_store
    >>> from leverframe.machines.run import *
    >>> with open_store("sqlite://") as store:
    ...     store.claim_or_reason(Run.lease, worker="builder-1", key="run-1").reason
    'missing'
    """

    reason: str
    detail: str = ""
    until: datetime | None = None
    waits_for: tuple[Key, ...] = ()
    key: Key | None = None
