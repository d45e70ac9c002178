"""What the owner of a lease sends: decided on what it knows, and on what is stored where that does not hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define

from leverframe.coordination.held import Held, known_by, lease_key
from leverframe.errors import Conflict
from leverframe.persistence.backend import Backend, Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.known import Decided, decide_known, tell_time
from leverframe.persistence.records import Receipt
from leverframe.persistence.rows import UniqueTaken
from leverframe.persistence.sending import Request, request_by_text, send_one, settle

__all__ = ["Sending", "prepare", "send_alone", "send_known", "send_together", "settle_one"]


@define
class Sending:
    """One event; `decided` is the move that follows from what its owner knows, None if none does, in this `era`."""

    held: Held[Any, Any]
    binding: Binding[Any, Any]
    request: Request[Any]
    decided: Decided | None
    era: int


def prepare(
    backend: Backend,
    binding: Binding[Any, Any],
    clock: datetime | None,
    held: Held[Any, Any],
    event: Any,
    at: datetime | None = None,
) -> Sending:
    """Decide, as far as that is possible without the store; `clock` is as `make_request` takes it."""
    era = backend.era()
    request = request_by_text(clock, held.key, held.key_text, event, at)
    request.lease = lease_key(held, era)
    knows = held.era == era and tell_time(backend, request)
    return Sending(held, binding, request, decide_known(binding, request, known_by(held)) if knows else None, era)


# ---------------------------------------------------------------- one


def send_alone(backend: Backend, sending: Sending) -> Receipt[Any]:
    """Send it by itself.  Raises what is refused, `LeaseLost`, and as `send_one`."""
    receipt = None if backend.is_joined() else send_known(backend, sending)
    if receipt is None:
        receipt = send_one(backend, sending.binding, sending.request)
    return accepted(receipt)


def send_known(backend: Backend, sending: Sending) -> Receipt[Any] | None:
    """Write what follows from what is known; None if it is to be decided on what is stored."""
    decided = sending.decided
    if decided is None:
        return None
    try:
        seq = backend.move_in(sending.era, decided.move)
    except UniqueTaken:
        return None
    return None if seq is None else decided.receipt(seq)


# ---------------------------------------------------------------- in a transaction


def send_together(writer: Writer, sendings: list[Sending], era: int) -> list[Receipt[Any]]:
    """Write what follows from what is known, and decide on what is stored where that does not hold.

    `era` is the present one.  Raises `UniqueTaken`.
    """
    decided = [each.decided if each.era == era else None for each in sendings]
    moves = [each.move for each in decided if each is not None]
    seqs = iter(writer.move_all(moves) if moves else ())
    receipts = [None if each is None else written(each, next(seqs)) for each in decided]
    return [receipt or settle_one(writer, each) for receipt, each in zip(receipts, sendings, strict=True)]


def written(decided: Decided, seq: int | None) -> Receipt[Any] | None:
    return None if seq is None else decided.receipt(seq)


def settle_one(writer: Writer, sending: Sending) -> Receipt[Any]:
    """Decide on what is stored."""
    receipt = settle(sending.binding, sending.request, writer)
    if receipt is None:
        raise Conflict(sending.binding.name, sending.held.key, 1)
    return accepted(receipt)


def accepted(receipt: Receipt[Any]) -> Receipt[Any]:
    """The receipt; raise what it refuses."""
    if receipt.error is not None:
        raise receipt.error
    return receipt
