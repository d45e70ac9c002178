"""What does somebody do to one instance by hand?  Each is a piece of work for a transaction, and is journaled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NoReturn

from attrs import NOTHING, define, evolve, fields

from leverframe.coordination.policies import LeasePolicy
from leverframe.errors import (
    Conflict,
    InvalidQuery,
    Key,
    LeaseLost,
    LeaseRequired,
    NotFound,
    NotLeased,
    StaleState,
    TransitionNotAllowed,
    UnknownState,
    UnreadableRow,
)
from leverframe.persistence.backend import Writer
from leverframe.persistence.beside import Sending
from leverframe.persistence.binding import Binding
from leverframe.persistence.effects import Effect, Note, Stand
from leverframe.persistence.instants import from_microseconds
from leverframe.persistence.keys import encode_key
from leverframe.persistence.lookups import already_exists, check_declaration
from leverframe.persistence.records import Receipt
from leverframe.persistence.rows import Loaded, Move, Snapshot, UniqueTaken
from leverframe.typed.payload import Payload
from leverframe.typed.table import Decision, decide, possible_targets

__all__ = ["ByHand", "EndLease", "Release", "Repair", "Requeue", "ways_back"]


@define(kw_only=True)
class ByHand(ABC):
    """One instance that is moved by hand; `now` in microseconds, None for the database's clock."""

    binding: Binding[Any, Any]
    key: Key
    now: int | None
    note: Note | None

    def __call__(self, writer: Writer) -> Receipt[Any]:
        check_declaration(writer, self.binding)
        loaded = writer.load(self.binding.name, encode_key(self.key))
        if loaded is None:
            raise NotFound(self.binding.name, self.key)
        return self.act(writer, loaded.snapshot, self._time(loaded))

    @abstractmethod
    def act(self, writer: Writer, row: Snapshot, now: int) -> Receipt[Any]:
        """Write what is to be done, at that time."""

    def _time(self, loaded: Loaded) -> int:
        now = loaded.clock if self.now is None else self.now
        assert now is not None, "a database without a clock is told the time"
        return now

    def write(self, writer: Writer, move: Move, before: type[Payload], after: Payload) -> Receipt[Any]:
        """Write a move, and who makes it; nobody can have moved the instance since it was loaded here."""
        if self.note is not None:
            move.effects = (*move.effects, self.note)
        try:
            seq = writer.move(move)
        except UniqueTaken as taken:
            raise already_exists(self.binding, self.key, taken) from None
        if seq is None:
            raise Conflict(self.binding.name, self.key, 1)
        return Receipt(True, False, before, type(after), move.seen + 1, seq, after)

    def decided(self, writer: Writer, row: Snapshot, before: Payload, event: Any, now: int) -> Receipt[Any]:
        """Make the move of an event, as its sender's own word."""
        return self.move(writer, row, before, event, self.decision(before, event, now), now)

    def decision(self, before: Payload, event: Any, now: int) -> Decision[Any]:
        try:
            return decide(self.binding.machine, before, event, from_microseconds(now))
        except TransitionNotAllowed as refusal:
            refusal.key = self.key
            raise

    def move(
        self, writer: Writer, row: Snapshot, before: Payload, event: Any, decision: Decision[Any], now: int
    ) -> Receipt[Any]:
        move = self.binding.move(row, before, event, decision, now, now, None)
        return self.write(writer, move, type(before), decision.state)


# ---------------------------------------------------------------- a repair


@define(kw_only=True)
class Repair(ByHand):
    """Put the instance into a state, without an event."""

    state: Payload
    expect: type[Any] | None

    def act(self, writer: Writer, row: Snapshot, now: int) -> Receipt[Any]:
        before = self._read(row)
        left = self._class_at(writer, row.state) if before is None else type(before)
        if self.expect is not None and not issubclass(left, self.expect):
            raise StaleState(self.binding.name, self.expect.__name__, row.state, self.key)
        return self.write(writer, self.binding.repair(row, before, self.state, now), left, self.state)

    def _read(self, row: Snapshot) -> Payload | None:
        """The present state; None where it cannot be read, which may be what is repaired."""
        try:
            state: Payload = self.binding.state_of(row)
        except UnreadableRow:
            return None
        return state

    def _class_at(self, writer: Writer, path: str) -> type[Payload]:
        if not self.binding.knows(path):
            self.binding.learn_spellings(writer.count(self.binding.name))
        try:
            return self.binding.class_at(path)
        except UnknownState:
            # Nobody knows what it was, which may be what is repaired.
            return Payload


# ---------------------------------------------------------------- leases


