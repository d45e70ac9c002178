"""What is found in a machine without running it: each code once, where it is, and how it is accepted."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from attrs import frozen
from shop_files import load_shop

from leverframe.checks.finding import CODES, Finding
from leverframe.checks.findings import find_problems
from leverframe.checks.locked import lock_of
from leverframe.cli.targets import SHIPPED, find_machine

Exchange = tuple[str, str]


@frozen
class Case:
    """A fault that is put into the machine: the code that is found, in which line, and what is said."""

    code: str
    exchanged: tuple[Exchange, ...]
    line: str
    said: str


CANCEL = "    @on\n    def cancel(self, s: Open, e: Cancel)"
HELD = "\n    lease = Lease(claim=place{})\n"
LEASED = (
    ("from leverframe import Event", "from leverframe import Lease, Event"),
    ("    parcel = lookup()\n", ""),
)
END = "        return Cancelled(e.reason)\n"

CASES = {
    "unreachable-state": Case(
        "unreachable-state",
        (
            (
                "        return Placed(s.customer, self.now())\n",
                "        return Placed(s.customer, self.now())\n" + "\n"
                "    def never(self, s: Draft, e: Place) -> bool:\n        return False\n\n"
                "    @on(cond=never)\n    def lose(self, s: Draft, e: Place) -> Lost:\n        return Lost()\n",
            ),
            ("    cancelled = state", "    lost = state(Lost, final=True)\n    cancelled = state"),
            ("Machine[Draft", "Machine[Lost | Draft"),
            ("@frozen\nclass Place(", "@frozen\nclass Lost(Payload): ...\n\n\n@frozen\nclass Place("),
        ),
        "    lost = state(Lost, final=True)",
        "no move that is ever made leads to lost from open.draft",
    ),
    "dead-move": Case(
        "dead-move",
        (
            (
                CANCEL,
                "    @on\n    def drop(self, s: Draft | Placed, e: Cancel) -> Cancelled:\n"
                "        return Cancelled('')\n\n" + CANCEL,
            ),
        ),
        "    def cancel(self, s: Open, e: Cancel) -> Cancelled:",
        "cancel is never asked: drop takes Cancel in each of its states",
    ),
    "dead-event": Case(
        "dead-event",
        (
            (
                "        return Placed(s.customer, self.now())\n",
                "        return Placed(s.customer, self.now())\n" + "\n"
                "    def never(self, s: Draft, e: Place) -> bool:\n        return False\n\n"
                "    @on(cond=never)\n    def lose(self, s: Draft, e: Place) -> Lost:\n        return Lost()\n\n"
                "    @on\n    def find(self, s: Lost, e: Found) -> Cancelled:\n        return Cancelled('')\n",
            ),
            ("    cancelled = state", "    lost = state(Lost)\n    cancelled = state"),
            ("Machine[Draft", "Machine[Lost | Draft"),
            ("| Cancel]", "| Cancel | Found]"),
            (
                "@frozen\nclass Place(",
                "@frozen\nclass Lost(Payload): ...\n\n\n@frozen\nclass Found(Event): ...\n\n\n@frozen\nclass Place(",
            ),
        ),
        "class Found(Event): ...",
        "no move for Found is ever made",
    ),
    "shadowed-guard": Case(
        "shadowed-guard",
        (
            (
                END,
                END + "\n    def late(self, s: Open, e: Cancel) -> bool:\n        return True\n\n"
                "    @on(cond=late)\n    def cancel_late(self, s: Open, e: Cancel) -> Cancelled:\n"
                "        return Cancelled('')\n",
            ),
        ),
        "    def cancel_late(self, s: Open, e: Cancel) -> Cancelled:",
        "the guard late of cancel_late is never asked in open.draft, open.placed; cancel has no guard",
    ),
    "overridden-move": Case(
        "overridden-move",
        (
            (
                CANCEL,
                "    @on\n    def drop(self, s: Draft, e: Cancel) -> Cancelled:\n        return Cancelled('')\n\n"
                + CANCEL,
            ),
        ),
        "    def drop(self, s: Draft, e: Cancel) -> Cancelled:",
        "drop takes Cancel in open.draft, in place of cancel of the superstate",
    ),
    "trap": Case(
        "trap",
        (("    sent = state(Sent, final=True)", "    sent = state(Sent)"),),
        "    sent = state(Sent)",
        "no move leads out of sent, and it is not final",
    ),
    "no-end": Case(
        "no-end",
        (
            ("    sent = state(Sent, final=True)", "    sent = state(Sent)\n    back = state(Back)"),
            ("Machine[Draft", "Machine[Back | Draft"),
            ("@frozen\nclass Place(", "@frozen\nclass Back(Payload): ...\n\n\n@frozen\nclass Place("),
            (
                END,
                END + "\n    @on\n    def turn(self, s: Sent, e: Place) -> Back:\n        return Back()\n\n"
                "    @on\n    def turn_again(self, s: Back, e: Place) -> Sent:\n        return Sent('')\n",
            ),
        ),
        "    sent = state(Sent)",
        "no final state is reached from sent, back",
    ),
    "dead-hook": Case(
        "dead-hook",
        ((END, END + "\n    @leaving\n    def bye(self, s: Sent) -> list:\n        return []\n"),),
        "    def bye(self, s: Sent) -> list:",
        "bye never runs: no move leaves sent",
    ),
    "skipped-hook": Case(
        "skipped-hook",
        (
            ("s: Draft, e: Place", "s: Open, e: Place"),
            (END, END + "\n    @entering\n    def hello(self, s: Placed) -> list:\n        return []\n"),
        ),
        "    def place(self, s: Open, e: Place) -> Placed:",
        "place leads from open.placed to itself too, where hello does not run",
    ),
    "lease-without-end": Case(
        "lease-without-end",
        (*LEASED, (END, END + HELD.format(""))),
        "    lease = Lease(claim=place)",
        "what a worker had that is gone stays with it",
    ),
    "lease-without-work": Case(
        "lease-without-work",
        (
            *LEASED,
            ("s: Placed, e: Send", "s: Draft, e: Send"),
            ("s: Open, e: Cancel", "s: Placed, e: Cancel"),
            (END, END + HELD.format(", expiry=cancel, expired=lambda why: Cancel(why)")),
        ),
        "    lease = Lease(claim=place, expiry=cancel, expired=lambda why: Cancel(why))",
        "no move of its owner leads out of open.placed",
    ),
    "retry-without-lease": Case(
        "retry-without-lease",
        (
            ("from leverframe import Event", "from leverframe import Retry, Event"),
            (END, END + "\n    retry = Retry(fault=lambda error: Cancel(''), permanent=lambda error: Cancel(''))\n"),
        ),
        "    retry = Retry(fault=lambda error: Cancel(''), permanent=lambda error: Cancel(''))",
        "retry is for workers, and without a Lease none of them claims it",
    ),
    "watched-end": Case(
        "watched-end",
        (
            ("from leverframe import Event", "from leverframe import Staleness, Event"),
            (END, END + "\n    watch = Staleness(watched=(Placed, Sent))\n"),
        ),
        "    watch = Staleness(watched=(Placed, Sent))",
        "watch watches sent, which nothing leads out of",
    ),
    "unique-default": Case(
        "unique-default",
        (
            ("lookup()", "lookup(unique=True)"),
            ("    parcel: str\n\n\n@frozen\nclass Cancelled", "    parcel: str = 'none'\n\n\n@frozen\nclass Cancelled"),
        ),
        "    parcel = lookup(unique=True)",
        "parcel is unique and has a default in sent",
    ),
    "mutable-field": Case(
        "mutable-field",
        (("tuple[Line, ...]", "list[Line] | None"),),
        "class Draft(Open):",
        "field lines of Draft is list[Line] | None, which can be changed in place",
    ),
    "constant-field": Case(
        "constant-field",
        (("    placed_at: datetime", "    placed_at: datetime\n    hurry: bool = False"),),
        "class Placed(Open):",
        "field hurry of Placed always has its default: no move sets it",
    ),
    "impure-move": Case(
        "impure-move",
        (("Placed(s.customer, self.now())", "Placed(s.customer, datetime.now())"),),
        "        return Placed(s.customer, datetime.now())",
        "place calls datetime.now(), and a decision may be made more than once; ask self.now()",
    ),
}


def found_in(folder: Path, *exchanged: Exchange, **more: str) -> list[Finding]:
    return list(find_problems(load_shop(folder, *exchanged, **more)))


def test_a_machine_without_faults(folder: Path) -> None:
    """Nothing is found where nothing is wrong."""
    assert found_in(folder) == []


@pytest.mark.parametrize("target", SHIPPED)
def test_the_shipped_machines(target: str) -> None:
    """Nothing is found in the machines that come with leverframe."""
    assert find_problems(find_machine(target)) == ()


@pytest.mark.parametrize("name", CASES)
def test_what_is_found(name: str, folder: Path) -> None:
    """A fault is found once, in the line where it stands, and it is said what it is."""
    case = CASES[name]
    [finding] = [each for each in found_in(folder, *case.exchanged) if each.code == case.code]
    assert case.said in str(finding)
    assert finding.written is not None
    assert (folder / "shop.py").read_text().splitlines()[finding.written.line - 1] == case.line
    assert finding.place == f"shop.py:{finding.written.line}"


@pytest.mark.parametrize("name", CASES)
def test_it_is_accepted_where_it_is(name: str, folder: Path) -> None:
    """A comment in the line of a finding accepts it, and that one alone."""
    case = CASES[name]
    before = found_in(folder, *case.exchanged)
    path = folder / "shop.py"
    commented = (case.line + "\n", f"{case.line}  # leverframe: ignore[{case.code}]\n")
    text = path.read_text().replace(*commented)
    (folder / "accepted.py").write_text(text)
    after = find_problems(importlib.import_module("accepted").Order)
    assert [each.code for each in after] == [each.code for each in before if each.code != case.code]


def test_every_code_is_tried() -> None:
    """There is a case for each code, but for those that are about a lock, or comments."""
    assert set(CASES) == set(CODES) - {"no-upcaster", "unused-ignore"}


def test_ignored_codes(folder: Path) -> None:
    """A code that is to be ignored is not told."""
    machine = load_shop(folder, *CASES["trap"].exchanged)
    assert find_problems(machine, ignore=["trap"]) == ()


# ---------------------------------------------------------------- comments


def test_a_comment_that_accepts_nothing(folder: Path) -> None:
    """A comment in the machine that accepts what is not found is a finding itself."""
    [finding] = found_in(
        folder, ("final=True)\n    cancelled", "final=True)  # leverframe: ignore[trap]\n    cancelled")
    )
    assert finding.code == "unused-ignore"
    assert "trap is accepted here, and not found" in finding.problem


def test_a_comment_with_a_wrong_code(folder: Path) -> None:
    """A code that there is not is told, with the one that may be meant."""
    [finding] = found_in(
        folder, ("final=True)\n    cancelled", "final=True)  # leverframe: ignore[trapp]\n    cancelled")
    )
    assert finding.problem == "trapp is no code; did you mean 'trap'?"


def test_a_comment_on_the_decorator(folder: Path) -> None:
    """A comment may stand anywhere from the decorator to the end of the signature."""
    [old, new] = CASES["overridden-move"].exchanged[0]
    commented = new.replace(
        "    @on\n    def drop", "    @on  # leverframe: ignore[overridden-move, trap]\n    def drop"
    )
    assert [each.code for each in found_in(folder, (old, commented))] == ["unused-ignore"]


# ---------------------------------------------------------------- impure moves

IMPURE = {
    "import time": "time.time()",
    "import datetime as dates": "dates.datetime.now(dates.timezone.utc)",
    "from datetime import date": "date.today()",
    "from uuid import uuid4": "uuid4()",
    "import random": "random.choice([1, 2])",
    "import secrets": "secrets.token_hex()",
    "import os": "os.urandom(4)",
    "import subprocess": "subprocess.run(['ls'])",
    "from time import sleep": "sleep(1)",
    "import json": "print(json)",
}


@pytest.mark.parametrize("line", IMPURE)
def test_calls_that_no_decision_may_make(line: str, folder: Path) -> None:
    """The clock, chance and the world are found by what they are, whatever they are called here."""
    exchanged = ("return Sent(e.parcel)", f"return Sent(str({IMPURE[line]}))")
    [finding] = found_in(folder, exchanged, ("from enum", f"{line}\nfrom enum"))
    assert finding.code == "impure-move"
    assert finding.problem.startswith("send_parcel calls ")


def test_calls_by_way_of_another_function(folder: Path) -> None:
    """They are found in functions of the module that a handler calls, and in methods of the machine."""
    exchanged = ("return Sent(e.parcel)", "return Sent(self.number())")
    helper = (
        "    @on\n    def place(",
        "    def number(self) -> str:\n        return stamp()\n\n    @on\n    def place(",
    )
    stamp = ("class Sku(", "def stamp() -> str:\n    return str(datetime.now())\n\n\nclass Sku(")
    [finding] = found_in(folder, exchanged, helper, stamp)
    assert finding.written is not None
    assert finding.written.line == 10


def test_pure_calls(folder: Path) -> None:
    """What only looks alike is none: a time that is made of numbers, chance with a seed, a name of one's own."""
    exchanged = (
        "return Sent(e.parcel)",
        "now = datetime(2026, 1, 2)\n        return Sent(str(Random(3).random()) + str(now))",
    )
    assert found_in(folder, exchanged, ("from enum", "from random import Random\nfrom enum")) == []


# ---------------------------------------------------------------- since a lock


def test_no_upcaster(folder: Path) -> None:
    """What was locked and would not load is found at its class; an upcaster mends it."""
    locked = lock_of(load_shop(folder), "shop:Order")
    exchanged = ("    reason: str\n\n\n@frozen\nclass Place(", "    why: str\n\n\n@frozen\nclass Place(")
    handler = ("Cancelled(e.reason)", "Cancelled(e.reason)")
    first, second = find_problems(load_shop(folder, exchanged, handler), locked=locked)
    assert {first.code, second.code} == {"no-upcaster"}
    assert "field reason of Cancelled is gone, was str, and stored instances and the journal do not load" in str(first)
    assert first.written is not None
    assert (folder / "shop.py").read_text().splitlines()[first.written.line - 1] == "class Cancelled(Payload):"
    mended = "\n\nOrder.upcast('Cancelled', version=1)(lambda body: {'why': body['reason']})\n"
    assert find_problems(load_shop(folder, exchanged, more=mended), locked=locked) == ()
