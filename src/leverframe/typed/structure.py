"""What a machine class says, as data: its states, superstates, moves, hooks and look-ups."""

from __future__ import annotations

from typing import Any

from attrs import define, field, frozen
from statemachine import State

from leverframe.errors import MachineDefinitionError
from leverframe.typed.declare import Edge, Hook, Lookup

__all__ = ["Node", "Structure"]


@frozen(eq=False)
class Node:
    """One state: a leaf with its payload class, or a superstate (`payload` is its leaves' common base).

    `parents` goes from the nearest superstate outwards.
    """

    native: State
    path: str
    payload: type
    parents: tuple[Node, ...]

    @property
    def name(self) -> str:
        """The last part of the path: what the class body calls the state."""
        return self.path.rpartition(".")[2]

    @property
    def chain(self) -> tuple[Node, ...]:
        """The node and its superstates, from inside out."""
        return (self, *self.parents)

    def inside(self, other: Node) -> bool:
        """Whether `other` is a superstate of this one."""
        return other in self.parents


@define(eq=False)
class Structure:
    """A machine class as it was written."""

    machine: str
    leaves: dict[type, Node] = field(factory=dict[type, Node])
    superstates: dict[type, Node] = field(factory=dict[type, Node])
    events: tuple[type, ...] = ()
    edges: dict[str, Edge[Any, Any, Any]] = field(factory=dict[str, Edge[Any, Any, Any]])
    hooks: list[tuple[Hook[Any], Node]] = field(factory=list[tuple[Hook[Any], Node]])
    lookups: dict[str, Lookup] = field(factory=dict[str, Lookup])
    tops: list[State] = field(factory=list[State])
    initial: Node | None = None

    def node(self, payload: type) -> Node:
        """The state or superstate that a source annotation names."""
        return self.leaves.get(payload) or self.superstates[payload]

    def nodes(self) -> list[Node]:
        """Every superstate and every leaf."""
        return [*self.superstates.values(), *self.leaves.values()]

    def fail(self, member: str, problem: str) -> MachineDefinitionError:
        """The error that says what is wrong with a member."""
        return MachineDefinitionError(self.machine, member, problem)
