"""How long has it been silent?  What a machine declares about instances that have to show that they live.

The answer is computed when it is asked for, from the last heartbeat and the time; it is never stored, and no move
changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from leverframe.errors import MachineDefinitionError
from leverframe.persistence.beside import Change, Sending
from leverframe.persistence.effects import Effect
from leverframe.typed.payload import Payload
from leverframe.typed.policy import Policy
from leverframe.wording import show_value

__all__ = ["Staleness", "StalenessLevel"]

NOTHING = timedelta()


class StalenessLevel(Enum):
    """How long an instance has been silent.

    >>> StalenessLevel.WARN.is_stale, StalenessLevel.DEAD.is_stale
    (False, True)
    """

    OK = "ok"
    WARN = "warn"
    STALE = "stale"
    DEAD = "dead"

    @property
    def is_stale(self) -> bool:
        """Whether somebody has to look: STALE or DEAD."""
        return self in (StalenessLevel.STALE, StalenessLevel.DEAD)


class Staleness(Policy):
    """In its `watched` states an instance has to show that it lives: `store.beat(...)`, read by `store.observe(...)`.

    `watched` is a leaf, a superstate, any class that the payloads of some states inherit, or several of these.  A
    heartbeat of an age up to `warn` is OK, over that WARN, over `stale` STALE, over `dead` DEAD; a watched state
    without any heartbeat is DEAD, and a state that is not watched always OK.  The three are no less than nothing, and
    none is less than the one before it, or the machine cannot be made (`MachineDefinitionError`).

    >>> from leverframe.machines.worker import Worker
    >>> Worker.staleness.warn.seconds, Worker.staleness.dead.seconds
    (300, 1800)
    """

    def __init__(
        self,
        *,
        watched: type[Payload] | Sequence[type[Payload]],
        warn: timedelta = timedelta(minutes=5),
        stale: timedelta = timedelta(minutes=15),
        dead: timedelta = timedelta(minutes=30),
    ) -> None:
        self.watched: tuple[type[Payload], ...] = (watched,) if isinstance(watched, type) else tuple(watched)
        self.warn = warn
        self.stale = stale
        self.dead = dead

    def level(self, state: Payload, heartbeat_at: datetime | None, now: datetime) -> StalenessLevel:
        """What a last heartbeat, None if there was none, says about an instance in this state at this time.

        >>> from datetime import UTC, datetime, timedelta
        >>> from leverframe.machines.worker import *
        >>> now = datetime(2026, 1, 2, tzinfo=UTC)
        >>> of = {"task_id": TaskId("task-7"), "branch": BranchName("fix"), "worktree": Worktree("/trees/fix")}
        >>> assigned = Assigned(**of, created_at=now, state_changed_at=now)
        >>> Worker.staleness.level(assigned, now, now + timedelta(minutes=20))
        <StalenessLevel.STALE: 'stale'>
        """
        if not isinstance(state, self.watched):
            return StalenessLevel.OK
        if heartbeat_at is None:
            return StalenessLevel.DEAD
        age = now - heartbeat_at
        if age > self.dead:
            return StalenessLevel.DEAD
        if age > self.stale:
            return StalenessLevel.STALE
        return StalenessLevel.WARN if age > self.warn else StalenessLevel.OK

    # ------------------------------------------------------------ as a policy

    def attach(self, machine: Any) -> None:
        super().attach(machine)
        self._check_spans()
        self._check_watched()
        if any(isinstance(other, Staleness) and other is not self for other in machine._policies):
            self._fail("is not the only one, and an instance has one heartbeat; keep one of them")

    def _check_spans(self) -> None:
        before = NOTHING
        for name in ("warn", "stale", "dead"):
            span: Any = getattr(self, name)
            if not isinstance(span, timedelta):
                self._fail(f"{name}={show_value(span)} is no timedelta; give one")
            if span < before:
                self._fail(f"{name} {span} is less than {before}; let warn, stale and dead grow from nothing")
            before = span

    def _check_watched(self) -> None:
        leaves: tuple[type, ...] = self.machine.leaves()
        for state in self.watched:
            if not (isinstance(state, type) and any(issubclass(leaf, state) for leaf in leaves)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
                self._fail(f"watched={show_value(state)} is the class of none of its states; give one that is")
        if not self.watched:
            self._fail("watches no state; name at least one")

    def _fail(self, problem: str) -> None:
        raise MachineDefinitionError(self.machine.__name__, self.name, problem)

    def check(self, sending: Sending) -> None:
        """Anybody may make any move."""

    def effects(self, change: Change) -> Sequence[Effect]:  # noqa: ARG002
        """No move changes anything: a heartbeat is none."""
        return ()
