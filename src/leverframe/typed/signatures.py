"""Reading the annotations of a machine: its events, and what the signature of each move and hook says."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, cast, get_origin

import attrs

from leverframe.errors import MachineDefinitionError
from leverframe.typed.annotations import foreign_hint, resolve_hints, type_name, union_members
from leverframe.typed.declare import Edge, Hook
from leverframe.typed.payload import Event
from leverframe.typed.structure import Node, Structure

__all__ = [
    "check_announce",
    "check_announce_creation",
    "is_frozen_attrs",
    "read_edge",
    "read_events",
    "read_hook",
    "refuse_async",
]


def is_frozen_attrs(cls: type) -> bool:
    """Whether the class itself, not only a base of it, is decorated with `attrs.frozen`."""
    return "__attrs_attrs__" in vars(cls) and bool(attrs.inspect(cls).is_frozen)


# ---------------------------------------------------------------- events


def read_events(structure: Structure, annotation: Any) -> tuple[type, ...]:
    """The event classes of a machine, from its union of events."""
    events = union_members(annotation)
    for event in events:
        _check_event(structure, event, getattr(event, "__name__", repr(event)))
    for event in events:
        _refuse_kin(structure, event, events)
    return tuple(events)


def _check_event(structure: Structure, event: Any, name: str) -> None:
    if not (isinstance(event, type) and issubclass(event, Event)):
        problem = f"{name} in the union of events is no Event; let the class inherit leverframe.Event"
        raise structure.fail("", problem)
    if getattr(event, "__parameters__", ()):
        raise structure.fail(name, "the event is generic, and could not be read back; write out its types")
    if not is_frozen_attrs(event):
        raise structure.fail(name, "the event is no frozen attrs class; decorate it with @attrs.frozen")


def _refuse_kin(structure: Structure, event: type, events: list[type]) -> None:
    for other in events:
        if other is not event and issubclass(event, other):
            problem = f"the event inherits {other.__name__}, another event; let both inherit a class that is none"
            raise structure.fail(event.__name__, problem)


# ---------------------------------------------------------------- moves and hooks


def read_edge(
    structure: Structure, key: str, edge: Edge[Any, Any, Any], names: Mapping[str, Any]
) -> Edge[Any, Any, Any]:
    """The move with its sources, events and targets filled in."""
    if edge.machine or edge in structure.edges.values():
        owner = edge.machine or structure.machine
        raise structure.fail(key, f"this move belongs to {owner} already; write a method of its own")
    if inspect.isgeneratorfunction(edge.function):
        raise structure.fail(key, "a handler returns the next state; write return in place of yield")
    source, event, target = _signature(structure, key, edge.function, names, ("source state", "event"))
    states = structure.leaves | structure.superstates
    edge.sources = tuple(_known(structure, key, "source", member, states) for member in union_members(source))
    known_events = dict.fromkeys(structure.events)
    edge.events = tuple(_known(structure, key, "event", member, known_events) for member in union_members(event))
    edge.targets = tuple(_known_target(structure, key, member) for member in union_members(target))
    edge.name = key
    if edge.cond is not None:
        _check_guard(structure, edge, names)
    return edge


def read_hook(structure: Structure, hook: Hook[Any], names: Mapping[str, Any]) -> Node:
    """The state that the hook is for."""
    annotation, _ = _signature(structure, hook.name, hook.function, names, ("state",))
    members = union_members(annotation)
    if len(members) != 1:
        raise structure.fail(hook.name, "a hook is for one leaf or one superstate; write one method for each")
    known = structure.leaves | structure.superstates
    return known[_known(structure, hook.name, "state", members[0], known)]


def refuse_async(structure: Structure, key: str, function: Any, what: str) -> None:
    """Raise `MachineDefinitionError` for a function that would return an awaitable."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        problem = f"a {what} is a plain function that decides; drop async, and let a worker do what takes time"
        raise structure.fail(key, problem)


def _signature(
    structure: Structure, key: str, function: Any, names: Mapping[str, Any], wanted: tuple[str, ...]
) -> tuple[Any, ...]:
    """The annotations of a method's parameters behind `self`, then of what it returns."""
    form = f"(self, {', '.join(f'{name}: ...' for name in wanted)}) -> ..."
    refuse_async(structure, key, function, "handler or hook")
    parameters = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    if len(parameters) != len(wanted) + 1:
        raise structure.fail(key, f"takes {len(parameters)} parameters; write def {key}{form}")
    hints = _hints(structure, key, function, names)
    found = [hints.get(name) for name in (*parameters[1:], "return")]
    if None in found:
        problem = f"an annotation is missing, and the signature is the transition; write def {key}{form}"
        raise structure.fail(key, problem)
    return tuple(found)


