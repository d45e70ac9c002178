"""What a store remembers of its own moves saves a read, and never decides by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import frozen
from parcels import City, Label, Loaded, Parcel, Stopped, Waiting
from postgres_server import Server
from server_watch import terminate

from leverframe import Event, Machine, Payload, Store, TransitionNotAllowed, on, open_store, state
from leverframe.persistence.postgres.memory import KNOWN_AT_MOST, LONGEST_BODY
from leverframe.persistence.postgres.reader import PostgresReader

PROGRAM = "memory"


@pytest.fixture
def url(postgres_server: Server) -> str:
    return postgres_server.fresh_url(f"&application_name={PROGRAM}")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the instances that are read."""
    asked: list[str] = []
    load: Any = PostgresReader.load

    def listening(reader: Any, machine: str, key: str, delivery_id: str | None = None) -> Any:
        asked.append(key)
        return load(reader, machine, key, delivery_id)

    monkeypatch.setattr(PostgresReader, "load", listening)
    return asked


def known(store: Store, key: str = "p") -> None:
    """Bring an instance to where the store moves it without reading it."""
    store.create(Parcel, key, Waiting(Label(key), None))
    store.send(Parcel, key, Loaded())
    for city in ("Bern", "Rome"):
        store.send(Parcel, key, Stopped(City(city)))


def test_an_instance_that_nobody_else_moves_is_not_read_again(store: Store, reads: list[str]) -> None:
    """Once a store has moved an instance twice in a row, it decides on what it wrote."""
    known(store)
    reads.clear()
    versions = [store.send(Parcel, "p", Stopped(City(f"city {n}"))).version for n in range(5)]
    assert versions == [5, 6, 7, 8, 9]
    assert reads == []
    assert [entry.version for entry in store.history(Parcel, "p")] == list(range(1, 10))


def test_an_instance_that_others_moved_is_read(store: Store, url: str, reads: list[str]) -> None:
    """If somebody else has moved it, the event is decided on what is there, and nothing of theirs is lost."""
    known(store)
    with open_store(url) as other:
        other.send(Parcel, "p", Stopped(City("Oslo")))
    reads.clear()
    assert store.send(Parcel, "p", Stopped(City("Paris"))).version == 6
    assert reads == ["p"]
    cities = [getattr(entry.event, "city", None) for entry in store.history(Parcel, "p")]
    assert cities[-2:] == ["Oslo", "Paris"]


def test_who_takes_turns_with_others_reads_each_time(store: Store, url: str, reads: list[str]) -> None:
    """Where others move it in between, no attempt is made without reading."""
    known(store)
    with open_store(url) as other:
        for number in range(3):
            other.send(Parcel, "p", Stopped(City(f"Oslo {number}")))
            store.send(Parcel, "p", Stopped(City(f"Paris {number}")))
        reads.clear()
        other.send(Parcel, "p", Stopped(City("Oslo")))
        store.send(Parcel, "p", Stopped(City("Paris")))
    assert reads == ["p", "p"]


def test_a_refusal_is_never_from_memory(store: Store, url: str) -> None:
    """An event that the remembered state refuses, and the present one takes, is taken; and the other way round."""
    store.create(Gate, "g", Closed())
    for event in (Open(), Close(), Open(), Close()):
        store.send(Gate, "g", event)
    with open_store(url) as other:
        other.send(Gate, "g", Open())
    assert store.send(Gate, "g", Close()).version == 7
    store.send(Gate, "g", Open())
    store.send(Gate, "g", Close())
    with open_store(url) as other:
        other.send(Gate, "g", Open())
    with pytest.raises(TransitionNotAllowed):
        store.send(Gate, "g", Open())
    assert store.get(Gate, "g").version == 10


def test_a_delivery_is_known_whoever_settled_it(store: Store, url: str) -> None:
    """A delivery id that another program settled as refused is a duplicate, though memory knows nothing of it."""
    store.create(Gate, "g", Closed())
    for event in (Open(), Close(), Open(), Close()):
        store.send(Gate, "g", event)
    with open_store(url) as other:
        assert other.send(Gate, "g", Close(), delivery_id="d", on_refused="return").refused
    again = store.send(Gate, "g", Open(), delivery_id="d", on_refused="return")
    assert (again.duplicate, again.moved) == (True, False)
    assert store.get(Gate, "g").state == Closed()


def test_time_goes_on(store: Store) -> None:
    """Moves that were not read for have times of the server's clock, in their order."""
    known(store)
    for number in range(20):
        store.send(Parcel, "p", Stopped(City(f"city {number}")))
    times = [entry.at for entry in store.history(Parcel, "p")]
    assert times == sorted(times)
    assert abs(times[-1] - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_deleted_instance_is_not_remembered(store: Store, url: str) -> None:
    """One that another program deleted, and made anew, is moved from where it is now."""
    known(store)
    with open_store(url) as other:
        other.delete(Parcel, "p")
        other.create(Parcel, "p", Waiting(Label("new"), None))
    assert store.send(Parcel, "p", Loaded()).version == 2


def test_all_is_forgotten_with_a_new_connection(store: Store, reads: list[str], postgres_server: Server) -> None:
    """A server that was started anew may have lost what was remembered: it is read."""
    known(store)
    terminate(postgres_server, PROGRAM)
    reads.clear()
    assert store.send(Parcel, "p", Stopped(City("Paris"))).version == 5
    assert reads == ["p"]


def test_a_transaction_is_not_remembered(store: Store) -> None:
    """What was moved in a transaction that was taken back is not what the next move starts from."""
    known(store)
    with pytest.raises(TransitionNotAllowed), store.transaction():
        paris_and_a_refusal(store)
    assert store.send(Parcel, "p", Stopped(City("Oslo"))).version == 5


def paris_and_a_refusal(store: Store) -> None:
    store.send(Parcel, "p", Stopped(City("Paris")))
    store.send(Parcel, "p", Loaded())


def test_memory_is_bounded(store: Store) -> None:
    """So many instances are remembered and no more, and no large ones."""
    backend: Any = store._backend  # pyright: ignore[reportPrivateUsage]  # its memory's size is the point
    memory: Any = backend._memory
    for number in range(KNOWN_AT_MOST + 5):
        store.create(Gate, str(number), Closed())
        store.send(Gate, str(number), Open())
    assert len(memory._known) == KNOWN_AT_MOST
    store.create(Parcel, "p", Waiting(Label("long" * LONGEST_BODY), None))
    store.send(Parcel, "p", Loaded())
    assert ("", "Parcel", "p") not in memory._known


@frozen
class Closed(Payload): ...


@frozen
class Opened(Payload): ...


@frozen
class Open(Event): ...


@frozen
class Close(Event): ...


class Gate(Machine[Closed | Opened, Open | Close]):
    closed = state(Closed, initial=True)
    opened = state(Opened)

    @on
    def open(self, s: Closed, e: Open) -> Opened:
        return Opened()

    @on
    def close(self, s: Opened, e: Close) -> Closed:
        return Closed()
