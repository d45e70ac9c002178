"""What is stored, read by today's code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen
from bug_tickets import Failed, Ticket, Waiting
from grown import Errand, old

from leverframe import Event, Machine, Payload, Store, lookup, on, open_store, state
from leverframe.checks import forms
from leverframe.checks.rows import RowFinding, examine


@pytest.fixture
def store(shared_url: str) -> Iterator[Store]:
    with open_store(shared_url) as opened:
        yield opened


@pytest.fixture
def reopened(shared_url: str) -> Iterator[Store]:
    """The same store, as another program opens it."""
    with open_store(shared_url) as opened:
        yield opened


def run(store: Store, statement: str) -> None:
    """Do what no program should: write to the tables."""
    with store.transaction() as connection:
        connection.execute(statement)


def told(finding: RowFinding) -> tuple[str, str, int, list[Any]]:
    return finding.code, finding.state, finding.rows, [key for _, key in finding.keys]


def test_nothing_wrong(store: Store) -> None:
    """Rows as today's code writes them are counted by state and class, and nothing is found."""
    for number in range(3):
        store.create(Ticket, f"t{number}", Waiting(f"t{number}"))
    store.create(Ticket, "f", Failed("f", "broken"))
    seen = examine(store, Ticket, journal=True)
    assert (seen.rows, seen.lines, seen.findings) == (4, 4, ())
    assert [(str(each.form.tag), each.form.path, each.rows) for each in seen.forms] == [
        ("Failed", "failed", 1),
        ("Waiting", "waiting", 3),
    ]


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_what_does_not_load(store: Store, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not load is told by state and reason, without the values, with how many and the first keys."""
    monkeypatch.setattr(forms, "AT_ONCE", at_once)
    for number in range(5):
        store.create(Ticket, f"t{number}", Waiting(f"t{number}"))
    run(
        store,
        """UPDATE snapshot SET body = '{"body":{"label":' || instance || '},"type":"Waiting"}' WHERE key < 't3'""",
    )
    run(store, """UPDATE snapshot SET body = '{"body":{},"type":"Mystery"}' WHERE key = 't4'""")
    seen = examine(store, Ticket, keys=2)
    assert seen.rows == 5
    assert [told(finding) for finding in seen.findings] == [
        ("unreadable-row", "waiting", 3, ["t0", "t1"]),
        ("unreadable-row", "waiting", 1, ["t4"]),
    ]
    assert seen.findings[0].problem == "label: must be a string"
    assert seen.findings[1].problem.startswith("unknown type 'Mystery'")
    assert "declare an upcaster" in seen.findings[0].remedy


def test_other_versions(store: Store, reopened: Store) -> None:
    """Rows that upcasters read are counted by what they are stored as; those that they fail at are found."""
    old(store, "a", "b", "bad-1")
    seen = examine(reopened, Errand, journal=True)
    assert [(each.form.path, str(each.form.tag), str(each.form.tag_today), each.rows) for each in seen.forms] == [
        ("waiting", "Waiting", "Queued", 2)
    ]
    assert [told(finding) for finding in seen.findings] == [
        ("unreadable-row", "waiting", 1, ["bad-1"]),
        ("unreadable-line", "waiting", 1, ["bad-1"]),
    ]
    assert "nobody knows how urgent it was" in seen.findings[0].problem


def test_unknown_states(store: Store) -> None:
    """Instances under a path that today's code does not have are found, though their bodies can be read."""
    store.create(Ticket, "t", Waiting("t"))
    run(store, "UPDATE snapshot SET state = 'wating'")
    (finding,) = examine(store, Ticket).findings
    assert told(finding) == ("unknown-state", "wating", 1, ["t"])
    assert "did you mean 'waiting'?" in finding.problem


def test_another_states_path(store: Store) -> None:
    """A body under the path of another state is found."""
    store.create(Ticket, "t", Waiting("t"))
    run(store, "UPDATE snapshot SET state = 'failed'")
    (finding,) = examine(store, Ticket).findings
    assert told(finding) == ("unreadable-row", "failed", 1, ["t"])
    assert finding.problem == "the body is a Waiting, which is another state's by column state"


def test_look_ups_that_differ(store: Store) -> None:
    """What is kept of a look-up, and is not what the state says, is found."""
    for key in ("t", "u", "v"):
        store.create(Ticket, key, Waiting(key))
    run(store, """UPDATE lookup SET value = '"x"' WHERE value = '"t"'""")
    run(store, """DELETE FROM lookup WHERE value = '"u"'""")
    (finding,) = examine(store, Ticket).findings
    assert told(finding) == ("wrong-look-up", "waiting", 2, ["t", "u"])
    assert finding.problem.startswith("look-up label")


@frozen
class Plain(Payload):
    label: str


@frozen
class Renamed(Event):
    label: str


def make_machine(*, unique: bool | None) -> Any:
    class Thing(Machine[Plain, Renamed]):
        machine_name = "Thing"
        plain = state(Plain, initial=True)
        if unique is not None:
            label = lookup(unique=unique)

        @on
        def renamed(self, s: Plain, e: Renamed) -> Plain:
            return Plain(e.label)

    return Thing


def test_look_ups_that_will_be(store: Store, reopened: Store) -> None:
    """A look-up that is to be unique, where two instances have the same value, is found before it is declared."""
    before = make_machine(unique=None)
    for key, name in (("a", "x"), ("b", "y"), ("c", "x")):
        store.create(before, key, Plain(name))
    (finding,) = examine(reopened, make_machine(unique=True)).findings
    assert told(finding) == ("taken-look-up", "plain", 1, ["c"])


def test_look_ups_of_each_tenant(store: Store, reopened: Store) -> None:
    """A value that is unique for each tenant may be another tenant's."""
    before = make_machine(unique=None)
    for tenant in ("north", "south"):
        store.scoped(tenant).create(before, "a", Plain("x"))
    seen = examine(reopened, make_machine(unique=True))
    assert (seen.rows, seen.findings) == (2, ())


def test_tenants(store: Store) -> None:
    """All tenants' rows are read, and told with their tenant; or those of one."""
    for tenant in ("north", "south"):
        store.scoped(tenant).create(Ticket, "t", Waiting("t"))
    run(store.scoped("south"), """UPDATE snapshot SET body = '{}' WHERE tenant = 'south'""")
    seen = examine(store, Ticket)
    assert (seen.rows, seen.findings[0].keys) == (2, (("south", "t"),))
    assert examine(store, Ticket, tenant="north").findings == ()
    assert examine(store, Ticket, tenant="south").rows == 1


def test_progress(store: Store) -> None:
    """How far it is adds up to all rows, and lines of the journal."""
    for number in range(7):
        store.create(Ticket, f"t{number}", Waiting(f"t{number}"))
    steps: list[tuple[int, int]] = []
    examine(store, Ticket, journal=True, progress=lambda total, more: steps.append((total, more)))
    assert {total for total, _ in steps} == {14}
    assert sum(more for _, more in steps) == 14
