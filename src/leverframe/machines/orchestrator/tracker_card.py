"""TrackerCard: a message about a task in somebody's tracker.  The key is the task's, and the message's id behind it."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from attrs import frozen

from leverframe import Event, Machine, NonEmpty, Payload, on, state

# ---------------------------------------------------------------- values


class MessageId(NonEmpty):
    """What the tracker calls the message."""


# ---------------------------------------------------------------- states


@frozen
class Open(Payload): ...


@frozen
class Deleted(Payload):
    at: datetime


TrackerCardState: TypeAlias = Open | Deleted


# ---------------------------------------------------------------- events


@frozen
class Gone(Event):
    """The tracker has the message no more."""


TrackerCardEvent: TypeAlias = Gone


# ---------------------------------------------------------------- the machine


class TrackerCard(Machine[TrackerCardState, TrackerCardEvent]):
    """A message about a task in somebody's tracker."""

    open = state(Open, initial=True)
    deleted = state(Deleted, final=True)

    @on
    def gone(self, s: Open, e: Gone) -> Deleted:
        return Deleted(self.now())
