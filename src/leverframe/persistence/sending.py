"""One event, end to end: load, decode, decide, encode, commit.

The middle is pure: `_answer` turns what was loaded into a receipt or into a row to be written.  Where writers take
turns it runs inside of the transaction: what it read cannot change under it.  Elsewhere it runs before, and after a
conflict inside of a transaction that holds the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Generic, cast

from attrs import define
from typing_extensions import TypeVar

from leverframe.errors import (
    Conflict,
    Key,
    LeaseLost,
    LeverframeError,
    LookupsChanged,
    NotFound,
    StaleState,
    TransitionNotAllowed,
)
from leverframe.persistence.answering import first_answer
from leverframe.persistence.arguments import check_delivery_id, check_expected
from leverframe.persistence.backend import Backend, Reader, Writer
from leverframe.persistence.beside import Sending
from leverframe.persistence.binding import Binding
from leverframe.persistence.effects import Note
from leverframe.persistence.instants import EPOCH, from_microseconds, to_microseconds
from leverframe.persistence.keys import encode_key
from leverframe.persistence.lookups import already_exists, check_declaration
from leverframe.persistence.records import Receipt
from leverframe.persistence.refusals import write_refusal
from leverframe.persistence.rows import Creation, Loaded, Move, Refusal, Snapshot, UniqueTaken
from leverframe.typed.payload import Event, Payload
from leverframe.typed.table import Decision, decide, enter

__all__ = [
    "ATTEMPTS",
    "LeaseKey",
    "Request",
    "create_one",
    "make_request",
    "request_by_text",
    "send_many",
    "send_one",
    "settle",
]

ATTEMPTS = 10
"""How often a call begins anew after others moved the instance first, also during its own transaction."""

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)


@define
class LeaseKey:
    """The lease of one worker on one instance: at `version` it was this one, and it ran, or paused."""

    instance: int
    token: int
    worker: str
    version: int
    runs: bool


@define
class Request(Generic[E]):
    """One event for one instance.

    `now` is the time of the decision, `at` the same in microseconds, and `recorded_at` the store's own time.
    `asks_clock` says that this is still to be asked of the database, and `given` that `now` was given by the caller.
    `lease` is what it is sent under, if it is; `note` is what is kept of who sends it, and why.
    """

    key: Key
    key_text: str
    event: E
    now: datetime
    at: int
    recorded_at: int
    expect: type[Payload] | None = None
    delivery_id: str | None = None
    given: bool = False
    asks_clock: bool = False
    lease: LeaseKey | None = None
    note: Note | None = None

    def set_clock(self, recorded_at: int) -> None:
        self.recorded_at = recorded_at
        if not self.given:
            self.at = recorded_at
            self.now = from_microseconds(recorded_at)


def make_request(
    clock: datetime | None,
    key: Key,
    event: E,
    at: datetime | None = None,
    expect: type[Payload] | None = None,
    delivery_id: str | None = None,
) -> Request[E]:
    """A request at the time `clock` of the store; None: at the time by the database's clock when it is loaded.

    Raises `InvalidKey`, `InvalidTime`, `InvalidQuery`.
    """
    if expect is not None:
        check_expected(expect)
    if delivery_id is not None:
        check_delivery_id(delivery_id)
    request = request_by_text(clock, key, encode_key(key), event, at)
    request.expect, request.delivery_id = expect, delivery_id
    return request


def request_by_text(clock: datetime | None, key: Key, text: str, event: E, at: datetime | None) -> Request[E]:
    """As `make_request`, where the key's text is known.  Raises `InvalidTime`."""
    recorded_at = 0 if clock is None else to_microseconds(clock)
    if at is None:
        now = EPOCH if clock is None else clock
        return Request(key, text, event, now, recorded_at, recorded_at, None, None, False, clock is None)
    return Request(key, text, event, at, to_microseconds(at), recorded_at, None, None, True, clock is None)


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
    work = partial(settle, binding, request)
    receipt = None if backend.decides_in_turn or backend.is_joined() else _send(backend, binding, request)
    attempts = ATTEMPTS
    while receipt is None and attempts:
        receipt = backend.commit(work)
        attempts -= 1
    if receipt is None:
        raise Conflict(binding.name, request.key, ATTEMPTS)
    return receipt


