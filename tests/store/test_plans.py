"""With a hundred thousand instances no event and no find reads a table from end to end, on any store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from parcels import (
    City,
    Found,
    HandedOver,
    Label,
    Loaded,
    Lost,
    Moving,
    OnTheRoad,
    Parcel,
    Relabelled,
    Stopped,
    Waiting,
)
from plans import said_by, scanned
from postgres_server import Server

from by_hand import run_by_hand
from leverframe import Send, Store, open_store
from leverframe.errors import LeverframeError
from leverframe.persistence.rewriting import NewBody, NewLine

ROWS = 100_000

# Counts are few, and appended changes of them are folded; a migration, a cursor or a declaration is one of a handful.
BIG = {"snapshot", "journal", "lookup", "delivery", "message"}

NUMBERS = f"WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"

WAITING = """'{"body":{"city":null,"label":"L' || n || '"},"type":"Waiting"}'"""

ROAD = (
    """'{"body":{"city":"C' || n || '","label":"L' || n || '","since":"2026-01-01T00:00:00+00:00","stops":0},"""
    """"type":"OnTheRoad"}'"""
)

STATE = "CASE WHEN n % 1000 = 0 THEN 'lost' WHEN n % 2 = 0 THEN 'moving.waiting' ELSE 'moving.on_the_road' END"

CLASS = "CASE WHEN n % 1000 = 0 THEN 'Lost' WHEN n % 2 = 0 THEN 'Waiting' ELSE 'OnTheRoad' END"

BODY = f"""CASE WHEN n % 1000 = 0 THEN '{{"body":{{}},"type":"Lost"}}' WHEN n % 2 = 0 THEN {WAITING} ELSE {ROAD} END"""

FILL = (
    f"""{NUMBERS} INSERT INTO snapshot (instance, machine, key, state, body, version, created_at, changed_at)
    SELECT n, 'Parcel', 'parcel-' || n, {STATE}, {BODY}, 2, n, n FROM n""",
    f"""{NUMBERS} INSERT INTO journal (instance, version, event, from_state, to_state, body, at, recorded_at)
    SELECT n, v, CASE v WHEN 1 THEN NULL ELSE '{{"body":{{}},"type":"Loaded"}}' END,
        CASE v WHEN 1 THEN NULL ELSE 'moving.waiting' END, {STATE}, {BODY}, n, n
    FROM n CROSS JOIN (SELECT 1 AS v UNION ALL SELECT 2) AS v""",
    f"""{NUMBERS} INSERT INTO lookup (instance, field, machine, value, is_unique)
    SELECT n, 'label', 'Parcel', '"L' || n || '"', 1 FROM n""",
    f"""{NUMBERS} INSERT INTO lookup (instance, field, machine, value, is_unique)
    SELECT n, 'city', 'Parcel', '"C' || n || '"', 0 FROM n""",
    f"""{NUMBERS} INSERT INTO delivery (instance, delivery_id, refusal, recorded_at)
    SELECT n, 'delivery-' || n, 'x', n FROM n""",
    f"""{NUMBERS} INSERT INTO message (position, instance, version, topic, kind, correlation_id, body, at, recorded_at)
    SELECT n * 1000, n, 2, 'topic-' || n % 10, 'kind', '', '{{}}', n, n FROM n""",
    f"""{NUMBERS} INSERT INTO state_count (machine, state, type_name, number)
    SELECT 'Parcel', {STATE}, max({CLASS}), count(*) FROM n WHERE true GROUP BY 2
    ON CONFLICT (tenant, machine, state) DO UPDATE SET number = state_count.number + excluded.number""",
)

# In memory the same statements meet the same tables as in a file.  To whoever made the test's server row-level security
# does not apply; to an owner of tables it does, and adds conditions to each statement.
KINDS = ("file", "postgres", "owner")


