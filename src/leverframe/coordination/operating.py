"""The verbs of a store for those who look after it: who works, what waits, and what is put right by hand.

What these change is journaled like every move, with who did it and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from typing_extensions import TypeVar

from leverframe.coordination.by_hand import ByHand, EndLease, Release, Repair, Requeue
from leverframe.coordination.claiming import as_lease
from leverframe.coordination.leased import LeaseRecord, read_lease
from leverframe.coordination.overview import Overseer, Overview
from leverframe.coordination.policies import BoundLease, LeaseOf, LeasePolicy
from leverframe.coordination.queues import QueueCounts
from leverframe.errors import InvalidQuery, Key
from leverframe.persistence.arguments import check_expected, check_integer
from leverframe.persistence.effects import Note
from leverframe.persistence.leases import HIGHEST_PRIORITY, LOWEST_PRIORITY
from leverframe.persistence.notes import check_note, make_note
from leverframe.persistence.records import Receipt
from leverframe.persistence.signatures import MachineClass
from leverframe.persistence.store import SnapshotStore
from leverframe.typed.inference import Settled
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload
from leverframe.typed.refusing import raise_unknown_state

__all__ = ["Operating"]

E = TypeVar("E", bound=Event)
S = TypeVar("S", bound=Payload)
T = TypeVar("T", bound=Payload)
M = TypeVar("M", bound=Machine[Any, Any])

COUNTED = 10_000
"""How far anything is counted that is looked at again and again."""


class Operating(SnapshotStore):
    """The verbs for operators."""

    def leases(self, lease: BoundLease[M, T], *, limit: int = 100) -> list[LeaseRecord]:
        """The leases that somebody has, the oldest first, by index.  Raises `InvalidQuery`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.run import *
        >>> with open_store("sqlite://") as store:
        ...     store.leases(Run.lease)
        []
        """
        policy = as_lease(lease)
        check_integer("limit", limit, at_least=1)
        found = self._backend.read().leased(self._bindings.of(policy.machine).name, limit)
        return [read_lease(each, self._microseconds()) for each in found]

    def queue(self, lease: BoundLease[M, T], *, limit: int = 10_000) -> QueueCounts:
        """How much can be claimed now, how much is held back or waits until later, and how much is claimed.

        Each number is counted along an index and up to `limit`: where there are more, `exact` is False.  Raises
        `InvalidQuery`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.run import *
        >>> with open_store("sqlite://") as store:
        ...     store.queue(Run.lease).ready
        0
        """
        policy = as_lease(lease)
        check_integer("limit", limit, at_least=1)
        return self._overseer(limit, 1).queue(policy)

    def overview(
        self, machines: Sequence[type[Machine[Any, Any]]] = (), *, others: bool = False, limit: int = 10
    ) -> Overview:
        """What goes on: queues, leases, states, what has ended last, who is silent, and consumers of messages.

        Of leases there are those that have run out, and then the oldest; of a machine with `Staleness` the instances
        whose level is no longer OK, first those without a heartbeat.

        Of `machines`, and with `others` of all that the store has, these by their names alone.  `limit` is how many
        leases and ends of each machine are listed; nothing is counted beyond ten thousand.  Raises `InvalidQuery`.

        >>> from leverframe import open_store
        >>> from leverframe.machines import Run
        >>> with open_store("sqlite://") as store:
        ...     store.overview([Run]).machines[0].queue.ready
        0
        """
        check_integer("limit", limit, at_least=1)
        overseer = self._overseer(COUNTED, limit)
        known = {self._bindings.of(machine).name: machine for machine in machines}
        names = [*known, *(name for name in overseer.reader.machines() if name not in known)] if others else list(known)
        shown = [overseer.known(known[name]) if name in known else overseer.named(name) for name in names]
        return Overview(self._now(), self.location, self._backend.tenant, shown, list(overseer.consumers()))

    def set_state(
        self,
        machine: MachineClass[M, S],
        key: Key,
        state: Settled[S],
        *,
        by: str,
        why: str,
        expect: type[Payload] | None = None,
    ) -> Receipt[S]:
        """Put an instance into any state of its machine, without an event: a repair, for what no move leads out of.

        No guard is asked, no hook runs, and nothing is told.  The journal has a line with both states, `by` and `why`,
        and no event.  Look-ups and counts follow.  What was kept beside the instance is made anew: a lease that
        somebody had is over, and its owner gets `LeaseLost`.  The present state may be one that cannot be read.

        Raises `InvalidQuery` unless both `by` and `why` are said; `NotFound`, `UnknownState`, `AlreadyExists` (a unique
        look-up's value is taken), `EncodeError`, `LookupsChanged`; `StaleState` where the instance is in no state that
        `expect`, a leaf or superstate, names.  Nothing is written then.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     _ = store.set_state(Pipeline, "story-7", Qa(), by="anna", why="the gates ran elsewhere")
        ...     store.history(Pipeline, "story-7")[-1].repaired
        True
        """
        note = check_note(by, why)
        binding = self._bindings.keeping_lookups(machine)
        if type(state) not in binding.paths:
            raise_unknown_state(binding.machine._table, type(state))
        if expect is not None:
            check_expected(expect)
        given = cast("Payload", state)
        repair = Repair(binding=binding, key=key, now=self._microseconds(), note=note, state=given, expect=expect)
        return self._backend.commit(repair)

    def release(
        self, lease: BoundLease[M, T], key: Key, *, by: str | None = None, why: str | None = None
    ) -> Receipt[Any]:
        """End the lease that somebody has on an instance, as if it had run out: its owner gets `LeaseLost`.

        The move is the policy's `expiry`.  Raises `NotLeased`, `NotFound`, `TransitionNotAllowed`; `InvalidQuery` where
        the policy names no such move.

        >>> from datetime import UTC, datetime
        >>> from leverframe import open_store
        >>> from leverframe.machines.run import *
        >>> with open_store("sqlite://") as store:
        ...     pending = Pending(project_id=ProjectId("shop"), created_at=datetime.now(UTC))
        ...     _ = store.create(Run, "run-1", pending)
        ...     _ = store.claim(Run.lease, worker="builder-1")
        ...     store.release(Run.lease, "run-1", by="anna", why="builder-1 hangs").to_state.__name__
        'Pending'
        """
        policy, note = as_lease(lease), make_note(by, why)
        if policy.expiry is None:
            problem = f"{policy.name} names no expiry=, so that nobody says what becomes of a lease that is over"
            raise InvalidQuery(policy.machine.machine_name, f"{problem}; send it an event, or set_state() it")
        return self._by_hand(Release, policy, key, note)

    def end_lease(
        self,
        lease: LeaseOf[M, T, E],
        record: LeaseRecord,
        event: Settled[E],
        *,
        by: str | None = None,
        why: str | None = None,
    ) -> Receipt[Any]:
        """Make a move for an owner that is known to be gone, if the lease is still the one that `leases` has given.

        The event's move is the policy's `expiry`, its `release` or one of its `free` ones.  However many see the same
        lease, one of them ends it: the others, and its late owner, get `LeaseLost`, and a lease that somebody has got
        since is left alone.  Raises `LeaseLost`, `NotFound`; `TransitionNotAllowed`, `LeaseRequired` for another move.

        >>> from datetime import UTC, datetime
        >>> from leverframe import open_store
        >>> from leverframe.machines.run import *
        >>> with open_store("sqlite://") as store:
        ...     pending = Pending(project_id=ProjectId("shop"), created_at=datetime.now(UTC))
        ...     _ = store.create(Run, "run-1", pending)
        ...     _ = store.claim(Run.lease, worker="builder-1")
        ...     [record] = store.leases(Run.lease)
        ...     store.end_lease(Run.lease, record, LeaseExpired()).to_state.__name__
        'Pending'
        """
        policy, note = as_lease(lease), make_note(by, why)
        whose: dict[str, Any] = {"token": record.token, "worker": record.worker}
        return self._by_hand(EndLease, policy, record.key, note, event=event, **whose)

    def requeue(
        self,
        lease: LeaseOf[M, T, E],
        key: Key,
        event: Settled[E] | None = None,
        *,
        priority: int | None = None,
        by: str | None = None,
        why: str | None = None,
    ) -> Receipt[Any]:
        """Bring an instance to where it can be claimed now.

        One that waits until later waits no longer; that is journaled as a repair.  For any other, `event` has to lead
        there; without it, it is the only event that does so from the present state and is made without arguments.
        `priority` takes the place of the policy's until the next move.

        Raises `InvalidQuery`, which names the events that there are; `TransitionNotAllowed`, also where its machine
        would not let it be claimed now; `NotFound`, `LeaseRequired`.  Nothing is written then.

        >>> from datetime import UTC, datetime
        >>> from leverframe import open_store
        >>> from leverframe.machines.run import *
        >>> with open_store("sqlite://") as store:
        ...     pending = Pending(project_id=ProjectId("shop"), created_at=datetime.now(UTC))
        ...     _ = store.create(Run, "run-1", pending)
        ...     store.requeue(Run.lease, "run-1", priority=9, by="anna", why="the customer waits").version
        2
        """
        policy, note = as_lease(lease), make_note(by, why)
        if priority is not None:
            check_integer("priority", priority, at_least=LOWEST_PRIORITY, at_most=HIGHEST_PRIORITY)
        return self._by_hand(Requeue, policy, key, note, event=event, priority=priority)

    def _overseer(self, counted: int, listed: int) -> Overseer:
        return Overseer(self._backend.read(), self._bindings, self._microseconds(), counted, listed)

    def _by_hand(
        self, kind: type[ByHand], lease: LeasePolicy, key: Key, note: Note | None, **more: Any
    ) -> Receipt[Any]:
        binding = self._bindings.keeping_lookups(lease.machine)
        given: Any = {"binding": binding, "key": key, "now": self._microseconds(), "note": note, "lease": lease, **more}
        return self._backend.commit(kind(**given))
