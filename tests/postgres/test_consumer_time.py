"""Messages that are handed out by the server's clock: it is asked with the statement that needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from mail import CUSTODY, MINUTE, tell
from plans import said_by
from postgres_server import Server
from server_watch import until_waiting
from waiting import LONG, until

from leverframe import Store, open_store
from leverframe.persistence.backend import Writer
from leverframe.persistence.postgres.statements import NOW


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as store:
        tell(store, "a", "b")
        until(lambda: len(store.messages(topic=CUSTODY)) == 2)
        yield store


def test_the_time_costs_no_statement(store: Store) -> None:
    """Nobody asks for the time alone: not to take, nor to extend, fail or acknowledge."""
    mailer = store.consumer("mailer", topic=CUSTODY)
    with said_by(store) as said:
        one, two = mailer.take()
        one.extend()
        one.fail("no")
        two.acknowledge()
    assert said
    assert NOW not in [text for text, _ in said]


def test_leases_run_by_the_servers_clock(store: Store) -> None:
    """A lease lasts for its whole time from when it was given, or extended, by the server's clock."""
    before = store.now()
    one, _ = store.consumer("mailer", topic=CUSTODY, lease=MINUTE).take()
    between = store.now()
    assert before + MINUTE <= one.until <= between + MINUTE
    one.extend(2 * MINUTE)
    assert between + 2 * MINUTE <= one.until <= store.now() + 2 * MINUTE


def test_no_lease_runs_while_its_taker_waits(url: str, postgres_server: Server) -> None:
    """Who has to wait for another taker is given its whole lease: it runs from when the wait is over."""
    held, over = threading.Event(), threading.Event()

    def hold(writer: Writer) -> None:
        writer.hold_consumer("mailer", CUSTODY, 0, None)
        held.set()
        over.wait(LONG)

    with open_store(url) as one, open_store(f"{url}&application_name=waits") as other, ThreadPoolExecutor(2) as pool:
        tell(one, "a")
        until(lambda: len(one.messages(topic=CUSTODY)) == 1)
        one.consumer("mailer", topic=CUSTODY).replay(after=0)
        holding = pool.submit(one._backend.commit, hold)  # pyright: ignore[reportPrivateUsage]  # a taker that stands still
        held.wait(LONG)
        taking = pool.submit(other.consumer("mailer", topic=CUSTODY, lease=MINUTE).take)
        until_waiting(postgres_server, "waits")
        released: datetime = one.now()
        over.set()
        holding.result()
        [delivery] = taking.result()
        assert delivery.until >= released + MINUTE
