"""The verb by which the owner of several leases sends events under all of them together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from typing_extensions import TypeVar

from leverframe.coordination.held import Held, forgetting, note_move, sending_under
from leverframe.coordination.owning import Sending, prepare, send_together, settle_one
from leverframe.persistence.records import Receipt
from leverframe.persistence.rows import UniqueTaken
from leverframe.persistence.store import SnapshotStore
from leverframe.typed.inference import Settled
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload

__all__ = ["Together"]

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)


class Together(SnapshotStore):
    """The verb about many leases."""

    def send_all(self, events: Settled[Iterable[tuple[Held[Machine[S, E], Any], E]]]) -> list[Receipt[S]]:
        """Send an event under each of several leases, in one transaction; a receipt each.

        Raises `LeaseLost` if one of them is over, `TransitionNotAllowed` and whatever else `Held.send` raises; then
        nothing of the whole call is written.

        >>> from datetime import UTC, datetime
        >>> from leverframe import open_store
        >>> from leverframe.machines.run import *
        >>> with open_store("sqlite://") as store:
        ...     for number in range(3):
        ...         pending = Pending(project_id=ProjectId("shop"), created_at=datetime.now(UTC))
        ...         _ = store.create(Run, f"run-{number}", pending)
        ...     held = store.claim_many(Run.lease, worker="builder-1", limit=10)
        ...     receipts = store.send_all([(each, Succeeded()) for each in held])
        >>> [type(receipt.state).__name__ for receipt in receipts]
        ['Completed', 'Completed', 'Completed']
        """
        pairs: Any = events
        sendings = [self._sending(held, event) for held, event in pairs]
        with sending_under([each.held for each in sendings]):
            receipts = self._send_together(sendings)
            joined = self._backend.is_joined()
            for sending, receipt in zip(sendings, receipts, strict=True):
                if joined:
                    self._undoing.note(forgetting(sending.held))
                note_move(sending.held, receipt)
        return receipts

    def _send_together(self, sendings: list[Sending]) -> list[Receipt[Any]]:
        backend = self._backend
        try:
            return backend.commit(lambda writer: send_together(writer, sendings, backend.era()))
        except UniqueTaken:
            # Whose value it is, and what that means, is told one by one.
            return backend.commit(lambda writer: [settle_one(writer, each) for each in sendings])

    def _sending(self, held: Held[Any, Any], event: Any, at: datetime | None = None) -> Sending:
        held.check()
        binding = self._bindings.keeping_lookups(held.lease.machine)
        return prepare(self._backend, binding, None if self._clock is None else self._clock(), held, event, at)
