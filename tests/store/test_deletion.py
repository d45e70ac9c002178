"""An instance that is deleted: nothing of it is left, for any reader, mover, or search through the disk's bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from parcels import Loaded, Parcel, first_stop, waiting
from postgres_server import Server

from leverframe import (
    AlreadyExists,
    Conflict,
    Event,
    InvalidKey,
    Machine,
    Message,
    NotFound,
    Payload,
    Store,
    StoreFailure,
    lookup,
    on,
    open_store,
    state,
)
from leverframe.persistence.backend import Reader
from leverframe.persistence.tables import TABLES

SECRET = "ada-lovelace-1815"


@frozen
class Known(Payload):
    mail: str


@frozen
class Renamed(Event):
    mail: str


class Customer(Machine[Known, Renamed]):
    known = state(Known, initial=True)
    mail = lookup(unique=True)

    @on
    def renamed(self, s: Known, e: Renamed) -> Known:
        return Known(e.mail)

    def announce(self, before: Known, event: Renamed, after: Known) -> list[Message]:
        return [Message(event.mail, "renamed", correlation_id=event.mail, body={"to": event.mail})]


def fill(store: Store, number: int) -> None:
    """Customers, of which every third has the secret everywhere that one can have it, growing and shrinking."""
    for index in range(number):
        name = f"{SECRET}-{index}" if index % 3 == 0 else f"somebody-{index}"
        key = (name, "x") if index % 2 else name
        store.create(Customer, key, Known(f"{name} 0"))
        for turn in range(1, 4):
            changed = Renamed(f"{name} {turn} " + name * (turn * 7 % 5))
            store.send(Customer, key, changed, delivery_id=f"{name}-{turn}")
        store.send(Customer, key, Renamed(f"{name} 1"), expect=Known, delivery_id=f"{name}-1")


def keys_with_secret(store: Store) -> list[Any]:
    return [found.key for found in store.find(Customer) if SECRET in str(found.key)]


def everything(store: Store, key: Any) -> tuple[Any, ...]:
    return store.get(Parcel, key), store.history(Parcel, key), store.count(Parcel), store.messages(limit=1000)


# ---------------------------------------------------------------- what is gone


def test_deleted_instance_is_gone(store: Store) -> None:
    """Every call says of a deleted instance that it is not there, and counts and messages know nothing of it."""
    for key in ("a", "b"):
        store.create(Parcel, key, waiting(key))
        store.send(Parcel, key, Loaded(), delivery_id="d")
    before = store.messages(limit=100)
    store.delete(Parcel, "a")
    calls: list[Callable[[], object]] = [
        lambda: store.get(Parcel, "a"),
        lambda: store.history(Parcel, "a"),
        lambda: store.at(Parcel, "a", version=1),
        lambda: store.send(Parcel, "a", first_stop()),
        lambda: store.send(Parcel, "a", Loaded(), delivery_id="d"),
        lambda: store.delete(Parcel, "a"),
    ]
    for call in calls:
        with pytest.raises(NotFound, match="there is no Parcel 'a'"):
            call()
    assert [found.key for found in store.find(Parcel)] == ["b"]
    assert store.find(Parcel, where={"label": "a"}) == []
    assert sum(store.count(Parcel).values()) == 1
    assert store.messages(limit=100) == [message for message in before if message.key == "b"]


def test_others_are_as_they_were(store: Store) -> None:
    """What belongs to other instances is not touched."""
    for key in ("a", "b"):
        store.create(Parcel, key, waiting(key))
        store.send(Parcel, key, Loaded(), delivery_id="d")
    before = store.get(Parcel, "b"), store.history(Parcel, "b")
    store.delete(Parcel, "a")
    assert (store.get(Parcel, "b"), store.history(Parcel, "b")[0].seq) == (before[0], before[1][0].seq)
    assert store.send(Parcel, "b", Loaded(), delivery_id="d").duplicate


def test_key_and_unique_value_are_free_again(store: Store) -> None:
    """The same key, with the same unique value, makes a new instance that has nothing of the old one."""
    store.create(Parcel, "a", waiting("A"))
    store.send(Parcel, "a", Loaded(), delivery_id="d")
    store.delete(Parcel, "a")
    store.create(Parcel, "a", waiting("A"))
    assert [entry.version for entry in store.history(Parcel, "a")] == [1]
    assert not store.send(Parcel, "a", Loaded(), delivery_id="d").duplicate
    with pytest.raises(AlreadyExists):
        store.create(Parcel, "b", waiting("A"))


def test_what_is_not_there_cannot_be_deleted(store: Store) -> None:
    """A key that no instance has is refused, and so is one that none can have; nothing is changed."""
    store.create(Parcel, "a", waiting("A"))
    before = everything(store, "a")
    with pytest.raises(NotFound):
        store.delete(Parcel, "b")
    with pytest.raises(InvalidKey):
        store.delete(Parcel, "")
    after = everything(store, "a")
    assert (after[0], after[2], after[3]) == (before[0], before[2], before[3])


def test_deletion_is_taken_back_with_its_transaction(store: Store) -> None:
    """Inside of a transaction that is rolled back, nothing was deleted."""
    store.create(Parcel, "a", waiting("A"))
    with suppress(RuntimeError), store.transaction():
        store.delete(Parcel, "a")
        assert store.find(Parcel) == []
        raise RuntimeError
    assert store.get(Parcel, "a").version == 1
    assert sum(store.count(Parcel).values()) == 1


def test_number_of_a_deleted_instance_is_not_given_again(store: Store) -> None:
    """Whoever still asks by the number of a deleted instance never reads another one's journal."""
    for turn in range(3):
        store.create(Parcel, f"a{turn}", waiting(f"A{turn}"))
        number = store._backend.read().load("Parcel", f"a{turn}")  # pyright: ignore[reportPrivateUsage]  # rows
        assert number is not None
        store.delete(Parcel, f"a{turn}")
        store.create(Parcel, f"b{turn}", waiting(f"B{turn}"))
        assert store._backend.read().journal(number.snapshot.instance) == []  # pyright: ignore[reportPrivateUsage]


