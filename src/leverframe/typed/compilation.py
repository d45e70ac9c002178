"""From a machine's structure to the table that runs: who may take which event where, and which hooks go with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leverframe.typed.declare import Edge
from leverframe.typed.structure import Node, Structure
from leverframe.typed.table import Candidate, Chart, MoveHooks, Table, compile_table

__all__ = ["compile_structure"]


def compile_structure(machine: type[Chart[Any, Any]], structure: Structure) -> Table:
    """The table of a checked structure."""
    rows = {leaf: _row(machine, structure, node) for leaf, node in structure.leaves.items()}
    paths = {leaf: node.path for leaf, node in structure.leaves.items()}
    created = _creation_hooks(machine)
    entries = {
        leaf: (*created, *_hooks(structure, "enter", node.chain[::-1])) for leaf, node in structure.leaves.items()
    }
    return compile_table(machine, paths, rows, entries)


def _creation_hooks(machine: type[Chart[Any, Any]]) -> tuple[Callable[..., Any], ...]:
    own: Any = machine.announce_creation
    return () if own is vars(Chart)["announce_creation"] else (own,)


def _row(machine: type[Chart[Any, Any]], structure: Structure, leaf: Node) -> dict[type, tuple[Candidate, ...]]:
    """The candidates of each event in one leaf: its own before its superstates', in order of declaration."""
    row: dict[type, tuple[Candidate, ...]] = {}
    for source in leaf.chain:
        for edge in structure.edges.values():
            if not any(structure.node(named) is source for named in edge.sources):
                continue
            candidate = _candidate(machine, structure, edge, leaf, source)
            for event in edge.events:
                row[event] = (*row.get(event, ()), candidate)
    return row


def _candidate(
    machine: type[Chart[Any, Any]], structure: Structure, edge: Edge[Any, Any, Any], leaf: Node, source: Node
) -> Candidate:
    targets = {
        target: _move_hooks(machine, structure, leaf, source, structure.leaves[target]) for target in edge.targets
    }
    return Candidate(edge, edge.cond, edge.function, targets)


def _move_hooks(
    machine: type[Chart[Any, Any]], structure: Structure, leaf: Node, source: Node, target: Node
) -> MoveHooks | None:
    own: Any = machine.announce
    announce = None if own is vars(Chart)["announce"] else own
    if leaf is target:
        return MoveHooks((), announce, ()) if announce else None
    domain = _domain(source, target)
    left = [node for node in leaf.chain if domain is None or node.inside(domain)]
    entered = [node for node in target.chain[::-1] if domain is None or node.inside(domain)]
    hooks = MoveHooks(_hooks(structure, "exit", left), announce, _hooks(structure, "enter", entered))
    return hooks if hooks.functions() else None


def _domain(source: Node, target: Node) -> Node | None:
    """The innermost superstate that a move neither leaves nor enters (SCXML 3.13, an internal transition's too)."""
    return next((node for node in source.chain if target.inside(node)), None)


def _hooks(structure: Structure, kind: str, nodes: Any) -> tuple[Callable[..., Any], ...]:
    return tuple(hook.function for node in nodes for hook, at in structure.hooks if at is node and hook.kind == kind)
