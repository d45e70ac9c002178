"""Workers on a server: who takes at the same time as others take, tell, acknowledge, replay and delete."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from mail import CUSTODY, MINUTE, SECOND, keys, tell
from parcels import Loaded, Parcel
from postgres_server import Server
from server_watch import until_waiting
from waiting import LONG, until

from by_hand import run_by_hand
from leverframe import LeaseLost, Store, open_store
from leverframe.persistence.postgres.statements import ORDINAL_BITS


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stores(url: str, clock: Clock) -> Iterator[tuple[Store, Store]]:
    with open_store(url, clock=clock) as one, open_store(url, clock=clock) as other:
        yield one, other


def until_readable(store: Store, number: int) -> None:
    until(lambda: len(store.messages(topic=CUSTODY, limit=10_000)) == number)


# ---------------------------------------------------------------- two takers


def test_takers_at_once(stores: tuple[Store, Store]) -> None:
    """Of takers that begin at the same moment none is given what another has, and none waits in vain."""
    rounds, takers = 30, 4
    tell(stores[0], *(f"p{number}" for number in range(rounds * takers)))
    until_readable(stores[0], rounds * takers)
    barrier = threading.Barrier(takers)

    def take(name: int) -> list[object]:
        consumer = stores[name % 2].consumer("mailer", topic=CUSTODY, worker=f"worker {name}")
        given: list[object] = []
        for _ in range(rounds):
            barrier.wait(LONG)
            given += keys(consumer.take(1))
        return given

    with ThreadPoolExecutor(takers) as pool:
        given = [key for keys_of_one in pool.map(take, range(takers)) for key in keys_of_one]
    assert len(given) == rounds * takers
    assert set(Counter(given).values()) == {1}


def test_takers_of_what_is_due(stores: tuple[Store, Store], clock: Clock) -> None:
    """What is due again is given to one of those who take at the same moment, also to those who make the consumer."""
    rounds, takers = 10, 4
    tell(stores[0], *"abcde")
    until_readable(stores[0], 5)
    barrier = threading.Barrier(takers, action=lambda: pass_time(clock, MINUTE))

    def take(name: int) -> list[list[object]]:
        consumer = stores[name % 2].consumer("mailer", topic=CUSTODY, attempts=100, lease=MINUTE)
        given: list[list[object]] = []
        for _ in range(rounds):
            barrier.wait(LONG)
            given.append(keys(consumer.take(3)))
            barrier.wait(LONG)
        return given

    with ThreadPoolExecutor(takers) as pool:
        by_worker = list(pool.map(take, range(takers)))
    for round_ in zip(*by_worker, strict=True):
        assert sorted(str(key) for given in round_ for key in given) == [*"abcde"]


def pass_time(clock: Clock, span: timedelta) -> None:
    clock.time += span


# ---------------------------------------------------------------- tellers


def test_a_teller_that_commits_late(stores: tuple[Store, Store]) -> None:
    """While an older transaction is open nothing behind it is handed out; then all is, in order, and once."""
    slow, quick = stores
    tell(quick, "first")
    until_readable(quick, 1)
    mailer = quick.consumer("mailer", topic=CUSTODY)
    with slow.transaction():
        tell(slow, "late")
        tell(quick, "early")
        assert keys(mailer.take()) == ["first"]
        assert mailer.take() == []
    until_readable(quick, 3)
    assert keys(mailer.take()) == ["late", "early"]


def test_takers_beside_tellers(stores: tuple[Store, Store]) -> None:
    """While many tell, some in long transactions, workers are given every message once."""
    tellers, each, takers = 4, 15, 3
    done = threading.Event()
    ready = threading.Barrier(tellers + takers)

    def talk(name: int) -> None:
        ready.wait(LONG)
        for number in range(each):
            store = stores[number % 2]
            with store.transaction():
                tell(store, f"{name}-{number}-a", f"{name}-{number}-b")

    def work(name: int) -> list[object]:
        ready.wait(LONG)
        consumer = stores[name % 2].consumer("mailer", topic=CUSTODY, lease=timedelta(days=1))
        given: list[object] = []
        while True:
            ended = done.is_set() and len(stores[0].messages(topic=CUSTODY, limit=10_000)) == tellers * each * 2
            taken = consumer.take(3)
            given += keys(taken)
            for delivery in taken:
                delivery.acknowledge()
            if ended and not taken:
                return given

    with ThreadPoolExecutor(tellers + takers) as pool:
        workers = [pool.submit(work, name) for name in range(takers)]
        for talker in [pool.submit(talk, name) for name in range(tellers)]:
            talker.result()
        done.set()
        counted = Counter(key for worker in workers for key in worker.result())
    assert len(counted) == tellers * each * 2
    assert set(counted.values()) == {1}


# ---------------------------------------------------------------- transactions that stay open


def test_an_acknowledgement_under_way(stores: tuple[Store, Store], clock: Clock) -> None:
    """Nobody waits for a transaction that acknowledges: the message is passed over until that has ended."""
    one, other = stores
    tell(one, "a", "b")
    until_readable(one, 2)
    mine = one.consumer("mailer", topic=CUSTODY, lease=SECOND)
    theirs = other.consumer("mailer", topic=CUSTODY, lease=SECOND)
    [a, b] = mine.take()
    clock.time += SECOND
    with suppress(RuntimeError), one.transaction():
        a.acknowledge()
        assert keys(theirs.take()) == ["b"]
        raise RuntimeError
    assert keys(theirs.take()) == ["a"]
    with pytest.raises(LeaseLost):
        b.acknowledge()
    clock.time += SECOND
    [a, b] = mine.take()
    clock.time += SECOND
    with one.transaction():
        a.acknowledge()
        assert keys(theirs.take()) == ["b"]
    clock.time += SECOND
    assert keys(theirs.take()) == ["b"]


def test_acknowledged_while_it_is_handed_out(postgres_server: Server, clock: Clock) -> None:
    """Who acknowledges in a transaction, while another is given the message in one that is open, loses the lease."""
    url = postgres_server.fresh_url("&application_name=late")
    with open_store(url, clock=clock) as one, open_store(url, clock=clock) as other:
        tell(one, "a")
        until_readable(one, 1)
        [late] = one.consumer("mailer", topic=CUSTODY, lease=SECOND).take()
        clock.time += SECOND
        ended: list[BaseException] = []

        def acknowledge() -> None:
            try:
                with one.transaction():
                    one.send(Parcel, "a", Loaded())
                    late.acknowledge()
            except LeaseLost as error:
                ended.append(error)

        thread = threading.Thread(target=acknowledge)
        with other.transaction() as connection:
            connection.execute("UPDATE consumption SET token = token + 1")
            thread.start()
            until_waiting(postgres_server, "late")
        thread.join(LONG)
        assert len(ended) == 1
        assert one.get(Parcel, "a").version == 1


def test_a_replay_in_a_transaction(postgres_server: Server, clock: Clock) -> None:
    """Who takes while a replay is under way waits for its end, and is given what it replays."""
    url = postgres_server.fresh_url("&application_name=replaying")
    with open_store(url, clock=clock) as one, open_store(url, clock=clock) as other:
        tell(one, "a", "b")
        until_readable(one, 2)
        for delivery in one.consumer("mailer", topic=CUSTODY).take():
            delivery.acknowledge()
        with ThreadPoolExecutor(1) as pool:
            with one.transaction():
                assert one.consumer("mailer", topic=CUSTODY).replay(after=0) == 2
                taken = pool.submit(lambda: keys(other.consumer("mailer", topic=CUSTODY).take()))
                until_waiting(postgres_server, "replaying")
            assert taken.result(LONG) == ["a", "b"]


def test_deleted_while_it_is_handed_out(stores: tuple[Store, Store], clock: Clock) -> None:
    """An instance that is deleted in a transaction still open when its message is handed out leaves nothing behind."""
    one, other = stores
    tell(one, "a", "b")
    until_readable(one, 2)
    mailer = other.consumer("mailer", topic=CUSTODY, lease=SECOND)
    with one.transaction():
        one.delete(Parcel, "a")
        given = mailer.take()
    assert keys(given) == ["a", "b"]
    clock.time += SECOND
    assert keys(mailer.take()) == ["b"]
    assert other.examine().rows["consumption"] == 1


# ---------------------------------------------------------------- positions


def test_backup_on_a_younger_server(url: str) -> None:
    """A consumer in a database that was brought to a server with lower numbers is given what is told there."""
    with open_store(url) as store:
        tell(store, "a")
        until_readable(store, 1)
        store.consumer("mailer", topic=CUSTODY).take()[0].acknowledge()
    run_by_hand(url, "DELETE FROM message", f"UPDATE consumer SET position = position + {10**9 << ORDINAL_BITS}")
    with open_store(url) as store:
        tell(store, "b")
        until_readable(store, 1)
        assert keys(store.consumer("mailer", topic=CUSTODY).take()) == ["b"]
