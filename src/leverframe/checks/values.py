"""Which classes stand inside the fields of states and events, and what may be stored of each?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, get_args

import attrs
from attrs import frozen

from leverframe.diagrams.picture import Field
from leverframe.typed.annotations import type_name
from leverframe.typed.fields import field_hints
from leverframe.typed.values import NonEmpty, Positive

__all__ = ["Value", "fields_of", "values_in"]


BASES = (Positive, NonEmpty, str, int, float, bytes)
"""What refined values are made of."""


@frozen
class Value:
    """A class that stands in fields: `kind` is "class", "enum" or "refined".

    `fields` are those of a class, `members` what stands in the store for those of an enum, and `base` and `patterns`
    what a refined value has to be.
    """

    name: str
    kind: str
    fields: tuple[Field, ...] = ()
    members: tuple[str, ...] = ()
    base: str = ""
    patterns: tuple[str, ...] = ()


def fields_of(cls: Any) -> tuple[Field, ...]:
    """The fields of an attrs class that somebody gives."""
    hints = field_hints(cls)
    return tuple(
        Field(each.name, type_name(hints.get(each.name, each.type)), each.default is not attrs.NOTHING)
        for each in attrs.fields(cls)
        if each.init
    )


def values_in(classes: Iterable[type]) -> tuple[Value, ...]:
    """What stands in the fields of these states and events, at whatever depth, by name."""
    found: dict[type, Value] = {}
    frontier: list[Any] = [part for cls in classes for part in parts_of(cls)]
    while frontier:
        cls = frontier.pop()
        if cls not in found and (value := value_of(cls)) is not None:
            found[cls] = value
            frontier += parts_of(cls) if value.kind == "class" else ()
    return tuple(sorted(found.values(), key=repr))


def parts_of(cls: Any) -> Iterator[Any]:
    """The classes that the annotations of an attrs class name."""
    for hint in field_hints(cls).values():
        yield from named_in(hint)


def named_in(hint: Any) -> Iterator[Any]:
    # A `NewType`, and a name that `type X = ...` gave.
    for inner in ("__supertype__", "__value__"):
        if hasattr(hint, inner):
            yield from named_in(getattr(hint, inner))
    if isinstance(hint, type) and not get_args(hint):
        yield hint
    for argument in get_args(hint):
        yield from named_in(argument)


def value_of(cls: Any) -> Value | None:
    """What may be stored of a class; None where its name says all."""
    name = cls.__name__
    if attrs.has(cls):
        return Value(name, "class", fields=fields_of(cls))
    if issubclass(cls, Enum):
        return Value(name, "enum", members=tuple(repr(member.value) for member in cls))
    base = next((base for base in cls.__mro__[1:] if base in BASES), None)
    if base is None:
        return None
    patterns = tuple(each.pattern for each in getattr(cls, "_patterns", ()))
    return Value(name, "refined", base=base.__name__, patterns=patterns)
