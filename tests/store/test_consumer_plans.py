"""However much a consumer has before it, in flight and set aside, no call of it reads a table from end to end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mail import SECOND
from parcels import Label, Parcel, Waiting
from plans import said_by, scanned
from postgres_server import Server

from by_hand import run_by_hand
from leverframe import Consumer, Store, open_store
from leverframe.coordination import taking

ROWS = 20_000

NOW = datetime(2026, 1, 1, tzinfo=UTC)

# Of every ten messages of the consumer two are set aside, two due, two in flight, and four acknowledged.
NUMBERS = f"WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"

FUTURE, PAST = 2 * 10**15, 10**15

FILL = (
    f"""{NUMBERS} INSERT INTO snapshot (instance, machine, key, state, body, version, created_at, changed_at)
    SELECT n, 'Parcel', 'parcel-' || n, 'lost', '{{"body":{{}},"type":"Lost"}}', 2, n, n FROM n""",
    f"""{NUMBERS} INSERT INTO message (position, instance, version, topic, kind, correlation_id, body, at, recorded_at)
    SELECT n * 1000, n, 2, 'topic-' || n % 10, 'kind', '', '{{}}', n, n FROM n""",
    "INSERT INTO consumer (name, topic, position, token) VALUES ('all', NULL, 15000000, 7), ('one', 'topic-7', 0, 7)",
    f"""{NUMBERS} INSERT INTO consumption
        (consumer, position, instance, attempts, token, worker, due_at, set_aside_at, error)
    SELECT 'all', n * 1000, n, 1, CASE WHEN n % 10 > 3 THEN 7 ELSE 0 END, 'w',
        CASE WHEN n % 10 > 3 THEN {FUTURE} ELSE {PAST} + n END, CASE WHEN n % 10 < 2 THEN {PAST} END, 'no'
    FROM n WHERE n % 10 < 6 AND n <= 15000""",
)

BIG = {"snapshot", "message", "consumption"}


@pytest.fixture(scope="module", params=["file", "postgres"])
def large_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "file":
        folder: Path = tmp_path_factory.mktemp("consumers")
        url = f"sqlite:///{folder / 'store.db'}?durability=normal"
    else:
        server: Server = request.getfixturevalue("postgres_server")
        url = server.fresh_url()
    with open_store(url) as store:
        store.create(Parcel, "parcel-1", Waiting(Label("L1"), None))
    run_by_hand(url, *FILL)
    if request.param == "postgres":
        run_by_hand(url, *(f"ANALYZE {table}" for table in (*BIG, "consumer")))
    return url


def mailer(store: Store, *, attempts: int = 5, lease: timedelta = SECOND) -> Consumer:
    return store.consumer("all", attempts=attempts, lease=lease)


def settle(store: Store) -> None:
    [done, failed, *_] = mailer(store).take()
    done.acknowledge()
    failed.fail("no")


CALLS: dict[str, Callable[[Store], object]] = {
    "take what is due": lambda s: mailer(s).take(10),
    "take what is due in batches": lambda s: mailer(s).take(10),
    "give up": lambda s: mailer(s, attempts=1).take(10),
    "take what is new of a topic": lambda s: s.consumer("one", topic="topic-7").take(10),
    "take for the first time": lambda s: s.consumer("new", after=19_000_000).take(10),
    "take with patience": lambda s: s.consumer("nobody tells that", topic="nothing").take(wait=0.01),
    "acknowledge and fail": settle,
    "extend": lambda s: mailer(s).take(1)[0].extend(),
    "list what is set aside": lambda s: mailer(s).set_aside(10),
    "replay one": lambda s: mailer(s).replay(6_000_000),
    "replay the last ones": lambda s: mailer(s).replay(after=14_990_000),
    "replay what is set aside": lambda s: mailer(s).replay(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_table_is_scanned(large_url: str, call: Callable[[Store], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each statement of the call finds its rows by an index, however many there are."""
    monkeypatch.setattr(taking, "AT_ONCE", 6)
    with open_store(large_url, clock=lambda: NOW) as store, said_by(store) as said:
        call(store)
    assert said
    assert not {text: tables for text, values in said if (tables := scanned(large_url, (text, values)) & BIG)}


def test_what_is_due_is_there(large_url: str) -> None:
    """The calls above have something to do."""
    with open_store(large_url, clock=lambda: NOW) as store:
        assert len(mailer(store).take(10)) == 10
