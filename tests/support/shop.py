"""Orders of a shop: a guard, a move with two targets, a pattern, a message."""

from __future__ import annotations

from attrs import frozen

from leverframe import Event, Machine, Message, NonEmpty, Payload, Positive, entering, on, state

__all__ = ["Cancel", "Cancelled", "Open", "Order", "Paid", "Pay", "Ship", "Shipped", "Tracking"]


class Tracking(NonEmpty):
    pattern = r"1Z-[0-9]{3}"


@frozen
class Open(Payload):
    total: Positive
    paid: int = 0


@frozen
class Paid(Payload):
    total: Positive


@frozen
class Shipped(Payload):
    tracking: Tracking


@frozen
class Cancelled(Payload):
    refund: int


@frozen
class Pay(Event):
    amount: Positive


@frozen
class Ship(Event):
    tracking: Tracking


@frozen
class Cancel(Event): ...


class Order(Machine[Open | Paid | Shipped | Cancelled, Pay | Ship | Cancel]):
    """An order, until its parcel has left."""

    open = state(Open, initial=True)
    paid = state(Paid)
    shipped = state(Shipped, final=True)
    cancelled = state(Cancelled, final=True)

    def not_too_much(self, s: Open, e: Pay) -> bool:
        return s.paid + e.amount <= s.total

    @on(cond=not_too_much)
    def pay(self, s: Open, e: Pay) -> Open | Paid:
        paid = s.paid + e.amount
        return Paid(s.total) if paid == s.total else Open(s.total, paid)

    @on
    def ship(self, s: Paid, e: Ship) -> Shipped:
        return Shipped(e.tracking)

    @on
    def cancel(self, s: Open | Paid, e: Cancel) -> Cancelled:
        return Cancelled(s.paid if isinstance(s, Open) else s.total)

    @entering
    def tell(self, s: Shipped) -> list[Message]:
        return [Message("customers", "shipped", body={"tracking": s.tracking})]
