"""What in a machine contradicts something else: refused when the class is made, one line that names the member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen
from statemachine import State

from leverframe.typed.declare import Edge
from leverframe.typed.structure import Node, Structure

__all__ = ["check_structure"]


def check_structure(structure: Structure, body: Mapping[str, Any]) -> None:
    """Raise `MachineDefinitionError` for the first contradiction found."""
    _check_strays(structure)
    _check_kin(structure)
    _check_class_names(structure)
    _check_state_names(structure, body)
    _check_event_names(structure, body)
    _check_initials(structure, structure.tops)
    cells = list(_cells(structure))
    _check_two_handlers(structure, cells)
    _check_overrides(structure, cells)
    _check_finals(structure)
    _check_dead_events(structure)
    _check_reachable(structure)


# ---------------------------------------------------------------- classes and names


def _check_strays(structure: Structure) -> None:
    for base, superstate in structure.superstates.items():
        for payload, leaf in structure.leaves.items():
            if issubclass(payload, base) and not leaf.inside(superstate):
                problem = f"{payload.__name__} inherits {base.__name__} but is declared outside of {superstate.path}"
                remedy = "move the state into it, or let the class inherit something else"
                raise structure.fail(leaf.path, f"{problem}; {remedy}")


def _check_kin(structure: Structure) -> None:
    """A leaf that is another leaf's subclass would fit, to a type checker, where only the other may stand."""
    for payload, leaf in structure.leaves.items():
        for other in structure.leaves:
            if payload is not other and issubclass(payload, other):
                problem = f"{payload.__name__} inherits {other.__name__}, another leaf's payload"
                raise structure.fail(leaf.path, f"{problem}; let both inherit a class that is no leaf")


def _check_class_names(structure: Structure) -> None:
    """States and events are stored under the names of their classes."""
    seen: set[str] = set()
    for kind in (*structure.leaves, *structure.events):
        if kind.__name__ in seen:
            problem = "two states or events of the machine have this class name, and are stored by it; rename one"
            raise structure.fail(kind.__name__, problem)
        seen.add(kind.__name__)


def _check_state_names(structure: Structure, body: Mapping[str, Any]) -> None:
    seen: dict[str, Node] = {}
    for node in structure.nodes():
        if node.name in seen:
            other = seen[node.name].path
            problem = f"{other} has the same name, and python-statemachine would merge the two; rename one"
            raise structure.fail(node.path, problem)
        if node.parents and node.name in body:
            raise structure.fail(node.path, f"{node.name} is also a member of the machine's body; rename one")
        seen[node.name] = node


def _check_event_names(structure: Structure, body: Mapping[str, Any]) -> None:
    nested = {node.name for node in structure.nodes()}
    for event in structure.events:
        if event.__name__ in body or event.__name__ in nested:
            problem = "a member of the machine has the name of an event class; rename one"
            raise structure.fail(event.__name__, problem)


def _check_initials(structure: Structure, level: list[State]) -> None:
    marked = [native.id or native.name for native in level if native.initial]
    if len(marked) > 1:
        names = ", ".join(marked)
        raise structure.fail("", f"more than one initial state on one level: {names}; keep initial=True on one")
    for native in level:
        _check_initials(structure, native.states)


# ---------------------------------------------------------------- moves


@frozen(eq=False)
class _Cell:
    """One source and one event of one move."""

    edge: Edge[Any, Any, Any]
    source: Node
    event: type


def _cells(structure: Structure) -> Iterator[_Cell]:
    for edge in structure.edges.values():
        for source in edge.sources:
            for event in edge.events:
                yield _Cell(edge, structure.node(source), event)


def _pairs(cells: list[_Cell]) -> Iterator[tuple[_Cell, _Cell]]:
    by_event: dict[type, list[_Cell]] = {}
    for cell in cells:
        for earlier in by_event.get(cell.event, ()):
            yield earlier, cell
        by_event.setdefault(cell.event, []).append(cell)


def _check_two_handlers(structure: Structure, cells: list[_Cell]) -> None:
    for first, second in _pairs(cells):
        if first.source is second.source and first.edge.cond is None and second.edge.cond is None:
            what = f"{first.edge.name} takes {second.event.__name__} in {second.source.path} too, neither with a guard"
            raise structure.fail(second.edge.name, f"{what}; write @on(cond=...) on the first, or drop one")


def _check_overrides(structure: Structure, cells: list[_Cell]) -> None:
    for first, second in _pairs(cells):
        for inner, outer in ((first, second), (second, first)):
            if inner.source.inside(outer.source):
                _check_override(structure, inner, outer)


def _check_override(structure: Structure, inner: _Cell, outer: _Cell) -> None:
    """What a leaf returns in place of its superstate's move must be what that move says: callers rely on it."""
    extra = [target.__name__ for target in inner.edge.targets if target not in outer.edge.targets]
    if extra:
        name, event, more = outer.edge.name, inner.event.__name__, ", ".join(extra)
        problem = f"overrides {name} for {event} but returns {more}, which {name} does not"
        remedy = f"add it to {name}'s annotation, or use another event"
        raise structure.fail(inner.edge.name, f"{problem}; {remedy}")


def _check_finals(structure: Structure) -> None:
    finals = [leaf for leaf in structure.leaves.values() if leaf.native.final]
    for cell in _cells(structure):
        for leaf in finals:
            if cell.source in leaf.chain:
                problem = f"takes {cell.event.__name__} in {leaf.path}, which is final"
                remedy = "drop final=True there, or name the other leaves as the source"
                raise structure.fail(cell.edge.name, f"{problem}; {remedy}")


def _check_dead_events(structure: Structure) -> None:
    taken = {event for edge in structure.edges.values() for event in edge.events}
    for event in structure.events:
        if event not in taken:
            problem = "no move takes this event; write one, or drop it from the union of events"
            raise structure.fail(event.__name__, problem)


def _check_reachable(structure: Structure) -> None:
    start = structure.initial = _initial_leaf(structure)
    reached = {start}
    frontier = [start]
    while frontier:
        new = _successors(structure, frontier.pop()) - reached
        reached |= new
        frontier += new
    for node in structure.leaves.values():
        if node not in reached:
            raise structure.fail(node.path, f"no move leads here from {start.path}; write one, or drop the state")


def _successors(structure: Structure, leaf: Node) -> set[Node]:
    sources = {node.payload for node in leaf.chain}
    taking = [edge for edge in structure.edges.values() if sources & set(edge.sources)]
    return {structure.leaves[target] for edge in taking for target in edge.targets}


def _initial_leaf(structure: Structure) -> Node:
    """Where an instance starts unless told otherwise: on each level the state marked initial, else the first."""
    level = structure.tops
    while True:
        chosen = next((native for native in level if native.initial), level[0])
        if not chosen.states:
            return next(leaf for leaf in structure.leaves.values() if leaf.native is chosen)
        level = chosen.states
