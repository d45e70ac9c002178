"""What `examine` sees: nothing wrong in a sound store, and each thing that is wrong in one that is not."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from attrs import frozen
from parcels import HandedOver, Loaded, Parcel, Vanished, first_stop, waiting
from postgres_server import Server

from leverframe import Event, Finding, Machine, Payload, Store, on, open_store, state
from leverframe.machines.pipeline import Backlog, Pipeline
from leverframe.persistence import examining

MACHINES = (Parcel, Pipeline)


@frozen
class Only(Payload): ...


@frozen
class Kept(Event): ...


class OtherParcel(Machine[Only, Kept]):
    machine_name = "Parcel"
    only = state(Only, initial=True)

    @on
    def kept(self, s: Only, e: Kept) -> Only:
        return s


@pytest.fixture
def filled(store: Store) -> Store:
    for number in range(5):
        key = f"parcel-{number}"
        store.create(Parcel, key, waiting(key))
        store.send(Parcel, key, Loaded(), delivery_id="load")
    store.send(Parcel, "parcel-0", HandedOver())
    store.send(Parcel, "parcel-1", Vanished())
    store.create(Pipeline, "story-7", Backlog())
    return store


def spoil(store: Store, statement: str) -> None:
    with store.transaction() as connection:
        connection.execute(statement)


def kinds(store: Store) -> list[str]:
    return [finding.kind for finding in store.examine(MACHINES).findings]


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_sound_store(filled: Store, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """In a sound store nothing is found, also behind pruning and deletion, and its rows are counted."""
    monkeypatch.setattr(examining, "AT_ONCE", batch)
    filled.delete(Pipeline, "story-7")
    filled.delete(Parcel, "parcel-4")
    filled.prune(journal=timedelta(0), messages=timedelta(0))
    seen = filled.examine(MACHINES)
    assert seen.findings == ()
    assert (seen.rows["snapshot"], seen.rows["delivery"], seen.behind) == (4, 4, {})
    assert seen.location == filled.location
    assert seen.migrations[0] == "0001_snapshots_and_journal"


def test_versions(filled: Store, kind: str) -> None:
    """The versions of all that takes part are told."""
    seen = filled.examine()
    database, driver = ("PostgreSQL", "psycopg") if kind == "postgres" else ("SQLite", "sqlite3")
    assert seen.database.startswith(f"{database} ")
    assert driver in seen.driver
    assert (seen.size > 0) == (kind != "memory")
    assert (seen.log is None) == (kind != "file")
    assert (seen.oldest is None) == (kind != "postgres")


SPOILED = {
    "a row that is gone": ("DELETE FROM snapshot WHERE key = 'story-7'", "counts", "counts 1 in active.backlog"),
    "a row not counted": ("UPDATE snapshot SET state = 'lost' WHERE key = 'parcel-2'", "counts", "where there are"),
    "a snapshot": ("UPDATE snapshot SET body = '{}' WHERE key = 'parcel-2'", "row", "snapshot.body"),
    "a line": ("UPDATE journal SET body = 'no' WHERE seq = 2", "row", "journal.body of seq 2"),
    "an event": ('UPDATE journal SET event = \'{"body":{},"type":"Nothing"}\' WHERE seq = 2', "row", "journal.event"),
    "a message": (
        "UPDATE message SET body = '{' WHERE position = (SELECT min(position) FROM message)",
        "row",
        "message",
    ),
}


@pytest.mark.parametrize(("statement", "kind_found", "told"), SPOILED.values(), ids=SPOILED)
def test_spoiled_row(filled: Store, statement: str, kind_found: str, told: str) -> None:
    """A row that another program wrote is found, told with what to do, and nothing is changed by that."""
    spoil(filled, statement)
    seen = filled.examine(MACHINES)
    assert {finding.kind for finding in seen.findings} >= {kind_found}
    assert any(told in finding.problem and finding.remedy for finding in seen.findings)
    assert filled.examine(MACHINES).findings == seen.findings


def test_rows_of_other_machines_are_not_read(filled: Store) -> None:
    """Without its machine, a row that does not decode is not found."""
    spoil(filled, "UPDATE snapshot SET body = '{}' WHERE key = 'parcel-2'")
    assert filled.examine([Pipeline]).findings == ()
    assert kinds(filled) == ["row"]


def test_states_that_today_does_not_know(filled: Store) -> None:
    """A state that instances are in, and today's code does not know, is found."""

    other = Store(filled._backend, None)  # pyright: ignore[reportPrivateUsage]  # a program with other code
    found = other.examine([OtherParcel]).findings
    assert {finding.kind for finding in found} == {"state", "row"}


def test_cursor_left_behind(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """How far each cursor is behind is told, and one that is far behind is found."""
    told = filled.messages(limit=1000)
    filled.save_cursor("late", told[1].position)
    filled.save_cursor("early", told[-1].position)
    assert filled.examine().behind == {"early": 0, "late": len(told) - 2}
    assert kinds(filled) == []
    monkeypatch.setattr(examining, "MANY_MESSAGES", len(told) - 2)
    (finding,) = filled.examine().findings
    assert (finding.kind, finding.problem) == ("cursor", f"cursor late is {len(told) - 2} messages behind")


def test_clock_that_was_wrong(filled: Store, clock: Any) -> None:
    """A journal that ends in the future is found."""
    clock.time = datetime.now(UTC) + timedelta(days=400)
    filled.send(Parcel, "parcel-2", first_stop())
    assert kinds(filled) == ["clock"]


def test_large_log(filled: Store, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write-ahead log that has grown is found, where it is a file."""
    monkeypatch.setattr(examining, "LARGE_LOG", 100)
    assert kinds(filled) == (["log"] if kind == "file" else [])


def test_long_transaction(postgres_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """In PostgreSQL a transaction that is kept open for long is found."""
    monkeypatch.setattr(examining, "LONG_TRANSACTION", timedelta(0))
    with open_store(postgres_server.fresh_url()) as store, psycopg.connect(postgres_server.url) as other:
        other.execute("SELECT 1")
        assert [finding.kind for finding in store.examine().findings] == ["transaction"]


def test_examined_while_others_write(filled: Store) -> None:
    """Counts are compared at one point in time: whoever writes meanwhile is no finding."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            filled.create(Parcel, f"new-{number}", waiting(f"new-{number}"))
            filled.send(Parcel, f"new-{number}", Vanished())

    thread = threading.Thread(target=write)
    thread.start()
    try:
        found: list[Finding] = [finding for _ in range(10) for finding in filled.examine().findings]
    finally:
        stop.set()
        thread.join()
    assert found == []
