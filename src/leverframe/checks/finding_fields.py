"""What is wrong with the fields of states and events, and with look-ups by them?"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import attrs

from leverframe.checks.finding import Finding
from leverframe.checks.reach import Reach
from leverframe.checks.sources import Written, body_of, written_class, written_member
from leverframe.diagrams.source_files import source_file
from leverframe.typed.annotations import type_name
from leverframe.typed.fields import field_hints
from leverframe.wording import join_names

__all__ = ["find_in_fields"]


def find_in_fields(reach: Reach) -> Iterator[Finding]:
    """All that is about fields."""
    yield from unique_defaults(reach)
    yield from mutable_fields(reach)
    yield from constant_fields(reach)


def unique_defaults(reach: Reach) -> Iterator[Finding]:
    for name, lookup in reach.structure.lookups.items():
        if not lookup.unique or lookup.part is not None:
            continue
        holders = [leaf.path for leaf in reach.leaves if has_default(leaf.payload, name)]
        if holders:
            problem = f"{name} is unique and has a default in {join_names(holders)}: only one instance can have that"
            remedy = "drop the default, or let it be None, which never counts as taken"
            written = written_member(reach.machine, name)
            yield Finding("unique-default", reach.machine.__name__, problem, remedy, written)


def has_default(cls: Any, name: str) -> bool:
    """Whether a field is the same for all who leave it out."""
    defaults = {each.name: each.default for each in attrs.fields(cls)}
    default: Any = defaults.get(name)
    return name in defaults and default is not None and default is not attrs.NOTHING and not factory(default)


def factory(default: Any) -> bool:
    return hasattr(default, "takes_self") and hasattr(default, "factory")


MUTABLE = (list, set)


def mutable_fields(reach: Reach) -> Iterator[Finding]:
    told: set[tuple[type, str]] = set()
    for cls in (*reach.structure.leaves, *reach.structure.events):
        for name, hint in field_hints(cls).items():
            owner = next(base for base in reversed(cls.__mro__) if name in vars(base).get("__annotations__", {}))
            inside = mutable_in(hint)
            if inside is None or (owner, name) in told:
                continue
            told.add((owner, name))
            problem = f"field {name} of {owner.__name__} is {type_name(hint)}, which can be changed in place"
            remedy = f"write {instead_of(inside)}: a state changes by moves only"
            yield Finding("mutable-field", reach.machine.__name__, problem, remedy, written_class(owner))


def mutable_in(hint: Any) -> Any:
    """A list or set in an annotation; None if there is none."""
    if (get_origin(hint) or hint) in MUTABLE:
        return hint
    return next((each for argument in get_args(hint) if (each := mutable_in(argument)) is not None), None)


def instead_of(hint: Any) -> str:
    """What cannot be changed.

    >>> instead_of(list[int]), instead_of(set[str])
    ('tuple[int, ...]', 'frozenset[str]')
    """
    items = ", ".join(map(type_name, get_args(hint)))
    return f"tuple[{items}, ...]" if (get_origin(hint) or hint) is list else f"frozenset[{items}]"


# ---------------------------------------------------------------- fields that nobody sets


def constant_fields(reach: Reach) -> Iterator[Finding]:
    """Where an instance begins, whoever creates it may set them; in other states it is for moves to do so."""
    body = body_of(reach.machine)
    if body is None:
        return
    for leaf in reach.structure.leaves:
        for number, name in own_defaults(reach, leaf):
            if leaf is not reach.machine.initial() and not is_set(body, leaf.__name__, number, name):
                problem = f"field {name} of {leaf.__name__} always has its default: no move sets it"
                remedy = "set it, or drop it"
                yield Finding("constant-field", reach.machine.__name__, problem, remedy, written_class(leaf))


def own_defaults(reach: Reach, leaf: Any) -> Iterator[tuple[int, str]]:
    """The fields with a default that no other state or event has, and their places among the leaf's arguments."""
    others = [cls for cls in (*reach.structure.leaves, *reach.structure.events) if cls is not leaf]
    shared = {each.name for cls in others for each in attrs.fields(cls)}
    for number, each in enumerate(attrs.fields(leaf)):
        if each.init and each.default is not attrs.NOTHING and each.name not in shared:
            yield number, each.name


def is_set(body: Written, leaf: str, number: int, name: str) -> bool:
    """Whether something in the machine's file may set a field: by its name, or by its place."""
    return any(may_set(node, leaf, number, name) for node in ast.walk(source_file(body.file).tree))


def may_set(node: ast.AST, leaf: str, number: int, name: str) -> bool:
    if isinstance(node, ast.Constant):
        return bool(node.value == name)
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func).rpartition(".")[2] == leaf
    named = {keyword.arg for keyword in node.keywords}
    # `**fields` of a call of the class itself may have any name in it.
    if name in named or (called and None in named):
        return True
    return called and (len(node.args) > number or any(isinstance(each, ast.Starred) for each in node.args))
