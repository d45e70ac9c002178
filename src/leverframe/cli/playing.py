"""What has been played?  Moves of one instance that nobody stores: forwards, backwards, and as a log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from attrs import define, field, frozen

from leverframe import Event, Message, Payload
from leverframe.cli.bodies import event_object, state_object
from leverframe.cli.settling import check_policies
from leverframe.cli.targets import AnyMachine
from leverframe.errors import Key, LeaseRequired
from leverframe.persistence.codec import codec_of

__all__ = ["Game", "Step", "usual_key"]

AnyHandle = Any


@frozen
class Step:
    """An event that was accepted, when, and what it led to; the start has none."""

    at: datetime
    handle: AnyHandle
    event: Event | None = None

    @property
    def state(self) -> Payload:
        state: Payload = self.handle.state
        return state

    @property
    def messages(self) -> tuple[Message, ...]:
        messages: tuple[Message, ...] = self.handle.messages
        return messages


@define
class Game:
    """One instance of a machine, as far as it was played; `number` counts the steps that were not undone."""

    machine: AnyMachine
    steps: list[Step]
    number: int = field(default=0)

    @classmethod
    def of(cls, machine: AnyMachine, state: Payload) -> Game:
        """The game that begins in this state.  Raises what the machine's hooks raise."""
        at = datetime.now(UTC)
        return cls(machine, [Step(at, machine.start(state, at))])

    @property
    def step(self) -> Step:
        """The present one."""
        return self.steps[self.number]

    @property
    def path(self) -> str:
        return self.machine.path(type(self.step.state))

    @property
    def played(self) -> list[Step]:
        """The steps that were not undone, the start first."""
        return self.steps[: self.number + 1]

    def send(self, event: Event) -> None:
        """Go on by an event; what was undone is forgotten.  Raises as `Handle.send` does, and nothing changes then."""
        at = datetime.now(UTC)
        handle = self.step.handle.send(event, at)
        # What a store could not keep is no state to go on from.
        codec_of(self.machine).encode_state(handle.state)
        self.steps[self.number + 1 :] = [Step(at, handle, event)]
        self.number += 1

    def undo(self) -> bool:
        """Go back by one step; False at the start."""
        return self.go_to(self.number - 1)

    def redo(self) -> bool:
        """Go forwards by one that was undone; False if there is none."""
        return self.go_to(self.number + 1)

    def go_to(self, number: int) -> bool:
        if not 0 <= number < len(self.steps):
            return False
        self.number = number
        return True

    # ------------------------------------------------------------ as a log

    def lines(self, key: Key) -> Iterator[str]:
        """The lines that `leverframe replay` takes: how it began, and each event."""
        for step in self.played:
            what = (
                {"create": state_object(self.machine, step.state)}
                if step.event is None
                else {"event": event_object(self.machine, step.event)}
            )
            yield json.dumps({"id": key, "at": step.at.isoformat(), **what})

    def not_for_everybody(self, key: Key) -> list[str]:
        """The events that a store takes from the owner of a lease alone, or makes itself: a replay has none."""
        pairs = zip(self.played, self.played[1:], strict=False)
        return [type(after.event).__name__ for before, after in pairs if self._is_refused(before, after, key)]

    def _is_refused(self, before: Step, after: Step, key: Key) -> bool:
        try:
            check_policies(self.machine, key, before.state, after.event, after.handle.edge)
        except LeaseRequired:
            return True
        return False


def usual_key(machine: AnyMachine) -> Key:
    """The key of a saved game, unless one is given: of as many parts as the machine looks up.

    >>> from leverframe.machines import Pipeline
    >>> from leverframe.machines.orchestrator import Task
    >>> usual_key(Pipeline), usual_key(Task)
    ('play', ('play', '1'))
    """
    last = max((part for _, _, part in machine.lookup_parts()), default=0)
    return ("play", *(str(number) for number in range(1, last + 1))) if last else "play"
