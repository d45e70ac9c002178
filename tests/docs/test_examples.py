"""The example programs run, and do what they show."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from documents import ROOT

from leverframe import AlreadyExists, Machine, Positive, Store, TransitionNotAllowed, open_store
from leverframe.checks.findings import find_problems
from leverframe.checks.typed_module import typed_module
from leverframe.persistence.sqlite.driver import sqlite3
from order import (
    Added,
    Cancel,
    Cancelled,
    Draft,
    HandedOver,
    Line,
    Open,
    Order,
    Ordered,
    PaymentReceived,
    Placed,
    Shipped,
    Sku,
    Tracking,
    total,
)
from turnstile import Coin, Locked, Push, Turnstile, Unlocked

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
TWO_CUPS = Line(Sku("AB-12"), Positive(2), Decimal("9.50"))


def run_example(name: str) -> list[str]:
    program = [sys.executable, "-W", "error", f"examples/{name}"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


# ---------------------------------------------------------------- turnstile


@pytest.mark.usefixtures("folder")
def test_the_turnstile_prints_what_it_did() -> None:
    """The program shows an unlocked gate, what it accepts, and a locked one."""
    assert run_example("turnstile.py") == [
        "<Turnstile in Unlocked(paid=50)> ['Push']",
        "<Turnstile in Locked()>",
    ]


def test_the_turnstile_is_small() -> None:
    """A whole machine takes about twenty lines of code."""
    text = (ROOT / "examples" / "turnstile.py").read_text(encoding="utf-8")
    body = text.partition("if __name__")[0].partition('"""\n')[2]
    assert len([line for line in body.splitlines() if line.strip() and not line.startswith("#")]) <= 25


def test_a_locked_turnstile_cannot_be_pushed() -> None:
    """Push is no move of a locked gate, and a second coin none of an unlocked one."""
    with pytest.raises(TransitionNotAllowed, match="refuses Push: no move takes it there; accepted there: Coin"):
        Turnstile.start(Locked()).send(Push())
    with pytest.raises(TransitionNotAllowed):
        Turnstile.start(Unlocked(Positive(50))).send(Coin(Positive(50)))


# ---------------------------------------------------------------- order


@pytest.mark.usefixtures("folder")
def test_the_order_prints_what_it_did() -> None:
    """The program shows a refusal, the journal, a message and a look-up."""
    assert run_example("order.py") == [
        "Order 'order-1' in open.placed refuses PaymentReceived: covers said no; "
        "accepted there: PaymentReceived, Cancel",
        "1 open.draft None",
        "2 open.draft Added(line=Line(sku='AB-12', pieces=2, price=Decimal('9.5')))",
        "3 open.placed Ordered()",
        "4 open.paid PaymentReceived(amount=Decimal('19'))",
        "5 shipped HandedOver(tracking='1Z-999')",
        "customers shipped {'tracking': '1Z-999'}",
        "['order-1']",
    ]


def test_the_guard_asks_for_the_whole_price() -> None:
    """A payment below the total is refused, one above it taken."""
    placed = Placed((TWO_CUPS,), NOON)
    assert total(placed.lines) == Decimal("19.00")
    assert not Order.start(placed).can(PaymentReceived(Decimal("18.99")))
    assert Order.start(placed).can(PaymentReceived(Decimal("19.01")))


@pytest.mark.parametrize("state", Order.leaves(Open), ids=lambda leaf: leaf.__name__)
def test_every_open_order_can_be_cancelled(state: type[Open]) -> None:
    """The superstate's move is a move of each of its leaves."""
    made = {"Draft": Draft(()), "Placed": Placed((), NOON)}.get(state.__name__) or state((), NOON)  # type: ignore[call-arg]
    assert Order.start(made).send(Cancel("too late")).state == Cancelled("too late")  # type: ignore[arg-type]


def test_lines_are_added_to_a_draft_only() -> None:
    """A draft takes lines in place; a placed order takes none."""
    draft = Order.start(Draft(())).send(Added(TWO_CUPS))
    assert draft.state == Draft((TWO_CUPS,))
    with pytest.raises(TransitionNotAllowed):
        draft.send(Ordered()).send(Added(TWO_CUPS))


