"""What does a worker ask of a store, beside the verbs that everybody has?"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from leverframe.coordination.claiming import Claiming
from leverframe.coordination.held import Held
from leverframe.coordination.policies import LeasePolicy
from leverframe.persistence.backend import Watch
from leverframe.persistence.leases import ClaimQuery

__all__ = ["Attending"]

HIGHEST = 2**31


class Attending(Claiming):
    """The verbs for workers."""

    def has_ready(self, lease: LeasePolicy) -> bool:
        """Whether anything looks as if it could be claimed; a look that holds up nobody."""
        reader, name, now = self._backend.read(), lease.machine.machine_name, self._microseconds()
        if lease.takeover is not None and reader.run_out(name, now, 1):
            return True
        below: int | None = HIGHEST
        while below is not None:
            if reader.claimable(ClaimQuery(name, 1, now, below)):
                return True
            below = reader.next_priority(name, below)
        return False

    def was_sent(self, held: Held[Any, Any], event: Any, version: int) -> bool:
        """Whether an event is in the journal right behind a version, after an answer was lost."""
        binding = self._bindings.of(held.lease.machine)
        lines = self._backend.read().journal(held.instance, version + 1, version + 1)
        return any(binding.journal_event(held.key_text, line) == event for line in lines)

    def watch(self) -> AbstractContextManager[Watch]:
        """What wakes whoever waits for something to be committed."""
        return self._backend.watch()
