"""The verb of a store by which a worker takes up again what it had before a pause."""

from __future__ import annotations

from typing import Any

from attrs import define
from typing_extensions import TypeVar

from leverframe.coordination.claiming import Claiming, as_lease
from leverframe.coordination.claims import Given
from leverframe.coordination.held import Held
from leverframe.coordination.keeping import renew
from leverframe.coordination.policies import BoundLease, LeasePolicy
from leverframe.errors import Key, NotFound
from leverframe.persistence.arguments import check_text
from leverframe.persistence.backend import Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.keys import encode_key
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Payload

__all__ = ["Resuming"]

T = TypeVar("T", bound=Payload)
M = TypeVar("M", bound=Machine[Any, Any])


class Resuming(Claiming):
    """The verb about leases that were given anew behind a pause."""

    def resume(self, lease: BoundLease[M, T], key: Key, *, worker: str) -> Held[M, T] | None:
        """Take up again what this worker has a lease on: somebody else's move has ended the pause, and given it anew.

        The lease lasts for its whole time from now on.  None where this worker has none on the instance: the pause
        goes on, or it was ended, or is another's.  Raises `NotFound`, `InvalidQuery`, `UnreadableRow`.

        >>> from datetime import UTC, datetime
        >>> from leverframe import open_store
        >>> from leverframe.machines.run import *
        >>> with open_store("sqlite://") as store:
        ...     pending = Pending(project_id=ProjectId("shop"), created_at=datetime.now(UTC))
        ...     _ = store.create(Run, "run-1", pending)
        ...     held = store.claim(Run.lease, worker="builder-1")
        ...     assert held is not None
        ...     _ = held.send(ToolRequested())
        ...     print(store.resume(Run.lease, "run-1", worker="builder-1"))
        ...     _ = store.send(Run, "run-1", ToolFinished())
        ...     held = store.resume(Run.lease, "run-1", worker="builder-1")
        ...     assert held is not None
        ...     held.send(Succeeded()).to_state.__name__
        None
        'Completed'
        """
        policy = as_lease(lease)
        check_text("worker", worker)
        binding = self._bindings.of(policy.machine)
        given = self._backend.commit(Resumption(binding, policy, key, encode_key(key), worker, self._microseconds()))
        return None if given is None else self._held(policy, worker, given)


@define
class Resumption:
    """Renew the lease that a worker has on an instance; None if it has none."""

    binding: Binding[Any, Any]
    lease: LeasePolicy
    key: Key
    key_text: str
    worker: str
    now: int | None

    def __call__(self, writer: Writer) -> Given | None:
        loaded = writer.load(self.binding.name, self.key_text)
        if loaded is None:
            raise NotFound(self.binding.name, self.key)
        row = loaded.snapshot
        # In a statement of its own: who waited for the snapshot's lock would see the lease as it was before.
        found = writer.lease(row.instance)
        if found is None or found.token is None or found.worker != self.worker:
            return None
        state = self.binding.state_of(row)
        if self.lease.ttl is not None:
            renew(writer, self.lease, [(row.instance, found.token)], self.now, waits=True)
        return Given(row, state, row.version, found.token)
