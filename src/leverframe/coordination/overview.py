"""What goes on in a store?  Queues, leases, who is silent, what has ended, consumers, states: each a few reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from leverframe.coordination.failing import failures_of
from leverframe.coordination.gatekeeping import Gatekeeper
from leverframe.coordination.gates import ended_states
from leverframe.coordination.leased import LeaseRecord, read_lease
from leverframe.coordination.observing import Observed, observed
from leverframe.coordination.policies import LeasePolicy
from leverframe.coordination.queues import NOTHING, QueueCounts, count_queue
from leverframe.coordination.staleness import Staleness
from leverframe.persistence.backend import Reader
from leverframe.persistence.binding import Binding
from leverframe.persistence.bindings import Bindings
from leverframe.persistence.gating import Passing
from leverframe.persistence.records import Stored
from leverframe.persistence.rows import Query
from leverframe.typed.policy import policy_of

__all__ = ["ConsumerOverview", "MachineOverview", "Overseer", "Overview"]

AnyBinding = Binding[Any, Any]

MOST_CONSUMERS = 100

MICROSECOND = timedelta(microseconds=1)


@frozen
class MachineOverview:
    """One machine of a store.

    Attributes: `name`; `states`, how many instances are in each, by their paths; `queue`, what waits and is claimed,
    None where the machine declares no lease; `leases`, those that have run out and then the oldest; `ended`, the
    instances that came last to a state which takes no event, none for a machine that is known by its name alone;
    `silent`, those that have to show that they live, and have not for too long, first those that never have; `failed`,
    those that came last to a state of the machine's `Failures`, which `ended` leaves out.
    """

    name: str
    states: Mapping[str, int]
    queue: QueueCounts | None
    leases: Sequence[LeaseRecord]
    ended: Sequence[Stored[Any, Any]]
    silent: Sequence[Observed[Any, Any]] = ()
    failed: Sequence[Stored[Any, Any]] = ()


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
        lease = policy_of(machine, LeasePolicy)
        queue = None if lease is None else self.queue(lease)
        leases = () if lease is None else self._leases(binding.name)
        silent = [seen for policy in binding.policies if isinstance(policy, Staleness) for seen in self._silent(policy)]
        failures, ended = failures_of(machine), ended_states(machine)
        fine = tuple(leaf for leaf in ended if leaf not in failures)
        lasts = self._last(binding, fine), silent, self._last(binding, failures)
        return MachineOverview(binding.name, self._states(binding.name), queue, leases, *lasts)

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
        return Gatekeeper.as_kept(lease.gates, self.bindings, self.reader).passing(())

    def _leases(self, name: str) -> list[LeaseRecord]:
        run_out = self.reader.run_out(name, self.now, self.listed)
        found = {each.snapshot.instance: each for each in (*run_out, *self.reader.leased(name, self.listed))}
        return [read_lease(each, self.now) for each in found.values()][: self.listed]

    def _silent(self, staleness: Staleness) -> list[Observed[Any, Any]]:
        binding: AnyBinding = self.bindings.of(staleness.machine)
        paths = tuple(path for path, leaf in binding.classes.items() if issubclass(leaf, staleness.watched))
        query = Query(binding.name, paths, limit=self.counted)
        rows = self.reader.silent(query, staleness.warn // MICROSECOND, self.now, self.listed)
        return [observed(binding, row, staleness) for row in rows]

    def _last(self, binding: AnyBinding, leaves: Sequence[type]) -> list[Stored[Any, Any]]:
        """The instances that came last to one of these."""
        paths = tuple(path for path, leaf in binding.classes.items() if leaf in leaves)
        rows = self.reader.find(Query(binding.name, paths, limit=self.listed)) if paths else []
        return [binding.stored(row) for row in rows]