def _send(backend: Backend, binding: Binding[S, E], request: Request[E]) -> Receipt[S] | None:
    """Decide before the transaction, so that no handler holds up others; None if it has to be decided in one."""
    return _send_recalled(backend, binding, request) or _send_loaded(backend, binding, request)


def _send_recalled(backend: Backend, binding: Binding[S, E], request: Request[E]) -> Receipt[S] | None:
    """Decide on what this program last wrote; None if no move follows from that: it may be of long ago."""
    loaded = backend.recall(binding.name, request.key_text)
    moving = None if loaded is None else _moving_from(backend, binding, request, loaded)
    if loaded is None or moving is None:
        return None
    try:
        seq = backend.move_in(loaded.era, moving.row)
    except UniqueTaken:
        seq = None
    return None if seq is None else _moved(moving, seq)


def _moving_from(backend: Backend, binding: Binding[S, E], request: Request[E], recalled: Loaded) -> _Moving[S] | None:
    try:
        answer = _answer(binding, backend.read(), _found(binding, recalled, request), request)
    except Exception:
        # Whatever is wrong may be so only in a state of long ago: it is decided anew on what is read.
        return None
    return answer if isinstance(answer, _Moving) else None


def _send_loaded(backend: Backend, binding: Binding[S, E], request: Request[E]) -> Receipt[S] | None:
    reader = backend.read()
    loaded = _load(reader, binding, request)
    answer = _answer(binding, reader, loaded, request)
    if isinstance(answer, Receipt):
        return answer
    try:
        return _write(backend, answer)
    except UniqueTaken:
        return None


def settle(binding: Binding[S, E], request: Request[E], writer: Writer) -> Receipt[S] | None:
    """Load, decide and write in one transaction; None if the instance moved even so."""
    return _settle_loaded(binding, request, writer, _load(writer, binding, request))


def _settle_loaded(binding: Binding[S, E], request: Request[E], writer: Writer, loaded: Loaded) -> Receipt[S] | None:
    answer = _answer(binding, writer, loaded, request)
    if isinstance(answer, Receipt):
        return answer
    try:
        return _write(writer, answer)
    except UniqueTaken as taken:
        return _refuse_taken(writer, binding, request, loaded, taken)


# ---------------------------------------------------------------- many


def send_many(
    backend: Backend, binding: Binding[S, E], requests: Sequence[Request[E]], create: S | None, *, raise_refused: bool
) -> list[Receipt[S]]:
    """Send events in one transaction, in their order; raises before anything is written, or writes all."""

    def work(writer: Writer) -> list[Receipt[S]]:
        writer.hold(binding.name, [request.key_text for request in requests])
        return [_send_among_others(writer, binding, request, create, raise_refused) for request in requests]

    return backend.commit(work)


def _send_among_others(
    writer: Writer, binding: Binding[S, E], request: Request[E], create: S | None, raise_refused: bool
) -> Receipt[S]:
    loaded = writer.load(binding.name, request.key_text, request.delivery_id)
    if loaded is None and create is not None:
        loaded = _create(writer, binding, request, create)
    receipt = _settle_loaded(binding, request, writer, _found(binding, loaded, request))
    if receipt is None:
        check_declaration(writer, binding)
        raise Conflict(binding.name, request.key, 1)
    if receipt.error is not None and raise_refused:
        raise receipt.error
    return receipt


def _create(writer: Writer, binding: Binding[S, E], request: Request[E], state: S) -> Loaded:
    messages = enter(binding.machine, state, request.now)
    at = request.at
    creation = binding.creation(request.key_text, state, messages, at, request.recorded_at)
    instance = create_one(binding, request.key, creation, writer)
    row = Snapshot(instance, request.key_text, creation.state, creation.body, 1, at, at)
    return Loaded(row, None, binding.declaration)


def create_one(binding: Binding[Any, Any], key: Key, creation: Creation, writer: Writer) -> int:
    """Write a new instance; its number.  Raises `AlreadyExists`, `LookupsChanged`."""
    check_declaration(writer, binding)
    try:
        instance, _ = writer.create(creation)
    except UniqueTaken as taken:
        raise already_exists(binding, key, taken) from None
    return instance


# ---------------------------------------------------------------- load


