"""What goes on in a store?  Queues, leases, states, what has ended, and consumers: each a few reads of an index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from leverframe.coordination.gatekeeping import Gatekeeper
from leverframe.coordination.gates import ended_states
from leverframe.coordination.leased import LeaseRecord, read_lease
from leverframe.coordination.policies import LeasePolicy
from leverframe.coordination.queues import NOTHING, QueueCounts, count_queue
from leverframe.persistence.backend import Query, Reader
from leverframe.persistence.binding import Binding
from leverframe.persistence.bindings import Bindings
from leverframe.persistence.gating import Passing
from leverframe.persistence.records import Stored

__all__ = ["ConsumerOverview", "MachineOverview", "Overseer", "Overview"]

AnyBinding = Binding[Any, Any]

MOST_CONSUMERS = 100


@frozen
class MachineOverview:
    """One machine of a store.

    Attributes: `name`; `states`, how many instances are in each, by their paths; `queue`, what waits and is claimed,
    None where the machine declares no lease; `leases`, those that have run out and then the oldest; `ended`, the
    instances that came last to a state which takes no event, none for a machine that is known by its name alone.
    """

    name: str
    states: Mapping[str, int]
    queue: QueueCounts | None
    leases: Sequence[LeaseRecord]
    ended: Sequence[Stored[Any, Any]]


@frozen
class ConsumerOverview:
    """A consumer of messages: of which `topic` (None: of all), and how many it has before it, in flight, and set aside.

    `exact` says whether these are all that there are: else some were counted only as far as was asked for.
    """

    name: str
    topic: str | None
    behind: int
    in_flight: int
    set_aside: int
    exact: bool


@frozen
class Overview:
    """What went on at one time, `at`, in UTC, in the store at `location`, of one `tenant` (empty: of none).

    >>> from leverframe import open_store
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Pipeline, "story-7", Backlog())
    ...     store.overview([Pipeline]).machines[0].states
    {'active.backlog': 1}
    """

    at: datetime
    location: str
    tenant: str
    machines: Sequence[MachineOverview]
    consumers: Sequence[ConsumerOverview]


@frozen
class Overseer:
    """One look at a store: `now` in microseconds, None for the database's clock; how far is counted, and listed."""

    reader: Reader
    bindings: Bindings
    now: int | None
    counted: int
    listed: int

    def queue(self, lease: LeasePolicy) -> QueueCounts:
        """What waits for those who claim, and what they have."""
        return self._queue(self.bindings.of(lease.machine).name, self._passing(lease))

    def known(self, machine: Any) -> MachineOverview:
        """One machine whose class is known."""
        binding = self.bindings.of(machine)
        lease = next((policy for policy in binding.policies if isinstance(policy, LeasePolicy)), None)
        queue = None if lease is None else self.queue(lease)
        leases = () if lease is None else self._leases(binding.name)
        return MachineOverview(binding.name, self._states(binding.name), queue, leases, self._ended(binding))

    def named(self, name: str) -> MachineOverview:
        """One machine of which only the name is known."""
        queue = self._queue(name, NOTHING)
        shown = None if queue == QueueCounts() else queue
        return MachineOverview(name, self._states(name), shown, self._leases(name), ())

    def consumers(self) -> Iterator[ConsumerOverview]:
        for row in self.reader.handed_out(MOST_CONSUMERS):
            lag = self.reader.lag(row, self.counted + 1)
            numbers = (lag.behind, lag.in_flight, lag.set_aside)
            behind, in_flight, set_aside = (min(number, self.counted) for number in numbers)
            exact = max(numbers) <= self.counted
            yield ConsumerOverview(row.name, row.topic, behind, in_flight, set_aside, exact)

    # ------------------------------------------------------------ parts

    def _states(self, name: str) -> dict[str, int]:
        return {count.state: count.number for count in self.reader.count(name) if count.number}

    def _queue(self, name: str, passing: Passing) -> QueueCounts:
        return count_queue(self.reader, name, self.now, self.counted, passing)

    def _passing(self, lease: LeasePolicy) -> Passing:
        if lease.gates is None:
            return NOTHING
        return Gatekeeper.of(lease.gates, self.bindings, self.reader).passing(())

    def _leases(self, name: str) -> list[LeaseRecord]:
        run_out = self.reader.run_out(name, self.now, self.listed)
        found = {each.snapshot.instance: each for each in (*run_out, *self.reader.leased(name, self.listed))}
        return [read_lease(each, self.now) for each in found.values()][: self.listed]

    def _ended(self, binding: AnyBinding) -> list[Stored[Any, Any]]:
        leaves = ended_states(binding.machine)
        paths = tuple(path for path, leaf in binding.classes.items() if leaf in leaves)
        rows = self.reader.find(Query(binding.name, paths, limit=self.listed)) if paths else []
        return [binding.stored(row) for row in rows]
