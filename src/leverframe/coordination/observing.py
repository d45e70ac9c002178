"""The verbs of a store by which instances show that they live, and by which others look how long they have not."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic

from typing_extensions import TypeVar

from leverframe.coordination.staleness import Staleness, StalenessLevel
from leverframe.errors import InvalidQuery, Key, NotFound
from leverframe.persistence.backend import Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.heartbeats import ObservedRow
from leverframe.persistence.instants import from_microseconds
from leverframe.persistence.keys import encode_key
from leverframe.persistence.records import Stored
from leverframe.persistence.signatures import MachineClass
from leverframe.persistence.store import SnapshotStore
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Payload
from leverframe.typed.policy import policy_of

__all__ = ["Observed", "Observing", "observed"]

S = TypeVar("S", bound=Payload)
M = TypeVar("M", bound=Machine[Any, Any])
S_co = TypeVar("S_co", bound=Payload, covariant=True)
M_co = TypeVar("M_co", bound=Machine[Any, Any], covariant=True)


class Observed(Generic[M_co, S_co]):
    """An instance and when it last showed that it lives, as both were when they were read: `Observed[Worker, Working]`.

    Attributes: `stored`, the instance; `heartbeat_at`, the time of its last heartbeat, in UTC, None if there was none;
    `read_at`, the time by the store's clock when this was read.

    >>> from datetime import UTC, datetime
    >>> from leverframe import open_store
    >>> from leverframe.machines.worker import *
    >>> now = datetime(2026, 1, 2, tzinfo=UTC)
    >>> of = {"task_id": TaskId("task-7"), "branch": BranchName("fix"), "worktree": Worktree("/trees/fix")}
    >>> with open_store("sqlite://", clock=lambda: now) as store:
    ...     _ = store.create(Worker, "task-7", Assigned(**of, created_at=now, state_changed_at=now))
    ...     store.observe_one(Worker, "task-7")
    <observed <Worker 'task-7' in assigned, version 1>, no heartbeat>
    """

    __slots__ = ("_staleness", "heartbeat_at", "read_at", "stored")

    def __init__(
        self, stored: Stored[M_co, S_co], heartbeat_at: datetime | None, read_at: datetime, staleness: Staleness
    ) -> None:
        self.stored = stored
        self.heartbeat_at = heartbeat_at
        self.read_at = read_at
        self._staleness = staleness

    @property
    def level(self) -> StalenessLevel:
        """How long it had been silent when it was read.  Raises `UnreadableRow`, as `stored.state` does."""
        return self._staleness.level(self.stored.state, self.heartbeat_at, self.read_at)

    def __repr__(self) -> str:
        heartbeat = "no heartbeat" if self.heartbeat_at is None else f"last heartbeat {self.heartbeat_at}"
        return f"<observed {self.stored!r}, {heartbeat}>"


class Observing(SnapshotStore):
    """The verbs about heartbeats."""

    def beat(self, machine: type[Machine[Any, Any]], key: Key) -> None:
        """An instance shows that it lives, in whichever state it is.

        It is no move: neither state nor version nor journal change.  Raises `NotFound`, and `InvalidQuery` where the
        machine declares no `Staleness`.

        >>> from datetime import UTC, datetime
        >>> from leverframe import open_store
        >>> from leverframe.machines.worker import *
        >>> now = datetime.now(UTC)
        >>> of = {"task_id": TaskId("task-7"), "branch": BranchName("fix"), "worktree": Worktree("/trees/fix")}
        >>> assigned = Assigned(**of, created_at=now, state_changed_at=now)
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Worker, "task-7", assigned)
        ...     store.beat(Worker, "task-7")
        ...     store.observe_one(Worker, "task-7").level
        <StalenessLevel.OK: 'ok'>
        """
        binding = self._bindings.of(machine)
        staleness_of(binding)
        key_text, now = encode_key(key), self._microseconds()

        def work(writer: Writer) -> bool:
            return writer.beat(binding.name, key_text, now)

        if not self._backend.commit(work):
            raise NotFound(binding.name, key)

    def observe(self, machine: MachineClass[M, S], *, limit: int | None = None) -> list[Observed[M, S]]:
        """Every instance with its last heartbeat, and how stale that is; newest state change first, by one statement.

        `limit` None means all.  Raises `InvalidQuery`, also where the machine declares no `Staleness`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.worker import *
        >>> with open_store("sqlite://") as store:
        ...     [seen.stored.key for seen in store.observe(Worker) if seen.level.is_stale]
        []
        """
        binding: Binding[Any, Any] = self._bindings.of(machine)
        staleness = staleness_of(binding)
        query = binding.query(None, None, None, limit)
        rows = self._backend.read().observed(query, self._microseconds())
        return [observed(binding, row, staleness) for row in rows]

    def observe_one(self, machine: MachineClass[M, S], key: Key) -> Observed[M, S]:
        """One instance, as `observe` gives them.  Raises `NotFound`, `InvalidQuery`."""
        binding: Binding[Any, Any] = self._bindings.of(machine)
        staleness = staleness_of(binding)
        row = self._backend.read().observed_one(binding.name, encode_key(key), self._microseconds())
        if row is None:
            raise NotFound(binding.name, key)
        return observed(binding, row, staleness)


def staleness_of(binding: Binding[Any, Any]) -> Staleness:
    """What the machine declares.  Raises `InvalidQuery`."""
    found = policy_of(binding.machine, Staleness)
    if found is None:
        problem = "declares no staleness; write staleness = Staleness(watched=...) in its body"
        raise InvalidQuery(binding.name, problem)
    return found


def observed(binding: Binding[Any, Any], row: ObservedRow, staleness: Staleness) -> Observed[Any, Any]:
    heartbeat_at = None if row.heartbeat_at is None else from_microseconds(row.heartbeat_at)
    return Observed(binding.stored(row.snapshot), heartbeat_at, from_microseconds(row.read_at), staleness)
