"""What a database must do for consumers: who has which message, what is due again, and what was set aside.

A consumer has a row with the position up to which it was handed messages.  A message that it was handed, and has not
acknowledged, has a row in `consumption`: in flight if that has a `token`, waiting to be handed out again if it has
none, or set aside.  Times are microseconds since 1970-01-01 UTC by the store's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import define, frozen

from leverframe.persistence.rows import MessageRow

__all__ = [
    "Backlog",
    "ConsumerReader",
    "ConsumerRow",
    "ConsumerWriter",
    "DueRow",
    "Failure",
    "Grasp",
    "HeldConsumer",
    "SetAsideRow",
]


@define
class ConsumerRow:
    """A tenant's consumer: of which topic (None: of all), handed out up to which position, and its last token."""

    tenant: str
    name: str
    topic: str | None
    position: int
    token: int


@define
class HeldConsumer(ConsumerRow):
    """A consumer that nobody else hands out messages of meanwhile; `clock` is the time since when that is so."""

    clock: int


@define
class DueRow:
    """A message to be handed out again, after so many times; `message` is None where it was deleted meanwhile."""

    position: int
    attempts: int
    message: MessageRow | None


@define
class SetAsideRow:
    """A message that was set aside: handed out so many times, why the last time failed, and when that was."""

    message: MessageRow
    attempts: int
    error: str
    at: int


@frozen
class Grasp:
    """In whose hands messages are, under which token, and until when."""

    worker: str
    token: int
    until: int


@frozen
class Failure:
    """Why a message has failed, and in how many microseconds it is due again, or whether it is set aside."""

    error: str
    delay: int
    sets_aside: bool


@frozen
class Backlog:
    """A tenant's consumer, how many messages it has yet to be handed for the first time, and how many are set aside."""

    tenant: str
    name: str
    behind: int
    set_aside: int


class ConsumerReader(Protocol):
    """What is known of consumers."""

    def consumer(self, name: str) -> ConsumerRow | None:
        """One of them; None if it has never taken anything."""
        ...

    def consumers(self) -> list[ConsumerRow]:
        """All of them, of all tenants."""
        ...

    def next_due(self, name: str) -> int | None:
        """When the next message is to be handed out again; None if none is."""
        ...

    def set_aside(self, name: str, after: int, limit: int) -> list[SetAsideRow]:
        """At most `limit` messages that are set aside, behind position `after`, in order."""
        ...

    def backlogs(self) -> list[Backlog]:
        """Every consumer, by tenant and name, with what it has before it."""
        ...


class ConsumerWriter(ConsumerReader, Protocol):
    """Messages handed out, and taken off their hands."""

    def hold_consumer(self, name: str, topic: str | None, position: int, now: int | None) -> HeldConsumer:
        """The consumer, made like this if it was not there; nobody else hands out its messages meanwhile.

        `now` None: by the database's own clock.
        """
        ...

    def advance(self, name: str, position: int, token: int) -> None:
        """It has been handed all up to there, the last of it under this token."""
        ...

    def due(self, name: str, now: int, limit: int) -> list[DueRow]:
        """At most `limit` messages that are to be handed out again, the longest due first.

        Those that a transaction under way is about to take off somebody's hands are passed over.
        """
        ...

    def hand_out_again(self, name: str, positions: Sequence[int], grasp: Grasp) -> None:
        """These messages, which were due, are in flight once more."""
        ...

    def hand_out(self, name: str, positions: Sequence[int], grasp: Grasp) -> set[int]:
        """These messages are in flight; the positions of those that this consumer did not have already."""
        ...

    def drop(self, name: str, positions: Sequence[int]) -> None:
        """Forget these messages."""
        ...

    def acknowledge(self, name: str, position: int, token: int) -> bool:
        """A message is done with; False if it is no longer in flight under this token."""
        ...

    def extend(self, name: str, position: int, token: int, now: int | None, lease: int) -> int | None:
        """A message is in flight for so long from now on; until when, None if it no longer is under this token."""
        ...

    def fail(self, name: str, position: int, token: int, now: int | None, failure: Failure) -> bool:
        """A message has failed; False if it is no longer in flight under this token."""
        ...

    def give_up(self, name: str, positions: Sequence[int], now: int) -> None:
        """Set these messages aside: they were handed out as often as may be."""
        ...

    def replay_set_aside(self, name: str, now: int) -> int:
        """All that is set aside is due now, as if for the first time; how many there were."""
        ...

    def replay_one(self, name: str, position: int, now: int) -> int:
        """One message is due now, as if for the first time, unless it is in flight; how many that was."""
        ...

    def rewind(self, name: str, topic: str | None, after: int, until: int, now: int) -> int:
        """All behind `after`, up to `until`, is handed out as if for the first time; how many there are.

        What is in flight stays where it is.
        """
        ...

    def remove_consumer(self, name: str) -> bool:
        """Forget a consumer and all that it was handed; False if there is none."""
        ...
