"""RepoGate: whether a repository may start new tasks.  The key is the repository."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from attrs import frozen

from leverframe import Event, Machine, Payload, on, state
from leverframe.machines.orchestrator.task import TaskKey

# ---------------------------------------------------------------- states


@frozen
class Open(Payload): ...


@frozen
class Frozen(Payload):
    """No new task is started until somebody unfreezes it."""

    reason: str
    task: TaskKey
    frozen_at: datetime


RepoGateState: TypeAlias = Open | Frozen


# ---------------------------------------------------------------- events


@frozen
class Freeze(Event):
    reason: str
    task: TaskKey


@frozen
class Unfreeze(Event): ...


RepoGateEvent: TypeAlias = Freeze | Unfreeze


# ---------------------------------------------------------------- the machine


class RepoGate(Machine[RepoGateState, RepoGateEvent]):
    """Whether a repository may start new tasks."""

    open = state(Open, initial=True)
    frozen = state(Frozen)

    @on
    def freeze(self, s: Open, e: Freeze) -> Frozen:
        return Frozen(e.reason, e.task, frozen_at=self.now())

    @on
    def unfreeze(self, s: Frozen, e: Unfreeze) -> Open:
        return Open()
