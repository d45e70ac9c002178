"""Rows that older or newer code wrote, or that somebody spoiled: read through upcasters, or one clear error each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen

from by_hand import ask_by_hand, run_by_hand
from leverframe import (
    AlreadyExists,
    Event,
    Machine,
    NotFound,
    Payload,
    Positive,
    Send,
    State,
    Store,
    UnknownState,
    UnreadableRow,
    lookup,
    on,
    open_store,
    state,
)


@frozen
class Going(Payload): ...


@frozen
class Ready(Going):
    branch: str
    ahead: int


@frozen
class Idle(Going): ...


@frozen
class Prepared(Event):
    branch: str


@frozen
class Reset(Event): ...


class OldMachine(Machine[Ready | Idle, Prepared | Reset]):
    """As the program was: later `Ready` is called `Mergeable`, below another superstate, with a checked number."""

    machine_name = "Story"

    class going(State.Compound):
        idle = state(Idle, initial=True)
        ready = state(Ready)

    @on
    def prepared(self, s: Idle, e: Prepared) -> Ready:
        return Ready(e.branch, 0)

    @on
    def reset(self, s: Ready, e: Reset) -> Idle:
        return Idle()


@frozen
class Live(Payload): ...


@frozen
class Mergeable(Live):
    branch: str
    commits: Positive


@frozen
class Planned(Event):
    branch: str
    by: str


def make_new_machine(*, upcast: bool) -> Any:
    class NewMachine(Machine[Mergeable | Idle, Planned | Reset]):
        machine_name = "Story"
        idle = state(Idle, initial=True)

        class live(State.Compound):
            mergeable = state(Mergeable)

        @on
        def planned(self, s: Idle, e: Planned) -> Mergeable:
            return Mergeable(e.branch, Positive(1))

        @on
        def reset(self, s: Live, e: Reset) -> Idle:
            return Idle()

    if upcast:

        @NewMachine.upcast("Ready", version=1, to=Mergeable)
        def ready(body: dict[str, Any]) -> dict[str, Any]:
            return {"branch": body["branch"], "commits": max(1, body["ahead"])}

        @NewMachine.upcast("Prepared", version=1, to=Planned)
        def prepared(body: dict[str, Any]) -> dict[str, Any]:
            return {**body, "by": "unknown"}

    return NewMachine


@pytest.fixture
def url(shared_url: str) -> str:
    """A store with two instances, as the old program left it."""
    with open_store(shared_url) as store:
        store.create(OldMachine, "a", Idle())
        store.send_many(OldMachine, [Send("a", Prepared("fix"), delivery_id="d")])
        store.create(OldMachine, "b", Idle())
    return shared_url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


def test_renamed_state_is_read(store: Store) -> None:
    """A row of a renamed class is read through its upcaster, as is the event that led there."""
    new = make_new_machine(upcast=True)
    assert store.get(new, "a").state == Mergeable("fix", Positive(1))
    created, moved = store.history(new, "a")
    assert created.to_state is Idle
    assert (moved.event, moved.from_state, moved.to_state) == (Planned("fix", "unknown"), Idle, Mergeable)
    assert store.at(new, "a", version=2) == Mergeable("fix", Positive(1))


def test_renamed_state_is_found_and_counted(store: Store) -> None:
    """Rows that are spelled as older code did are found and counted by today's class and superstate."""
    new = make_new_machine(upcast=True)
    assert [found.key for found in store.find(new, Mergeable)] == ["a"]
    assert [found.key for found in store.find(new, Live)] == ["a"]
    assert store.find(new, Mergeable)[0].path == "going.ready"


