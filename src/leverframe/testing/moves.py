"""Which event can be sent now, and which one leads on?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leverframe.coordination.policies import LeasePolicy, WakeUp
from leverframe.errors import LeverframeError
from leverframe.testing.chance import Chance
from leverframe.typed.declare import Edge
from leverframe.typed.table import decide

__all__ = ["Moves"]

NEVER = 1_000
"""A distance that no machine has."""


class Moves:
    """The moves of a machine that somebody sends: all but those that its policies make by themselves."""

    def __init__(self, lease: LeasePolicy) -> None:
        self.machine = lease.machine
        self.lease = lease
        own = {lease.claim, lease.expiry, lease.takeover}
        own |= {policy.move for policy in self.machine._policies if isinstance(policy, WakeUp)}
        edges: Iterable[Edge[Any, Any, Any]] = self.machine._structure.edges.values()
        self.sent = [edge for edge in edges if edge not in own]
        self._worked_on = (*lease.leased, *lease.pauses)
        self._distance = self._distances()

    def is_shared(self, leaf: type) -> bool:
        """Whether somebody works on an instance in this state, or may want to."""
        return issubclass(leaf, (*self.lease.leased, *self.lease.claimable, *self.lease.pauses))

    def of(self, state: Any) -> list[Edge[Any, Any, Any]]:
        """The moves out of a state that somebody sends."""
        return [edge for edge in self.sent if isinstance(state, edge.sources)]

    def any(self, state: Any, chance: Chance) -> Any:
        """An event that is accepted, whichever comes; None if there is none."""
        found = self.of(state)
        chance.shuffle(found)
        return self._first(state, found, chance)

    def around(self, state: Any, chance: Chance) -> Any:
        """An event behind which somebody still works on it; None if there is none."""
        found = [edge for edge in self.of(state) if any(issubclass(target, self._worked_on) for target in edge.targets)]
        chance.shuffle(found)
        return self._first(state, found, chance)

    def onward(self, state: Any, chance: Chance) -> Any:
        """An event that leads on, by the shortest way to where nobody works on it; None if there is none."""
        paid = [edge for edge in self.of(state) if edge not in self.lease.free] or self.of(state)
        return self._first(state, sorted(paid, key=self._behind), chance)

    # ------------------------------------------------------------ parts

    def _first(self, state: Any, edges: list[Edge[Any, Any, Any]], chance: Chance) -> Any:
        for edge in edges:
            for kind in edge.events:
                event = self._event(state, edge, kind, chance)
                if event is not None:
                    return event
        return None

    def _event(self, state: Any, edge: Edge[Any, Any, Any], kind: Any, chance: Chance) -> Any:
        try:
            event: Any = chance.some(kind)
            decision = decide(self.machine, state, event, chance.now())
        except LeverframeError:
            return None
        return event if decision.edge is edge else None

    def _behind(self, edge: Edge[Any, Any, Any]) -> int:
        return min(self._distance.get(target, NEVER) for target in edge.targets)

    def _distances(self) -> dict[type, int]:
        """For each leaf, how many moves it is from where nobody works on the instance."""
        leaves = self.machine.leaves()
        distance = {leaf: 0 for leaf in leaves if not self.is_shared(leaf)}
        for _ in leaves:
            for edge in self.sent:
                behind = min((distance[target] for target in edge.targets if target in distance), default=NEVER)
                for leaf in leaves:
                    if issubclass(leaf, edge.sources) and behind + 1 < distance.get(leaf, NEVER):
                        distance[leaf] = behind + 1
        return distance
