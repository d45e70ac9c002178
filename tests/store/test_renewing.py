"""What is held is renewed in the background, and whoever holds it is told when it is over, and not before."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import errands
import pytest
from beating import beat, by_hand
from leased_errands import Answered, Asked, CalledOff, Doing, Done, Errand, Open
from plans import said_by
from vigils import Dark, Ended, Vigil, Watched
from waiting import until

from leverframe import LeaseLost, Store, StoreTimeout, open_store
from leverframe.coordination import keeping, together
from leverframe.coordination.heartbeat import Renewal
from leverframe.coordination.held import Held, note_move
from leverframe.coordination.keeping import AT_ONCE, Leases
from leverframe.persistence.backend import Writer
from leverframe.persistence.renewing import Renewing

PERIOD = 20
"""Seconds: a third of the lease's time, and what is usual where a lease lasts without being renewed."""

TTL = 60

MAX_RUNTIME = 300


class Clock(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **units: float) -> datetime: ...


@pytest.fixture
def store(url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    by_hand(monkeypatch, clock)
    with open_store(url, clock=clock) as opened:
        yield opened


def claim(store: Store, key: str = "a") -> Held[Errand, Doing]:
    store.create(Errand, key, Open(key))
    held = store.claim(Errand.lease, worker="w", key=key)
    assert held is not None
    return held


def watch(store: Store, key: str = "v") -> Held[Vigil, Watched]:
    held = store.claim(Vigil.lease, worker="w", key=key, create=Dark())
    assert held is not None
    return held


def ends(store: Store, lease: Any = Errand.lease) -> list[datetime | None]:
    return [record.expires_at for record in store.leases(lease)]


def renew_all(held: Sequence[Held[Any, Any]]) -> Any:
    """As the heartbeat does."""
    keeper: Any = held[0].keeper
    return keeper.renew_all(held)


# ---------------------------------------------------------------- a block


def test_a_block_inside_of_another_ends_no_renewal(store: Store, clock: Clock) -> None:
    """What is renewed in a block is renewed to the end of the outermost one, and no longer."""
    held = claim(store)
    with held:
        with held:
            pass
        clock.advance(seconds=PERIOD)
        beat(store)
        assert ends(store) == [clock() + timedelta(seconds=TTL)]
    renewed = ends(store)
    clock.advance(seconds=PERIOD)
    beat(store)
    assert ends(store) == renewed


def test_blocks_begun_at_one_time_are_ended(url: str) -> None:
    """However many threads begin their first block at once, no thread is left that renews behind them."""
    with open_store(url) as store:
        held = [claim(store, str(number)) for number in range(8)]
        begin = threading.Barrier(len(held))

        def work(one: Held[Errand, Doing]) -> None:
            begin.wait()
            with one:
                begin.wait()

        threads = [threading.Thread(target=work, args=(one,)) for one in held]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: "leverframe-heartbeat" not in {thread.name for thread in threading.enumerate()})
        assert not any(one.lost.is_set() for one in held)


def test_many_are_renewed_by_one_statement(store: Store, clock: Clock) -> None:
    """A period takes one statement, however many are held."""
    held = [claim(store, str(number)) for number in range(5)]
    for one in held:
        one.__enter__()
    clock.advance(seconds=PERIOD)
    with said_by(store) as said:
        beat(store)
    assert len(said) == 1
    assert ends(store) == [clock() + timedelta(seconds=TTL)] * 5


