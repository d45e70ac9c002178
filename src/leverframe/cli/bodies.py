"""How are states and events shown?  By their fields, in the spelling in which they are stored."""

from __future__ import annotations

import json
from typing import Any, cast

from leverframe import Event, Payload
from leverframe.cli.targets import AnyMachine
from leverframe.cli.text import shorten, single_line
from leverframe.persistence.codec import codec_of, read_json

__all__ = ["event_fields", "event_object", "field_text", "show_event", "show_fields", "state_fields", "state_object"]

Fields = dict[str, Any]

LONGEST_FIELD = 40

# What stands beside the fields where they are written flat.
ENVELOPE = frozenset({"type", "v", "body"})


def state_fields(machine: AnyMachine, state: Payload) -> Fields:
    """A state's fields, as JSON has them."""
    return fields_of(codec_of(machine).encode_state(state))


def event_fields(machine: AnyMachine, event: Event) -> Fields:
    """An event's fields, as JSON has them."""
    return fields_of(codec_of(machine).encode_event(event))


def fields_of(text: str) -> Fields:
    return cast("dict[str, Fields]", read_json(text))["body"]


def event_object(machine: AnyMachine, event: Event) -> Fields:
    """An event as a log has it."""
    return object_of(event, event_fields(machine, event))


def state_object(machine: AnyMachine, state: Payload) -> Fields:
    """A state as a log has it where an instance is created."""
    return object_of(state, state_fields(machine, state))


def object_of(value: Event | Payload, fields: Fields) -> Fields:
    name = type(value).__name__
    return {"type": name, "body": fields} if ENVELOPE & fields.keys() else {"type": name, **fields}


def show_event(machine: AnyMachine, event: Event) -> str:
    """An event for people: its name, and its fields behind it."""
    return f"{type(event).__name__} {show_fields(event_fields(machine, event))}".rstrip()


def show_fields(fields: Fields) -> str:
    """Fields in one line, long ones cut.

    >>> show_fields({"commits_ahead": 3, "feature_branch": "fix"})
    'commits_ahead=3 feature_branch=fix'
    """
    return " ".join(f"{name}={shorten(field_text(value), LONGEST_FIELD)}" for name, value in fields.items())


def field_text(value: object) -> str:
    """A field's value: text as it is, everything else as JSON."""
    return single_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
