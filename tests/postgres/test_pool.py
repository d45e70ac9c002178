"""Connections: never more than were asked for, lent in the order in which threads came, none lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from parcels import City, Label, Loaded, Parcel, Stopped, Waiting
from postgres_server import Server
from server_watch import connected, terminate, until_waiting
from soundness import check_all
from waiting import LONG, until

from leverframe import Store, open_store
from leverframe.errors import PoolExhausted, StoreClosed, StoreTimeout
from leverframe.persistence.postgres.permits import Permits


def fill(store: Store, *keys: str) -> None:
    for key in keys:
        store.create(Parcel, key, Waiting(Label(key), None))
        store.send(Parcel, key, Loaded())


def test_never_more_than_the_pool(postgres_server: Server) -> None:
    """Thirty threads use as many connections as the pool has, and never one more."""
    keys = [f"p{number}" for number in range(30)]
    with open_store(postgres_server.fresh_url("&pool_size=4&application_name=pool_of_four")) as store:
        fill(store, *keys)

        def stop(key: str) -> None:
            for number in range(15):
                store.send(Parcel, key, Stopped(City(f"{key}-{number}")))

        seen = {connected(postgres_server, "pool_of_four")}
        with ThreadPoolExecutor(30) as pool:
            calls = [pool.submit(stop, key) for key in keys]
            while not all(call.done() for call in calls):
                seen.add(connected(postgres_server, "pool_of_four"))
            for call in calls:
                call.result()
        assert max(seen) <= 4
        check_all(store, keys)


def test_all_in_use(postgres_server: Server) -> None:
    """Where all connections are in use for longer than the timeout, the call is told so, and has done nothing."""
    with open_store(postgres_server.fresh_url("&pool_size=1&timeout=0.2")) as store:
        fill(store, "p")
        refused: list[PoolExhausted] = []

        def send() -> None:
            with pytest.raises(PoolExhausted, match=r"all 1 connections were in use for 0\.2 s") as refusal:
                store.send(Parcel, "p", Stopped(City("a")))
            refused.append(refusal.value)

        with store.transaction():
            thread = threading.Thread(target=send)
            thread.start()
            thread.join(LONG)
        assert (refused[0].size, refused[0].seconds) == (1, 0.2)
        assert isinstance(refused[0], StoreTimeout)
        assert store.get(Parcel, "p").version == 2
        assert store.send(Parcel, "p", Stopped(City("a"))).version == 3


def test_idle_connections_are_ended(postgres_server: Server) -> None:
    """Connections that the server ended while nobody used them are not lent: the next calls work, writes too."""
    with open_store(postgres_server.fresh_url("&pool_size=5&application_name=ended")) as store:
        fill(store, "p")
        together = threading.Barrier(5)

        def use(_: int) -> None:
            with store.transaction():
                together.wait(LONG)

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(use, range(5)))
        for number in range(3):
            assert terminate(postgres_server, "ended") > 0
            assert store.send(Parcel, "p", Stopped(City(f"c{number}"))).version == 3 + number
        terminate(postgres_server, "ended")
        assert store.get(Parcel, "p").version == 5
        check_all(store, ["p"])


def test_interrupt_while_the_server_is_asked(postgres_server: Server) -> None:
    """A KeyboardInterrupt during a call comes out of it; the only connection of the pool is there for the next one."""
    url = postgres_server.fresh_url("&pool_size=1&application_name=interrupted")
    with open_store(url) as store, open_store(url.replace("interrupted", "other")) as other:
        fill(store, "p")
        with other.transaction():
            other.send(Parcel, "p", Stopped(City("a")))
            for call in (
                lambda: store.send(Parcel, "p", Stopped(City("b"))),
                lambda: store.send_many(Parcel, [("p", Stopped(City("b")))]),
            ):
                interrupter = threading.Thread(target=interrupt_when_waiting, args=(postgres_server,))
                interrupter.start()
                with pytest.raises(KeyboardInterrupt):
                    call()
                interrupter.join(LONG)
        assert store.send(Parcel, "p", Stopped(City("c"))).version == 4
        check_all(store, ["p"])


def interrupt_when_waiting(server: Server) -> None:
    until_waiting(server, "interrupted")
    os.kill(os.getpid(), signal.SIGINT)


def test_closing_while_others_wait(postgres_server: Server) -> None:
    """A store that is closed tells those who wait for a connection at once, and closes what is lent when it is back."""
    store = open_store(postgres_server.fresh_url("&pool_size=1&timeout=1000&application_name=closing"))
    fill(store, "p")
    refused = threading.Event()

    def send() -> None:
        with pytest.raises(StoreClosed):
            store.send(Parcel, "p", Stopped(City("a")))
        refused.set()

    thread = threading.Thread(target=send)
    with store.transaction():
        thread.start()
        store.close()
        assert refused.wait(LONG)
    thread.join(LONG)
    until(lambda: connected(postgres_server, "closing") == 0)


FORK = """
import os, sys
from leverframe import StoreClosed, open_store
store = open_store(sys.argv[1])
store.save_cursor("c", 1)
child = os.fork()
if child == 0:
    try:
        store.cursor("c")
    except StoreClosed as error:
        store.close()
        os._exit(7 if "another process" in str(error) else 1)
    os._exit(2)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
store.save_cursor("c", 2)
child = os.fork()
if child == 0:
    # To its end, with all that an interpreter tidies up.
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert store.cursor("c") == 2
"""


def test_fork(url: str) -> None:
    """A store that was opened before a fork is refused in the child, and goes on in the parent."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORK, url], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------- permits


def test_permits_go_round_in_turn() -> None:
    """A permit that is given back goes to whoever has waited longest."""
    permits, served = Permits(1), list[int]()
    assert permits.take(LONG)

    def take(number: int) -> None:
        assert permits.take(LONG)
        served.append(number)
        permits.give_back()

    threads: list[threading.Thread] = []
    for number in range(5):
        threads.append(threading.Thread(target=take, args=(number,)))
        threads[-1].start()
        until(lambda: len(permits._waiting) == len(threads))  # pyright: ignore[reportPrivateUsage]
    permits.give_back()
    for thread in threads:
        thread.join(LONG)
    assert served == [0, 1, 2, 3, 4]


def test_permit_that_does_not_come() -> None:
    """Who has waited in vain holds no permit, and keeps none from those who come later."""
    permits = Permits(1)
    assert permits.take(0.01)
    assert not permits.take(0.01)
    permits.give_back()
    assert permits.take(0.01)
    assert not permits.take(0.01)