def test_more_are_renewed_than_one_statement_takes(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are held, all are renewed, in several transactions."""
    monkeypatch.setattr(keeping, "AT_ONCE", 3)
    held = [claim(store, str(number)) for number in range(10)]
    clock.advance(seconds=PERIOD)
    assert renew_all(held).renewed == {one.instance for one in held}
    assert ends(store) == [clock() + timedelta(seconds=TTL)] * 10


def test_a_statement_takes_so_many(store: Store) -> None:
    """As many leases as go into one statement are not too many for the database."""
    renewing = Renewing([(10**6 + number, number) for number in range(AT_ONCE)], 0, 1, None, True)
    backend: Any = store._backend  # pyright: ignore[reportPrivateUsage]  # what it is told here no verb tells it

    def renew(writer: Writer) -> bool:
        return bool(writer.renew(renewing, waits=False) or writer.keeping_slots(renewing.leases, waits=False))

    assert backend.commit(renew) is False
    assert backend.read().standing(renewing) == set()


# ---------------------------------------------------------------- what fails


def failing(patch: pytest.MonkeyPatch, error: Exception, tenant: str = "") -> None:
    """Renewals of this tenant fail from here on."""
    real = Leases.renew_all

    def renew_all(self: Leases, held: Sequence[Held[Any, Any]]) -> Any:
        if self.tenant == tenant:
            raise error
        return real(self, held)

    patch.setattr(Leases, "renew_all", renew_all)


@pytest.mark.parametrize("error", [StoreTimeout("the store", 30), ZeroDivisionError("of the clock")])
def test_a_renewal_that_fails_is_tried_again(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """Whatever a renewal raises is logged, and it is tried again soon."""
    with claim(store) as held:
        clock.advance(seconds=PERIOD)
        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "leverframe.heartbeat"):
            failing(patch, error)
            beat(store)
        assert [record.__dict__["event"] for record in caplog.records] == ["not_renewed"]
        assert caplog.records[0].__dict__["facts"]["error"] == type(error).__name__
        clock.advance(seconds=PERIOD / 10)
        beat(store)
        assert ends(store) == [clock() + timedelta(seconds=TTL)]
        assert not held.lost.is_set()


@pytest.mark.parametrize("error", [StoreTimeout("the store", 30), ZeroDivisionError("of the clock")])
def test_what_cannot_be_renewed_is_lost(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Where renewals fail for as long as the lease lasts, its owner is told that it is over."""
    with claim(store) as held:
        failing(monkeypatch, error)
        clock.advance(seconds=TTL, microseconds=-1)
        beat(store)
        assert not held.lost.is_set()
        clock.advance(seconds=PERIOD / 10)
        beat(store)
        assert held.lost.is_set()


def test_one_tenants_trouble_is_no_others(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one tenant's leases cannot be renewed, those of all others are."""
    stores = {name: store.scoped(name) for name in ("first", "second", "third")}
    for one in stores.values():
        claim(one).__enter__()
    failing(monkeypatch, StoreTimeout("the store", 30), tenant="first")
    clock.advance(seconds=PERIOD)
    beat(store)
    late = {name: ends(one)[0] == clock() + timedelta(seconds=TTL) for name, one in stores.items()}
    assert late == {"first": False, "second": True, "third": True}


def test_a_closed_store_renews_nothing(store: Store) -> None:
    """Whoever holds something is told that it is lost when the store is closed, and when a block begins behind that."""
    held, late = claim(store, "a"), claim(store, "b")
    with held:
        store.close()
        assert held.lost.is_set()
    with late:
        assert late.lost.is_set()


# ---------------------------------------------------------------- what is not over


def test_a_pause_under_many_leases_is_no_end(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends under several leases together into a pause has not lost them, whenever a renewal looks."""
    held, other = claim(store, "a"), claim(store, "b")

    def note_late(one: Held[Any, Any], receipt: Any) -> None:
        clock.advance(seconds=PERIOD)
        beat(store)
        note_move(one, receipt)

    monkeypatch.setattr(together, "note_move", note_late)
    with held, other:
        pairs: list[tuple[Held[Errand, Doing], Asked | Done]] = [(held, Asked()), (other, Done())]
        store.send_all(pairs)
        assert not held.lost.is_set()
        held.send(Answered())
        clock.advance(seconds=PERIOD)
        beat(store)
        assert not held.lost.is_set()
        assert other.ended
    held.send(Done())


# ---------------------------------------------------------------- what is over


def test_what_somebody_stopped_is_lost(store: Store, clock: Clock) -> None:
    """The next renewal sees that the lease is over."""
    with claim(store) as held:
        store.send(Errand, "a", CalledOff())
        clock.advance(seconds=PERIOD)
        beat(store)
        assert held.lost.is_set()


def test_a_lease_is_over_behind_its_longest_time(store: Store, clock: Clock) -> None:
    """A lease that has lasted for its max_runtime is not renewed, and its owner is told so."""
    with claim(store) as held:
        for _ in range(MAX_RUNTIME // PERIOD - 1):
            clock.advance(seconds=PERIOD)
            beat(store)
        longest = ends(store)
        clock.advance(seconds=PERIOD, microseconds=-1)
        assert held.renew() is True
        clock.advance(microseconds=1)
        assert held.renew() is False
        assert ends(store) == longest == [clock()]
        assert not held.lost.is_set()
        beat(store)
        assert held.lost.is_set()
        with pytest.raises(LeaseLost):
            held.send(Done())


def test_a_slot_that_is_gone_is_the_leases_end(store: Store, clock: Clock) -> None:
    """A lease that has run out, and whose limit's slot is another's, is over; who has a slot still goes on."""
    held: list[Held[Any, Any]] = []
    for key in "ab":
        held.append(errand(store, key))
        clock.advance(seconds=1)
    clock.advance(seconds=TTL - 1, microseconds=-1)
    errand(store, "c")
    held[1].renew()
    for one in held:
        one.__enter__()
    clock.advance(seconds=PERIOD)
    beat(store)
    assert [one.lost.is_set() for one in held] == [True, False]


def errand(store: Store, key: str) -> Held[Any, Any]:
    held = store.claim(errands.Errand.lease, worker="w", key=key, create=errands.Open(to="here"))
    assert held is not None
    return held


# ---------------------------------------------------------------- what lasts without being renewed


def test_what_is_not_renewed_is_watched(store: Store, clock: Clock) -> None:
    """The owner of a lease without an end is told within 20 seconds that it is over."""
    with watch(store) as held:
        clock.advance(seconds=PERIOD)
        beat(store)
        assert held.renew() is True
        store.release(Vigil.lease, "v")
        clock.advance(seconds=PERIOD, microseconds=-1)
        beat(store)
        assert not held.lost.is_set()
        clock.advance(microseconds=1)
        beat(store)
        assert held.lost.is_set()
        assert held.renew() is False


def test_watching_many_takes_one_statement(store: Store, clock: Clock) -> None:
    """However many are held, one statement looks at them, and writes nothing."""
    held = [watch(store, str(number)) for number in range(5)]
    for one in held:
        one.__enter__()
    store.release(Vigil.lease, "3")
    clock.advance(seconds=PERIOD)
    with said_by(store) as said:
        beat(store)
    [(statement, _)] = said
    assert "UPDATE" not in statement
    assert [one.lost.is_set() for one in held] == [False, False, False, True, False]


def test_what_has_no_end_is_not_lost_with_the_store(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the store cannot be asked, a lease without an end is its owner's."""
    with watch(store) as held:
        with monkeypatch.context() as patch:
            failing(patch, StoreTimeout("the store", 30))
            clock.advance(days=30)
            beat(store)
        clock.advance(seconds=PERIOD)
        beat(store)
        assert not held.lost.is_set()
        held.send(Ended())


# ---------------------------------------------------------------- what is asked again


def test_what_is_standing_is_asked_about_soon(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease that somebody writes beside at this moment is not lost, and is renewed a tenth of a period later."""

    def standing(_leases: Leases, asked: Sequence[Held[Any, Any]]) -> Renewal:
        return Renewal(standing={each.instance for each in asked})

    with claim(store) as held:
        clock.advance(seconds=PERIOD)
        with monkeypatch.context() as patch:
            patch.setattr(Leases, "renew_all", standing)
            beat(store)
        assert not held.lost.is_set()
        clock.advance(seconds=PERIOD / 10)
        beat(store)
        assert ends(store) == [clock() + timedelta(seconds=TTL)]
