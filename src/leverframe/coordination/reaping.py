"""The verbs of a store by which leases that have run out are dealt with."""

from __future__ import annotations

from typing import Any

from attrs import define
from typing_extensions import TypeVar

from leverframe.coordination.claiming import as_lease
from leverframe.coordination.passing import PassedBy, move_by_itself
from leverframe.coordination.policies import BoundLease, LeasePolicy, Over
from leverframe.coordination.processes import Process, is_gone, this_process
from leverframe.errors import InvalidQuery
from leverframe.persistence.arguments import check_integer
from leverframe.persistence.backend import Writer
from leverframe.persistence.binding import Binding
from leverframe.persistence.instants import from_microseconds
from leverframe.persistence.leases import Candidate
from leverframe.persistence.lookups import check_declaration
from leverframe.persistence.store import SnapshotStore
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Payload
from leverframe.typed.table import decide

__all__ = ["Reaping"]

T = TypeVar("T", bound=Payload)
M = TypeVar("M", bound=Machine[Any, Any])


class Reaping(SnapshotStore):
    """The verbs about leases that have run out."""

    def reap(self, lease: BoundLease[M, T], *, limit: int = 100) -> int:
        """Make the move of a lease that has run out, for each instance that has one; how many there were.

        A lease of a process of this host that is not there any more has run out too, whatever is left of its time.  Any
        number of reapers may run at once: each instance is handled once.  At most `limit` go into one transaction,
        and all that there are are handled.

        Raises `InvalidQuery` where the policy names no such move.  What keeps one instance from being handled, a row
        that cannot be read, a handler that raises, a unique look-up's value that is taken, is raised when all others
        are.

        >>> from leverframe import open_store
        >>> from leverframe.machines.run import *
        >>> with open_store("sqlite://") as store:
        ...     store.reap(Run.lease)
        0
        """
        policy = as_lease(lease)
        check_integer("limit", limit, at_least=1)
        if policy.expiry is None:
            raise InvalidQuery(policy.machine.machine_name, f"{policy.name} names no expiry=; there is nothing to do")
        passed = PassedBy()
        reaped = sum(self._reap(policy, limit, process, passed) for process in (*self._gone(policy), None))
        passed.tell()
        return reaped

    def _gone(self, policy: LeasePolicy) -> list[Process]:
        """The processes that have leases, and are known to be gone."""
        host = this_process().host
        if not host:
            return []
        named = self._backend.read().processes(policy.machine.machine_name, host)
        processes = [Process(host, number, start) for number, start in named]
        return [process for process in processes if is_gone(process)]

    def _reap(self, policy: LeasePolicy, limit: int, process: Process | None, passed: PassedBy) -> int:
        binding = self._bindings.keeping_lookups(policy.machine)
        reaped = 0
        while True:
            # Those that were passed by come first again.
            asked = limit + len(passed.errors)
            found = self._backend.commit(Reap(binding, policy, asked, self._microseconds(), process, passed))
            reaped += found.handled
            if found.seen < asked or not found.new:
                return reaped


@define
class Found:
    """How many there were, how many of them for the first time, and how many were handled."""

    seen: int
    new: int
    handled: int


@define
class Reap:
    """Handle at most `limit` leases that have run out, or that a process has which is gone."""

    binding: Binding[Any, Any]
    lease: LeasePolicy
    limit: int
    now: int | None
    process: Process | None
    passed: PassedBy

    def __call__(self, writer: Writer) -> Found:
        check_declaration(writer, self.binding)
        found = self._found(writer)
        new = [each for each in found if each.snapshot.instance not in self.passed.errors]
        return Found(len(found), len(new), sum(self._try_to_end(writer, each) for each in new))

    def _found(self, writer: Writer) -> list[Candidate]:
        if self.process is None:
            return writer.run_out(self.binding.name, self.now, self.limit)
        whose = (self.process.number, self.process.start)
        return writer.held_by(self.binding.name, self.process.host, whose, self.limit)

    def _try_to_end(self, writer: Writer, candidate: Candidate) -> bool:
        try:
            return self._end(writer, candidate)
        except Exception as error:
            self.passed.note(candidate.snapshot.instance, error)
            return False

    def _end(self, writer: Writer, candidate: Candidate) -> bool:
        row, seen = candidate.snapshot, candidate.lease
        # The instance is locked now; its lease may have been renewed, or given anew, until then.
        lease = writer.lease(row.instance)
        if lease is None or (lease.token, lease.expires_at) != (seen.token, seen.expires_at):
            return False
        now = candidate.clock if self.now is None else self.now
        assert now is not None, "a database without a clock is told the time"
        why: Over = "run_out" if self.process is None else "process_gone"
        state, event = self.binding.state_of(row), self.lease.expiry_event(why)
        decision = decide(self.binding.machine, state, event, from_microseconds(now))
        move = self.binding.move(row, state, event, decision, now, now, None)
        return move_by_itself(writer, self.binding, row, move)
