"""The one model of all pictures: what is to be seen of a machine, and nothing of how it is drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from leverframe.diagrams.source_files import first_line_of
from leverframe.typed.annotations import type_name
from leverframe.typed.declare import Edge, Hook
from leverframe.typed.fields import field_hints
from leverframe.typed.machine import Machine
from leverframe.typed.structure import Node, Structure

__all__ = ["Field", "HookMark", "Move", "Picture", "Place", "State", "picture_of"]


@frozen
class Place:
    """Where something is written: `file` as its module's name has it, with slashes, and the line, from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@frozen
class Field:
    """A field of a payload or of an event: its type as one writes it, and whether it may be left out.

    `inherited` says that it is a superstate's, where it is shown once.
    """

    name: str
    type: str
    optional: bool = False
    inherited: bool = False


@frozen
class HookMark:
    """A hook: `kind` is "enter" or "exit"."""

    name: str
    kind: str
    place: Place | None = None


@frozen
class State:
    """A leaf or a superstate.

    `path` is how it is spelled in the store; `payload` is its class; `parent` is the path of the superstate around it,
    empty at the top; `children` are paths, empty for a leaf.  `initial` is said of a state that its level begins in.
    """

    path: str
    payload: str
    parent: str
    children: tuple[str, ...]
    initial: bool
    final: bool
    fields: tuple[Field, ...]
    hooks: tuple[HookMark, ...] = ()
    document: str = ""
    place: Place | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def is_leaf(self) -> bool:
        return not self.children


@frozen
class Move:
    """A move as its signature says it: out of each of `sources` by `event`, into one of `targets`; all are paths.

    `fields` are those of the event; `guard` is empty where there is none.
    """

    name: str
    event: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    guard: str = ""
    fields: tuple[Field, ...] = ()
    document: str = ""
    place: Place | None = None


@frozen
class Picture:
    """A machine, to be seen.

    `states` stand in the order of their declaration, each superstate before what is in it; `moves` too, one for each
    event of each move.

    >>> from leverframe.machines.pipeline import Pipeline
    >>> picture = picture_of(Pipeline)
    >>> [state.path for state in picture.states][:3]
    ['active', 'active.backlog', 'active.coding']
    >>> picture.state("active.merge").fields
    (Field(name='feature_branch', type='BranchName', optional=False, inherited=False), \
Field(name='commits_ahead', type='Positive', optional=False, inherited=False))
    """

    machine: str
    document: str
    states: tuple[State, ...]
    moves: tuple[Move, ...]

    def state(self, path: str) -> State:
        """The state of this path.  Raises `KeyError`."""
        for state in self.states:
            if state.path == path:
                return state
        raise KeyError(path)

    @property
    def leaves(self) -> tuple[State, ...]:
        return tuple(state for state in self.states if state.is_leaf)

    def inside(self, path: str) -> tuple[State, ...]:
        """The leaves of a superstate, or the leaf itself."""
        return tuple(leaf for leaf in self.leaves if leaf.path == path or leaf.path.startswith(f"{path}."))


def picture_of(machine: type[Machine[Any, Any]]) -> Picture:
    """What is to be seen of a machine.

    >>> from leverframe.machines.worker import Worker
    >>> picture = picture_of(Worker)
    >>> picture.machine, [move.event for move in picture.moves][:2]
    ('Worker', ['WorkStarted', 'ReviewRequested'])
    """
    return _picture_of(machine)


# Where things are written is looked up in their source, which takes longer than to draw them.
@lru_cache(64)
def _picture_of(machine: type[Machine[Any, Any]]) -> Picture:
    structure: Structure = machine._structure  # pyright: ignore[reportPrivateUsage]  # it is what pictures are of
    states = tuple(_state(structure, node) for node in _in_order(structure))
    moves = tuple(_move(structure, edge, event) for edge in structure.edges.values() for event in edge.events)
    return Picture(machine.machine_name, _first_line(machine), states, moves)


# ---------------------------------------------------------------- states


def _in_order(structure: Structure) -> list[Node]:
    """As declared, each superstate before what is in it."""
    nodes = {node.path: node for node in structure.nodes()}
    placed: dict[str, Node] = {}
    for leaf in structure.leaves.values():
        for node in reversed(leaf.chain):
            placed.setdefault(node.path, nodes[node.path])
    return list(placed.values())


def _state(structure: Structure, node: Node) -> State:
    parent = node.parents[0].path if node.parents else ""
    children = tuple(each.path for each in _in_order(structure) if each.parents and each.parents[0] is node)
    hooks = tuple(_hook(hook) for hook, at in structure.hooks if at is node)
    return State(
        path=node.path,
        payload=node.payload.__name__,
        parent=parent,
        children=children,
        initial=bool(node.native.initial),
        final=bool(node.native.final),
        fields=_fields(node.payload, [each.payload for each in node.parents]),
        hooks=hooks,
        document=_first_line(node.payload),
        place=_place(node.payload),
    )


def _fields(payload: type, outer: list[type]) -> tuple[Field, ...]:
    hints = field_hints(payload)
    shared = {each.name for parent in outer for each in attrs.fields(parent)}
    return tuple(
        Field(each.name, type_name(hints[each.name]), each.default is not attrs.NOTHING, each.name in shared)
        for each in attrs.fields(payload)
        if each.init
    )


def _hook(hook: Hook[Any]) -> HookMark:
    return HookMark(hook.name, hook.kind, _place(hook.function))


# ---------------------------------------------------------------- moves


def _move(structure: Structure, edge: Edge[Any, Any, Any], event: type) -> Move:
    return Move(
        name=edge.name,
        event=event.__name__,
        sources=tuple(structure.node(source).path for source in edge.sources),
        targets=tuple(structure.node(target).path for target in edge.targets),
        guard=edge.guard_name(),
        fields=_fields(event, []),
        document=_first_line(edge),
        place=_place(edge.function),
    )


# ---------------------------------------------------------------- words and places


def _first_line(described: Any) -> str:
    """The first line of what somebody has written about it."""
    written = described.__doc__ if "__doc__" in vars(described) else None
    # attrs writes one of its own for a class without.
    text = inspect.cleandoc(written) if written and not written.startswith("Method generated by attrs") else ""
    return text.partition("\n")[0]


def _place(written: type | Callable[..., Any]) -> Place | None:
    """Where it is written; None where nobody can say."""
    found = first_line_of(written)
    if found is None:
        return None
    file, line = found
    module = inspect.getmodule(written)
    if module is None or module.__name__ == "__main__":
        return Place(Path(file).name, line)
    suffix = "/__init__.py" if hasattr(module, "__path__") else ".py"
    return Place(f"{module.__name__.replace('.', '/')}{suffix}", line)
