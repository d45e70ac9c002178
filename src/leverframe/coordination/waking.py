"""The verbs of a store by which instances are woken up when their time has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define, frozen
from typing_extensions import TypeVar

from leverframe.coordination.passing import PassedBy, move_by_itself
from leverframe.coordination.policies import WakeUp
from leverframe.errors import Key, TransitionNotAllowed
from leverframe.persistence.arguments import check_integer
from leverframe.persistence.backend import Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.effects import Moved, Rouse
from leverframe.persistence.instants import from_microseconds
from leverframe.persistence.keys import decode_key
from leverframe.persistence.leases import WakeUpRow
from leverframe.persistence.lookups import check_declaration
from leverframe.persistence.store import SnapshotStore
from leverframe.typed.machine import Machine
from leverframe.typed.table import decide

__all__ = ["Due", "Waking"]

M = TypeVar("M", bound=Machine[Any, Any])


@frozen
class Due:
    """An instance whose time has come: `name` is the policy's, `at` when it was due, in UTC."""

    key: Key
    path: str
    name: str
    at: datetime


class Waking(SnapshotStore):
    """The verbs about wake-ups."""

    def due(self, machine: type[Machine[Any, Any]], *, limit: int = 100) -> list[Due]:
        """The instances whose time has come, the earliest first, by index; nothing is sent.

        >>> from leverframe import open_store
        >>> from leverframe.machines.run import *
        >>> with open_store("sqlite://") as store:
        ...     store.due(Run)
        []
        """
        check_integer("limit", limit, at_least=1)
        binding = self._bindings.of(machine)
        rows = self._backend.read().due_wake_ups(binding.name, self._microseconds(), limit)
        return [Due(decode_key(row.snapshot.key), row.snapshot.state, row.name, _at(row)) for row in rows]

    def wake(self, machine: type[Machine[Any, Any]], *, limit: int = 100) -> int:
        """Make the move of each wake-up that is due; how many were made.

        Each is made once, however many processes look.  At most `limit` go into one transaction, and all that there are
        are made.  One whose move is refused by a guard is dropped.  What keeps one from being made, a row that cannot
        be read, a handler that raises, a unique look-up's value that is taken, is raised when all others are made.

        >>> from leverframe import open_store
        >>> from leverframe.machines.run import *
        >>> with open_store("sqlite://") as store:
        ...     store.wake(Run)
        0
        """
        check_integer("limit", limit, at_least=1)
        binding = self._bindings.keeping_lookups(machine)
        passed, woken = PassedBy(), 0
        while True:
            # Those that were passed by come first again.
            asked = limit + len(passed.errors)
            seen, new, made = self._backend.commit(Wake(binding, asked, self._microseconds(), passed))
            woken += made
            if seen < asked or not new:
                break
        passed.tell()
        return woken


@define
class Wake:
    """Make at most `limit` moves that are due."""

    binding: Binding[Any, Any]
    limit: int
    now: int | None
    passed: PassedBy

    def __call__(self, writer: Writer) -> tuple[int, int, int]:
        """How many are due, how many of them for the first time, and how many moves were made."""
        check_declaration(writer, self.binding)
        wake_ups = {each.name: each for each in self.binding.policies if isinstance(each, WakeUp) and each.move}
        if not wake_ups:
            return 0, 0, 0
        rows = writer.due_wake_ups(self.binding.name, self.now, self.limit, tuple(wake_ups))
        new = [row for row in rows if row.snapshot.instance not in self.passed.errors]
        return len(rows), len(new), sum(self._try_to_make(writer, row, wake_ups[row.name]) for row in new)

    def _try_to_make(self, writer: Writer, row: WakeUpRow, policy: WakeUp) -> bool:
        try:
            return self._make(writer, row, policy)
        except Exception as error:
            self.passed.note(row.snapshot.instance, error)
            return False

    def _make(self, writer: Writer, row: WakeUpRow, policy: WakeUp) -> bool:
        now = row.clock if self.now is None else self.now
        assert now is not None, "a database without a clock is told the time"
        snapshot = row.snapshot
        moved = Moved(snapshot.instance, snapshot.version, 0, now)
        state, event = self.binding.state_of(snapshot), policy.wake_event()
        if policy.due_at(state) != row.due_at:
            # Somebody moved it while this transaction waited for it, or it was written by other code.
            writer.affect(moved, [Rouse(self.binding.name, row.name, policy.due_at(state))])
            return False
        try:
            decision = decide(self.binding.machine, state, event, from_microseconds(now))
        except TransitionNotAllowed:
            writer.affect(moved, [Rouse(self.binding.name, row.name, None)])
            return False
        move = self.binding.move(snapshot, state, event, decision, now, now, None)
        return move_by_itself(writer, self.binding, snapshot, move)


def _at(row: WakeUpRow) -> datetime:
    return from_microseconds(row.due_at)
