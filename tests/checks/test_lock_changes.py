"""What became of a machine since it was locked, in words, and what of it makes stored rows unreadable."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shop_files import load_shop

from leverframe import UnreadableRow, open_store
from leverframe.checks.changes import changes_between
from leverframe.checks.locked import Locked, lock_of
from leverframe.cli.targets import SHIPPED, AnyMachine, find_machine

UPCAST = """

@Order.upcast("Cancelled", version=1)
def cancelled_1(body):
    return body
"""

WHY = """    why: str


@frozen
class Place("""

END = """
    @on
    def cancel("""

CASES = {
    "a field that is new": (
        (
            "    parcel: str\n\n\n@frozen\nclass Cancelled",
            "    parcel: str\n    weight: int\n\n\n@frozen\nclass Cancelled",
        ),
        "! + field weight of Sent is new, int",
    ),
    "a field that may be left out": (
        (
            "    parcel: str\n\n\n@frozen\nclass Cancelled",
            "    parcel: str\n    weight: int = 0\n\n\n@frozen\nclass Cancelled",
        ),
        "  + field weight of Sent is new, int, and may be left out",
    ),
    "a field of a superstate": (
        ("    customer: str", "    customer: int"),
        "! ~ field customer of Open is int now, was str",
    ),
    "a field of another name": (
        ("    placed_at: datetime", "    at: datetime"),
        "! - field placed_at of Placed is gone, was datetime; ! + field at of Placed is new, datetime",
    ),
    "a wider type": (
        ("    placed_at: datetime", "    placed_at: datetime | None"),
        "  ~ field placed_at of Placed is datetime | None now, was datetime",
    ),
    "a field in a field": (
        ("    size: Size", "    size: Size\n    pieces: int"),
        "! + field pieces of Line is new, int",
    ),
    "a stricter value": (
        ('"[A-Z]+"', '"[A-Z]{3}"'),
        "! ~ Sku is NonEmpty '[A-Z]{3}' now, was NonEmpty '[A-Z]+'",
    ),
    "a looser value": (
        ('    pattern = "[A-Z]+"', "    ..."),
        "  ~ Sku is NonEmpty now, was NonEmpty '[A-Z]+'",
    ),
    "a member less": (
        ('    LARGE = "large"\n', ""),
        "! ~ Size is one of 'small' now, was one of 'small', 'large'",
    ),
    "a member more": (
        ('    LARGE = "large"\n', '    LARGE = "large"\n    HUGE = "huge"\n'),
        "  ~ Size is one of 'small', 'large', 'huge' now, was one of 'small', 'large'",
    ),
    "another path": (
        ("    sent = state(Sent, final=True)", "    gone = state(Sent, final=True)"),
        "  ~ state Sent is gone now, was sent; "
        "  ~ move send_parcel is open.placed -Send-> gone now, was open.placed -Send-> sent",
    ),
    "no end": (
        ("    sent = state(Sent, final=True)", "    sent = state(Sent)"),
        "  ~ state Sent is not final now",
    ),
    "another source": (
        ("s: Open, e: Cancel", "s: Draft, e: Cancel"),
        "  ~ move cancel is open.draft -Cancel-> cancelled now, was open -Cancel-> cancelled",
    ),
    "another name": (
        ("def place(", "def order("),
        "  - move place is gone: open.draft -Place-> open.placed; "
        "  + move order is new: open.draft -Place-> open.placed",
    ),
    "a guard": (
        (
            "    @on\n    def place(",
            "    def whole(self, s: Draft, e: Place) -> bool: ...\n\n    @on(cond=whole)\n    def place(",
        ),
        "  ~ move place for Place has the guard whole now, was none",
    ),
    "a hook": (
        (END, "\n    @leaving\n    def bye(self, s: Draft) -> list: ...\n" + END),
        "  + hook bye of Draft is new, at exit",
    ),
    "no look-up": (
        ("    parcel = lookup()\n", ""),
        "  - look-up parcel is gone",
    ),
    "a unique look-up": (
        ("lookup()", "lookup(unique=True)"),
        "  ~ unique of look-up parcel is True now, was none",
    ),
}


@pytest.fixture
def before(folder: Path) -> Locked:
    return lock_of(load_shop(folder), "shop:Order")


def told(before: Locked, after: AnyMachine) -> list[str]:
    return [str(change) for change in changes_between(before, lock_of(after, "shop:Order"))]


@pytest.mark.parametrize("case", CASES)
def test_what_is_told(case: str, before: Locked, folder: Path) -> None:
    """Each change is one line, with a mark where rows that are stored do not load any more."""
    exchanged, expected = CASES[case]
    assert "; ".join(told(before, load_shop(folder, exchanged))) == expected


@pytest.mark.parametrize("case", CASES)
def test_what_is_marked_does_not_load(case: str, folder: Path) -> None:
    """A store refuses rows of the older code where a change is marked, and reads all of them where none is."""
    store_orders(load_shop(folder))
    exchanged, expected = CASES[case]
    assert reads_all(load_shop(folder, exchanged)) == ("!" not in expected)


URL = "sqlite:///orders.db"


def store_orders(order: AnyMachine) -> None:
    """An order in each state."""
    shop: Any = sys.modules[order.__module__]
    now = datetime(2026, 1, 2, tzinfo=UTC)
    lines = (shop.Line(shop.Sku("AB"), shop.Size.LARGE),)
    states = [shop.Draft("ann", lines), shop.Placed("ann", now), shop.Sent("p-1"), shop.Cancelled("late")]
    with open_store(URL) as store:
        for state in states:
            store.create(order, type(state).__name__, state)


def reads_all(order: AnyMachine) -> bool:
    """Whether each of them is read."""
    try:
        with open_store(URL) as store:
            return len([found.state for found in store.find(order)]) == 4
    except UnreadableRow:
        return False


# ---------------------------------------------------------------- upcasters


def test_an_upcaster_takes_the_mark_away(before: Locked, folder: Path) -> None:
    """What an upcaster reads is no longer marked; that there is one is told."""
    after = load_shop(folder, ("    reason: str\n\n\n@frozen\nclass Place(", WHY), more=UPCAST)
    assert told(before, after) == [
        "  - field reason of Cancelled is gone, was str",
        "  + field why of Cancelled is new, str",
        "  ~ Cancelled is at version 2 now, was 1",
        "  + an upcaster of Cancelled version 1 is new",
    ]


def test_an_upcaster_that_is_gone(folder: Path) -> None:
    """Without an upcaster that was there, rows of both versions are at stake."""
    before = lock_of(load_shop(folder, more=UPCAST), "shop:Order")
    assert told(before, load_shop(folder)) == [
        "! ~ Cancelled is at version 1 now, was 2",
        "! - the upcaster of Cancelled version 1 is gone",
    ]


def test_a_state_that_is_gone(before: Locked, folder: Path) -> None:
    """A state that is gone is marked, unless an upcaster says what it became."""
    renamed = (("Cancelled", "Ended"),)
    assert told(before, load_shop(folder, *renamed))[0] == "! - state Cancelled is gone: cancelled"
    became = "\n\nOrder.upcast('Cancelled', version=1, to=Ended)(lambda body: body)\n"
    after = load_shop(folder, *renamed, more=became)
    assert told(before, after)[0] == "  - state Cancelled is gone: cancelled; an upcaster reads it"


def test_an_event_is_in_the_journal_only(before: Locked, folder: Path) -> None:
    """What changes in an event makes lines of the journal unreadable, and no instance."""
    exchanged = ("class Cancel(Event):\n    reason: str", "class Cancel(Event):\n    reason: int")
    [change] = changes_between(before, lock_of(load_shop(folder, exchanged), "shop:Order"))
    assert change.text == "field reason of Cancel is int now, was str"
    assert change.unreadable == ("journal",)


# ---------------------------------------------------------------- order


def test_the_order_of_two_moves(folder: Path) -> None:
    """Which of two moves is asked first is told, where both are for one event in one state."""
    guarded = "    def sure(self, s: Draft, e: Cancel) -> bool: ...\n\n    @on(cond=sure)\n    def drop("
    drop = f"{guarded}self, s: Draft, e: Cancel) -> Cancelled: ...\n"
    last = "    @on\n    def cancel(self, s: Open"
    first = load_shop(folder, (last, "    @on\n    def cancel(self, s: Draft | Placed"), more="")
    assert told(lock_of(first, "shop:Order"), first) == []
    ahead = (last, f"{drop}\n    @on\n    def cancel(self, s: Draft | Placed")
    before = lock_of(load_shop(folder, ahead), "shop:Order")
    behind = (last, "    @on\n    def cancel(self, s: Draft | Placed")
    after = load_shop(folder, behind, more=f"\n{drop}")
    assert told(before, after) == ["  ~ move cancel is asked before drop for Cancel now"]


@pytest.mark.parametrize("target", SHIPPED)
def test_nothing_becomes_of_what_stays(target: str) -> None:
    """A machine that is as it was has no changes."""
    machine = find_machine(target)
    assert changes_between(lock_of(machine, target), lock_of(machine, target)) == ()
