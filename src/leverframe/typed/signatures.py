"""Reading the annotations of a machine: its events, and what the signature of each move and hook says."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

import attrs

from leverframe.errors import MachineDefinitionError
from leverframe.typed.annotations import foreign_hint, resolve_hints, union_members
from leverframe.typed.declare import Edge, Hook
from leverframe.typed.payload import Event
from leverframe.typed.structure import Node, Structure

__all__ = ["is_frozen_attrs", "read_edge", "read_events", "read_hook", "refuse_async"]


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
    _check_guard(structure, key, edge.cond)
    return edge


def _check_guard(structure: Structure, key: str, guard: Any) -> None:
    if guard is None:
        return
    if not callable(guard):
        raise structure.fail(key, f"cond={guard!r} cannot be called; give a method (self, s, e) -> bool")
    refuse_async(structure, key, guard, "guard")


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
    try:
        hints = resolve_hints(function, structure.machine, names)
    except MachineDefinitionError as error:
        raise structure.fail(key, error.problem) from None
    found = [hints.get(name) for name in (*parameters[1:], "return")]
    if None in found:
        problem = f"an annotation is missing, and the signature is the transition; write def {key}{form}"
        raise structure.fail(key, problem)
    return tuple(found)


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
