"""The verb by which the owner of several leases sends events under all of them together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import define
from typing_extensions import TypeVar

from leverframe.coordination.held import Held
from leverframe.errors import Conflict
from leverframe.persistence.backend import UniqueTaken, Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.known import Decided, decide_known, tell_time
from leverframe.persistence.records import Receipt
from leverframe.persistence.sending import Request, make_request, settle
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
        try:
            receipts: list[Receipt[Any]] = self._backend.commit(lambda writer: send_together(writer, sendings))
        except UniqueTaken:
            # Whose value it is, and what that means, is told one by one.
            receipts = self._backend.commit(lambda writer: [settle_one(writer, each) for each in sendings])
        joined = self._backend.is_joined()
        for sending, receipt in zip(sendings, receipts, strict=True):
            if joined:
                self._undoing.note(sending.held.forgetting())
            sending.held.note(receipt)
        return receipts

    def _sending(self, held: Held[Any, Any], event: Any) -> Sending:
        held.check()
        binding = self._bindings.keeping_lookups(held.lease.machine)
        request: Request[Any] = make_request(None if self._clock is None else self._clock(), held.key, event)
        request.lease = held.lease_key(self._backend.era())
        known = held.era is not None and held.era == self._backend.era() and tell_time(self._backend, request)
        decided = decide_known(binding, request, held.known(0)) if known else None
        return Sending(held, binding, request, decided)


@define
class Sending:
    """One event, and the move that follows from what its owner knows, if one does."""

    held: Held[Any, Any]
    binding: Binding[Any, Any]
    request: Request[Any]
    decided: Decided | None


def send_together(writer: Writer, sendings: list[Sending]) -> list[Receipt[Any]]:
    """Write what follows from what is known, and decide on what is stored where that does not hold.

    Raises `UniqueTaken`.
    """
    decided = [each.decided for each in sendings if each.decided is not None]
    seqs = iter(writer.move_all([each.move for each in decided]) if decided else ())
    receipts = [None if each.decided is None else written(each.decided, next(seqs)) for each in sendings]
    return [receipt or settle_one(writer, each) for receipt, each in zip(receipts, sendings, strict=True)]


def written(decided: Decided, seq: int | None) -> Receipt[Any] | None:
    return None if seq is None else decided.receipt(seq)


def settle_one(writer: Writer, sending: Sending) -> Receipt[Any]:
    """Decide on what is stored."""
    receipt = settle(sending.binding, sending.request, writer)
    if receipt is None:
        raise Conflict(sending.binding.name, sending.held.key, 1)
    if receipt.error is not None:
        raise receipt.error
    return receipt
