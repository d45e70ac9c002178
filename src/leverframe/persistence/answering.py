"""What was answered when a delivery id came first?  The same answer is given each time that it comes again."""

from __future__ import annotations

from typing_extensions import TypeVar

from leverframe.errors import Key
from leverframe.persistence.backend import Reader
from leverframe.persistence.binding import Binding
from leverframe.persistence.records import Receipt
from leverframe.persistence.refusals import read_refusal
from leverframe.persistence.rows import Delivery, Snapshot
from leverframe.typed.payload import Event, Payload

__all__ = ["first_answer"]

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)


def first_answer(binding: Binding[S, E], reader: Reader, row: Snapshot, delivery: Delivery, key: Key) -> Receipt[S]:
    """What was answered when this delivery id came first."""
    if delivery.seq is None:
        return _first_refusal(binding, reader, row, delivery, key)
    line = reader.journal_line(delivery.seq)
    if line is None:
        # It is pruned.  That the event was settled is still known; what came of it is not.
        now = binding.state_of(row)
        return Receipt(True, True, type(now), type(now), row.version, delivery.seq, now)
    after = binding.journal_state(row.key, line)
    path = line.from_state or line.to_state
    if not binding.knows(path):
        binding.learn_spellings(reader.count(binding.name))
    left = binding.class_at(path)
    return Receipt(True, True, left, type(after), line.version, line.seq, after)


def _first_refusal(binding: Binding[S, E], reader: Reader, row: Snapshot, delivery: Delivery, key: Key) -> Receipt[S]:
    error, version = read_refusal(delivery.refusal or "", key)
    line = next(iter(reader.journal(row.instance, version, version)), None)
    state = binding.state_of(row) if line is None else binding.journal_state(row.key, line)
    return Receipt(False, True, type(state), type(state), version, None, state, error)
