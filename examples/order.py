"""An order with nested states, a guard, messages, and rows that an older version of this program wrote.

Run it: python examples/order.py
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from attrs import evolve, frozen

from leverframe import (
    Event,
    Machine,
    Message,
    NonEmpty,
    Payload,
    Positive,
    State,
    TransitionNotAllowed,
    entering,
    lookup,
    on,
    open_store,
    state,
)


class Sku(NonEmpty):
    pattern = r"[A-Z]{2}-\d+"


class Tracking(NonEmpty): ...


@frozen
class Line:
    sku: Sku
    pieces: Positive
    price: Decimal


# ---------------------------------------------------------------- states


@frozen
class Open(Payload):
    """Nothing has left the house: lines may change, and the order may be cancelled."""

    lines: tuple[Line, ...]


@frozen
class Draft(Open): ...


@frozen
class Placed(Open):
    placed_at: datetime


@frozen
class Paid(Open):
    paid_at: datetime


@frozen
class Shipped(Payload):
    tracking: Tracking


@frozen
class Cancelled(Payload):
    reason: str


OrderState: TypeAlias = Draft | Placed | Paid | Shipped | Cancelled


# ---------------------------------------------------------------- events


@frozen
class Added(Event):
    line: Line


@frozen
class Ordered(Event): ...


@frozen
class PaymentReceived(Event):
    amount: Decimal


@frozen
class HandedOver(Event):
    tracking: Tracking


@frozen
class Cancel(Event):
    reason: str


OrderEvent: TypeAlias = Added | Ordered | PaymentReceived | HandedOver | Cancel


def total(lines: tuple[Line, ...]) -> Decimal:
    return sum((line.price * line.pieces for line in lines), Decimal(0))


# ---------------------------------------------------------------- the machine


class Order(Machine[OrderState, OrderEvent]):
    class open(State.Compound):
        draft = state(Draft, initial=True)
        placed = state(Placed)
        paid = state(Paid)

    shipped = state(Shipped, final=True)
    cancelled = state(Cancelled, final=True)

    tracking = lookup(unique=True)

    def covers(self, s: Placed, e: PaymentReceived) -> bool:
        return e.amount >= total(s.lines)

    @on
    def added(self, s: Draft, e: Added) -> Draft:
        return evolve(s, lines=(*s.lines, e.line))

    @on
    def ordered(self, s: Draft, e: Ordered) -> Placed:
        return Placed(s.lines, placed_at=self.now())

    @on(cond=covers)
    def payment_received(self, s: Placed, e: PaymentReceived) -> Paid:
        return Paid(s.lines, paid_at=self.now())

    @on
    def handed_over(self, s: Paid, e: HandedOver) -> Shipped:
        return Shipped(e.tracking)

    @on
    def cancel(self, s: Open, e: Cancel) -> Cancelled:
        return Cancelled(e.reason)

    @entering
    def tell_customer(self, s: Shipped) -> list[Message]:
        return [Message("customers", "shipped", body={"tracking": s.tracking})]


@Order.upcast("Cancelled", version=1)
def give_a_reason(body: dict[str, Any]) -> dict[str, Any]:
    """The first version of this program kept no reason."""
    return {"reason": "not recorded", **body}


@Order.upcast("Sent", version=1, to=Shipped)
def rename_sent(body: dict[str, Any]) -> dict[str, Any]:
    """`Shipped` was once called `Sent`, with a parcel number."""
    return {"tracking": body["parcel"]}


if __name__ == "__main__":
    with open_store("sqlite://") as store:
        store.create(Order, "order-1", Draft(()))
        store.send(Order, "order-1", Added(Line(Sku("AB-12"), Positive(2), Decimal("9.50"))))
        store.send(Order, "order-1", Ordered())
        try:
            store.send(Order, "order-1", PaymentReceived(Decimal("10")))
        except TransitionNotAllowed as refusal:
            print(refusal)
        store.send(Order, "order-1", PaymentReceived(Decimal("19.00")))
        store.send(Order, "order-1", HandedOver(Tracking("1Z-999")))
        for entry in store.history(Order, "order-1"):
            print(entry.version, entry.to_path, entry.event)
        for message in store.messages():
            print(message.topic, message.kind, dict(message.body))
        print([found.key for found in store.find(Order, where={"tracking": "1Z-999"})])
