"""One instance of a store, led from state to state, and compared with what `decide` says."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define

from leverframe.coordination.by_hand import ByHand
from leverframe.errors import Key, LeverframeError, NotFound, PathFailed, TransitionNotAllowed
from leverframe.persistence.backend import Writer
from leverframe.persistence.beside import Sending
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.keys import encode_key
from leverframe.persistence.records import Receipt
from leverframe.persistence.rows import Snapshot
from leverframe.testing.noticing import unnoticed
from leverframe.typed.message import Message
from leverframe.typed.payload import Payload
from leverframe.typed.table import decide, enter
from leverframe.wording import show_value

if TYPE_CHECKING:
    from leverframe.coordination.store import Store

__all__ = ["Line", "Walk"]

PATIENCE = 30.0
"""Seconds to wait for messages that have to come."""


@define
class Line:
    """What one move is to leave: its event, None for a creation; its time; the state; and what it told."""

    event: Any
    at: datetime
    state: Any
    messages: tuple[Message, ...]


@define(kw_only=True)
class Unleased(ByHand):
    """The move of an event, whoever may make it: it is the machine that is walked, not the lease."""

    event: Any

    def act(self, writer: Writer, row: Snapshot, now: int) -> Receipt[Any]:
        return self.decided(writer, row, self.binding.state_of(row), self.event, now)


class Walk:
    """One instance that is led along; `lines` is what the store has to have kept.

    `name` is what it is called where something fails.
    """

    def __init__(self, store: Store, machine: Any, key: Key, name: str) -> None:
        self.store = store
        self.machine = machine
        self.key = key
        self.name = name
        self.lines: list[Line] = []

    @property
    def state(self) -> Any:
        return self.lines[-1].state

    # ------------------------------------------------------------ moving

    def create(self, state: Payload, at: datetime) -> None:
        """Create the instance."""
        line = self.begun(state, at)
        self.store.create(self.machine, self.key, state, at=at)
        self.lines.append(line)

    def send(self, event: Any, at: datetime, delivery_id: str | None = None) -> None:
        """Send an event, which the store has to take or to refuse as `decide` does."""
        with unnoticed():
            line = self.decided(event, at)
        try:
            receipt = self.sender(event, at)(event, at, delivery_id)
        except TransitionNotAllowed as refusal:
            if line is not None:
                self.fail(f"the store refuses what is decided otherwise: {refusal}")
            return
        if line is None:
            self.fail(f"the store takes {show_value(event)}, which is refused")
        elif (receipt.state, receipt.version) != (line.state, len(self.lines) + 1):
            self.fail(f"the store answers {show_value(receipt.state)} at version {receipt.version}")
        else:
            self.lines.append(line)

    def sender(self, event: Any, at: datetime) -> Callable[[Any, datetime, str | None], Receipt[Any]]:
        """How this event is sent now."""
        with unnoticed():
            return self.move_without_lease if self._needs_lease(event, at) else self.move

    def move(self, event: Any, at: datetime, delivery_id: str | None = None) -> Receipt[Any]:
        """As anybody sends it."""
        return self.store.send(self.machine, self.key, event, at=at, delivery_id=delivery_id)

    def move_without_lease(self, event: Any, at: datetime, _: str | None = None) -> Receipt[Any]:
        """A move that is its lease's owner's, or the store's own."""
        binding = self.store._bindings.keeping_lookups(self.machine)  # pyright: ignore[reportPrivateUsage]  # no verb makes such a move
        work = Unleased(binding=binding, key=self.key, now=to_microseconds(at), note=None, event=event)
        return self.store._backend.commit(work)  # pyright: ignore[reportPrivateUsage]  # no verb makes such a move

    def begun(self, state: Payload, at: datetime) -> Line:
        """The line that a creation is to leave."""
        return Line(None, at, state, enter(self.machine, state, at))

    def decided(self, event: Any, at: datetime) -> Line | None:
        """The line that an event is to leave; None where it is refused."""
        try:
            decision = decide(self.machine, self.state, event, at)
        except TransitionNotAllowed:
            return None
        return Line(event, at, decision.state, decision.messages)

    def _needs_lease(self, event: Any, at: datetime) -> bool:
        """Whether only who has the lease, or the store itself, may make the move."""
        policies = self.machine._policies
        try:
            edge = decide(self.machine, self.state, event, at).edge if policies else None
            for policy in policies:
                policy.check(Sending(encode_key(self.key), self.state, event, edge, False))
        except TransitionNotAllowed:
            return False
        except LeverframeError:
            return True
        return False

    # ------------------------------------------------------------ looking

    def versions(self) -> int:
        """How many moves the store has of the instance, its creation included."""
        try:
            return self.store.get(self.machine, self.key).version
        except NotFound:
            return 0

    def check(self, store: Store | None = None) -> None:
        """The store holds what was decided, from the first line to the last."""
        looked_at = store or self.store
        entries = looked_at.history(self.machine, self.key) if self.lines else []
        if [entry.version for entry in entries] != [*range(1, len(self.lines) + 1)]:
            self.fail(f"the journal has versions {[entry.version for entry in entries]}, of {len(self.lines)} moves")
        for entry, line in zip(entries, self.lines, strict=True):
            kept, decided = (entry.event, entry.state, entry.at), (line.event, line.state, line.at)
            if kept != decided:
                self.fail(f"version {entry.version} is {show_value(kept)}, and was decided to be {show_value(decided)}")
        if self.lines:
            stored = looked_at.get(self.machine, self.key)
            if (stored.state, stored.version) != (self.state, len(self.lines)):
                self.fail(f"the snapshot is {show_value(stored.state)} at version {stored.version}")

    def check_alone(self, store: Store | None = None) -> None:
        """As `check`, where it is the tenant's one instance: counts and messages are those of its moves."""
        looked_at = store or self.store
        self.check(looked_at)
        counted = dict(looked_at.count(self.machine))
        expected: dict[Any, int] = {type(self.state): 1} if self.lines else {}
        if counted != expected:
            self.fail(f"the counts are {counted}, and should be {expected}")
        said = [(message.topic, message.kind) for line in self.lines for message in line.messages]
        told = self._told(looked_at, len(said))
        if told != said:
            self.fail(f"the messages are {told}, and should be {said}")

    def _told(self, store: Store, number: int) -> list[tuple[str, str]]:
        """The messages; a server shows none while an older transaction, such as a killed one, is still going."""
        deadline = time.monotonic() + PATIENCE
        while True:
            told = [(kept.topic, kept.kind) for kept in store.messages(limit=10_000)]
            if len(told) >= number or time.monotonic() > deadline:
                return told
            time.sleep(0.01)

    def fail(self, problem: str) -> None:
        """Raise `PathFailed`."""
        raise PathFailed(self.machine.machine_name, self.name, problem)
