"""What became of fields: each change once, with all the classes that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from leverframe.checks.loading import loads
from leverframe.checks.locked import Locked
from leverframe.checks.said import Change, holders_of, unreadable_in
from leverframe.checks.values import Value
from leverframe.diagrams.picture import Field

__all__ = ["field_changes"]

Fields = Mapping[str, tuple[Field, ...]]
Told = tuple[str, str, bool]
"""A sign, what is said with `{}` for the classes, and whether what is stored loads."""


def field_changes(old: Locked, new: Locked) -> Iterator[Change]:
    """Of states and events, and of the classes that stand in their fields."""
    told: dict[Told, list[str]] = {}
    before, after = fields_by_class(old), fields_by_class(new)
    values, others = by_name(old), by_name(new)
    for name in after:
        if name in before:
            for each in compared(before[name], after[name], values, others):
                told.setdefault(each, []).append(name)
    for (sign, text, readable), names in told.items():
        unreadable = () if readable else unreadable_in(stored_with(names, old), old, new)
        yield Change(sign, text.format(folded(names, new)), tuple(names), unreadable)


def fields_by_class(locked: Locked) -> Fields:
    classes = {name: each.fields for name, each in locked.classes.items()}
    return classes | {value.name: value.fields for value in locked.values if value.kind == "class"}


def by_name(locked: Locked) -> dict[str, Value]:
    return {value.name: value for value in locked.values}


def compared(
    old: tuple[Field, ...], new: tuple[Field, ...], values: Mapping[str, Value], others: Mapping[str, Value]
) -> Iterator[Told]:
    before, after = {field.name: field for field in old}, {field.name: field for field in new}
    for name, field in before.items():
        if name not in after:
            yield "-", f"field {name} of {{}} is gone, was {escaped(field.type)}", False
    for name, field in after.items():
        if name not in before:
            tail = ", and may be left out" if field.optional else ""
            yield "+", f"field {name} of {{}} is new, {escaped(field.type)}{tail}", field.optional
        elif field.type != before[name].type:
            readable = loads(before[name], field, values, others)
            yield "~", f"field {name} of {{}} is {escaped(field.type)} now, was {escaped(before[name].type)}", readable
        elif field.optional != before[name].optional:
            yield "~", f"field {name} of {{}} may {'' if field.optional else 'not '}be left out now", field.optional


def escaped(type_name: str) -> str:
    return type_name.replace("{", "{{").replace("}", "}}")


def stored_with(names: Iterable[str], locked: Locked) -> list[str]:
    """The states and events among these, and those that have one of these in them."""
    found: list[str] = []
    for name in names:
        found += [name] if name in locked.classes else holders_of(name, locked)
    return found


def folded(names: list[str], locked: Locked) -> str:
    """Names in one word, where they are all the leaves of a superstate."""
    picture = locked.picture
    for state in picture.states:
        if not state.is_leaf and {leaf.payload for leaf in picture.inside(state.path)} == set(names):
            return state.payload
    return ", ".join(names)
