"""One event, end to end: load, decode, decide, encode, commit.

The middle is pure: `_answer` turns what was loaded into a receipt or into a row to be written.  A conflict starts
again from the load, a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Generic, cast

from attrs import evolve, frozen
from typing_extensions import TypeVar

from leverframe.errors import (
    AlreadyExists,
    Conflict,
    Key,
    LeverframeError,
    NotFound,
    StaleState,
    TransitionNotAllowed,
)
from leverframe.persistence.backend import (
    Backend,
    Delivery,
    Loaded,
    Move,
    Reader,
    Refusal,
    Snapshot,
    UniqueTaken,
    Writer,
)
from leverframe.persistence.binding import Binding
from leverframe.persistence.codec import read_json, write_json
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.records import Receipt
from leverframe.typed.payload import Event, Payload
from leverframe.typed.table import decide, enter

__all__ = ["ATTEMPTS", "Request", "send_many", "send_one"]

ATTEMPTS = 100
"""How often a move is decided anew after others moved the instance first."""

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)


@frozen
class Request(Generic[E]):
    """One event for one instance: `now` is the time of the decision, `recorded_at` the store's, in microseconds."""

    key: Key
    key_text: str
    event: E
    now: datetime
    recorded_at: int
    expect: type[Payload] | None = None
    delivery_id: str | None = None


@frozen
class _Decided(Generic[S]):
    """A receipt that holds once `row` is written; None: nothing is to be written."""

    receipt: Receipt[S]
    row: Move | Refusal | None


# ---------------------------------------------------------------- one


def send_one(backend: Backend, binding: Binding[S, E], request: Request[E]) -> Receipt[S]:
    """Send one event.  A refusal is in the receipt.  Raises `NotFound`, `Conflict`, and what a handler raises."""
    for _ in range(ATTEMPTS):
        reader = backend.read()
        decided = _answer(binding, reader, _load(reader, binding, request), request)
        if decided.row is None:
            return decided.receipt
        receipt = _commit(backend, binding, request, decided)
        if receipt is not None:
            return receipt
    raise Conflict(binding.name, request.key, ATTEMPTS)


def _commit(backend: Backend, binding: Binding[S, E], request: Request[E], decided: _Decided[S]) -> Receipt[S] | None:
    """The receipt, or None if the instance moved meanwhile."""
    with backend.write() as writer:
        return _write(writer, binding, request, decided)


# ---------------------------------------------------------------- many


def send_many(
    backend: Backend, binding: Binding[S, E], requests: Iterable[Request[E]], create: S | None, *, raise_refused: bool
) -> list[Receipt[S]]:
    """Send events in one transaction, in their order; raises before anything is written, or writes all."""
    receipts: list[Receipt[S]] = []
    with backend.write() as writer:
        for request in requests:
            loaded = writer.load(binding.name, request.key_text, request.delivery_id)
            if loaded is None and create is not None:
                loaded = _create(writer, binding, request, create)
            receipt = _settle(writer, binding, loaded, request)
            if receipt.error is not None and raise_refused:
                raise receipt.error
            receipts.append(receipt)
    return receipts


def _create(writer: Writer, binding: Binding[S, E], request: Request[E], state: S) -> Loaded:
    messages = enter(binding.machine, state, request.now)
    at = to_microseconds(request.now)
    creation = binding.creation(request.key_text, state, messages, at, request.recorded_at)
    try:
        instance, _ = writer.create(creation)
    except UniqueTaken as taken:
        raise _taken(binding, request, taken) from None
    return Loaded(Snapshot(instance, request.key_text, creation.state, creation.body, 1, at, at), None)


def _settle(
    writer: Writer, binding: Binding[S, E], loaded: Loaded | None, request: Request[E]
) -> Receipt[S]:
    decided = _answer(binding, writer, _found(binding, loaded, request), request)
    receipt = decided.receipt if decided.row is None else _write(writer, binding, request, decided)
    if receipt is None:  # nobody else writes inside this transaction
        raise Conflict(binding.name, request.key, 1)
    return receipt


# ---------------------------------------------------------------- load


def _load(reader: Reader, binding: Binding[S, E], request: Request[E]) -> Loaded:
    return _found(binding, reader.load(binding.name, request.key_text, request.delivery_id), request)


def _found(binding: Binding[S, E], loaded: Loaded | None, request: Request[E]) -> Loaded:
    if loaded is None:
        raise NotFound(binding.name, request.key)
    return loaded


# ---------------------------------------------------------------- decide


