"""An order whose events are checked against its state: mypy and pyright refuse one that the state does not take.

`order_typed.py` was made by `leverframe typed order:Order -o order_typed.py`.

Run it: python examples/order_by_state.py
"""

from __future__ import annotations

from decimal import Decimal

from leverframe import Handle, Positive, Store, open_store
from order import Added, Draft, HandedOver, Line, Order, Ordered, Paid, PaymentReceived, Placed, Shipped, Sku, Tracking
from order_typed import send, send_to, start


def buy(line: Line) -> Handle[Order, Placed]:
    """An order of one line, placed.  `send(start(Draft(())), HandedOver(...))` would be an error."""
    return send(send(start(Draft(())), Added(line)), Ordered())


def deliver(order: Handle[Order, Paid], tracking: Tracking) -> Handle[Order, Shipped]:
    return send(order, HandedOver(tracking))


def pay(store: Store, key: str, amount: Decimal) -> None:
    """A stored order is paid, if it is placed: with `expect=Draft` this would be an error."""
    send_to(store, key, PaymentReceived(amount), expect=Placed)


if __name__ == "__main__":
    placed = buy(Line(Sku("AB-12"), Positive(2), Decimal("9.50")))
    print(deliver(send(placed, PaymentReceived(Decimal(19))), Tracking("1Z-999")))
    with open_store("sqlite://") as store:
        store.create(Order, "order-1", placed.state)
        pay(store, "order-1", Decimal(19))
        print(store.get(Order, "order-1").path)
