"""What a move changes beside its instance: who has it, since when it can be had, when it is to be woken up, and why.

Times are microseconds since 1970-01-01 UTC by the store's clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from attrs import define

__all__ = [
    "Effect",
    "EndTurn",
    "Grant",
    "Leave",
    "Meet",
    "Moved",
    "Note",
    "Pause",
    "Resume",
    "Rouse",
    "Stand",
    "Vacate",
    "make_ready",
]


@define
class Grant:
    """A lease that a move gives; its token is the journal's number of that move.  `expires_at` None: it never does.

    `host`, `process_id` and `process_start` tell the worker's process from any other of its host and boot.
    """

    worker: str
    expires_at: int | None
    host: str = ""
    process_id: int = 0
    process_start: int = 0


@define
class Stand:
    """From here on the instance can be claimed, from `ready_at` on (None: not now), or `grant` says who has it.

    What is ready at the time of the move, or earlier, counts as having waited since it was made.  `subject` is the key
    of the instance whose gates it has to pass, `serial` the group of which one at a time may have started, `scope` what
    a limit is for.
    """

    machine: str
    ready_at: int | None
    priority: int = 0
    subject: str | None = None
    serial: str | None = None
    scope: str | None = None
    grant: Grant | None = None


@define
class Pause:
    """From here on no lease runs, and who had it is kept."""


@define
class Resume:
    """From here on whoever had it has it again, with a token of its own."""

    expires_at: int | None


@define
class Leave:
    """From here on nobody has it, or can have it."""


@define
class Rouse:
    """From here on it is to be woken up at `due_at` for the policy called `name`; None: it no longer is."""

    machine: str
    name: str
    due_at: int | None


@define
class Note:
    """Who made the move, and why, in somebody's own words; empty where nothing is said."""

    by: str
    why: str


@define
class Vacate:
    """From here on it has no slot of a limit."""


@define
class EndTurn:
    """From here on another one of its group may start."""


@define
class Meet:
    """From here on nobody has to wait for it, who is called `key`; or, not `met`, everybody has to again."""

    machine: str
    key: str
    met: bool


Effect: TypeAlias = Stand | Pause | Resume | Leave | Rouse | Note | Vacate | EndTurn | Meet


@define
class Moved:
    """The move that an effect comes with: its journal number, the version it led to, and the store's time then."""

    instance: int
    version: int
    seq: int
    now: int


def make_ready(effects: Iterable[Effect]) -> bool:
    """Whether something can be claimed from then on, or later: somebody may wait for it."""
    return any(isinstance(effect, Stand) and effect.ready_at is not None for effect in effects)
