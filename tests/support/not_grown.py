"""A machine as it was before it has grown into that of `grown.py`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import frozen

from leverframe import Event, Machine, Payload, lookup, on, state
from leverframe.coordination.policies import Lease

__all__ = ["Asked", "Begun", "Doing", "Done", "Ended", "OldErrand", "Returned", "Waiting", "old"]


@frozen
class Begun(Event): ...


@frozen
class Returned(Event): ...


@frozen
class Ended(Event): ...


@frozen
class Asked(Event):
    label: str


@frozen
class Waiting(Payload):
    label: str


@frozen
class Done(Payload):
    label: str


@frozen
class Doing(Payload):
    label: str


class OldErrand(Machine[Waiting | Doing | Done, Begun | Returned | Ended | Asked]):
    """The machine of the older program."""

    machine_name = "Errand"
    waiting = state(Waiting, initial=True)
    doing = state(Doing)
    done = state(Done, final=True)

    label = lookup()

    @on
    def begun(self, s: Waiting, e: Begun) -> Doing:
        return Doing(s.label)

    @on
    def returned(self, s: Doing, e: Returned) -> Waiting:
        return Waiting(s.label)

    @on
    def asked(self, s: Waiting, e: Asked) -> Waiting:
        return Waiting(e.label)

    @on
    def ended(self, s: Doing, e: Ended) -> Done:
        return Done(s.label)

    lease = Lease(claim=begun, expiry=returned, ttl=timedelta(seconds=60))


def old(store: Any, *labels: str) -> None:
    """Instances of the older program, called as their labels."""
    for label in labels:
        store.create(OldErrand, label, Waiting(label))