def _hints(structure: Structure, key: str, function: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return resolve_hints(function, structure.machine, names)
    except MachineDefinitionError as error:
        raise structure.fail(key, error.problem) from None


def _known(structure: Structure, key: str, role: str, member: Any, known: Mapping[type, object]) -> type:
    if member in known:
        return cast("type", member)
    name = getattr(member, "__name__", str(member))
    where = f"{structure.machine}'s union of events" if role == "event" else structure.machine
    raise structure.fail(key, f"{role} {name} is not in {where}{foreign_hint(member, known)}")


def _known_target(structure: Structure, key: str, member: Any) -> type:
    if member in structure.superstates:
        leaves = [p.__name__ for p, node in structure.leaves.items() if node.inside(structure.superstates[member])]
        problem = f"target {member.__name__} is a superstate; name a leaf of it: {', '.join(leaves)}"
        raise structure.fail(key, problem)
    return _known(structure, key, "target", member, structure.leaves)


# ---------------------------------------------------------------- guards and announce

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _check_guard(structure: Structure, edge: Edge[Any, Any, Any], names: Mapping[str, Any]) -> None:
    """Raise `MachineDefinitionError` for a guard that cannot be asked about every start of its move."""
    key, guard, what = edge.name, cast("Any", edge.cond), f"guard {edge.guard_name()}"
    if not callable(guard):
        raise structure.fail(key, f"cond={guard!r} cannot be called; give a method (self, s, e) -> bool")
    refuse_async(structure, key, guard, "guard")
    if inspect.isgeneratorfunction(guard):
        raise structure.fail(key, f"{what} would always count as yes; write return in place of yield")
    given = {"s": _leaves_in(structure, edge.sources), "e": edge.events}
    returned = _check_call(structure, key, what, guard, names, given).get("return", bool)
    if not all(issubclass(_class_of(member) or bool, bool) for member in union_members(returned)):
        raise structure.fail(key, f"{what} returns {type_name(returned)}; let it return bool")


def check_announce(structure: Structure, announce: Any, names: Mapping[str, Any]) -> None:
    """Raise `MachineDefinitionError` for an `announce` that cannot be called after every move."""
    if not inspect.isfunction(announce):
        raise structure.fail("announce", "is no method; write def announce(self, before, event, after) -> ...")
    edges = structure.edges.values()
    befores = _leaves_in(structure, (source for edge in edges for source in edge.sources))
    afters = dict.fromkeys(target for edge in edges for target in edge.targets)
    given = {"before": befores, "event": structure.events, "after": afters}
    _check_call(structure, "announce", "announce", announce, names, given)


def check_announce_creation(structure: Structure, announce: Any, names: Mapping[str, Any]) -> None:
    """Raise `MachineDefinitionError` for an `announce_creation` that cannot be called for every state."""
    key = "announce_creation"
    if not inspect.isfunction(announce):
        raise structure.fail(key, f"is no method; write def {key}(self, state) -> ...")
    _check_call(structure, key, key, announce, names, {"state": tuple(structure.leaves)})


def _leaves_in(structure: Structure, states: Iterable[type]) -> list[type]:
    """The leaves among these states and inside of them."""
    nodes = [structure.node(state) for state in states]
    return [payload for payload, leaf in structure.leaves.items() if not set(leaf.chain).isdisjoint(nodes)]


def _check_call(
    structure: Structure,
    key: str,
    what: str,
    function: Any,
    names: Mapping[str, Any],
    given: Mapping[str, Iterable[type]],
) -> dict[str, Any]:
    """The annotations of a function that has to take `self`, and then objects of all the classes `given` for each."""
    parameters = _positional_parameters(function, len(given) + 1)
    if parameters is None:
        form = f"(self, {', '.join(given)}) -> ..."
        raise structure.fail(key, f"{what} takes other parameters than it is given; write {form}")
    hints = _hints(structure, key, function, names) if inspect.isroutine(function) else {}
    for parameter, kinds in zip(parameters[1:], given.values(), strict=False):
        hint = hints.get(parameter, Any)
        foreign = [kind.__name__ for kind in kinds if not any(_accepts(each, kind) for each in union_members(hint))]
        if foreign:
            problem = f"{what} takes {type_name(hint)} as {parameter}, and would be given {', '.join(foreign)} too"
            raise structure.fail(key, f"{problem}; widen the annotation, or write another method")
    return hints


def _positional_parameters(function: Any, number: int) -> list[str] | None:
    """The names behind so many arguments, as far as each has one of its own; None if they cannot be given."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # written in C, some have none
        return []
    try:
        signature.bind(*range(number))
    except TypeError:
        return None
    return [parameter.name for parameter in signature.parameters.values() if parameter.kind in _POSITIONAL][:number]


def _accepts(hint: Any, kind: type) -> bool:
    """Whether an object of class `kind` fits, as far as a hint that is a class can say; all others may."""
    return issubclass(kind, _class_of(hint) or object)


def _class_of(hint: Any) -> type | None:
    """The class that a hint stands for, if it is one that can be asked."""
    owner: object = get_origin(hint) or hint
    if owner is Any or getattr(owner, "_is_protocol", False):
        return None
    return owner if isinstance(owner, type) else None
