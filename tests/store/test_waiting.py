"""Whoever waits for messages gets them when they are there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from parcels import City, Label, Loaded, Parcel, Stopped, Waiting

from leverframe import InvalidQuery, Store, StoreError, StoreFailure, open_store
from leverframe.errors import Key

LONG = 60.0
"""Seconds; no test waits so long unless it fails."""


def tell_one(store: Store, key: str) -> None:
    store.create(Parcel, key, Waiting(Label(key), None))
    store.send(Parcel, key, Loaded())
    store.send(Parcel, key, Stopped(City("Rome")))


def test_messages_that_are_there_are_not_waited_for(store: Store) -> None:
    """Where there are messages, `wait` changes nothing."""
    tell_one(store, "p")
    assert store.messages(wait=LONG) == store.messages() != []


def test_the_wait_ends(store: Store) -> None:
    """Where none come, the answer is an empty list after the time."""
    assert store.messages(wait=0.05) == []


def test_who_waits_is_told(store: Store) -> None:
    """A thread that waits gets the first message that another one commits."""
    began = threading.Event()

    def wait() -> list[Key]:
        began.set()
        return [message.key for message in store.messages(wait=LONG)]

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        began.wait()
        tell_one(store, "p")
        assert waiting.result()[0] == "p"


def test_who_waits_for_another_topic_goes_on_waiting(store: Store) -> None:
    """A message of another topic is no answer."""
    tell_one(store, "p")
    assert store.messages(topic="nothing of that kind", wait=0.05) == []


@pytest.mark.parametrize("kind", ["file", "postgres"], indirect=True)
def test_who_waits_is_told_by_another_store(url: str) -> None:
    """A store that waits gets what another store of the same database commits."""
    with open_store(url) as one, open_store(url) as other, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(one.messages, wait=LONG)
        tell_one(other, "p")
        assert waiting.result()[0].key == "p"


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_who_waits_is_woken_by_the_server(url: str) -> None:
    """With `notify=yes` the server tells those who wait, of any store."""
    with open_store(f"{url}&notify=yes") as one, open_store(f"{url}&notify=yes") as other:
        with ThreadPoolExecutor(1) as pool:
            for key in "abc":
                last = one.messages(limit=1000)[-1:]
                waiting = pool.submit(one.messages, last[0].position if last else 0, wait=LONG)
                tell_one(other, key)
                assert waiting.result()[0].key == key


@pytest.mark.parametrize("seconds", [-1, "1", None, True, float("nan"), float("inf")])
def test_no_time_to_wait(store: Store, seconds: float) -> None:
    """What is no number of seconds is refused."""
    with pytest.raises(InvalidQuery):
        store.messages(wait=seconds)


def test_nobody_waits_in_a_transaction(store: Store) -> None:
    """Inside of `transaction()` nothing of what others commit could be seen: waiting is refused."""
    with store.transaction():
        with pytest.raises(StoreFailure):
            store.messages(wait=LONG)
        tell_one(store, "p")
    assert store.messages() != []


def test_a_closed_store_waits_for_nothing(store: Store) -> None:
    """Who waits on a store that another thread closes is told so."""
    began = threading.Event()

    def wait(ask: Callable[..., object]) -> None:
        began.set()
        ask(wait=LONG)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait, store.messages)
        began.wait()
        store.close()
        with pytest.raises(StoreError):
            waiting.result()
