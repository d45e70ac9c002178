"""Several calls, and statements of the user's own, in one transaction."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from parcels import City, Label, Loaded, OnTheRoad, Parcel, Relabelled, Stopped, Waiting
from soundness import check_all
from waiting import LONG

from leverframe import AlreadyExists, NotFound, Send, Store, TransitionNotAllowed, open_store
from leverframe.errors import StoreClosed, StoreFailure
from leverframe.machines.pipeline import Backlog, Coding, DepsMet, Pipeline


@pytest.fixture
def parcel(store: Store) -> Store:
    """With a parcel that waits, and a table of the user's own."""
    store.create(Parcel, "p", Waiting(Label("p"), None))
    with store.transaction() as connection:
        connection.execute("CREATE TABLE invoice (parcel TEXT)")
    return store


def invoices(store: Store) -> list[str]:
    with store.transaction() as connection:
        return [row[0] for row in connection.execute("SELECT parcel FROM invoice ORDER BY parcel").fetchall()]


# ---------------------------------------------------------------- together


def test_all_of_it_is_committed(parcel: Store) -> None:
    """Moves of several instances and machines and the user's own rows are all there when the block has ended."""
    with parcel.transaction() as connection:
        parcel.send(Parcel, "p", Loaded())
        connection.execute("INSERT INTO invoice VALUES ('p')")
        parcel.create(Pipeline, "story-7", Backlog())
        parcel.send(Pipeline, "story-7", DepsMet())
        parcel.send_many(Parcel, [("p", Stopped(City("a"))), ("q", Loaded())], create=Waiting(Label("q"), None))
        parcel.save_cursor("reader", 2)
    assert parcel.get(Parcel, "p").version == 3
    assert parcel.get(Pipeline, "story-7").state == Coding()
    assert (invoices(parcel), parcel.cursor("reader")) == (["p"], 2)
    check_all(parcel, ["p", "q"])


