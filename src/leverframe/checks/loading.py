"""Does what is stored of an old class load as its new one?  Where that cannot be known, the answer is no."""

from __future__ import annotations

import re
from collections.abc import Mapping

from leverframe.checks.locked import Locked, StoredClass
from leverframe.checks.values import Value
from leverframe.diagrams.picture import Field

__all__ = ["has_upcaster", "loads", "names_in", "value_loads"]

Values = Mapping[str, Value]

NAME = re.compile(r"[^\W\d]\w*")
ROOTS = {"Positive": "int", "NonEmpty": "str"}
"""What refined values are to JSON."""


def has_upcaster(old: StoredClass, new: Locked) -> bool:
    """Whether the new program has an upcaster for what the old one wrote."""
    return (old.name, old.version) in new.upcasters


def names_in(type_name: str) -> set[str]:
    """The names in an annotation.

    >>> sorted(names_in("tuple[Sku, ...] | None"))
    ['None', 'Sku', 'tuple']
    """
    return set(NAME.findall(type_name))


def loads(old: Field, new: Field, before: Values, after: Values) -> bool:
    """Whether each stored value of a field loads, its type having become another."""
    if old.optional and not new.optional:
        return False  # An older row may lack it.
    return type_loads(old.type, new.type, before, after)


def type_loads(old: str, new: str, before: Values, after: Values) -> bool:
    if old == new:
        return True
    was, became = members_of(old), members_of(new)
    if was - {"None"} == became - {"None"} or len(became - {"None"}) == len(was - {"None"}) == 1:
        return was & {"None"} <= became and all(
            one_loads(each, other, before, after) for each, other in pairs(was, became)
        )
    # One class is stored without its name, several with it.
    return len(was - {"None"}) > 1 and was <= became


def pairs(was: frozenset[str], became: frozenset[str]) -> list[tuple[str, str]]:
    return list(zip(sorted(was - {"None"}), sorted(became - {"None"}), strict=True))


def one_loads(old: str, new: str, before: Values, after: Values) -> bool:
    if old == new:
        return True
    if old.startswith("Literal[") and new.startswith("Literal["):
        return choices(old) <= choices(new)
    value, other = refined(old, before), refined(new, after)
    if value is None:
        return False
    if other is None:
        return new in (value.base, ROOTS.get(value.base))
    return value_loads(value, other)


def value_loads(old: Value, new: Value) -> bool:
    """Whether each stored object of a class loads as one of another; for classes of fields, as far as one can tell."""
    if old.kind != new.kind:
        return False
    if old.kind == "refined":
        return old.base == new.base and set(new.patterns) <= set(old.patterns)
    if old.kind == "enum":
        return set(old.members) <= set(new.members)
    return True


def refined(name: str, values: Values) -> Value | None:
    if name in ROOTS:
        return Value(name, "refined", base=name)
    value = values.get(name)
    return value if value is not None and value.kind == "refined" else None


def members_of(type_name: str) -> frozenset[str]:
    """The members of a union.

    >>> sorted(members_of("tuple[A | B, ...] | None"))
    ['None', 'tuple[A | B, ...]']
    """
    return frozenset(split(type_name, " | "))


def choices(literal: str) -> frozenset[str]:
    return frozenset(split(literal.removeprefix("Literal[").removesuffix("]"), ", "))


def split(text: str, separator: str) -> list[str]:
    """Where the separator stands outside of brackets."""
    parts, depth = [""], 0
    pieces = text.split(separator)
    for number, piece in enumerate(pieces):
        parts[-1] += piece
        depth += piece.count("[") - piece.count("]")
        if depth == 0 and number + 1 < len(pieces):
            parts.append("")
        elif number + 1 < len(pieces):
            parts[-1] += separator
    return parts
