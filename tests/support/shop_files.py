"""A small machine as a file, and the same with lines exchanged: what a change of a machine does is seen so."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from leverframe import Machine

__all__ = ["SHOP", "load_shop", "write_shop"]

SHOP = """
from datetime import datetime
from enum import Enum

from attrs import frozen

from leverframe import Event, Machine, NonEmpty, Payload, State, entering, leaving, lookup, on, state


class Sku(NonEmpty):
    pattern = "[A-Z]+"


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@frozen
class Line:
    sku: Sku
    size: Size


@frozen
class Open(Payload):
    customer: str


@frozen
class Draft(Open):
    lines: tuple[Line, ...]


@frozen
class Placed(Open):
    placed_at: datetime


@frozen
class Sent(Payload):
    parcel: str


@frozen
class Cancelled(Payload):
    reason: str


@frozen
class Place(Event): ...


@frozen
class Send(Event):
    parcel: str


@frozen
class Cancel(Event):
    reason: str


class Order(Machine[Draft | Placed | Sent | Cancelled, Place | Send | Cancel]):
    class open(State.Compound):
        draft = state(Draft, initial=True)
        placed = state(Placed)

    sent = state(Sent, final=True)
    cancelled = state(Cancelled, final=True)

    parcel = lookup()

    @on
    def place(self, s: Draft, e: Place) -> Placed:
        return Placed(s.customer, self.now())

    @on
    def send_parcel(self, s: Placed, e: Send) -> Sent:
        return Sent(e.parcel)

    @on
    def cancel(self, s: Open, e: Cancel) -> Cancelled:
        return Cancelled(e.reason)
""".lstrip()


def write_shop(folder: Path, *exchanged: tuple[str, str], name: str = "shop", more: str = "") -> Path:
    """Write the machine as a module, each pair of texts exchanged and `more` at its end, to be imported anew."""
    text = SHOP
    for old, new in exchanged:
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    path = folder / f"{name}.py"
    path.write_text(text + more, encoding="utf-8")
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    return path


def load_shop(folder: Path, *exchanged: tuple[str, str], name: str = "shop", more: str = "") -> type[Machine[Any, Any]]:
    """The machine, of a module that is written and imported."""
    write_shop(folder, *exchanged, name=name, more=more)
    machine: type[Machine[Any, Any]] = importlib.import_module(name).Order
    return machine
