"""Look-ups that were declared, or dropped, since a store last saw the machine: their values are made, or removed."""

from __future__ import annotations

from typing import Any

from leverframe.errors import AlreadyExists, UnreadableRow
from leverframe.persistence.backend import Backend, Snapshot, UniqueTaken, Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.codec import read_json
from leverframe.persistence.keys import decode_key

__all__ = ["keep_declared_lookups"]

READ_AT_ONCE = 1000


def keep_declared_lookups(backend: Backend, binding: Binding[Any, Any]) -> None:
    """Make the look-ups that are kept those that the machine declares, in one transaction.

    Raises `AlreadyExists` if one is declared unique now and two instances have the same value; nothing is changed then.
    """
    if backend.read().lookup_fields(binding.name) == binding.lookup_fields:
        return
    with backend.write() as writer:
        kept = writer.lookup_fields(binding.name)
        for field, unique in kept.items():
            if binding.lookup_fields.get(field) != unique:
                writer.forget_lookup(binding.name, field)
        new = {field for field, unique in binding.lookup_fields.items() if kept.get(field) != unique}
        for field in new:
            writer.declare_lookup(binding.name, field, binding.lookup_fields[field])
        _fill(writer, binding, new)


def _fill(writer: Writer, binding: Binding[Any, Any], fields: set[str]) -> None:
    last = 0
    while fields and (rows := writer.instances(binding.name, last, READ_AT_ONCE)):
        for row in rows:
            _add(writer, binding, row, fields)
        last = rows[-1].instance


def _add(writer: Writer, binding: Binding[Any, Any], row: Snapshot, fields: set[str]) -> None:
    try:
        values = binding.lookup_values(binding.state_of(row))
    except UnreadableRow:
        return  # It says so when it is read; that must not keep all others from being used.
    for value in values:
        if value.field in fields:
            try:
                writer.add_lookup(binding.name, row.instance, value)
            except UniqueTaken as taken:
                key = decode_key(row.key)
                raise AlreadyExists(binding.name, key, taken.field, read_json(taken.value)) from None