def test_all_of_it_is_taken_back(parcel: Store) -> None:
    """Where the block raises, that comes out of it, and no call and no statement of it was ever made."""

    def fail() -> None:
        with parcel.transaction() as connection:
            parcel.send(Parcel, "p", Loaded(), delivery_id="d")
            connection.execute("INSERT INTO invoice VALUES ('p')")
            parcel.create(Pipeline, "story-7", Backlog())
            parcel.save_cursor("reader", 2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert parcel.get(Parcel, "p").version == 1
    assert parcel.find(Pipeline) == []
    assert not parcel.count(Pipeline)
    assert (invoices(parcel), parcel.cursor("reader")) == ([], 0)
    check_all(parcel, ["p"])
    assert not parcel.send(Parcel, "p", Loaded(), delivery_id="d").duplicate


def test_calls_see_what_was_written_before_them(parcel: Store) -> None:
    """Every reading call in the block answers from what the block has written, and so do statements of one's own."""
    with parcel.transaction() as connection:
        parcel.send(Parcel, "p", Loaded())
        assert isinstance(parcel.get(Parcel, "p").state, OnTheRoad)
        assert [found.key for found in parcel.find(Parcel, OnTheRoad, where={"label": "p"})] == ["p"]
        assert parcel.count(Parcel) == {OnTheRoad: 1}
        assert len(parcel.history(Parcel, "p")) == 2
        assert connection.execute("SELECT version FROM snapshot").fetchall() == [(2,)]


def test_others_come_after_it(parcel: Store) -> None:
    """A call of another thread is not part of the transaction: it waits, and comes after it."""
    parcel.send(Parcel, "p", Loaded())
    entered, done = threading.Event(), list[int]()

    def stop() -> None:
        entered.set()
        done.append(parcel.send(Parcel, "p", Stopped(City("c"))).version)

    other = threading.Thread(target=stop)
    with parcel.transaction():
        parcel.send(Parcel, "p", Stopped(City("a")))
        other.start()
        entered.wait(LONG)
        parcel.send(Parcel, "p", Stopped(City("b")))
        assert done == []
    other.join(LONG)
    assert done == [5]
    check_all(parcel, ["p"])


def test_many_threads_with_transactions(parcel: Store) -> None:
    """Blocks of many threads, some of which raise, are each whole or not there at all."""
    parcel.send(Parcel, "p", Loaded())

    def work(name: int) -> None:
        for number in range(10):
            try:
                with parcel.transaction():
                    parcel.send(Parcel, "p", Stopped(City(f"{name}-{number}")))
                    parcel.send(Parcel, "p", Stopped(City(f"{name}-{number} again")))
                    if number % 2:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                pass
            parcel.send(Parcel, "p", Stopped(City(f"{name}-{number} alone")))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert parcel.get(Parcel, "p").version == 2 + 6 * (5 * 2 + 10)
    cities = [entry.event.city for entry in parcel.history(Parcel, "p") if isinstance(entry.event, Stopped)]
    for first, second in pairwise(map(str, cities)):
        assert " " in first or second == f"{first} again"
    check_all(parcel, ["p"])


# ---------------------------------------------------------------- a call that raises


def test_a_call_that_raises_has_written_nothing(parcel: Store) -> None:
    """What a call raised may be caught: that call has written nothing, and the rest is committed."""
    with parcel.transaction() as connection:
        parcel.send(Parcel, "p", Loaded())
        with pytest.raises(TransitionNotAllowed):
            parcel.send_many(Parcel, [("p", Stopped(City("a"))), ("p", Loaded())])
        with pytest.raises(NotFound):
            parcel.send_many(Parcel, [("p", Stopped(City("b"))), ("nobody", Loaded())])
        with pytest.raises(AlreadyExists):
            parcel.create(Parcel, "q", Waiting(Label("p"), None))
        connection.execute("INSERT INTO invoice VALUES ('p')")
        parcel.send(Parcel, "p", Stopped(City("c")))
    stored = parcel.get(Parcel, "p")
    assert (stored.version, invoices(parcel)) == (3, ["p"])
    check_all(parcel, ["p"])


def test_a_refusal_with_a_delivery_id(parcel: Store) -> None:
    """A refusal settles its delivery id in a transaction as it does elsewhere."""
    with parcel.transaction():
        with pytest.raises(TransitionNotAllowed):
            parcel.send(Parcel, "p", Stopped(City("a")), delivery_id="d")
        parcel.send(Parcel, "p", Loaded())
    again = parcel.send(Parcel, "p", Stopped(City("a")), delivery_id="d", on_refused="return")
    assert (again.duplicate, again.refused, again.version) == (True, True, 1)


def test_a_taken_value(parcel: Store) -> None:
    """A unique value that an earlier call of the block has taken is taken."""
    parcel.create(Parcel, "q", Waiting(Label("q"), None))
    with parcel.transaction():
        parcel.send(Parcel, "p", Relabelled(Label("prize")))
        with pytest.raises(AlreadyExists):
            parcel.send(Parcel, "q", Relabelled(Label("prize")), delivery_id="d")
    assert [parcel.find(Parcel, where={"label": label})[0].key for label in ("prize", "q")] == ["p", "q"]
    receipts = parcel.send_many(Parcel, [Send("q", Relabelled(Label("x")), delivery_id="d")], on_refused="return")
    assert (receipts[0].duplicate, receipts[0].refused) == (True, True)


# ---------------------------------------------------------------- what is refused


def test_a_transaction_in_a_transaction(parcel: Store) -> None:
    """A block inside of a block is refused, and the outer one goes on."""
    with parcel.transaction():
        parcel.send(Parcel, "p", Loaded())
        with pytest.raises(StoreFailure, match="one block is enough"), parcel.transaction():
            pass
        parcel.send(Parcel, "p", Stopped(City("a")))
    check_all(parcel, ["p"])
    assert parcel.get(Parcel, "p").version == 3


def test_a_commit_inside_of_the_block(parcel: Store) -> None:
    """A COMMIT of the user's own is noticed by the next call, and at the end; what it committed is whole."""

    def commit_early() -> None:
        with parcel.transaction() as connection:
            parcel.send(Parcel, "p", Loaded())
            connection.execute("COMMIT")
            with pytest.raises(StoreFailure, match="leave COMMIT and ROLLBACK to the end of the block"):
                parcel.send(Parcel, "p", Stopped(City("a")))

    with pytest.raises(StoreFailure, match="leave COMMIT and ROLLBACK to the end of the block"):
        commit_early()
    assert parcel.get(Parcel, "p").version == 2
    check_all(parcel, ["p"])
    parcel.send(Parcel, "p", Stopped(City("a")))


def test_a_rollback_inside_of_the_block(parcel: Store) -> None:
    """A ROLLBACK of the user's own is noticed at the end, and nothing of the block was made."""

    def roll_back_early() -> None:
        with parcel.transaction() as connection:
            parcel.send(Parcel, "p", Loaded())
            connection.execute("ROLLBACK")

    with pytest.raises(StoreFailure, match="leave COMMIT and ROLLBACK to the end of the block"):
        roll_back_early()
    assert parcel.get(Parcel, "p").version == 1
    check_all(parcel, ["p"])


def test_closing_in_the_block(parcel: Store) -> None:
    """A store that is closed inside of the block commits what was written, and is closed then."""
    with parcel.transaction():
        parcel.send(Parcel, "p", Loaded())
        parcel.close()
    with pytest.raises(StoreClosed):
        parcel.get(Parcel, "p")


def test_what_was_closed_in_the_block_is_there(tmp_path: Path) -> None:
    """What was written before a block closed its store is found by the next one."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with open_store(url) as store:
        store.create(Parcel, "p", Waiting(Label("p"), None))
        with store.transaction():
            store.send(Parcel, "p", Loaded())
            store.close()
    with open_store(url) as store:
        check_all(store, ["p"])
        assert store.get(Parcel, "p").version == 2


# ---------------------------------------------------------------- look-ups


def test_look_ups_that_were_taken_back(store: Store) -> None:
    """Look-ups first declared in a block that raises are declared again when the machine is next written."""

    def fail() -> None:
        with store.transaction():
            store.create(Parcel, "p", Waiting(Label("p"), None))
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
    store.create(Parcel, "p", Waiting(Label("q"), None))
    store.send(Parcel, "p", Relabelled(Label("p")))
    assert [found.key for found in store.find(Parcel, where={"label": "p"})] == ["p"]
    check_all(store, ["p"])


@pytest.mark.parametrize("kept", [True, False])
def test_look_ups_that_two_declare_at_once(store: Store, kept: bool) -> None:
    """A block that declares look-ups and one who waits to declare them do not wait for each other, and both succeed."""

    def create_other() -> None:
        entered.set()
        store.create(Parcel, "q", Waiting(Label("q"), None))

    entered, other = threading.Event(), threading.Thread(target=create_other)

    def declare_first() -> None:
        with store.transaction():
            other.start()
            entered.wait(LONG)
            time.sleep(0.02)  # most likely it waits by now; if not, there is less to see
            store.create(Parcel, "p", Waiting(Label("p"), None))
            store.send(Parcel, "p", Loaded())
            if not kept:
                raise ZeroDivisionError

    if kept:
        declare_first()
    else:
        with pytest.raises(ZeroDivisionError):
            declare_first()
    other.join(LONG)
    check_all(store, ["p", "q"] if kept else ["q"])
