"""What of a machine's table can happen: which states are entered, and which moves are ever asked there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from attrs import define

from leverframe.typed.declare import Edge
from leverframe.typed.machine import Machine
from leverframe.typed.structure import Node, Structure
from leverframe.typed.table import Candidate, Table, possible_targets

__all__ = ["Cell", "Reach"]

AnyEdge = Edge[Any, Any, Any]
Cell = tuple[type, type]
"""A leaf class and an event class."""


@define(slots=False)
class Reach:
    """A machine, and what of it can happen, guards not asked."""

    machine: type[Machine[Any, Any]]

    @property
    def structure(self) -> Structure:
        return self.machine._structure  # pyright: ignore[reportPrivateUsage]  # it is what is looked at

    @property
    def table(self) -> Table:
        return self.machine._table  # pyright: ignore[reportPrivateUsage]  # as above

    @property
    def leaves(self) -> list[Node]:
        return list(self.structure.leaves.values())

    @cached_property
    def nexts(self) -> dict[type, frozenset[type]]:
        """Where the moves out of each leaf may lead."""
        return {
            leaf: frozenset(target for targets in possible_targets(self.machine, leaf).values() for target in targets)
            for leaf in self.structure.leaves
        }

    @cached_property
    def entered(self) -> frozenset[type]:
        """The leaves that are reached from the initial one."""
        return self.behind(self.machine.initial())

    def behind(self, leaf: type) -> frozenset[type]:
        """The leaves that are reached from this one, and it."""
        found, frontier = {leaf}, [leaf]
        while frontier:
            new = self.nexts[frontier.pop()] - found
            found |= new
            frontier += new
        return frozenset(found)

    def candidates(self, leaf: type, event: type) -> Iterator[Candidate]:
        """Who is asked for an event in a leaf, in order."""
        candidate = self.table.rows.get(leaf, {}).get(event)
        while candidate is not None:
            yield candidate
            candidate = candidate.otherwise

    def asked(self, edge: AnyEdge) -> list[Cell]:
        """Where a move is asked."""
        return [cell for cell in self.declared(edge) if any(each.edge is edge for each in self.candidates(*cell))]

    def declared(self, edge: AnyEdge) -> list[Cell]:
        """Where its signature says that it is."""
        return [(leaf.payload, event) for leaf in self.leaves if self.source_in(edge, leaf) for event in edge.events]

    def source_in(self, edge: AnyEdge, leaf: Node) -> Node | None:
        """By which state or superstate a move has a leaf as its source, the innermost one."""
        sources = [self.structure.node(source) for source in edge.sources]
        return next((node for node in leaf.chain if node in sources), None)

    def taker(self, cell: Cell) -> AnyEdge:
        """The last who is asked: nobody behind it is."""
        *_, last = self.candidates(*cell)
        edge: AnyEdge = last.edge
        return edge
