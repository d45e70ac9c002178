"""What does a worker do for all who share the work?  It sees to leases that have run out, and to wake-ups."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from leverframe.coordination.passing import is_of_one_row
from leverframe.coordination.policies import LeasePolicy, WakeUp
from leverframe.coordination.working_telling import Telling
from leverframe.errors import MachineDefinitionError

if TYPE_CHECKING:
    from leverframe.coordination.store import Store

__all__ = ["Upkeep"]

SHARE = 0.2
"""By which the time between two rounds is shorter at random, lest all workers come at once."""


class Upkeep:
    """The rounds of one worker, each when it is due; the first ones are at once."""

    def __init__(
        self,
        store: Store,
        leases: Sequence[LeasePolicy],
        reap_every: timedelta,
        wake_every: timedelta,
        telling: Telling,
    ) -> None:
        self._telling = telling
        machines = dict.fromkeys(lease.machine for lease in leases)
        self._rounds = [_Round(reap_every, _reaping(store, lease, telling)) for lease in leases if lease.expiry]
        self._rounds += [_Round(wake_every, _waking(store, each, telling)) for each in machines if can_wake(each)]

    def do(self) -> None:
        """Make the rounds that are due."""
        for each in self._rounds:
            try:
                each.make()
            except Exception as error:
                if isinstance(error, MachineDefinitionError) or not is_of_one_row(error):
                    raise
                self._telling.troubled("upkeep", error, 0.0)

    def due_in(self) -> float:
        """Seconds until the next one is due."""
        return max(0.0, min((each.due_at for each in self._rounds), default=float("inf")) - time.monotonic())


class _Round:
    def __init__(self, every: timedelta, work: Callable[[], None]) -> None:
        self.due_at = time.monotonic()
        self._every = every.total_seconds()
        self._work = work
        self._random = Random()

    def make(self) -> None:
        if time.monotonic() < self.due_at:
            return
        # Also where it fails: the others are made then, and work is claimed.
        self.due_at = time.monotonic() + self._every * (1 - SHARE * self._random.random())
        self._work()


def _reaping(store: Store, lease: LeasePolicy, telling: Telling) -> Callable[[], None]:
    def reap() -> None:
        policy: Any = lease  # a checker knows it as the machine's own
        number = store.reap(policy)
        if number:
            telling.reaped(lease.machine.machine_name, number)

    return reap


def _waking(store: Store, machine: Any, telling: Telling) -> Callable[[], None]:
    def wake() -> None:
        number = store.wake(machine)
        if number:
            telling.woken(machine.machine_name, number)

    return wake


def can_wake(machine: Any) -> bool:
    return any(isinstance(policy, WakeUp) and policy.move is not None for policy in machine._policies)
