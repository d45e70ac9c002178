"""Which event can be sent now, and which one leads on?"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from leverframe.coordination.policies import LeasePolicy, WakeUp
from leverframe.errors import LeverframeError
from leverframe.testing.chance import Chance
from leverframe.typed.declare import Edge
from leverframe.typed.table import decide

__all__ = ["Moves", "Ways", "sent_by_somebody"]

NEVER = 1_000
"""A distance that no machine has."""


class Ways:
    """The moves of a machine that somebody sends, of these; `goals` are where they are to lead, the best ones first."""

    def __init__(self, machine: Any, sent: Iterable[Edge[Any, Any, Any]], *goals: Collection[type]) -> None:
        self.machine = machine
        self.sent = list(sent)
        self._distances = [self._distances_to(leaves) for leaves in goals]

    def of(self, state: Any) -> list[Edge[Any, Any, Any]]:
        """The moves out of a state that somebody sends."""
        return [edge for edge in self.sent if isinstance(state, edge.sources)]

    def any(self, state: Any, chance: Chance) -> Any:
        """An event that is accepted, whichever comes; None if there is none."""
        found = self.of(state)
        chance.shuffle(found)
        return self.first(state, found, chance)

    def onward(self, state: Any, chance: Chance) -> Any:
        """An event that leads on, by the shortest way to where it is to come; None if there is none."""
        return self.first(state, sorted(self.of(state), key=self._behind), chance)

    def first(self, state: Any, edges: list[Edge[Any, Any, Any]], chance: Chance) -> Any:
        """An event of the first of these moves that is accepted; None if there is none."""
        for edge in edges:
            for kind in edge.events:
                event = self._event(state, edge, kind, chance)
                if event is not None:
                    return event
        return None

    # ------------------------------------------------------------ parts

    def _event(self, state: Any, edge: Edge[Any, Any, Any], kind: Any, chance: Chance) -> Any:
        try:
            event: Any = chance.some(kind)
            decision = decide(self.machine, state, event, chance.now())
        except LeverframeError:
            return None
        return event if decision.edge is edge else None

    def _behind(self, edge: Edge[Any, Any, Any]) -> list[int]:
        return [min(distance.get(target, NEVER) for target in edge.targets) for distance in self._distances]

    def _distances_to(self, goals: Collection[type]) -> dict[type, int]:
        """For each leaf, how many moves it is from a goal."""
        leaves = self.machine.leaves()
        distance = {leaf: 0 for leaf in leaves if leaf in goals}
        for _ in leaves:
            for edge in self.sent:
                behind = min((distance[target] for target in edge.targets if target in distance), default=NEVER)
                for leaf in leaves:
                    if issubclass(leaf, edge.sources) and behind + 1 < distance.get(leaf, NEVER):
                        distance[leaf] = behind + 1
        return distance


class Moves(Ways):
    """The moves of a machine with a lease that somebody sends: all but those that its policies make by themselves."""

    def __init__(self, lease: LeasePolicy) -> None:
        self.lease = lease
        self._worked_on = (*lease.leased, *lease.pauses)
        unworked = [leaf for leaf in lease.machine.leaves() if not issubclass(leaf, self._worked_on)]
        unshared = [leaf for leaf in unworked if not issubclass(leaf, lease.claimable)]
        super().__init__(lease.machine, sent_by_somebody(lease.machine), unshared, unworked)

    def around(self, state: Any, chance: Chance) -> Any:
        """An event behind which somebody still works on it; None if there is none."""
        found = [edge for edge in self.of(state) if any(issubclass(target, self._worked_on) for target in edge.targets)]
        chance.shuffle(found)
        return self.first(state, found, chance)

    def onward(self, state: Any, chance: Chance) -> Any:
        """An event that leads on, by the shortest way to where nobody works on it; None if there is none."""
        paid = [edge for edge in self.of(state) if edge not in self.lease.free] or self.of(state)
        return self.first(state, sorted(paid, key=self._behind), chance)


def sent_by_somebody(machine: Any) -> list[Edge[Any, Any, Any]]:
    """The moves that the machine's policies do not make by themselves."""
    own: set[Any] = set()
    for policy in machine._policies:
        if isinstance(policy, LeasePolicy):
            own |= {policy.claim, policy.expiry, policy.takeover}
        elif isinstance(policy, WakeUp):
            own.add(policy.move)
    return [edge for edge in machine._structure.edges.values() if edge not in own]
