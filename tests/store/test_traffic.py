"""How often moves were made, and how long states were held: counted from the journal, on every store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
from doors import Closed, Knocked, OldDoor, Opened, Pushed, Shut, make_new_door

from by_hand import run_by_hand
from leverframe import InvalidTime, Store, open_store
from leverframe.persistence import walking
from leverframe.persistence.traffic import Passed


class Clock(Protocol):
    def advance(self, **units: float) -> datetime: ...


START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def doors(store: Store) -> Store:
    """Three doors that were open for one, two and ten hours; the last one was knocked at before."""
    for name, hours in (("a", 1), ("b", 2), ("c", 10)):
        store.create(OldDoor, name, Closed(), at=START)
        store.send(OldDoor, name, Pushed(80), at=START + HOUR)
        store.send(OldDoor, name, Shut(), at=START + (1 + hours) * HOUR)
    store.create(OldDoor, "d", Closed(), at=START)
    store.send(OldDoor, "d", Knocked('"type":"Shut"}'), at=START + HOUR)
    store.send(OldDoor, "d", Pushed(3), at=START + 5 * HOUR)
    return store


def test_moves_are_counted(doors: Store) -> None:
    """Each way of a journal's lines is counted, creations and moves in place too, the most frequent first."""
    assert doors.traffic(OldDoor).moves == (
        Passed("", "", "closed", 4),
        Passed("closed", "Pushed", "standing.opened", 4),
        Passed("standing.opened", "Shut", "closed", 3),
        Passed("closed", "Knocked", "closed", 1),
    )
    assert doors.traffic(OldDoor).lines == 12
    assert doors.traffic(OldDoor).present == {"closed": 3, "standing.opened": 1}


def test_stays_are_measured(doors: Store) -> None:
    """A stay is the time from entering a state to leaving it: a move in place does not end it, nor does the present."""
    stays = doors.traffic(OldDoor).stays
    assert (stays["standing.opened"].number, stays["closed"].number) == (3, 4)
    assert (stays["standing.opened"].median, stays["standing.opened"].p95) == (2 * HOUR, 10 * HOUR)
    assert (stays["closed"].median, stays["closed"].p95) == (HOUR, 5 * HOUR)
    assert stays["standing"] == stays["standing.opened"]


def test_lengths_have_three_digits(store: Store) -> None:
    """A length of time is told to three digits."""
    store.create(OldDoor, "a", Closed(), at=START)
    store.send(OldDoor, "a", Pushed(1), at=START + timedelta(seconds=123_456))
    assert store.traffic(OldDoor).stays["closed"].median == timedelta(seconds=123_000)


def test_a_clock_that_went_back(store: Store) -> None:
    """A state that was left before it was entered was held for no time."""
    store.create(OldDoor, "a", Closed(), at=START)
    store.send(OldDoor, "a", Pushed(1), at=START - HOUR)
    assert store.traffic(OldDoor).stays["closed"].median == timedelta(0)


def test_since(doors: Store) -> None:
    """Since a time only its moves count, and of stays those that ended since, with their whole lengths."""
    traffic = doors.traffic(OldDoor, since=START + 3 * HOUR)
    assert {(each.event, each.number) for each in traffic.moves} == {("Shut", 2), ("Pushed", 1)}
    assert traffic.stays["standing.opened"].median == 2 * HOUR
    assert traffic.lines == 3
    with pytest.raises(InvalidTime):
        doors.traffic(OldDoor, since=datetime(2026, 1, 1))


def test_a_state_set_by_hand(store: Store) -> None:
    """A state that was set by hand is left and entered as by a move, and has no event."""
    store.create(OldDoor, "a", Closed(), at=START)
    store.set_state(OldDoor, "a", Opened(1), by="ada", why="stuck")
    traffic = store.traffic(OldDoor)
    assert Passed("closed", "", "standing.opened", 1) in traffic.moves
    assert traffic.stays["closed"].number == 1


def test_other_tenants_do_not_count(store: Store) -> None:
    """What belongs to another tenant, or another machine, is not counted."""
    store.create(OldDoor, "a", Closed())
    store.scoped("b").create(OldDoor, "a", Closed())
    store.scoped("b").send(OldDoor, "a", Pushed(1))
    assert store.traffic(OldDoor).lines == 1
    assert store.scoped("b").traffic(OldDoor).lines == 2
    assert store.scoped("c").traffic(OldDoor).moves == ()


def test_a_pruned_journal(doors: Store, clock: Clock) -> None:
    """Where the beginning of a journal was pruned, a stay that began there is not measured."""
    clock.advance(hours=1)
    doors.prune(journal=timedelta(0))
    doors.send(OldDoor, "d", Shut(), at=START + 6 * HOUR)
    traffic = doors.traffic(OldDoor)
    assert traffic.lines == 5
    assert traffic.stays["standing.opened"].median == HOUR
    clock.advance(hours=1)
    doors.prune(journal=timedelta(0))
    assert doors.traffic(OldDoor).lines == 4
    assert doors.traffic(OldDoor).stays == {}


def test_many_pages(doors: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal counts the same however many lines are read at once."""
    whole = doors.traffic(OldDoor)
    monkeypatch.setattr(walking, "AT_ONCE", 1)
    assert doors.traffic(OldDoor) == whole


def test_a_long_event(store: Store) -> None:
    """An event's type is known however long the event is."""
    store.create(OldDoor, "a", Closed())
    store.send(OldDoor, "a", Knocked("ä" * 10_000))
    assert Passed("closed", "Knocked", "closed", 1) in store.traffic(OldDoor).moves


@pytest.fixture
def old(shared_url: str) -> Callable[[], Store]:
    """Opens a store with one door that was opened, shut and knocked at, by the old program."""
    with open_store(shared_url) as store:
        store.create(OldDoor, "a", Closed(), at=START)
        store.send(OldDoor, "a", Pushed(80), at=START + HOUR)
        store.send(OldDoor, "a", Shut(), at=START + 2 * HOUR)
        store.send(OldDoor, "a", Knocked("x"), at=START + 3 * HOUR)
    return lambda: open_store(shared_url)


def test_upcasters_tell_todays_names(old: Callable[[], Store]) -> None:
    """States and events of older code count as what upcasters say that they became."""
    with old() as store:
        traffic = store.traffic(make_new_door(upcast=True))
    assert {(each.from_path, each.event, each.to_path) for each in traffic.moves} == {
        ("", "", "closed"),
        ("closed", "Pulled", "ajar"),
        ("ajar", "Shut", "closed"),
        ("closed", "Knocked", "closed"),
    }
    assert traffic.stays["ajar"].median == HOUR


def test_names_that_nobody_knows(old: Callable[[], Store]) -> None:
    """States and events that today's code does not know are counted under the names that they had."""
    with old() as store:
        traffic = store.traffic(make_new_door(upcast=False))
    assert Passed("closed", "Pushed", "standing.opened", 1) in traffic.moves
    assert traffic.stays["standing.opened"].median == HOUR


def test_an_event_that_is_spoiled(old: Callable[[], Store], shared_url: str) -> None:
    """A line whose event cannot be read is counted with a question mark, and the others as ever."""
    run_by_hand(shared_url, "UPDATE journal SET event = 'spoiled' WHERE version = 4")
    with old() as store:
        assert Passed("closed", "?", "closed", 1) in store.traffic(OldDoor).moves
