"""Repairs in bicycle workshops, as a machine: what the rows of an old table become."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from attrs import frozen

from leverframe import Event, Machine, NonEmpty, Payload, lookup, on, state

__all__ = [
    "Begin",
    "BikeRepair",
    "Cancel",
    "Cancelled",
    "Collect",
    "Collected",
    "Finish",
    "InRepair",
    "Ready",
    "Received",
]


@frozen
class Repair(Payload):
    """What is known of every repair."""

    bike: NonEmpty
    customer: NonEmpty


@frozen
class Received(Repair):
    urgent: bool = False


@frozen
class InRepair(Repair):
    mechanic: NonEmpty
    promised: date | None
    parts: tuple[str, ...] = ()


@frozen
class Ready(Repair):
    price: Decimal
    finished_at: datetime


@frozen
class Collected(Repair):
    price: Decimal


@frozen
class Cancelled(Repair):
    reason: str


RepairState: TypeAlias = Received | InRepair | Ready | Collected | Cancelled


@frozen
class Begin(Event):
    mechanic: NonEmpty
    promised: date | None = None
    parts: tuple[str, ...] = ()


@frozen
class Finish(Event):
    price: Decimal


@frozen
class Collect(Event): ...


@frozen
class Cancel(Event):
    reason: str


class BikeRepair(Machine[RepairState, Begin | Finish | Collect | Cancel]):
    """From the counter to the customer."""

    received = state(Received, initial=True)
    in_repair = state(InRepair)
    ready = state(Ready)
    collected = state(Collected, final=True)
    cancelled = state(Cancelled, final=True)

    mechanic = lookup()

    @on
    def begin(self, s: Received, e: Begin) -> InRepair:
        return InRepair(s.bike, s.customer, e.mechanic, e.promised, e.parts)

    @on
    def finish(self, s: InRepair, e: Finish) -> Ready:
        return Ready(s.bike, s.customer, e.price, self.now())

    @on
    def collect(self, s: Ready, e: Collect) -> Collected:
        return Collected(s.bike, s.customer, s.price)

    @on
    def cancel(self, s: Received | InRepair, e: Cancel) -> Cancelled:
        return Cancelled(s.bike, s.customer, e.reason)
