"""Messages are handed to the workers of a consumer, each to one at a time, in their order; what may be asked for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from mail import CUSTODY, SECOND, keys, tell
from parcels import Loaded, Parcel

from leverframe import BackOff, InvalidQuery, Store, open_store

LONG = 60.0
"""Seconds; no test waits so long unless it fails."""

# ---------------------------------------------------------------- taking


def test_messages_come_in_their_order(store: Store) -> None:
    """Messages are handed out in the order of their positions, each for the first time, as `messages` shows them."""
    tell(store, "a", "b", "c")
    mailer = store.consumer("mailer")
    taken = mailer.take(2) + mailer.take()
    assert [delivery.message for delivery in taken] == store.messages()
    assert [delivery.attempt for delivery in taken] == [1, 1, 1]
    assert mailer.take() == []


def test_one_topic(store: Store) -> None:
    """A consumer of a topic is given the messages of that topic, and no others."""
    tell(store, "a")
    store.send(Parcel, "a", Loaded())
    assert [each.message.topic for each in store.consumer("one", topic=CUSTODY).take()] == [CUSTODY]
    assert len(store.consumer("all").take()) == len(store.messages()) > 1


def test_consumers_know_nothing_of_each_other(store: Store) -> None:
    """Each consumer is given every message, whatever others do with it."""
    tell(store, "a")
    one, two = store.consumer("one"), store.consumer("two")
    one.take()[0].acknowledge()
    assert keys(two.take()) == ["a"]


def test_two_workers_share(store: Store) -> None:
    """What is in the hands of one worker is given to no other."""
    tell(store, "a", "b", "c")
    ann, bob = store.consumer("mailer", worker="ann"), store.consumer("mailer", worker="bob")
    assert keys(ann.take(2)) == ["a", "b"]
    assert keys(bob.take(2)) == ["c"]
    assert ann.take() == bob.take() == []


def test_acknowledged_messages_are_gone(store: Store, clock: Any) -> None:
    """An acknowledged message never comes again."""
    tell(store, "a", "b")
    mailer = store.consumer("mailer")
    first, second = mailer.take()
    second.acknowledge()
    clock.advance(days=1)
    again = mailer.take()
    assert keys(again) == ["a"]
    assert first.message == again[0].message


def test_in_which_order_they_were_acknowledged_is_all_the_same(store: Store, clock: Any) -> None:
    """Messages are acknowledged one by one, in any order."""
    tell(store, "a", "b", "c")
    mailer = store.consumer("mailer")
    for delivery in reversed(mailer.take()):
        delivery.acknowledge()
    clock.advance(days=1)
    assert (mailer.take(), mailer.set_aside()) == ([], [])


def test_a_consumer_goes_on_where_it_was(shared_url: str) -> None:
    """What a consumer was given is known to whoever opens the store next."""
    with open_store(shared_url) as store:
        tell(store, "a", "b")
        store.consumer("mailer").take(1)[0].acknowledge()
    with open_store(shared_url) as store:
        assert keys(store.consumer("mailer").take()) == ["b"]


def test_a_new_consumer_begins_where_it_is_told_to(store: Store) -> None:
    """A consumer that is not there begins behind a position or a cursor; one that is goes on where it was."""
    tell(store, "a", "b", "c")
    [a, b, _] = store.messages()
    store.save_cursor("reader", b.position)
    assert keys(store.consumer("one", after=a.position).take()) == ["b", "c"]
    assert keys(store.consumer("two", after="reader").take()) == ["c"]
    assert store.consumer("two", after=0).take() == []


def test_more_than_a_statement_names(store: Store, monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    """However many are asked for, each is given once, and again when it is due."""
    monkeypatch.setattr("leverframe.coordination.taking.AT_ONCE", 2)
    tell(store, *"abcde")
    mailer = store.consumer("mailer", lease=SECOND)
    assert keys(mailer.take(100)) == [*"abcde"]
    clock.advance(seconds=1)
    assert keys(mailer.take(3)) == [*"abc"]
    assert keys(mailer.take(100)) == [*"de"]


# ---------------------------------------------------------------- waiting


def test_who_waits_is_given_what_comes(store: Store) -> None:
    """A worker that waits is given the first message that is committed."""
    mailer = store.consumer("mailer")
    began = threading.Event()

    def wait() -> list[object]:
        began.set()
        return keys(mailer.take(wait=LONG))

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        began.wait()
        tell(store, "a")
        assert waiting.result() == ["a"]


def test_who_waits_is_given_what_falls_due(url: str) -> None:
    """A worker that waits is given what becomes due meanwhile, though nobody commits anything."""
    with open_store(url) as store:
        tell(store, "a")
        mailer = store.consumer("mailer", retry=BackOff(base=timedelta(milliseconds=50), cap=SECOND))
        mailer.take()[0].fail("no")
        assert keys(mailer.take(wait=LONG)) == ["a"]


def test_the_wait_ends(store: Store) -> None:
    """Where there is nothing, the answer is an empty list after the time."""
    mailer = store.consumer("mailer")
    assert mailer.take(wait=0.05) == []
    tell(store, "a")
    mailer.take()
    assert mailer.take(wait=0.05) == []


# ---------------------------------------------------------------- what may be given


def test_a_consumer_keeps_its_topic(store: Store) -> None:
    """A consumer has the topic with which it first took; another one is refused, and takes nothing."""
    tell(store, "a")
    store.consumer("mailer", topic=CUSTODY).take(1)
    for topic, words in (("other", "topic='other'"), (None, "topic=None")):
        with pytest.raises(InvalidQuery, match=f"consumer 'mailer' was made for topic 'custody', not for {words}"):
            store.consumer("mailer", topic=topic).take()
    store.consumer("all").take(1)
    with pytest.raises(InvalidQuery, match=r"consumer 'all' was made for all topics, .*or remove\(\) it first"):
        store.consumer("all", topic=CUSTODY).take()


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": ""},
        {"name": "a\0b"},
        {"name": 7},
        {"topic": ""},
        {"attempts": 0},
        {"attempts": True},
        {"lease": timedelta(0)},
        {"lease": 60},
        {"lease": timedelta(days=999_999_999)},
        {"retry": 5},
        {"worker": ""},
        {"after": -1},
        {"after": ""},
        {"after": None},
    ],
    ids=str,
)
def test_what_makes_no_consumer(store: Store, arguments: dict[str, Any]) -> None:
    """What is no name, topic, number, span or place is refused."""
    given: dict[str, Any] = {"name": "mailer"}
    with pytest.raises(InvalidQuery):
        store.consumer(**given | arguments)


def test_what_no_verb_takes(store: Store) -> None:
    """What is no number, position or span is refused, and nothing is done."""
    tell(store, "a")
    mailer: Any = store.consumer("mailer")
    for limit in (0, -1, "1", None, True):
        with pytest.raises(InvalidQuery):
            mailer.take(limit)
        with pytest.raises(InvalidQuery):
            mailer.set_aside(limit)
    for wait in (-1, "1", None):
        with pytest.raises(InvalidQuery):
            mailer.take(wait=wait)
    for given in ({"position": -1}, {"position": "a"}, {"after": -1}, {"position": 1, "after": 1}):
        with pytest.raises(InvalidQuery):
            mailer.replay(**given)
    [delivery] = mailer.take()
    for span in (5, -SECOND):
        with pytest.raises(InvalidQuery):
            delivery.fail("no", retry_after=span)
    for lease in (60, timedelta(0), -SECOND, timedelta(days=999_999)):
        with pytest.raises(InvalidQuery):
            delivery.extend(lease)
    delivery.acknowledge()


def test_what_a_consumer_says_of_itself(store: Store) -> None:
    """A consumer and a delivery tell what they are, and who is asked for without a name is this process."""
    tell(store, "a")
    mailer = store.consumer("mailer", topic=CUSTODY)
    assert repr(mailer) == "<consumer 'mailer' of topic 'custody'>"
    assert repr(store.consumer("x")) == "<consumer 'x' of all topics>"
    assert ":" in mailer.worker
    assert "attempt=1" in repr(mailer.take()[0])
