"""A database from before there were tenants: all that is in it belongs to none afterwards, and reads as ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from parcels import City, HandedOver, Label, Loaded, OnTheRoad, Parcel, Waiting, first_stop, waiting

from by_hand import ask_by_hand, run_by_hand
from leverframe import AlreadyExists, Store, open_store
from leverframe.persistence.binding import Binding
from leverframe.persistence.opening import open_backend
from leverframe.persistence.postgres.location import parse_location
from leverframe.persistence.postgres.migrations import MIGRATIONS as POSTGRES_MIGRATIONS
from leverframe.persistence.postgres.pool import connect
from leverframe.persistence.postgres.schema import migrate
from leverframe.persistence.sqlite import open_sqlite
from leverframe.persistence.sqlite.migrations import MIGRATIONS as SQLITE_MIGRATIONS

BEFORE = 5
"""The steps that there were then."""

ON_THE_ROAD = '{"body":{"city":"Ulm","label":"P","since":"2026-01-01T00:00:00+00:00","stops":0},"type":"OnTheRoad"}'
WAITING = '{"body":{"city":null,"label":"P"},"type":"Waiting"}'
LOADED = '{"body":{},"type":"Loaded"}'

ROWS = (
    f"INSERT INTO snapshot (instance, machine, key, state, body, version, created_at, changed_at)"
    f" VALUES (7, 'Parcel', 'p', 'moving.on_the_road', '{ON_THE_ROAD}', 2, 1, 2)",
    f"INSERT INTO journal (seq, instance, version, event, from_state, to_state, body, at, recorded_at)"
    f" VALUES (3, 7, 1, NULL, NULL, 'moving.waiting', '{WAITING}', 1, 1),"
    f" (4, 7, 2, '{LOADED}', 'moving.waiting', 'moving.on_the_road', '{ON_THE_ROAD}', 2, 2)",
    "INSERT INTO state_count (machine, state, type_name, number)"
    " VALUES ('Parcel', 'moving.waiting', 'Waiting', 0), ('Parcel', 'moving.on_the_road', 'OnTheRoad', 1)",
    "INSERT INTO lookup (instance, field, machine, value, is_unique)"
    """ VALUES (7, 'label', 'Parcel', '"P"', 1), (7, 'city', 'Parcel', '"Ulm"', 0)""",
    "INSERT INTO delivery (instance, delivery_id, seq, refusal, recorded_at) VALUES (7, 'load', 4, NULL, 2)",
    "INSERT INTO message (position, instance, version, topic, kind, correlation_id, body, at, recorded_at)"
    " VALUES (11, 7, 2, 'audit', 'Loaded', '', '{}', 2, 2)",
    "INSERT INTO cursor (name, position) VALUES ('mailer', 11)",
)

# Changes of counts that nobody has folded yet.
CHANGES = (
    "INSERT INTO count_change (machine, state, type_name, number)"
    " VALUES ('Parcel', 'moving.waiting', '', -1), ('Parcel', 'moving.on_the_road', 'OnTheRoad', 1)",
    "UPDATE state_count SET number = 1 - number",
    "SELECT setval(pg_get_serial_sequence('snapshot', 'instance'), 7)",
    "SELECT setval(pg_get_serial_sequence('journal', 'seq'), 4)",
)

DECLARED = "INSERT INTO lookup_declaration (machine, number, declared) VALUES ('Parcel', 1, '{}')"


@pytest.fixture
def older_url(shared_kind: str, fresh_url: Callable[[str], str]) -> str:
    """A database as leverframe made it then, with a row in every table."""
    url = fresh_url(shared_kind)
    if shared_kind == "postgres":
        location = parse_location(url)
        with connect(location) as connection, connection.transaction():
            migrate(connection, location, POSTGRES_MIGRATIONS[:BEFORE])
    else:
        open_sqlite(url, migrations=SQLITE_MIGRATIONS[:BEFORE]).close()
    run_by_hand(url, *ROWS, DECLARED.format(Binding(Parcel).declared))
    if shared_kind == "postgres":
        run_by_hand(url, *CHANGES)
    return url


def test_rows_of_every_table_are_kept(older_url: str) -> None:
    """What was there belongs to no tenant: states, journal, look-ups, counts, delivery ids, messages and cursors."""
    with open_store(older_url) as store:
        assert [found.key for found in store.find(Parcel, OnTheRoad)] == ["p"]
        assert [found.key for found in store.find(Parcel, where={"label": Label("P"), "city": City("Ulm")})] == ["p"]
        assert [(entry.version, entry.event) for entry in store.history(Parcel, "p")] == [(1, None), (2, Loaded())]
        assert store.count(Parcel) == Counter({OnTheRoad: 1})
        assert store.send(Parcel, "p", Loaded(), delivery_id="load").duplicate
        assert [message.position for message in store.messages()] == [11]
        assert (store.cursor("mailer"), store.messages("mailer")) == (11, [])
        assert store.examine([Parcel]).findings == ()
        check_goes_on(store)


def check_goes_on(store: Store) -> None:
    """New rows are numbered behind the old ones, and what was unique is."""
    with pytest.raises(AlreadyExists):
        store.create(Parcel, "q", waiting("P"))
    with pytest.raises(AlreadyExists):
        store.create(Parcel, "p", waiting("Q"))
    receipt = store.send(Parcel, "p", first_stop("Bern"))
    assert receipt.seq is not None
    assert receipt.seq > 4
    assert store.messages("mailer")[0].position > 11
    store.send(Parcel, "p", HandedOver())
    store.create(Parcel, "q", waiting("Q"))
    assert store.examine([Parcel]).findings == ()


def test_a_tenant_begins_with_nothing(older_url: str) -> None:
    """A tenant sees none of what was there, and may have the same keys, values and names for itself."""
    with open_store(older_url) as store:
        before = rows(older_url)
        tenant = store.scoped("a")
        assert tenant.find(Parcel) == tenant.messages() == []
        assert (tenant.cursor("mailer"), tenant.count(Parcel)) == (0, Counter())
        assert rows(older_url) == before
        tenant.create(Parcel, "p", waiting("P"))
        tenant.send(Parcel, "p", Loaded(), delivery_id="load")
        tenant.save_cursor("mailer", 1)
        assert tenant.count(Parcel) == Counter({OnTheRoad: 1})
        assert store.count(Parcel) == Counter({OnTheRoad: 1})
        assert tenant.find(Parcel, Waiting) == []
        assert store.cursor("mailer") == 11
        assert store.examine([Parcel]).findings == ()


def rows(url: str) -> list[Any]:
    tables = ("snapshot", "journal", "lookup", "delivery", "message", "cursor")
    return [ask_by_hand(url, f"SELECT * FROM {table}") for table in tables]


def test_the_steps_are_those_of_a_new_database(
    older_url: str, shared_kind: str, fresh_url: Callable[[str], str]
) -> None:
    """The steps that a database had are the first ones of today's, as they were published."""
    with open_store(older_url):
        pass
    target = fresh_url(shared_kind)
    open_store(target).close()
    backend = open_backend(older_url)
    with backend.at_one_time() as migrated:
        names = migrated.applied()
    backend.close()
    made = open_backend(target)
    with made.at_one_time() as fresh:
        assert names == fresh.applied()
        assert names[BEFORE] == "0006_tenants"
    made.close()