def test_state_that_was_only_moved(url: str) -> None:
    """A class that stands below another superstate today is found by today's, with no upcaster."""

    class Elsewhere(Machine[Ready | Idle, Prepared | Reset]):
        machine_name = "Story"

        class resting(State.Compound):
            idle = state(Idle, initial=True)
            ready = state(Ready)

        @on
        def prepared(self, s: Going, e: Prepared) -> Ready:
            return Ready(e.branch, 0)

        @on
        def reset(self, s: Ready, e: Reset) -> Idle:
            return Idle()

    with open_store(url) as store:
        assert [found.key for found in store.find(Elsewhere, Ready)] == ["a"]
        assert store.count(Elsewhere) == {Ready: 1, Idle: 1}
        store.send(Elsewhere, "a", Reset())
        assert store.get(Elsewhere, "a").path == "resting.idle"
        assert {found.key for found in store.find(Elsewhere, Idle)} == {"a", "b"}


def test_moved_state_is_respelled_by_a_move(store: Store) -> None:
    """A move out of an older spelling writes today's, and counts stay exact."""
    new = make_new_machine(upcast=True)
    store.send(new, "a", Reset())
    assert store.get(new, "a").path == "idle"
    store.send(new, "a", Planned("x", "me"))
    assert store.get(new, "a").path == "live.mergeable"
    assert [found.key for found in store.find(new, Live)] == ["a"]


def test_older_delivery_is_answered(store: Store) -> None:
    """A delivery id that older code settled is answered with today's classes."""
    receipt = store.send(make_new_machine(upcast=True), "a", Planned("x", "me"), delivery_id="d")
    assert (receipt.duplicate, receipt.to_state, receipt.version) == (True, Mergeable, 2)


def test_unreadable_row_names_itself(store: Store) -> None:
    """A row that no longer decodes says machine, key, column, what is wrong and what to do."""
    new = make_new_machine(upcast=False)
    for verb in (lambda: store.get(new, "a"), lambda: store.send(new, "a", Reset())):
        with pytest.raises(UnreadableRow) as error:
            verb()
        assert (error.value.machine, error.value.key, error.value.column) == ("Story", "a", "snapshot.body")
        assert "unknown type 'Ready'" in str(error.value)
        assert "upcast" in str(error.value)


def test_unreadable_row_leaves_the_others_readable(url: str) -> None:
    """One row that cannot be read does not keep others from being found, moved and read."""
    run_by_hand(
        url, """UPDATE snapshot SET body = '{"body":{"ahead":"3","branch":"x"},"type":"Ready"}' WHERE key = 'a'"""
    )
    with open_store(url) as store:
        found = {stored.key: stored for stored in store.find(OldMachine)}
        assert found["b"].state == Idle()
        with pytest.raises(UnreadableRow, match="ahead: must be an integer"):
            _ = found["a"].state
        assert store.send(OldMachine, "b", Prepared("y")).moved


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"body":{},"type":"Idle","type":"Idle"}',
        '{"body":{"branch":"x","ahead":1,"more":2},"type":"Ready"}',
        '{"body":{"branch":"x"},"type":"Ready"}',
        '{"body":{"branch":"x","ahead":1},"type":"Ready","v":2}',
        '{"body":{},"type":"Idle"}',
    ],
)
def test_spoiled_body(url: str, body: str) -> None:
    """A body that is no JSON, of another shape, of a newer version or of another state than its column is refused."""
    run_by_hand(url, f"UPDATE snapshot SET body = '{body}' WHERE key = 'a'")
    with open_store(url) as store:
        before = store.history(OldMachine, "a")
        with pytest.raises(UnreadableRow):
            store.get(OldMachine, "a")
        with pytest.raises(UnreadableRow):
            store.send(OldMachine, "a", Reset())
        assert [entry.seq for entry in store.history(OldMachine, "a")] == [entry.seq for entry in before]


def test_spoiled_journal(url: str) -> None:
    """A journal line that cannot be read names its number; the other lines are read."""
    run_by_hand(url, "UPDATE journal SET event = 'x' WHERE version = 2")
    with open_store(url) as store:
        created, moved = store.history(OldMachine, "a")
        assert created.event is None
        with pytest.raises(UnreadableRow, match=f"journal.event of seq {moved.seq}"):
            _ = moved.event
        assert moved.to_state is Ready


