"""Many at once on a server: nobody holds a lock that keeps the others from being right."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
from attrs import frozen
from parcels import City, Found, Label, Loaded, Parcel, Relabelled, Stopped, Vanished, Waiting
from postgres_server import Server
from server_watch import until_waiting
from soundness import check_all
from waiting import LONG

from leverframe import (
    AlreadyExists,
    Event,
    LookupsChanged,
    Machine,
    NotFound,
    Payload,
    Store,
    StoreFailure,
    lookup,
    on,
    open_store,
    state,
)

KEYS = [f"p{number}" for number in range(20)]


def fill(store: Store) -> None:
    for key in KEYS:
        store.create(Parcel, key, Waiting(Label(key), None))


def in_threads(work: Callable[[int], Any], number: int) -> list[Any]:
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(work, range(number)))


# ---------------------------------------------------------------- counts


def test_counts_equal_rows(url: str) -> None:
    """Counts are those of the rows during and after thousands of moves by threads, with their classes' names."""
    with open_store(url) as store, open_store(url) as other:
        fill(store)
        done = threading.Event()

        def move(name: int) -> None:
            for number in range(90):
                key = KEYS[(name + number) % len(KEYS)]
                place = (store, other)[number % 2]
                for event in (Loaded(), Vanished(), Found(Label(f"{key}-{name}-{number}"))):
                    place.send(Parcel, key, event, on_refused="return")

        def watch() -> None:
            while not done.is_set():
                assert sum(store.count(Parcel).values()) == len(KEYS)

        watcher = threading.Thread(target=watch)
        watcher.start()
        in_threads(move, 10)
        done.set()
        watcher.join(LONG)
        assert store.count(Parcel) == Counter(type(found.state) for found in store.find(Parcel))
        rows = store._backend.read().count("Parcel")  # pyright: ignore[reportPrivateUsage]  # the classes' names stand in the rows
        assert {(row.state, row.type_name) for row in rows} == {
            ("moving.waiting", "Waiting"),
            ("moving.on_the_road", "OnTheRoad"),
            ("lost", "Lost"),
        }


def test_changes_of_counts_are_folded(url: str, postgres_server: Server) -> None:
    """The changes of counts do not pile up for ever, whatever number of programs make a few moves each."""
    with open_store(url) as store:
        fill(store)
        for number in range(600):
            store.send(Parcel, KEYS[number % 20], Loaded() if number % 40 < 20 else Vanished(), on_refused="return")
    for number in range(30):
        with open_store(url) as store:
            store.create(Parcel, f"more-{number}", Waiting(Label(f"more-{number}"), None))
    schema = url.partition("schema=")[2]
    [(changes,)] = postgres_server.run(f"SELECT count(*) FROM {schema}.count_change")
    assert changes < 30


# ---------------------------------------------------------------- deadlocks


def test_many_in_opposite_orders(url: str) -> None:
    """Calls of many events in opposite orders do not wait for each other for ever, and each is done once."""
    with open_store(url) as store:
        fill(store)
        for key in KEYS:
            store.send(Parcel, key, Loaded())

        def send(name: int) -> None:
            keys = KEYS if name % 2 else KEYS[::-1]
            for number in range(4):
                store.send_many(Parcel, [(key, Stopped(City(f"{name}-{number}"))) for key in keys])

        in_threads(send, 6)
        assert {store.get(Parcel, key).version for key in KEYS} == {2 + 24}
        check_all(store, KEYS)


@frozen
class Ticking(Payload):
    ticks: int


@frozen
class Tick(Event): ...


class Clock(Machine[Ticking, Tick]):
    ticking = state(Ticking, initial=True)

    @on
    def tick(self, s: Ticking, e: Tick) -> Ticking:
        return Ticking(s.ticks + 1)


def test_creations_in_opposite_orders(url: str) -> None:
    """Of calls that make the same missing instances at once, in opposite orders, one makes each, and all move it."""
    keys = [f"new-{number}" for number in range(10)]
    with open_store(url) as store:

        def tick(name: int) -> None:
            store.send_many(Clock, [(key, Tick()) for key in (keys if name % 2 else keys[::-1])], create=Ticking(0))

        in_threads(tick, 6)
        assert [store.get(Clock, key).state for key in keys] == [Ticking(6)] * len(keys)
        assert store.count(Clock) == {Ticking: len(keys)}


@pytest.mark.parametrize("joined", [False, True])
def test_instance_that_is_made_meanwhile(postgres_server: Server, *, joined: bool) -> None:
    """A missing instance that others make while this call is about to is moved by it, as if it had been there."""
    url = postgres_server.fresh_url("&application_name=meanwhile")
    with open_store(url) as store, open_store(url) as other:
        store.find(Clock)
        receipts: list[Any] = []

        def tick() -> None:
            with store.transaction() if joined else nullcontext():
                receipts.extend(store.send_many(Clock, [("c", Tick())], create=Ticking(0)))

        thread = threading.Thread(target=tick)
        with other.transaction():
            other.create(Clock, "c", Ticking(7))
            thread.start()
            until_waiting(postgres_server, "meanwhile")
        thread.join(LONG)
        assert [(receipt.version, receipt.state) for receipt in receipts] == [(2, Ticking(8))]
        assert len(store.history(Clock, "c")) == 2