@define(kw_only=True)
class Release(ByHand):
    """End the lease that somebody has, as if it had run out."""

    lease: LeasePolicy

    def act(self, writer: Writer, row: Snapshot, now: int) -> Receipt[Any]:
        held = writer.lease(row.instance)
        if held is None or held.token is None:
            raise NotLeased(self.binding.name, self.key, row.state)
        return self.decided(writer, row, self.binding.state_of(row), self.lease.expiry_event("released"), now)


@define(kw_only=True)
class EndLease(ByHand):
    """Make a move for an owner that is gone, if the lease is still the one with this token."""

    lease: LeasePolicy
    token: int
    worker: str
    event: Any

    def act(self, writer: Writer, row: Snapshot, now: int) -> Receipt[Any]:
        held = writer.lease(row.instance)
        if held is None or held.token != self.token:
            raise LeaseLost(self.binding.name, self.key, self.token, self.worker)
        before: Payload = self.binding.state_of(row)
        decision = self.decision(before, self.event, now)
        if decision.edge not in (self.lease.expiry, self.lease.release, *self.lease.free):
            raise LeaseRequired(self.binding.name, self.key, row.state, type(self.event).__name__)
        return self.move(writer, row, before, self.event, decision, now)


@define(kw_only=True)
class Requeue(ByHand):
    """Bring the instance to where it can be claimed now.

    `event` leads there, None for the only one that does so and is made without arguments; `priority` takes the place
    of the policy's.
    """

    lease: LeasePolicy
    event: Any
    priority: int | None

    def act(self, writer: Writer, row: Snapshot, now: int) -> Receipt[Any]:
        before: Payload = self.binding.state_of(row)
        if isinstance(before, self.lease.leased):
            self._refuse(f"is in {row.state}, which is leased; release it first")
        if self.event is None and isinstance(before, self.lease.claimable):
            return self._make_ready(writer, row, before, now)
        event = self._only_event(row, before) if self.event is None else self.event
        decision = self.decision(before, event, now)
        if not isinstance(decision.state, self.lease.claimable):
            path = self.binding.paths[type(decision.state)]
            self._refuse(f"is brought by {type(event).__name__} to {path}, which cannot be claimed")
        self._check(row, before, event, decision)
        return self.move(writer, row, before, event, decision, now)

    def _make_ready(self, writer: Writer, row: Snapshot, before: Payload, now: int) -> Receipt[Any]:
        """It waits already: from now on it can be claimed, unless its machine would say no."""
        if takes_nothing(self.lease.claim.events[0]):
            self.decision(before, self.lease.claim_event(), now)
        move = self.binding.repair(row, before, before, now)
        move.effects = tuple(ready_at(effect, now) for effect in move.effects)
        return self.write(writer, move, type(before), before)

    def write(self, writer: Writer, move: Move, before: type[Payload], after: Payload) -> Receipt[Any]:
        if self.priority is not None:
            move.effects = tuple(ranked(effect, self.priority) for effect in move.effects)
        return ByHand.write(self, writer, move, before, after)

    def _check(self, row: Snapshot, before: Payload, event: Any, decision: Decision[Any]) -> None:
        for policy in self.binding.policies:
            policy.check(Sending(row.key, before, event, decision.edge, False))

    def _only_event(self, row: Snapshot, before: Payload) -> Any:
        ways = list(ways_back(self.binding.machine, self.lease, type(before)))
        alone = [kind for kind in ways if takes_nothing(kind)]
        if len(alone) == 1:
            return alone[0]()
        if not ways:
            self._refuse(
                f"is in {row.state}, from where no event leads to where it can be claimed; set its state by hand"
            )
        told = ", ".join(spelled(kind) for kind in ways)
        several = "several events lead" if alone else "no event without arguments leads"
        return self._refuse(f"is in {row.state}, from where {several} to where it can be claimed; give one of {told}")

    def _refuse(self, problem: str) -> NoReturn:
        raise InvalidQuery(self.binding.name, f"{self.key!r} {problem}")


def ready_at(effect: Effect, now: int) -> Effect:
    return evolve(effect, ready_at=now) if isinstance(effect, Stand) else effect


def ranked(effect: Effect, priority: int) -> Effect:
    return evolve(effect, priority=priority) if isinstance(effect, Stand) else effect


def ways_back(machine: Any, lease: LeasePolicy, leaf: type[Any]) -> Iterator[type[Any]]:
    """The events that lead, or may lead, from a leaf to where an instance can be claimed."""
    for kind, targets in possible_targets(machine, leaf).items():
        if any(issubclass(target, lease.claimable) for target in targets):
            yield kind


def takes_nothing(kind: Any) -> bool:
    """Whether an event of the class is made without arguments."""
    return all(field.default is not NOTHING or not field.init for field in fields(kind))


def spelled(kind: Any) -> str:
    """An event's class, and the fields that it has."""
    return f"{kind.__name__}({', '.join(field.name for field in fields(kind))})"
