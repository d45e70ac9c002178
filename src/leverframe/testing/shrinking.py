"""Which part of what happened was needed for it to go wrong?"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from leverframe.testing.running import Plan, Run, run
from leverframe.testing.schedule import Action

__all__ = ["shrink"]

REPLAYS = 150
"""At most, so that a failure is told soon."""


def shrink(plan: Plan, actions: Sequence[Action], failed: Run) -> Run:
    """The shortest run found that fails as well: with fewer instances, then with fewer actions."""
    return Shrinking(plan, list(actions), failed).shortest()


class Shrinking:
    """Leaves out whatever can be left out, in ever smaller parts."""

    def __init__(self, plan: Plan, actions: list[Action], failed: Run) -> None:
        self.plan = plan
        self.actions = actions
        self.best = failed
        self.left = REPLAYS

    def shortest(self) -> Run:
        while self.plan.instances > 1 and self._fails(
            evolve(self.plan, instances=self.plan.instances - 1), self.actions
        ):
            pass
        size = max(1, len(self.actions) // 2)
        while self.left > 0:
            self._leave_out(size)
            if size == 1:
                break
            size = max(1, size // 2)
        return self.best

    def _leave_out(self, size: int) -> None:
        first = 0
        while first < len(self.actions) and self.left > 0:
            rest = self.actions[:first] + self.actions[first + size :]
            if not self._fails(self.plan, rest):
                first += size

    def _fails(self, plan: Plan, actions: list[Action]) -> bool:
        self.left -= 1
        tried = run(plan, actions)
        if not tried.problem:
            return False
        self.plan, self.actions, self.best = plan, actions[: tried.played], tried
        return True
