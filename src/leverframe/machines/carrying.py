"""What a state hands on to the next one: the fields that both have."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import attrs

from leverframe import Payload

__all__ = ["become"]

P = TypeVar("P", bound=Payload)


def become(before: Payload, kind: type[P], **changes: Any) -> P:
    """A state of class `kind`: each field that `before` has too is the same, unless `changes` has it.

    >>> from leverframe.machines.execution import *
    >>> from datetime import UTC, datetime
    >>> become(Completed(AgentName("builder"), 0, datetime(2026, 1, 2, tzinfo=UTC)), Completed, exit_code=1).exit_code
    1
    """
    make: Callable[..., P] = kind
    source: Any = type(before)
    return make(**{name: getattr(before, name) for name in _shared_fields(source, make)} | changes)


@cache
def _shared_fields(before: Any, after: Any) -> tuple[str, ...]:
    known = {field.name for field in attrs.fields(before)}
    return tuple(field.name for field in attrs.fields(after) if field.name in known)
