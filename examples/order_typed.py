"""Order by its states: a type checker refuses an event that the present state does not take.

Made by `leverframe typed order:Order`; make it anew when the machine changes.
"""

# fmt: off
# ruff: noqa
# mypy: disable-error-code="overload-overlap"
# pyright: reportOverlappingOverload=false

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypedDict, TypeVar, Unpack, cast, overload

from leverframe import Handle, Receipt, Store
from leverframe.errors import Key
from order import (
    Added,
    Cancel,
    Cancelled,
    Draft,
    HandedOver,
    Open,
    Order,
    Ordered,
    Paid,
    PaymentReceived,
    Placed,
    Shipped,
)

__all__ = ["send", "send_to", "start"]

_State = TypeVar("_State", bound="Draft | Placed | Paid | Shipped | Cancelled")


class _Options(TypedDict, total=False):
    """What `Store.send` takes besides."""

    at: datetime | None
    delivery_id: str | None
    on_refused: Literal["raise", "return"]
    by: str | None
    why: str | None


def start(state: _State, now: datetime | None = None) -> Handle[Order, _State]:
    """As `Order.start`, and the handle is known to be in this state."""
    handle: Handle[Order, _State] = cast("Any", Order.start(state, now))
    return handle


# ---------------------------------------------------------------- a handle


@overload
def send(handle: Handle[Order, Draft], event: Added, now: datetime | None = None) -> Handle[Order, Draft]: ...
@overload
def send(
    handle: Handle[Order, Draft],
    event: Ordered,
    now: datetime | None = None,
) -> Handle[Order, Placed]: ...
@overload
def send(
    handle: Handle[Order, Placed],
    event: PaymentReceived,
    now: datetime | None = None,
) -> Handle[Order, Paid]: ...
@overload
def send(
    handle: Handle[Order, Paid],
    event: HandedOver,
    now: datetime | None = None,
) -> Handle[Order, Shipped]: ...
@overload
def send(
    handle: Handle[Order, Open],
    event: Cancel,
    now: datetime | None = None,
) -> Handle[Order, Cancelled]: ...
def send(handle: Any, event: Any, now: datetime | None = None) -> Any:
    """The handle after `event`, as `Handle.send` gives it; only for an event that its state takes."""
    after: Any = handle.send(event, now)
    return after


# ---------------------------------------------------------------- a store


@overload
def send_to(
    store: Store,
    key: Key,
    event: Added,
    *,
    expect: type[Draft],
    **options: Unpack[_Options],
) -> Receipt[Draft]: ...
@overload
def send_to(
    store: Store,
    key: Key,
    event: Ordered,
    *,
    expect: type[Draft],
    **options: Unpack[_Options],
) -> Receipt[Draft | Placed]: ...
@overload
def send_to(
    store: Store,
    key: Key,
    event: PaymentReceived,
    *,
    expect: type[Placed],
    **options: Unpack[_Options],
) -> Receipt[Placed | Paid]: ...
@overload
def send_to(
    store: Store,
    key: Key,
    event: HandedOver,
    *,
    expect: type[Paid],
    **options: Unpack[_Options],
) -> Receipt[Paid | Shipped]: ...
@overload
def send_to(
    store: Store,
    key: Key,
    event: Cancel,
    *,
    expect: type[Open],
    **options: Unpack[_Options],
) -> Receipt[Draft | Placed | Paid | Cancelled]: ...
def send_to(store: Store, key: Key, event: Any, *, expect: Any, **options: Unpack[_Options]) -> Any:
    """As `Store.send` with `expect`; only for an event that this state takes."""
    receipt: Any = store.send(Order, key, event, expect=expect, **options)
    return receipt
