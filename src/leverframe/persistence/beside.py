"""What a move changes beside its instance, for those who share the work: what a machine's policies are asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from attrs import define

from leverframe.persistence.effects import Effect, Grant
from leverframe.persistence.instants import from_microseconds

__all__ = ["Change", "MovePolicy", "Sending"]


@define
class Change:
    """A move that is about to be written; `before` is None for a creation.

    `key` is the key as text, `at` the store's own time in microseconds; `grant` is the lease that the move gives.
    `repaired` says that somebody sets the state by hand: whatever was kept beside the instance is over, and `before`
    is None where nobody can read it.
    """

    machine: str
    key: str
    before: Any
    after: Any
    at: int
    grant: Grant | None = None
    repaired: bool = False

    @property
    def begins(self) -> bool:
        """Whether the instance comes to the state as a new one does, by no move of its machine."""
        return self.before is None or self.repaired

    @property
    def now(self) -> datetime:
        return from_microseconds(self.at)


@define
class Sending:
    """A move that somebody wants to make; `fenced` says that whoever does has the instance's lease."""

    key: str
    before: Any
    event: Any
    edge: Any
    fenced: bool


class MovePolicy(Protocol):
    """What a store asks of a policy."""

    name: str

    def kept(self) -> object:
        """What is kept of each instance because of it, in JSON; None for nothing."""
        ...

    def check(self, sending: Sending) -> None:
        """Raise if whoever sends may not make this move."""
        ...

    def effects(self, change: Change) -> Sequence[Effect]:
        """What the move changes beside the instance."""
        ...