def _load(reader: Reader, binding: Binding[S, E], request: Request[E]) -> Loaded:
    return _found(binding, reader.load(binding.name, request.key_text, request.delivery_id), request)


def _found(binding: Binding[S, E], loaded: Loaded | None, request: Request[E]) -> Loaded:
    if loaded is None:
        raise NotFound(binding.name, request.key)
    if loaded.declaration != binding.declaration:
        raise LookupsChanged(binding.name)
    if request.asks_clock and loaded.clock is not None:
        request.set_clock(loaded.clock)
    return loaded


# ---------------------------------------------------------------- decide


def _answer(
    binding: Binding[S, E], reader: Reader, loaded: Loaded, request: Request[E]
) -> Receipt[S] | _Moving[S] | _Refusing[S]:
    row = loaded.snapshot
    if loaded.delivery is not None:
        return first_answer(binding, reader, row, loaded.delivery, request.key)
    before = binding.state_of(row)
    fenced = request.lease is not None and _check_lease(binding, reader, row, request)
    if request.expect is not None and not isinstance(before, request.expect):
        stale = StaleState(binding.name, request.expect.__name__, binding.paths[type(before)], request.key)
        return _refused(row, before, stale, request)
    try:
        decision = decide(binding.machine, before, request.event, request.now)
    except TransitionNotAllowed as refusal:
        refusal.key = request.key
        return _refused(row, before, refusal, request)
    if binding.policies:
        _check_policies(binding, row, before, decision, request, fenced=fenced)
    move = binding.move(row, before, request.event, decision, request.at, request.recorded_at, request.delivery_id)
    if request.note is not None:
        move.effects = (*move.effects, request.note)
    return _Moving(move, type(before), decision.state)


def _check_lease(binding: Binding[Any, Any], reader: Reader, row: Snapshot, request: Request[Any]) -> bool:
    """Whether it is sent under the lease that runs; raise `LeaseLost` if that is over."""
    key = cast("LeaseKey", request.lease)
    if (row.instance, row.version) == (key.instance, key.version):
        # A lease is given, and taken away, by moves alone.
        return key.runs
    lease = reader.lease(row.instance)
    if lease is not None and lease.token == key.token:
        return True
    if lease is None or lease.token is not None or lease.worker != key.worker:
        raise LeaseLost(binding.name, request.key, key.token, key.worker)
    # It pauses: until it goes on, anybody may send.
    return False


def _check_policies(
    binding: Binding[S, E], row: Snapshot, before: S, decision: Decision[S], request: Request[E], *, fenced: bool
) -> None:
    """Raise where only somebody else may make the move."""
    sending = Sending(row.key, before, request.event, decision.edge, fenced)
    for policy in binding.policies:
        policy.check(sending)


def _refused(row: Snapshot, state: S, error: LeverframeError, request: Request[E]) -> Receipt[S] | _Refusing[S]:
    receipt = Receipt(False, False, type(state), type(state), row.version, None, state, error)
    if request.delivery_id is None:
        return receipt
    told = write_refusal(error, row.version)
    return _Refusing(Refusal(row.instance, row.version, request.delivery_id, told, request.recorded_at), receipt)


# ---------------------------------------------------------------- commit


def _write(place: Backend | Writer, answer: _Moving[S] | _Refusing[S]) -> Receipt[S] | None:
    """The receipt, or None if the instance moved, or the delivery id was settled, meanwhile."""
    if isinstance(answer, _Refusing):
        return answer.receipt if place.refuse(answer.row) else None
    seq = place.move(answer.row)
    return None if seq is None else _moved(answer, seq)


def _moved(answer: _Moving[S], seq: int) -> Receipt[S]:
    return Receipt(True, False, answer.left, type(answer.after), answer.row.seen + 1, seq, answer.after)


def _refuse_taken(
    writer: Writer, binding: Binding[S, E], request: Request[E], loaded: Loaded, taken: UniqueTaken
) -> Receipt[S] | None:
    """A unique look-up's value is another's: the event is refused, and its delivery id settled so."""
    row = loaded.snapshot
    refused = _refused(row, binding.state_of(row), already_exists(binding, request.key, taken), request)
    return refused if isinstance(refused, Receipt) else _write(writer, refused)
