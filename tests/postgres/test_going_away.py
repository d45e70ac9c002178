"""The server goes away during a call: what may have happened is told, and the store goes on when it is back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from parcels import City, Label, Loaded, OnTheRoad, Parcel, Stopped, Waiting
from postgres_server import OwnServer
from server_watch import terminate, until_waiting
from soundness import check_all
from waiting import LONG

from leverframe import Send, Store, open_store
from leverframe.errors import StoreUnreachable

PROGRAM = "going_away"


@pytest.fixture
def server(crashing_server: OwnServer) -> OwnServer:
    return crashing_server


@pytest.fixture
def url(server: OwnServer) -> str:
    return server.fresh_url(f"&application_name={PROGRAM}")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """With two parcels on the road, at version 2."""
    with open_store(url) as opened:
        for key in ("p", "q"):
            opened.create(Parcel, key, Waiting(Label(key), None))
            opened.send(Parcel, key, Loaded())
        yield opened


@contextmanager
def down(server: OwnServer) -> Generator[None]:
    server.crash()
    try:
        yield
    finally:
        server.start()


Call = Callable[[Store], Any]

STOP = Stopped(City("Bern"))

WRITES: dict[str, Call] = {
    "send": lambda s: s.send(Parcel, "p", STOP, delivery_id="d"),
    "refused send": lambda s: s.send(Parcel, "p", Loaded(), delivery_id="d", on_refused="return"),
    "send many": lambda s: s.send_many(Parcel, [Send("p", STOP, delivery_id="d")]),
    "create": lambda s: s.create(Parcel, "r", Waiting(Label("r"), None)),
    "cursor": lambda s: s.save_cursor("mailer", 7),
}

READS: dict[str, Call] = {
    "get": lambda s: s.get(Parcel, "p"),
    "find": lambda s: s.find(Parcel, OnTheRoad, limit=1),
    "count": lambda s: s.count(Parcel),
    "messages": lambda s: s.messages(),
}


# ---------------------------------------------------------------- before the statement


@pytest.mark.parametrize("call", (WRITES | READS).values(), ids=WRITES | READS)
def test_server_is_down(server: OwnServer, store: Store, call: Call) -> None:
    """Where the server is down, nothing can have happened, and that is told; when it is back, the same call works."""
    with down(server), pytest.raises(StoreUnreachable, match="nothing written; call again") as refusal:
        call(store)
    assert not refusal.value.may_have_happened
    assert store.get(Parcel, "p").version == 2
    call(store)
    check_all(store, ["p", "q"])


@pytest.mark.parametrize("call", (WRITES | READS).values(), ids=WRITES | READS)
def test_server_was_started_anew(server: OwnServer, store: Store, call: Call) -> None:
    """A server that was started anew between two calls is not noticed."""
    with down(server):
        pass
    call(store)
    check_all(store, ["p", "q"])


# ---------------------------------------------------------------- while the server works on it


def lost_while_waiting(store: Store, url: str, server: OwnServer, call: Call) -> StoreUnreachable:
    """What the call raises if the server goes away while it waits for a row that another store holds."""
    raised: list[StoreUnreachable] = []

    def run() -> None:
        with pytest.raises(StoreUnreachable) as refusal:
            call(store)
        raised.append(refusal.value)

    def hold() -> None:
        with open_store(url) as other, other.transaction():
            other.send(Parcel, "p", Stopped(City("held")))
            thread.start()
            until_waiting(server, PROGRAM)
            server.crash()

    thread = threading.Thread(target=run)
    try:
        with pytest.raises(StoreUnreachable):
            hold()
    finally:
        server.start()
    thread.join(LONG)
    return raised[0]


def test_lost_during_a_move(store: Store, url: str, server: OwnServer) -> None:
    """A move by itself commits with its statement: if the answer is lost, it may have happened."""
    lost = lost_while_waiting(store, url, server, WRITES["send"])
    assert lost.may_have_happened
    assert "send it again with the same delivery_id" in str(lost)
    assert (WRITES["send"](store).version, WRITES["send"](store).duplicate) == (3, True)
    check_all(store, ["p", "q"])


def test_lost_during_a_statement_of_several(store: Store, url: str, server: OwnServer) -> None:
    """A statement of a transaction cannot have been committed before its COMMIT was said."""
    lost = lost_while_waiting(store, url, server, WRITES["send many"])
    assert not lost.may_have_happened
    assert store.get(Parcel, "p").version == 2
    assert not WRITES["send many"](store)[0].duplicate
    check_all(store, ["p", "q"])


# ---------------------------------------------------------------- at the COMMIT


@contextmanager
def at_commit(patch: pytest.MonkeyPatch, server: OwnServer, *, committed: bool) -> Generator[None]:
    """The next connection that says COMMIT is lost: before it was said, or before its answer."""
    execute: Any = psycopg.Connection.execute
    left = [1]

    def losing(connection: Any, statement: Any, *arguments: Any, **options: Any) -> Any:
        if statement != b"COMMIT" or not left:
            return execute(connection, statement, *arguments, **options)
        left.clear()
        if committed:
            execute(connection, statement)
        terminate(server, PROGRAM)
        return execute(connection, "SELECT 1")

    with patch.context() as patched:
        patched.setattr(psycopg.Connection, "execute", losing)
        yield


@pytest.mark.parametrize("committed", [False, True])
def test_lost_at_the_commit(
    store: Store, server: OwnServer, monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    """If the answer to a COMMIT is lost, nobody knows; the same delivery id makes it safe to send again."""
    with at_commit(monkeypatch, server, committed=committed), pytest.raises(StoreUnreachable) as refusal:
        WRITES["send many"](store)
    assert refusal.value.may_have_happened
    receipt = WRITES["send many"](store)[0]
    assert (receipt.duplicate, receipt.version) == (committed, 3)
    assert store.get(Parcel, "p").version == 3
    check_all(store, ["p", "q"])


def test_lost_in_a_block(store: Store, server: OwnServer) -> None:
    """A transaction of several calls that loses its connection is not committed, and its block is told so."""

    def lose() -> None:
        with store.transaction():
            store.send(Parcel, "p", STOP)
            terminate(server, PROGRAM)
            store.send(Parcel, "q", STOP)

    with pytest.raises(StoreUnreachable) as refusal:
        lose()
    assert not refusal.value.may_have_happened
    assert [store.get(Parcel, key).version for key in "pq"] == [2, 2]
    check_all(store, ["p", "q"])


def test_what_a_block_raises_is_not_hidden(store: Store, server: OwnServer) -> None:
    """What a block raises comes out of it, also where the connection was lost meanwhile."""

    def lose() -> None:
        with store.transaction():
            store.send(Parcel, "p", STOP)
            terminate(server, PROGRAM)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lose()
    assert store.get(Parcel, "p").version == 2


def test_lost_before_the_end_of_a_block(store: Store, server: OwnServer) -> None:
    """A block that ends after its connection was lost raises, and does not pretend to have committed."""

    def lose() -> None:
        with store.transaction():
            store.send(Parcel, "p", STOP)
            terminate(server, PROGRAM)

    with pytest.raises(StoreUnreachable):
        lose()
    assert store.get(Parcel, "p").version == 2
    check_all(store, ["p", "q"])


def test_lost_while_reading_at_one_time(store: Store, server: OwnServer) -> None:
    """Who reads what was committed at one time, and loses the connection, is told so and not shown another time."""
    backend = store._backend  # pyright: ignore[reportPrivateUsage]  # what copies and checks read by

    def lose() -> None:
        with backend.at_one_time() as reader:
            assert reader.load("Parcel", "p") is not None
            terminate(server, PROGRAM)
            reader.load("Parcel", "p")

    with pytest.raises(StoreUnreachable) as refusal:
        lose()
    assert not refusal.value.may_have_happened
    with backend.at_one_time() as reader:
        assert reader.load("Parcel", "p") is not None