@pytest.fixture(scope="module", params=KINDS)
def large_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with as many parcels, each with a journal, look-ups, a delivery id and a message."""
    if request.param == "file":
        folder: Path = tmp_path_factory.mktemp("large")
        url = f"sqlite:///{folder / 'store.db'}?durability=normal"
    else:
        server: Server = request.getfixturevalue("postgres_server")
        url = server.fresh_url() if request.param == "postgres" else server.owned_url()
    with open_store(url) as store:
        store.create(Parcel, "parcel-1", Waiting(Label("L1"), None))
    run_by_hand(url, *FILL)
    if request.param != "file":
        run_by_hand(
            url,
            "SELECT setval(pg_get_serial_sequence('snapshot', 'instance'), max(instance)) FROM snapshot",
            *(f"ANALYZE {table}" for table in BIG),
        )
    return url


Call = Callable[[Store], object]

CALLS: dict[str, Call] = {
    "get": lambda s: s.get(Parcel, "parcel-3"),
    "create": lambda s: s.create(Parcel, "new", Waiting(Label("new"), City("new"))),
    "create what is taken": lambda s: s.create(Parcel, "newer", Waiting(Label("L8"), None)),
    "move to another state": lambda s: s.send(Parcel, "parcel-4", Loaded()),
    "move that tells and frees": lambda s: s.send(Parcel, "parcel-5", HandedOver()),
    "move with look-ups": lambda s: s.send(Parcel, "parcel-7", Stopped(City("Bern"))),
    "move in place": lambda s: s.send(Parcel, "parcel-7", Stopped(City("Bern"))),
    "move to a taken value": lambda s: s.send(Parcel, "parcel-6", Relabelled(Label("L8"))),
    "move with a delivery id": lambda s: s.send(Parcel, "parcel-9", Stopped(City("Rome")), delivery_id="d"),
    "the delivery id again": lambda s: s.send(Parcel, "parcel-9", Stopped(City("Rome")), delivery_id="d"),
    "refused with a delivery id": lambda s: s.send(Parcel, "parcel-11", Loaded(), delivery_id="d"),
    "that delivery id again": lambda s: s.send(Parcel, "parcel-11", Loaded(), delivery_id="d"),
    "refused": lambda s: s.send(Parcel, "parcel-12", Found(Label("x"))),
    "many at once": lambda s: s.send_many(
        Parcel,
        [("parcel-16", Loaded()), Send("parcel-18", Loaded(), delivery_id="d"), ("made", Loaded())],
        create=Waiting(Label("made"), None),
    ),
    "in a transaction": lambda s: send_joined(s),
    "find the newest": lambda s: s.find(Parcel, limit=10),
    "find in a state": lambda s: s.find(Parcel, OnTheRoad, limit=10),
    "find in a superstate": lambda s: s.find(Parcel, Moving, limit=10),
    "find all in a rare state": lambda s: s.find(Parcel, Lost),
    "find by key": lambda s: s.find(Parcel, prefix="parcel-77"),
    "find by key in a state": lambda s: s.find(Parcel, Lost, prefix="parcel-77", limit=10),
    "find by keys": lambda s: s.find(Parcel, keys=["parcel-77", ("parcel", "7")]),
    "find by keys and a look-up": lambda s: s.find(Parcel, keys=["parcel-77"], where={"label": "L77"}),
    "find by many keys": lambda s: s.find(Parcel, keys=[f"parcel-{number}" for number in range(300)]),
    "list keys": lambda s: s.keys(Parcel, prefix="parcel-77"),
    "find by a tuple": lambda s: s.find(Parcel, prefix=("parcel", "7")),
    "find by a look-up": lambda s: s.find(Parcel, where={"label": "L77"}),
    "find by two look-ups": lambda s: s.find(
        Parcel, Moving, where={"city": City("C77"), "label": Label("L77")}, limit=3
    ),
    "count": lambda s: s.count(Parcel),
    "history": lambda s: s.history(Parcel, "parcel-3"),
    "traffic": lambda s: s.traffic(Parcel),
    "at a version": lambda s: s.at(Parcel, "parcel-3", version=2),
    "at a time": lambda s: s.at(Parcel, "parcel-3", at=s.get(Parcel, "parcel-3").changed_at),
    "messages": lambda s: s.messages(50_000_000, limit=10),
    "messages of a topic": lambda s: s.messages(50_000_000, topic="topic-7", limit=10),
    "messages of no topic": lambda s: s.messages(50_000_000, topic="nothing", limit=10),
    "save a cursor": lambda s: s.save_cursor("mailer", 7),
    "messages of a cursor": lambda s: s.messages("mailer"),
    "read a batch of all": lambda s: reader_of(s).stored("Parcel", 50_000, 100),
    "read a batch of all of a tenant": lambda s: reader_of(s).stored("Parcel", 50_000, 100, ""),
    "read a batch of lines": lambda s: reader_of(s).stored_lines("Parcel", 50_000, 100),
    "read some anew": lambda s: reader_of(s).stored_now([50_000, 50_001]),
    "write some anew": lambda s: write_anew(s),
}


def reader_of(store: Store) -> Any:
    return store._backend.read()  # pyright: ignore[reportPrivateUsage]  # what reads all rows asks it


def write_anew(store: Store) -> None:
    """What a migration says, of a few rows."""

    def work(writer: Any) -> None:
        held = writer.hold_free([50_000, 50_001], wait=False) | writer.hold_free([50_002], wait=True)
        bodies = [NewBody(number, 1, "{}") for number in sorted(held)]
        writer.rewrite_bodies(bodies)
        writer.rewrite_lines([NewLine(number, None, None, "lost", "{}") for number in (-1, -2)])
        writer.carry_ready(sorted(held))

    store._backend.commit(work)  # pyright: ignore[reportPrivateUsage]  # as a migration does


def send_joined(store: Store) -> None:
    with store.transaction():
        store.send(Parcel, "parcel-20", Loaded(), delivery_id="d")
        store.send(Parcel, "parcel-20", Stopped(City("Bern")))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_table_is_scanned(large_url: str, call: Call) -> None:
    """Each statement of the call finds its rows by an index, however many there are."""
    with open_store(large_url) as store:
        store.find(Parcel, where={"label": "nothing"})  # after this, its look-ups are known to be kept
        with said_by(store) as said:
            outcome = attempt(call, store)
    assert said
    found = {text: tables for text, values in said if (tables := scanned(large_url, (text, values)) & BIG)}
    assert not found, outcome


def attempt(call: Call, store: Store) -> object:
    """What the call gives, or why it is refused; which statements it takes is the question here."""
    try:
        return call(store)
    except LeverframeError as refusal:
        return refusal


def test_a_scan_is_seen(large_url: str) -> None:
    """The test above would notice a statement that no index carries."""
    text = "SELECT * FROM snapshot WHERE body = 'x'"
    assert scanned(large_url, (text, ())) & BIG == {"snapshot"}