def test_count_of_an_unknown_state(store: Store) -> None:
    """A state that today's code does not know is not left out of the counts in silence."""
    with pytest.raises(UnknownState, match=r"going\.ready"):
        store.count(make_new_machine(upcast=False))


def test_upcaster_declared_while_open(store: Store) -> None:
    """An upcaster that is declared after the store has read the machine counts from then on."""
    new = make_new_machine(upcast=False)
    with pytest.raises(UnreadableRow):
        store.get(new, "a")

    def make_mergeable(body: dict[str, Any]) -> dict[str, Any]:
        return {"branch": body["branch"], "commits": 7}

    new.upcast("Ready", version=1, to=Mergeable)(make_mergeable)
    assert store.get(new, "a").state == Mergeable("fix", Positive(7))


def test_rows_are_readable_by_people(url: str) -> None:
    """State and body stand in plain columns: a path, and canonical JSON."""
    rows = ask_by_hand(url, "SELECT machine, key, state, body, version FROM snapshot ORDER BY key")
    assert rows[0] == ("Story", "a", "going.ready", '{"body":{"ahead":0,"branch":"fix"},"type":"Ready"}', 2)


def test_reopened_store_has_it_all(url: str) -> None:
    """What a closed store held is there when it is opened again."""
    with open_store(url) as store:
        assert store.get(OldMachine, "a").state == Ready("fix", 0)
        assert len(store.history(OldMachine, "a")) == 2
        with pytest.raises(NotFound):
            store.get(OldMachine, "c")


# ---------------------------------------------------------------- look-ups declared later


def make_looked_up(*, unique: bool) -> Any:
    class LookedUp(Machine[Ready | Idle, Prepared | Reset]):
        machine_name = "Story"

        class going(State.Compound):
            idle = state(Idle, initial=True)
            ready = state(Ready)

        branch = lookup(unique=unique)

        @on
        def prepared(self, s: Idle, e: Prepared) -> Ready:
            return Ready(e.branch, 0)

        @on
        def reset(self, s: Ready, e: Reset) -> Idle:
            return Idle()

    return LookedUp


def keys_on(url: str, machine: Any, branch: str) -> list[Any]:
    with open_store(url) as store:
        return [found.key for found in store.find(machine, where={"branch": branch})]


def test_lookup_declared_later(url: str) -> None:
    """A look-up that is declared when there are instances already finds them."""
    assert keys_on(url, make_looked_up(unique=False), "fix") == ["a"]


def test_lookup_dropped_and_declared_again(url: str) -> None:
    """A look-up that was dropped for a while finds what was moved meanwhile."""
    assert keys_on(url, make_looked_up(unique=True), "fix") == ["a"]
    with open_store(url) as store:
        store.send(OldMachine, "b", Prepared("other"))
    assert keys_on(url, make_looked_up(unique=True), "other") == ["b"]


def test_lookup_made_unique_later(url: str) -> None:
    """A look-up that cannot be unique, because two instances have one value, is refused, and nothing is changed."""
    with open_store(url) as store:
        store.send(OldMachine, "b", Prepared("fix"))
    with pytest.raises(AlreadyExists) as refusal:
        keys_on(url, make_looked_up(unique=True), "fix")
    assert (refusal.value.key, refusal.value.field, refusal.value.value) == ("b", "branch", "fix")
    assert set(keys_on(url, make_looked_up(unique=False), "fix")) == {"a", "b"}


def test_lookup_declared_later_over_an_unreadable_row(url: str) -> None:
    """A row that cannot be read does not keep a new look-up from finding the others."""
    with open_store(url) as store:
        store.send(OldMachine, "b", Prepared("other"))
    run_by_hand(url, "UPDATE snapshot SET body = 'x' WHERE key = 'a'")
    assert keys_on(url, make_looked_up(unique=False), "other") == ["b"]