# ---------------------------------------------------------------- at the same time


@pytest.mark.parametrize("turn", range(5))
def test_movers_of_a_deleted_instance(store: Store, turn: int) -> None:
    """Whoever moves an instance while it is deleted has moved it before, or gets `NotFound`; nothing is left of it."""
    store.create(Parcel, "a", waiting("A"))
    store.send(Parcel, "a", Loaded())
    ended: list[BaseException | None] = []
    started = threading.Barrier(4)

    def move(number: int) -> None:
        started.wait()
        try:
            for index in range(50):
                store.send(Parcel, "a", first_stop(f"{turn}"), delivery_id=f"{number}-{index}")
                store.send(Parcel, "a", Loaded(), delivery_id=f"no {number}-{index}", on_refused="return")
        except (NotFound, Conflict) as error:
            ended.append(error)
        else:
            ended.append(None)

    threads = [threading.Thread(target=move, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    started.wait()
    store.delete(Parcel, "a")
    for thread in threads:
        thread.join()
    assert all(isinstance(error, NotFound) for error in ended)
    assert store.messages(limit=100) == store.find(Parcel) == []
    assert sum(store.count(Parcel).values()) == 0
    with store._backend.at_one_time() as reader:  # pyright: ignore[reportPrivateUsage]  # rows that no verb shows
        assert tables_with_rows(reader) <= {"lookup_declaration", "state_count"}


def tables_with_rows(reader: Reader) -> set[str]:
    return {table.name for table in TABLES if reader.last_key(table)}


# ---------------------------------------------------------------- on the disk


def bytes_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def test_nothing_of_it_is_on_the_disk(tmp_path: Path) -> None:
    """In none of the database's files stands a byte of what was deleted, also not of its earlier states."""
    folder = tmp_path / "database"
    folder.mkdir()
    with open_store(f"sqlite:///{folder}/store.db?durability=normal") as store:
        fill(store, 150)
        assert SECRET.encode() in bytes_on_disk(folder)
        for key in keys_with_secret(store):
            store.delete(Customer, key)
        assert SECRET.encode() not in bytes_on_disk(folder)
        assert b"somebody-1" in bytes_on_disk(folder)


def test_a_compacted_database_has_nothing_else(tmp_path: Path) -> None:
    """Whatever SQLite has moved about, in a database that was compacted no byte is left of what was deleted."""
    folder = tmp_path / "database"
    folder.mkdir()
    with open_store(f"sqlite:///{folder}/store.db?durability=normal") as store:
        with store.transaction():
            fill(store, 600)
        for turn in range(300):
            key = f"{SECRET}-{turn * 6 % 600}"
            store.send(
                Customer, key, Renamed(f"{key} again {turn} " + key * (turn * 17 % 60)), delivery_id=f"{key} {turn}"
            )
        with store.transaction():
            for key in keys_with_secret(store):
                store.delete(Customer, key)
        size = len(bytes_on_disk(folder))
        store.compact()
        assert SECRET.encode() not in bytes_on_disk(folder)
        assert len(bytes_on_disk(folder)) < size
        assert len(store.find(Customer)) == 400


def test_compacting_changes_nothing(store: Store) -> None:
    """A store that was compacted tells the same as before, and goes on; inside of a transaction that is refused."""
    for key in ("a", "b", "c"):
        store.create(Parcel, key, waiting(key))
        store.send(Parcel, key, Loaded(), delivery_id="d")
    store.delete(Parcel, "b")
    before = [(found.key, found.version) for found in store.find(Parcel)], store.count(Parcel), store.messages()
    store.compact()
    after = [(found.key, found.version) for found in store.find(Parcel)], store.count(Parcel), store.messages()
    assert after == before
    assert store.send(Parcel, "a", Loaded(), delivery_id="d").duplicate
    with store.transaction(), pytest.raises(StoreFailure):
        store.compact()
    store.send(Parcel, "c", first_stop())


def test_a_deletion_in_a_transaction_is_off_the_disk_behind_it(tmp_path: Path) -> None:
    """What is deleted inside of `transaction()` is off the disk once that is committed."""
    folder = tmp_path / "database"
    folder.mkdir()
    with open_store(f"sqlite:///{folder}/store.db?durability=normal") as store:
        fill(store, 10)
        with store.transaction():
            for key in keys_with_secret(store):
                store.delete(Customer, key)
        assert SECRET.encode() not in bytes_on_disk(folder)


def test_no_table_of_the_server_has_it(postgres_server: Server) -> None:
    """In PostgreSQL no row is left of what was deleted, and dead ones have been vacuumed."""
    url = postgres_server.fresh_url("&durability=normal")
    schema = url.partition("schema=")[2].partition("&")[0]
    with open_store(url) as store:
        fill(store, 20)
        for key in keys_with_secret(store):
            store.delete(Customer, key)
        assert len(store.find(Customer)) == 13
    for name in ("snapshot", "journal", "lookup", "delivery", "message"):
        found = postgres_server.run(f"SELECT count(*) FROM {schema}.{name} WHERE {name}::text LIKE '%{SECRET}%'")
        assert found == [(0,)]
        vacuumed = f"SELECT last_vacuum IS NOT NULL FROM pg_stat_user_tables WHERE relid = '{schema}.{name}'::regclass"
        assert postgres_server.run(vacuumed) == [(True,)]


def test_a_reader_that_stays_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A deletion ends also while somebody reads from before it; what the log still holds goes with the next one."""
    with open_store(f"sqlite:///{tmp_path}/store.db?durability=normal&timeout=0.2") as store:
        fill(store, 6)
        with store._backend.at_one_time() as reader:  # pyright: ignore[reportPrivateUsage]  # a transaction kept open
            store.delete(Customer, SECRET + "-0")
            assert reader.load("Customer", SECRET + "-0") is not None
        store.prune(deliveries=timedelta(days=1))
        store.delete(Customer, (f"{SECRET}-3", "x"))
    assert SECRET.encode() not in bytes_on_disk(tmp_path)
