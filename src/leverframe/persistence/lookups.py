"""Look-ups that were declared, or dropped, since a store last saw the machine: their values are made, or removed."""

from __future__ import annotations

from functools import partial
from typing import Any

from leverframe.errors import AlreadyExists, LookupsChanged, UnreadableRow
from leverframe.persistence.backend import Backend, Reader, Snapshot, UniqueTaken, Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.codec import read_json
from leverframe.persistence.keys import decode_key

__all__ = ["check_declaration", "keep_declared_lookups"]

READ_AT_ONCE = 1000


def keep_declared_lookups(backend: Backend, binding: Binding[Any, Any]) -> None:
    """Make the look-ups that are kept those that the machine declares today, in one transaction.

    They are made anew for all instances where anything differs from which a look-up's value is made: the fields, the
    states that have them, the upcasters.  Raises `AlreadyExists` if one is unique and two instances have the same
    value; nothing is changed then.
    """
    if not _is_kept(backend.read(), binding):
        backend.commit(partial(_declare, binding))
    binding.confirmed = True


def _declare(binding: Binding[Any, Any], writer: Writer) -> None:
    writer.hold_all()
    # Another program of the same code may have been faster.
    if not _is_kept(writer, binding):
        binding.declaration = writer.declare(binding.name, binding.declared)
        _fill(writer, binding)


def check_declaration(reader: Reader, binding: Binding[Any, Any]) -> None:
    """Raise `LookupsChanged` if another program keeps other look-ups of the machine by now."""
    kept = reader.declaration(binding.name)
    if (None if kept is None else kept.number) != binding.declaration:
        raise LookupsChanged(binding.name)


def _is_kept(reader: Reader, binding: Binding[Any, Any]) -> bool:
    kept = reader.declaration(binding.name)
    binding.declaration = None if kept is None else kept.number
    return binding.declared == ("" if kept is None else kept.text)


def _fill(writer: Writer, binding: Binding[Any, Any]) -> None:
    last = 0
    while binding.declared and (rows := writer.instances(binding.name, last, READ_AT_ONCE)):
        for row in rows:
            _add(writer, binding, row)
        last = rows[-1].instance


def _add(writer: Writer, binding: Binding[Any, Any], row: Snapshot) -> None:
    try:
        values = binding.lookup_values(binding.state_of(row))
    except UnreadableRow:
        return  # It says so when it is read; that must not keep all others from being used.
    for value in values:
        try:
            writer.add_lookup(binding.name, row.instance, value)
        except UniqueTaken as taken:
            key = decode_key(row.key)
            raise AlreadyExists(binding.name, key, taken.field, read_json(taken.value)) from None