def shipped(store: Store, key: str, tracking: str) -> None:
    store.create(Order, key, Placed((), NOON))
    store.send(Order, key, PaymentReceived(Decimal(0)))
    store.send(Order, key, HandedOver(Tracking(tracking)))


def test_no_two_orders_have_one_tracking_number() -> None:
    """The look-up is unique: the second order with the number is refused and stays paid."""
    with open_store("sqlite://") as store:
        shipped(store, "one", "1Z-1")
        with pytest.raises(AlreadyExists):
            shipped(store, "two", "1Z-1")
        assert [order.key for order in store.find(Order, where={"tracking": "1Z-1"})] == ["one"]


def execute(database: Path, *statements: tuple[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Run SQL on a file; the rows of the last statement."""
    rows: list[tuple[str, ...]] = []
    with closing(sqlite3.connect(database)) as connection, connection:
        for text, parameters in statements:
            rows = connection.execute(text, parameters).fetchall()
    return rows


def rewrite(database: Path, state: str, body: str) -> None:
    """Put a state into the file as an older program would have written it."""
    execute(
        database,
        ("UPDATE snapshot SET state = ?, body = ?", (state, body)),
        ("UPDATE journal SET to_state = ?, body = ? WHERE version = 1", (state, body)),
        ("UPDATE state_count SET state = ?, type_name = ?", (state, state.capitalize())),
    )


def test_an_old_cancellation_gets_a_reason(tmp_path: Path) -> None:
    """A body of Cancelled at version 1 is read through the upcaster; what is stored stays as it was."""
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    with open_store(url) as store:
        store.create(Order, "old", Cancelled("anything"))
    rewrite(tmp_path / "orders.db", "cancelled", '{"body":{},"type":"Cancelled"}')
    with open_store(url) as store:
        assert store.get(Order, "old").state == Cancelled("not recorded")
        assert store.history(Order, "old")[0].state == Cancelled("not recorded")


def test_an_order_that_was_sent_is_shipped_now(tmp_path: Path) -> None:
    """A state of a name that is out of use is found, counted and read as the class that it became."""
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    with open_store(url) as store:
        store.create(Order, "old", Shipped(Tracking("anything")))
    rewrite(tmp_path / "orders.db", "sent", '{"body":{"parcel":"1Z-7"},"type":"Sent"}')
    with open_store(url) as store:
        assert [found.state for found in store.find(Order, Shipped)] == [Shipped(Tracking("1Z-7"))]
        assert store.count(Order) == {Shipped: 1}
        assert store.at(Order, "old", version=1) == Shipped(Tracking("1Z-7"))


def test_what_is_written_today_needs_no_upcaster(tmp_path: Path) -> None:
    """New rows carry the version of today and are read back as they were."""
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    with open_store(url) as store:
        store.create(Order, "new", Cancelled("asked to"))
        assert store.get(Order, "new").state == Cancelled("asked to")
    rows = execute(tmp_path / "orders.db", ("SELECT body FROM snapshot", ()))
    assert rows == [('{"body":{"reason":"asked to"},"type":"Cancelled","v":2}',)]


# ---------------------------------------------------------------- an order by its states


@pytest.mark.usefixtures("folder")
def test_the_order_by_state_prints_what_it_did() -> None:
    """The program shows an order that is shipped, and a stored one that is paid."""
    assert run_example("order_by_state.py") == ["<Order in Shipped(tracking='1Z-999')>", "open.paid"]


def test_the_generated_module_is_up_to_date() -> None:
    """`leverframe typed order:Order` would write what stands in the folder."""
    written = (ROOT / "examples" / "order_typed.py").read_text(encoding="utf-8")
    assert written == typed_module(Order, "order:Order")


@pytest.mark.parametrize("machine", [Order, Turnstile])
def test_nothing_is_found_in_an_example(machine: type[Machine[Any, Any]]) -> None:
    """`leverframe check` has nothing to say of the examples."""
    assert find_problems(machine) == ()
