"""Renewals on a server, beside transactions that lock leases in another order: they wait for nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import errands
import pytest
from leased_errands import Asked, CalledOff, Doing, Errand, Noted, Open
from postgres_server import Server
from server_watch import until_waiting
from waiting import LONG

from leverframe import Store, open_store
from leverframe.coordination.heartbeat import Renewal
from leverframe.coordination.held import Held


@pytest.fixture
def stores(postgres_server: Server) -> Iterator[tuple[Store, Store]]:
    """Two programs on one database, the second of which can be seen waiting."""
    url = postgres_server.fresh_url()
    with open_store(url) as first, open_store(f"{url}&application_name=late_{url.rpartition('_')[2]}") as second:
        yield first, second


def claim(store: Store, *names: str) -> list[Held[Errand, Doing]]:
    for name in names:
        store.create(Errand, name, Open(name))
    return store.claim_many(Errand.lease, worker="w", limit=len(names))


def renew_all(held: list[Held[Any, Any]]) -> Renewal:
    """As the heartbeat does."""
    keeper: Any = held[0].keeper
    renewal: Renewal = keeper.renew_all(held)
    return renewal


def answered(call: Callable[[], Any]) -> Any:
    """What a call answers that waits for nobody."""
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()), daemon=True)
    thread.start()
    thread.join(LONG)
    assert answers, "it waits"
    return answers[0]


def test_a_renewal_passes_by_what_is_being_moved(stores: tuple[Store, Store]) -> None:
    """What somebody moves at this moment is standing, all others are renewed, and nobody waits."""
    first, second = stores
    held = claim(second, "a", "b", "c")
    with first.transaction():
        first.send(Errand, "b", CalledOff())
        renewal = answered(lambda: renew_all(held))
    assert renewal == Renewal({held[0].instance, held[2].instance}, {held[1].instance})
    assert renew_all(held) == Renewal({held[0].instance, held[2].instance}, set())


def test_what_was_taken_back_is_renewed(stores: tuple[Store, Store]) -> None:
    """A lease whose end was taken back is renewed by the next renewal."""
    first, second = stores
    held = claim(second, "a")

    def call_off() -> None:
        with first.transaction():
            first.send(Errand, "a", CalledOff())
            assert answered(lambda: renew_all(held)) == Renewal(set(), {held[0].instance})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call_off()
    assert renew_all(held) == Renewal({held[0].instance}, set())


def test_a_lease_whose_slot_is_looked_at_is_standing(stores: tuple[Store, Store]) -> None:
    """A renewal waits for no slot of a limit either."""
    first, second = stores
    held = second.claim(errands.Errand.lease, worker="w", key="a", create=errands.Open(to="here"))
    other = second.claim(errands.Errand.lease, worker="w", key="b", create=errands.Open(to="there"))
    assert held is not None
    assert other is not None
    with first.transaction() as connection:
        connection.execute("SELECT 1 FROM slot WHERE instance = %s FOR UPDATE", (held.instance,))
        renewal = answered(lambda: renew_all([held, other]))
    assert renewal == Renewal({other.instance}, {held.instance})
    assert renew_all([held, other]) == Renewal({held.instance, other.instance}, set())


def test_who_renews_one_lease_waits(stores: tuple[Store, Store], postgres_server: Server) -> None:
    """A single renewal waits for whoever moves the instance, and says what has become of the lease by then."""
    first, second = stores
    [held] = claim(second, "a")
    name = f"late_{second.location.rpartition('_')[2]}"
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(held.renew()))
    with first.transaction():
        first.send(Errand, "a", CalledOff())
        thread.start()
        until_waiting(postgres_server, name)
    thread.join(LONG)
    assert answers == [False]


def test_renewing_beside_moves_of_many(stores: tuple[Store, Store]) -> None:
    """However many are moved together and in whatever order, all moves are made, and no renewal fails."""
    _, second = stores
    names = [str(number) for number in range(60)]
    held = claim(second, *names)
    done, renewals, failures = threading.Event(), [0], list[BaseException]()

    def renew() -> None:
        try:
            while not done.is_set():
                assert renew_all(held).renewed <= {one.instance for one in held}
                renewals[0] += 1
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        for step in range(10):
            order = held[step::2] + held[:step] if step % 2 else held[::-1]
            second.send_all([(one, Noted(str(step))) for one in {id(each): each for each in order}.values()])
        second.send_all([(one, Asked()) for one in held[::-1]])
    finally:
        done.set()
        thread.join(LONG)
    assert failures == []
    assert renewals[0]
