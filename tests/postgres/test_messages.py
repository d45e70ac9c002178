"""Messages are numbered by their transactions: a reader passes over none that is committed late."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

from parcels import City, Found, Label, Loaded, Parcel, Stopped, Vanished, Waiting
from soundness import check_all
from waiting import LONG, until

from by_hand import ask_by_hand, run_by_hand
from leverframe import Store, open_store
from leverframe.persistence.postgres.statements import ORDINAL_BITS


def create(store: Store, *keys: str) -> None:
    for key in keys:
        store.create(Parcel, key, Waiting(Label(key), None))


def keys_of(store: Store, after: int = 0) -> list[object]:
    return [message.key for message in store.messages(after)]


def test_late_commit_is_not_missed(url: str) -> None:
    """While an older transaction is open a reader sees nothing that came after it, and then all, the late one first."""
    with open_store(url) as slow, open_store(url) as quick:
        create(quick, "first")
        until(lambda: keys_of(quick) == ["first"])
        with slow.transaction():
            create(slow, "late")
            create(quick, "early")
            read = keys_of(quick)
            assert read == ["first"]
        until(lambda: keys_of(quick) == ["first", "late", "early"])


def test_reader_that_remembers_its_place(url: str) -> None:
    """A reader that goes on from the last position it saw reads every message once, whoever commits when."""
    with open_store(url) as store, open_store(url) as other:
        keys = [f"p{number}" for number in range(6)]
        create(store, *keys)
        done, seen = threading.Event(), list[tuple[object, int, str, int]]()

        def move(name: int) -> None:
            for number in range(25):
                with (store, other)[number % 2].transaction():
                    for event in (Loaded(), Vanished(), Found(Label(f"{keys[name]}-{number}"))):
                        (store, other)[number % 2].send(Parcel, keys[name], event)

        def read() -> None:
            last = 0
            while True:
                ended = done.is_set()
                messages = other.messages(last, limit=17)
                seen.extend((message.key, message.version, message.kind, message.position) for message in messages)
                last = messages[-1].position if messages else last
                if ended and not messages and last == store.messages(limit=10_000)[-1].position:
                    return

        reader = threading.Thread(target=read)
        reader.start()
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(move, range(6)))
        done.set()
        reader.join(LONG)
        everything = [(m.key, m.version, m.kind, m.position) for m in store.messages(limit=10_000)]
        assert seen == everything
        assert len([kind for _, _, kind, _ in seen if kind in ("Loaded", "Vanished", "Found")]) == 6 * 25 * 3


def test_positions_grow(url: str) -> None:
    """Positions grow with the transactions, and within one in the order in which messages were told."""
    with open_store(url) as store:
        create(store, "p", "q")
        store.send_many(Parcel, [("p", Loaded()), ("q", Loaded()), ("p", Stopped(City("Bern"))), ("p", Vanished())])
        until(lambda: ("p", 4) in [(message.key, message.version) for message in store.messages()])
        messages = store.messages()
        assert all(one.position < two.position for one, two in itertools.pairwise(messages))
        moves = [(message.key, message.version) for message in messages if message.topic == "audit"]
        assert moves == [("p", 2), ("q", 2), ("p", 3), ("p", 4)]


def test_backup_on_a_younger_server(url: str) -> None:
    """Messages in a database that was brought to a server with lower numbers are followed by new ones."""
    with open_store(url) as store:
        create(store, "p")
    ahead = 10**9 << ORDINAL_BITS
    run_by_hand(url, f"UPDATE message SET position = position + {ahead}")
    with open_store(url) as store:
        [old] = store.messages()
        assert old.position > ahead
        create(store, "q")
        until(lambda: keys_of(store, old.position) == ["q"])
        store.send(Parcel, "p", Loaded())
        check_all(store, ["p", "q"])
    shift = ask_by_hand(url, "SELECT shift FROM numbering")
    open_store(url).close()
    assert ask_by_hand(url, "SELECT shift FROM numbering") == shift


def test_backup_opened_by_many(url: str) -> None:
    """Many programs that open such a database at once agree on where the numbers go on."""
    with open_store(url) as store:
        create(store, "p")
    run_by_hand(url, f"UPDATE message SET position = position + {10**9 << ORDINAL_BITS}")

    def work(number: int) -> None:
        with open_store(url) as store:
            create(store, f"q{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    with open_store(url) as store:
        until(lambda: len(keys_of(store)) == 9)
        assert keys_of(store)[0] == "p"
        assert set(keys_of(store)[1:]) == {f"q{number}" for number in range(8)}