def _answer(binding: Binding[S, E], reader: Reader, loaded: Loaded, request: Request[E]) -> _Decided[S]:
    row = loaded.snapshot
    if loaded.delivery is not None:
        return _Decided(_first_answer(binding, reader, row, loaded.delivery, request), None)
    before = binding.state_of(row)
    if request.expect is not None and not isinstance(before, request.expect):
        stale = StaleState(binding.name, request.expect.__name__, binding.paths[type(before)], request.key)
        return _refused(binding, row, before, stale, request)
    try:
        decision = decide(binding.machine, before, request.event, request.now)
    except TransitionNotAllowed as refusal:
        return _refused(binding, row, before, refusal, request)
    at = to_microseconds(request.now)
    move = binding.move(row, before, request.event, decision, at, request.recorded_at, request.delivery_id)
    after = decision.state
    return _Decided(Receipt(True, False, type(before), type(after), row.version + 1, None, after), move)


def _refused(
    binding: Binding[S, E], row: Snapshot, state: S, error: LeverframeError, request: Request[E]
) -> _Decided[S]:
    receipt = Receipt(False, False, type(state), type(state), row.version, None, state, error)
    if request.delivery_id is None:
        return _Decided(receipt, None)
    told = _write_refusal(row, error)
    return _Decided(receipt, Refusal(row.instance, row.version, request.delivery_id, told, request.recorded_at))


# ---------------------------------------------------------------- commit


def _write(writer: Writer, binding: Binding[S, E], request: Request[E], decided: _Decided[S]) -> Receipt[S] | None:
    row = decided.row
    if isinstance(row, Move):
        try:
            seq = writer.move(row)
        except UniqueTaken as taken:
            return _write_taken(writer, binding, request, decided.receipt, row, taken)
        return None if seq is None else evolve(decided.receipt, seq=seq)
    if row is not None and not writer.refuse(row):
        return None
    return decided.receipt


def _write_taken(
    writer: Writer, binding: Binding[S, E], request: Request[E], receipt: Receipt[S], move: Move, taken: UniqueTaken
) -> Receipt[S] | None:
    """A unique look-up's value is another's: the event is refused, and its delivery id settled so."""
    error = _taken(binding, request, taken)
    loaded = _load(writer, binding, request)
    refused = _refused(binding, loaded.snapshot, binding.state_of(loaded.snapshot), error, request)
    return refused.receipt if refused.row is None else _write(writer, binding, request, refused)


def _taken(binding: Binding[S, E], request: Request[E], taken: UniqueTaken) -> AlreadyExists:
    return AlreadyExists(binding.name, request.key, taken.field, read_json(taken.value))


# ---------------------------------------------------------------- delivery ids


def _first_answer(
    binding: Binding[S, E], reader: Reader, row: Snapshot, delivery: Delivery, request: Request[E]
) -> Receipt[S]:
    """What was answered when this delivery id came first."""
    if delivery.seq is None:
        return _first_refusal(binding, reader, row, delivery, request)
    line = reader.journal_line(delivery.seq)
    if line is None:
        raise NotFound(binding.name, request.key, f"journal line {delivery.seq}")
    after = binding.journal_state(row.key, line)
    left = binding.class_at(line.from_state or line.to_state)
    return Receipt(True, True, left, type(after), line.version, line.seq, after)


def _first_refusal(
    binding: Binding[S, E], reader: Reader, row: Snapshot, delivery: Delivery, request: Request[E]
) -> Receipt[S]:
    told: dict[str, Any] = cast("dict[str, Any]", read_json(delivery.refusal or "{}"))
    version = told.pop("version")
    line = next(iter(reader.journal(row.instance, version, version)), None)
    state = binding.state_of(row) if line is None else binding.journal_state(row.key, line)
    error = _read_refusal(told, request.key)
    return Receipt(False, True, type(state), type(state), version, None, state, error)


def _write_refusal(row: Snapshot, error: LeverframeError) -> str:
    told: dict[str, Any] = {"error": type(error).__name__, "version": row.version}
    match error:
        case TransitionNotAllowed():
            told |= {"machine": error.machine, "event": error.event, "state": error.state}
            told |= {"accepted": list(error.accepted), "reason": error.reason}
        case StaleState():
            told |= {"machine": error.machine, "expected": error.expected, "state": error.state}
        case AlreadyExists():
            told |= {"machine": error.machine, "field": error.field, "value": error.value}
        case _:
            raise TypeError(f"{error!r} is no refusal")
    return write_json(told)


def _read_refusal(told: dict[str, Any], key: Key) -> LeverframeError:
    match told:
        case {"error": "StaleState"}:
            return StaleState(told["machine"], told["expected"], told["state"], key)
        case {"error": "AlreadyExists"}:
            return AlreadyExists(told["machine"], key, told["field"], told["value"])
        case _:
            accepted = tuple(told["accepted"])
            return TransitionNotAllowed(told["machine"], told["event"], told["state"], accepted, told["reason"])
