"""What does a worker ask of a store, beside the verbs that everybody has?"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from attrs import frozen

from leverframe.coordination.claiming import Claiming
from leverframe.coordination.held import Held
from leverframe.coordination.nothing import oldest_ready
from leverframe.coordination.policies import LeasePolicy
from leverframe.coordination.processes import Process
from leverframe.errors import Key
from leverframe.persistence.backend import Reader, Watch
from leverframe.persistence.keys import decode_key
from leverframe.persistence.leases import Candidate

__all__ = ["Attending", "Claimed"]

ALL = 2**31
"""A process has no more leases than it works on."""


@frozen
class Claimed:
    """An instance that a worker has claimed."""

    instance: int
    key: Key


class Attending(Claiming):
    """The verbs for workers."""

    def has_ready(self, lease: LeasePolicy) -> bool:
        """Whether anything looks as if it could be claimed; a look that holds up nobody."""
        reader, name, now = self._backend.read(), lease.machine.machine_name, self._microseconds()
        if lease.takeover is not None and reader.run_out(name, now, 1):
            return True
        return oldest_ready(reader, name, now) is not None

    def claimed_by(self, lease: LeasePolicy, worker: str, process: Process) -> list[Claimed]:
        """What a worker of this name and process has claimed, and not given up since.

        What was given back to it behind a pause is left out: that is for whoever paused it to `resume`.
        """
        reader, name = self._backend.read(), lease.machine.machine_name
        found = reader.held_by(name, process.host, (process.number, process.start), ALL)
        own = [each for each in found if each.lease.worker == worker and self._was_claimed(reader, lease, each)]
        return [Claimed(each.snapshot.instance, decode_key(each.snapshot.key)) for each in own]

    def _was_claimed(self, reader: Reader, lease: LeasePolicy, found: Candidate) -> bool:
        """Whether it was a claim that gave the lease."""
        line = None if found.lease.token is None else reader.journal_line(found.lease.token)
        if line is None:
            return False
        event = self._bindings.of(lease.machine).journal_event(found.snapshot.key, line)
        edges = (lease.claim,) if lease.takeover is None else (lease.claim, lease.takeover)
        return any(isinstance(event, edge.events) for edge in edges)

    def was_sent(self, held: Held[Any, Any], event: Any, version: int) -> bool:
        """Whether an event is in the journal right behind a version, after an answer was lost."""
        binding = self._bindings.of(held.lease.machine)
        lines = self._backend.read().journal(held.instance, version + 1, version + 1)
        return any(binding.journal_event(held.key_text, line) == event for line in lines)

    def watch(self) -> AbstractContextManager[Watch]:
        """What wakes whoever waits for something to be committed."""
        return self._backend.watch()
