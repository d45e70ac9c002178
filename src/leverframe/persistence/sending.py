"""One event, end to end: load, decode, decide, encode, commit.

The middle is pure: `_answer` turns what was loaded into a receipt or into a row to be written.  Where writers take
turns it runs inside of the transaction: what it read cannot change under it.  Elsewhere it runs before, and again after
a conflict.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Generic

from attrs import define
from typing_extensions import TypeVar

from leverframe.errors import (
    AlreadyExists,
    Conflict,
    Key,
    LeverframeError,
    LookupsChanged,
    NotFound,
    StaleState,
    TransitionNotAllowed,
)
from leverframe.persistence.arguments import check_delivery_id, check_expected
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
from leverframe.persistence.codec import read_json
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.keys import encode_key
from leverframe.persistence.lookups import check_declaration
from leverframe.persistence.records import Receipt
from leverframe.persistence.refusals import read_refusal, write_refusal
from leverframe.typed.payload import Event, Payload
from leverframe.typed.table import decide, enter

__all__ = ["ATTEMPTS", "Request", "make_request", "send_many", "send_one"]

ATTEMPTS = 10
"""How often a call begins anew after others moved the instance first, also during its own transaction."""

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)


@define
class Request(Generic[E]):
    """One event for one instance.

    `now` is the time of the decision, and `at` the same in microseconds; `recorded_at` is the store's own time.
    """

    key: Key
    key_text: str
    event: E
    now: datetime
    at: int
    recorded_at: int
    expect: type[Payload] | None = None
    delivery_id: str | None = None


def make_request(
    clock: datetime,
    key: Key,
    event: E,
    at: datetime | None = None,
    expect: type[Payload] | None = None,
    delivery_id: str | None = None,
) -> Request[E]:
    """A request at the time `clock` of the store.  Raises `InvalidKey`, `InvalidTime`, `InvalidQuery`."""
    if expect is not None:
        check_expected(expect)
    if delivery_id is not None:
        check_delivery_id(delivery_id)
    recorded_at = to_microseconds(clock)
    if at is None:
        return Request(key, encode_key(key), event, clock, recorded_at, recorded_at, expect, delivery_id)
    return Request(key, encode_key(key), event, at, to_microseconds(at), recorded_at, expect, delivery_id)


@define
class _Moving(Generic[S]):
    """The event is accepted, once this is written."""

    row: Move
    left: type[S]
    after: S


@define
class _Refusing(Generic[S]):
    """The event is refused, and that is to be kept for its delivery id."""

    row: Refusal
    receipt: Receipt[S]


# ---------------------------------------------------------------- one


def send_one(backend: Backend, binding: Binding[S, E], request: Request[E]) -> Receipt[S]:
    """Send one event.  A refusal is in the receipt.  Raises `NotFound`, `Conflict`, and what a handler raises."""
    send = _send_in_turn if backend.one_writer else _send
    for _ in range(ATTEMPTS):
        receipt = send(backend, binding, request)
        if receipt is not None:
            return receipt
    raise Conflict(binding.name, request.key, ATTEMPTS)


def _send_in_turn(backend: Backend, binding: Binding[S, E], request: Request[E]) -> Receipt[S] | None:
    """Load, decide and commit in one transaction."""
    with backend.write() as writer:
        return _settle(writer, binding, _load(writer, binding, request), request)


def _send(backend: Backend, binding: Binding[S, E], request: Request[E]) -> Receipt[S] | None:
    """Load and decide first, so that no handler holds up other writers; None if the instance moved meanwhile."""
    reader = backend.read()
    answer = _answer(binding, reader, _load(reader, binding, request), request)
    if isinstance(answer, Receipt):
        return answer
    with backend.write() as writer:
        receipt = _write(writer, binding, request, answer)
        if receipt is not None:
            return receipt
        # Others moved it while this call stood in line, and would the next time too: decide now that it is our turn.
        return _settle(writer, binding, _load(writer, binding, request), request)


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
            receipt = _settle(writer, binding, _found(binding, loaded, request), request)
            if receipt is None:
                raise Conflict(binding.name, request.key, 1)
            if receipt.error is not None and raise_refused:
                raise receipt.error
            receipts.append(receipt)
    return receipts


def _create(writer: Writer, binding: Binding[S, E], request: Request[E], state: S) -> Loaded:
    check_declaration(writer, binding)
    messages = enter(binding.machine, state, request.now)
    at = request.at
    creation = binding.creation(request.key_text, state, messages, at, request.recorded_at)
    try:
        instance, _ = writer.create(creation)
    except UniqueTaken as taken:
        raise _taken(binding, request, taken) from None
    row = Snapshot(instance, request.key_text, creation.state, creation.body, 1, at, at)
    return Loaded(row, None, binding.declaration)


def _settle(writer: Writer, binding: Binding[S, E], loaded: Loaded, request: Request[E]) -> Receipt[S] | None:
    """Decide and write in one transaction; None if the instance moved even so."""
    answer = _answer(binding, writer, loaded, request)
    return answer if isinstance(answer, Receipt) else _write(writer, binding, request, answer)


# ---------------------------------------------------------------- load


def _load(reader: Reader, binding: Binding[S, E], request: Request[E]) -> Loaded:
    return _found(binding, reader.load(binding.name, request.key_text, request.delivery_id), request)


def _found(binding: Binding[S, E], loaded: Loaded | None, request: Request[E]) -> Loaded:
    if loaded is None:
        raise NotFound(binding.name, request.key)
    if loaded.declaration != binding.declaration:
        raise LookupsChanged(binding.name)
    return loaded


# ---------------------------------------------------------------- decide


def _answer(
    binding: Binding[S, E], reader: Reader, loaded: Loaded, request: Request[E]
) -> Receipt[S] | _Moving[S] | _Refusing[S]:
    row = loaded.snapshot
    if loaded.delivery is not None:
        return _first_answer(binding, reader, row, loaded.delivery, request)
    before = binding.state_of(row)
    if request.expect is not None and not isinstance(before, request.expect):
        stale = StaleState(binding.name, request.expect.__name__, binding.paths[type(before)], request.key)
        return _refused(row, before, stale, request)
    try:
        decision = decide(binding.machine, before, request.event, request.now)
    except TransitionNotAllowed as refusal:
        refusal.key = request.key
        return _refused(row, before, refusal, request)
    move = binding.move(row, before, request.event, decision, request.at, request.recorded_at, request.delivery_id)
    return _Moving(move, type(before), decision.state)


def _refused(row: Snapshot, state: S, error: LeverframeError, request: Request[E]) -> Receipt[S] | _Refusing[S]:
    receipt = Receipt(False, False, type(state), type(state), row.version, None, state, error)
    if request.delivery_id is None:
        return receipt
    told = write_refusal(error, row.version)
    return _Refusing(Refusal(row.instance, row.version, request.delivery_id, told, request.recorded_at), receipt)


# ---------------------------------------------------------------- commit


def _write(
    writer: Writer, binding: Binding[S, E], request: Request[E], answer: _Moving[S] | _Refusing[S]
) -> Receipt[S] | None:
    """The receipt, or None if the instance moved, or the delivery id was settled, meanwhile."""
    if isinstance(answer, _Refusing):
        return answer.receipt if writer.refuse(answer.row) else None
    try:
        seq = writer.move(answer.row)
    except UniqueTaken as taken:
        return _write_taken(writer, binding, request, taken)
    if seq is None:
        return None
    return Receipt(True, False, answer.left, type(answer.after), answer.row.seen + 1, seq, answer.after)


def _write_taken(writer: Writer, binding: Binding[S, E], request: Request[E], taken: UniqueTaken) -> Receipt[S] | None:
    """A unique look-up's value is another's: the event is refused, and its delivery id settled so."""
    row = _load(writer, binding, request).snapshot
    refused = _refused(row, binding.state_of(row), _taken(binding, request, taken), request)
    return refused if isinstance(refused, Receipt) else _write(writer, binding, request, refused)


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
    binding.learn_spellings(reader.count(binding.name))
    left = binding.class_at(line.from_state or line.to_state)
    return Receipt(True, True, left, type(after), line.version, line.seq, after)


def _first_refusal(
    binding: Binding[S, E], reader: Reader, row: Snapshot, delivery: Delivery, request: Request[E]
) -> Receipt[S]:
    error, version = read_refusal(delivery.refusal or "", request.key)
    line = next(iter(reader.journal(row.instance, version, version)), None)
    state = binding.state_of(row) if line is None else binding.journal_state(row.key, line)
    return Receipt(False, True, type(state), type(state), version, None, state, error)