def test_key_that_is_taken_meanwhile(postgres_server: Server) -> None:
    """A creation that others were faster with is `AlreadyExists`, also where it had looked for the key before."""
    url = postgres_server.fresh_url("&application_name=taken")
    with open_store(url) as store, open_store(url) as other:
        refused: list[AlreadyExists] = []

        def create() -> None:
            with store.transaction():
                with pytest.raises(NotFound):
                    store.get(Clock, "c")
                with pytest.raises(AlreadyExists) as refusal:
                    store.create(Clock, "c", Ticking(0))
            refused.append(refusal.value)

        thread = threading.Thread(target=create)
        with other.transaction():
            other.create(Clock, "c", Ticking(7))
            thread.start()
            until_waiting(postgres_server, "taken")
        thread.join(LONG)
        assert [error.key for error in refused] == ["c"]
        assert store.get(Clock, "c").state == Ticking(7)


def test_blocks_that_wait_for_each_other(postgres_server: Server) -> None:
    """Of two blocks that wait for each other one is told so by one clear error, and the other is done."""
    url = postgres_server.fresh_url("&application_name=deadlocked")
    with open_store(url) as store:
        fill(store)
        both_hold_one = threading.Barrier(2)

        def swap(number: int) -> str:
            first, second = KEYS[number], KEYS[1 - number]
            try:
                with store.transaction():
                    store.send(Parcel, first, Loaded())
                    both_hold_one.wait(LONG)
                    store.send(Parcel, second, Loaded())
            except StoreFailure as error:
                return str(error)
            return ""

        told = sorted(in_threads(swap, 2))
        assert told[0] == ""
        assert "another transaction was in the way (deadlock detected); call again; nothing written" in told[1]
        check_all(store, KEYS)
        assert sorted(store.get(Parcel, key).version for key in KEYS[:2]) == [2, 2]


def test_a_statement_of_the_users_own_that_fails(url: str) -> None:
    """A block in which a statement failed cannot end as if all of it were written, though that was caught."""
    with open_store(url) as store:
        fill(store)

        def spoil() -> None:
            with store.transaction() as connection:
                store.send(Parcel, "p0", Loaded())
                with pytest.raises(Exception, match="absent"):
                    connection.execute("SELECT * FROM absent")

        with pytest.raises(StoreFailure, match="a statement of this transaction failed"):
            spoil()
        assert store.get(Parcel, "p0").version == 1
        check_all(store, KEYS)


# ---------------------------------------------------------------- look-ups


@frozen
class New(Payload):
    owner: str


@frozen
class Handed(Event):
    owner: str


def make_program(*, looked_up: bool) -> Any:
    class Thing(Machine[New, Handed]):
        new = state(New, initial=True)
        if looked_up:
            owner = lookup()

        @on
        def handed(self, s: New, e: Handed) -> New:
            return New(e.owner)

    return Thing


def test_lookups_declared_while_others_move(url: str) -> None:
    """Look-ups that are declared in the midst of moves find each instance as it is, whoever came first."""
    older, newer = make_program(looked_up=False), make_program(looked_up=True)
    with open_store(url) as first, open_store(url) as second:
        for key in KEYS:
            first.create(older, key, New("nobody"))
        under_way = threading.Barrier(5)

        def move(name: int) -> int:
            under_way.wait(LONG)
            done = 0
            try:
                for number in range(200):
                    first.send(older, KEYS[(name * 5 + number) % len(KEYS)], Handed(f"{name}-{number}"))
                    done += 1
            except LookupsChanged:
                pass
            return done

        def declare(_: int) -> int:
            under_way.wait(LONG)
            return len(second.find(newer, where={"owner": "nobody"}))

        in_threads(lambda name: declare(name) if name == 4 else move(name), 5)
        for found in second.find(newer):
            assert found.key in [each.key for each in second.find(newer, where={"owner": found.state.owner})]
        moves = [move for move in second.history(newer, KEYS[0]) if move.event is not None]
        assert second.get(newer, KEYS[0]).version == 1 + len(moves)


def test_declaration_waits_for_a_move(postgres_server: Server) -> None:
    """Look-ups that are declared while a move is written, but not committed, are made of what that move made."""
    url = postgres_server.fresh_url("&application_name=declaring")
    older, newer = make_program(looked_up=False), make_program(looked_up=True)
    with open_store(url) as first, open_store(url) as second:
        first.create(older, "a", New("ann"))
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.extend(second.find(newer, where={"owner": "bob"})))
        with first.transaction():
            first.send(older, "a", Handed("bob"))
            thread.start()
            until_waiting(postgres_server, "declaring")
        thread.join(LONG)
        assert [each.key for each in found] == ["a"]
        with pytest.raises(LookupsChanged):
            first.send(older, "a", Handed("eve"))


def test_unique_values_that_go_round(url: str) -> None:
    """Threads that take and free a few unique values never leave one with two instances, or with none that has it."""
    with open_store(url) as store:
        fill(store)

        def grab(name: int) -> int:
            taken = 0
            for number in range(40):
                try:
                    store.send(Parcel, KEYS[name], Relabelled(Label(f"prize-{number % 3}")))
                    taken += 1
                except AlreadyExists:
                    store.send(Parcel, KEYS[name], Relabelled(Label(f"own-{name}")))
            return taken

        assert sum(in_threads(grab, 8)) > 0
        labels = [store.get(Parcel, key).handle.as_(Waiting).state.label for key in KEYS]
        assert len(set(labels)) == len(KEYS)
        for key, label in zip(KEYS, labels, strict=True):
            assert [found.key for found in store.find(Parcel, where={"label": label})] == [key]
