"""Reading a machine's class body: its tree of states, then what is said about them.

What is wrong by itself is refused here and in `signatures.py`; what contradicts something else, in `checks.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast, get_origin

import attrs
from statemachine import State

from leverframe.typed.annotations import foreign_hint, union_members
from leverframe.typed.declare import Edge, Hook, Lookup, leaf_payload
from leverframe.typed.native import foreign_parts
from leverframe.typed.payload import Payload
from leverframe.typed.reserved import STATE_NAMES
from leverframe.typed.signatures import (
    check_announce,
    check_announce_creation,
    is_frozen_attrs,
    read_edge,
    read_events,
    read_hook,
)
from leverframe.typed.structure import Node, Structure
from leverframe.wording import did_you_mean

__all__ = ["read_structure"]


def read_structure(
    name: str, states_and_events: tuple[Any, ...], body: Mapping[str, Any], names: Mapping[str, Any]
) -> Structure:
    """Read the body of machine class `name`; `names` are what its annotations may use besides its module's."""
    structure = Structure(name)
    for key, member in body.items():
        if isinstance(member, State):
            structure.tops.append(member)
            _check_tree(structure, key, member)
            _read_state(structure, key, member, ())
    _compare_union(structure, states_and_events[0])
    structure.events = read_events(structure, states_and_events[1])
    for key, member in body.items():
        _read_declaration(structure, key, member, names)
    check_announce(structure, _member(body, "announce"), names)
    check_announce_creation(structure, _member(body, "announce_creation"), names)
    return structure


def _read_declaration(structure: Structure, key: str, member: Any, names: Mapping[str, Any]) -> None:
    kind = cast("type[object]", type(member))
    if issubclass(kind, Edge):
        structure.edges[key] = read_edge(structure, key, member, names)
    elif issubclass(kind, Hook):
        structure.hooks.append((member, read_hook(structure, member, names)))
    elif issubclass(kind, Lookup):
        structure.lookups[key] = _read_lookup(structure, key, member)


def _member(body: Mapping[str, Any], name: str) -> Any:
    """What the class will have under this name: of its own, or of the first base that has it."""
    bases: list[type] = [get_origin(base) or base for base in body["__orig_bases__"]]
    inherited = (vars(kind)[name] for base in bases for kind in base.__mro__ if name in vars(kind))
    return body[name] if name in body else next(inherited)


# ---------------------------------------------------------------- states

_USED_TWICE = "this state is used twice, and what one machine adds would change the other; declare it anew"


def _check_tree(structure: Structure, path: str, native: State) -> None:
    """Raise `MachineDefinitionError` for a state, or one inside it, that is wrong by itself."""
    _refuse_reserved_children(structure, path, native)
    if native.document_order:
        # python-statemachine has numbered the states of a machine that it made.
        raise structure.fail(path, _USED_TWICE)
    for problem in foreign_parts(native):
        raise structure.fail(path, problem)
    if not native.states:
        _check_payload(structure, path, native)
    elif native.final:
        raise structure.fail(path, "a superstate cannot be final; write final=True on leaves of it")
    for child in native.states:
        _check_tree(structure, f"{path}.{child.id}", child)


def _check_payload(structure: Structure, path: str, native: State) -> None:
    payload: Any = leaf_payload(native)
    if payload is None:
        raise structure.fail(path, "the state has no payload; write state(Payload), with a frozen attrs class")
    if not (isinstance(payload, type) and issubclass(payload, Payload)):
        raise structure.fail(path, f"{payload!r} is no Payload; let the class inherit leverframe.Payload")
    if getattr(payload, "__parameters__", ()):
        raise structure.fail(
            path, f"payload {payload.__name__} is generic, and could not be read back; write out its types"
        )
    if not is_frozen_attrs(payload):
        problem = f"payload {payload.__name__} is no frozen attrs class; decorate it with @attrs.frozen"
        raise structure.fail(path, problem)


def _refuse_reserved_children(structure: Structure, path: str, native: State) -> None:
    for name, child in vars(native).items():
        if name in STATE_NAMES and isinstance(child, State) and child.parent is native:
            raise structure.fail(f"{path}.{name}", "is a reserved name inside a compound; choose another")


def _read_state(structure: Structure, path: str, native: State, parents: tuple[Node, ...]) -> None:
    twice = sum(native is top for top in structure.tops) > 1
    if twice or any(native is node.native for node in structure.nodes()):
        raise structure.fail(path, _USED_TWICE)
    if native.states:
        _read_superstate(structure, path, native, parents)
    else:
        _read_leaf(structure, path, native, parents)


def _read_leaf(structure: Structure, path: str, native: State, parents: tuple[Node, ...]) -> None:
    payload = leaf_payload(native) or object
    if payload in structure.leaves:
        other = structure.leaves[payload].path
        problem = f"payload {payload.__name__} belongs to {other} already; give each leaf its own class"
        raise structure.fail(path, problem)
    structure.leaves[payload] = Node(native, path, payload, parents)


def _read_superstate(structure: Structure, path: str, native: State, parents: tuple[Node, ...]) -> None:
    node = Node(native, path, _common_base(structure, path, native), parents)
    structure.superstates[node.payload] = node
    for child in native.states:
        _read_state(structure, f"{path}.{child.id}", child, node.chain)


def _common_base(structure: Structure, path: str, native: State) -> type:
    """The most derived class that all leaves of a superstate inherit, other than a leaf's own or an inner one's."""
    payloads: list[type] = [leaf_payload(leaf) or object for leaf in _native_leaves(native)]
    taken = {_common_base(structure, f"{path}.{inner.id}", inner) for inner in _native_superstates(native)}
    passed = {Payload, *Payload.__mro__, *payloads, *taken}
    for base in payloads[0].__mro__:
        if base not in passed and issubclass(base, Payload) and all(issubclass(leaf, base) for leaf in payloads):
            return cast("type", base)
    names = ", ".join(payload.__name__ for payload in payloads)
    problem = f"its leaves ({names}) share no payload class of their own; let all of them inherit one, class X(Payload)"
    raise structure.fail(path, problem)


def _native_leaves(native: State) -> Iterator[State]:
    if not native.states:
        yield native
    for child in native.states:
        yield from _native_leaves(child)


def _native_superstates(native: State) -> Iterator[State]:
    for child in native.states:
        if child.states:
            yield child
            yield from _native_superstates(child)


def _compare_union(structure: Structure, annotation: Any) -> None:
    union = union_members(annotation)
    for member in union:
        if member not in structure.leaves:
            name = getattr(member, "__name__", str(member))
            hint = foreign_hint(member, structure.leaves)
            raise structure.fail("", f"{name} is in the union of states but no state(...) declares it{hint}")
    for payload, node in structure.leaves.items():
        if payload not in union:
            raise structure.fail(node.path, f"payload {payload.__name__} is missing from the union of states; add it")


def _read_lookup(structure: Structure, key: str, declared: Lookup) -> Lookup:
    fields = {a.name for payload in structure.leaves for a in attrs.fields(payload)}
    if declared.part is not None:
        if key in fields:
            problem = "is a payload's field, and not a part of the key; give the look-up another name, or no part="
            raise structure.fail(key, problem)
        return declared
    if key not in fields:
        raise structure.fail(key, f"no payload has a field {key!r} to look up{did_you_mean(key, fields)}")
    return declared
