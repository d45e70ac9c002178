"""Messages are handed to the workers of a consumer, each to one at a time, until it is acknowledged or set aside."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from mail import AT_ONCE, CUSTODY, MINUTE, SECOND, keys, tell
from parcels import Loaded, Parcel

from leverframe import BackOff, Delivered, InvalidQuery, LeaseLost, Store, StoreFailure, open_store

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


# ---------------------------------------------------------------- leases


def test_a_lease_that_runs_out(store: Store, clock: Any) -> None:
    """Whoever keeps silent until its lease has run out loses the message to whoever asks next, with another token."""
    tell(store, "a")
    ann, bob = store.consumer("mailer", worker="ann", lease=MINUTE), store.consumer("mailer", worker="bob")
    [lost] = ann.take()
    assert lost.until == clock() + MINUTE
    clock.advance(seconds=59)
    assert bob.take() == []
    clock.advance(seconds=1)
    [taken] = bob.take()
    assert (taken.message, taken.attempt) == (lost.message, 2)
    assert taken.token > lost.token
    with pytest.raises(LeaseLost, match=r"the lease of ann on Parcel 'a' is over \(token \d+\)") as raised:
        lost.acknowledge()
    assert (raised.value.machine, raised.value.key, raised.value.worker) == ("Parcel", "a", "ann")
    assert raised.value.token == lost.token
    with pytest.raises(LeaseLost):
        lost.fail("too late")
    taken.acknowledge()
    clock.advance(days=1)
    assert (bob.take(), bob.set_aside()) == ([], [])


def test_an_acknowledgement_behind_the_lease(store: Store, clock: Any) -> None:
    """An acknowledgement behind the end of the lease counts, as long as nobody else was given the message."""
    tell(store, "a")
    mailer = store.consumer("mailer", lease=SECOND)
    [delivery] = mailer.take()
    clock.advance(days=1)
    delivery.acknowledge()
    assert mailer.take() == []


@pytest.mark.parametrize("first", ["acknowledge", "fail"])
@pytest.mark.parametrize("then", ["acknowledge", "fail"])
def test_a_message_is_settled_once(store: Store, first: str, then: str) -> None:
    """Who has acknowledged a message, or reported it, has it no longer: a second word is refused."""
    tell(store, "a")
    [delivery] = store.consumer("mailer").take()
    settle(delivery, first)
    with pytest.raises(LeaseLost):
        settle(delivery, then)


def settle(delivery: Delivered, how: str) -> None:
    if how == "acknowledge":
        delivery.acknowledge()
    else:
        delivery.fail("no")


def test_tokens_grow(store: Store, clock: Any) -> None:
    """Tokens grow with each time, also while the clock stands still, and when it goes back."""
    tell(store, "a")
    tokens: list[int] = []
    for seconds in (0, 0, -5, 3):
        mailer = store.consumer("mailer", attempts=9, retry=AT_ONCE)
        clock.advance(seconds=seconds)
        mailer.replay(after=0)
        [delivery] = mailer.take()
        tokens.append(delivery.token)
        delivery.acknowledge()
    assert tokens == sorted(set(tokens))


# ---------------------------------------------------------------- failures


def test_a_failed_message_comes_again_after_the_back_off(store: Store, clock: Any) -> None:
    """What failed is handed out again once its back-off is over, which is longer each time."""
    tell(store, "a", "b")
    retry = BackOff(base=10 * SECOND, cap=10 * MINUTE)
    mailer = store.consumer("mailer", topic=CUSTODY, retry=retry)
    [delivery] = mailer.take(1)
    for failures, seconds in ((1, 20), (2, 40), (3, 80)):
        delivery.fail("no")
        clock.advance(seconds=seconds - 1)
        assert "a" not in keys(mailer.take())
        clock.advance(seconds=1)
        delivery = next(each for each in mailer.take() if each.message.key == "a")
        assert delivery.attempt == failures + 1


def test_what_the_other_side_asks_for(store: Store, clock: Any) -> None:
    """`retry_after` is the least that is waited, up to the cap."""
    tell(store, "a")
    mailer = store.consumer("mailer", retry=BackOff(base=SECOND, cap=MINUTE))
    mailer.take()[0].fail("busy", retry_after=30 * SECOND)
    clock.advance(seconds=29)
    assert mailer.take() == []
    clock.advance(seconds=1)
    mailer.take()[0].fail("busy", retry_after=timedelta(days=1))
    clock.advance(seconds=60)
    assert keys(mailer.take()) == ["a"]


def test_due_ones_first(store: Store, clock: Any) -> None:
    """Those that are due again come before new ones, and of these the one that has been due for longest."""
    tell(store, "a", "b", "c")
    mailer = store.consumer("mailer", topic=CUSTODY, retry=BackOff(base=SECOND, cap=MINUTE))
    a, b = mailer.take(2)
    a.fail("no", retry_after=30 * SECOND)
    b.fail("no")
    clock.advance(minutes=1)
    assert keys(mailer.take()) == ["b", "a", "c"]


def test_failed_too_often(store: Store, clock: Any) -> None:
    """A message that failed as often as it may is set aside, with its last error and when that was."""
    tell(store, "a")
    mailer = store.consumer("mailer", attempts=3, retry=AT_ONCE)
    for number in range(3):
        mailer.take()[0].fail(ValueError(f"failure {number}"))
        clock.advance(seconds=1)
    assert mailer.take() == []
    [failed] = mailer.set_aside()
    assert (failed.message, failed.attempts, failed.error) == (store.messages()[0], 3, "ValueError: failure 2")
    assert failed.at == clock() - SECOND
    assert store.consumer("other").set_aside() == []


def test_a_message_that_kills_its_workers(store: Store, clock: Any) -> None:
    """A lease that runs out is a failure too: a message that every worker dies of is set aside, and names the last."""
    tell(store, "a", "b")
    mailer = store.consumer("mailer", topic=CUSTODY, attempts=2, lease=SECOND, worker="ann")
    for _ in range(2):
        assert keys(mailer.take(1)) == ["a"]
        clock.advance(seconds=1)
    assert keys(mailer.take()) == ["b"]
    [failed] = mailer.set_aside()
    assert (failed.message.key, failed.attempts) == ("a", 2)
    assert failed.error == "the lease of ann has run out"


def test_fewer_attempts_than_before(store: Store, clock: Any) -> None:
    """What already failed more often than a new program allows is set aside with the error that it failed with."""
    tell(store, "a")
    store.consumer("mailer", attempts=5, retry=AT_ONCE).take()[0].fail("the last error")
    clock.advance(seconds=1)
    stricter = store.consumer("mailer", attempts=1)
    assert stricter.take() == []
    assert [(failed.error, failed.attempts) for failed in stricter.set_aside()] == [("the last error", 1)]


def test_pages_of_what_is_set_aside(store: Store) -> None:
    """What is set aside is listed in order, as many at once as are asked for."""
    tell(store, *"abcde")
    mailer = store.consumer("mailer", attempts=1)
    for delivery in mailer.take():
        delivery.fail("no")
    [first, second] = mailer.set_aside(2)
    assert [first.message.key, second.message.key] == ["a", "b"]
    rest = mailer.set_aside(after=second.message.position)
    assert [failed.message.key for failed in rest] == ["c", "d", "e"]


@pytest.mark.parametrize("error", ["", "a\0b", "half \ud800", "ä€😀", OSError("no\0")])
def test_errors_in_any_words(store: Store, error: str | Exception) -> None:
    """However an error is worded, the failure is recorded."""
    tell(store, "a")
    mailer = store.consumer("mailer", attempts=1)
    mailer.take()[0].fail(error)
    [failed] = mailer.set_aside()
    assert "\0" not in failed.error
    if error == "ä€😀":
        assert failed.error == error


# ---------------------------------------------------------------- replay


def test_what_was_set_aside_is_replayed(store: Store) -> None:
    """All that was set aside is handed out again, as if for the first time."""
    tell(store, "a", "b", "c")
    mailer = store.consumer("mailer", attempts=1)
    for delivery in mailer.take(2):
        delivery.fail("no")
    assert mailer.replay() == 2
    assert mailer.set_aside() == []
    again = mailer.take()
    assert keys(again) == ["a", "b", "c"]
    assert {delivery.attempt for delivery in again} == {1}
    assert mailer.replay() == 0


def test_one_message_is_replayed(store: Store, clock: Any) -> None:
    """One message is replayed by its position, whether it was acknowledged, set aside or waits for its back-off."""
    tell(store, "a", "b", "c", "d")
    mailer = store.consumer("mailer", topic=CUSTODY, attempts=2)
    done, failed, waits, held = mailer.take()
    done.acknowledge()
    failed.fail("no")
    clock.advance(days=1)
    second = store.consumer("mailer", topic=CUSTODY, attempts=2)
    again = {str(each.message.key): each for each in second.take()}
    assert sorted(again) == ["b", "c", "d"]
    again["b"].fail("no")
    again["c"].fail("no")
    for number in (done, failed, waits):
        assert second.replay(number.message.position) == 1
    assert second.replay(held.message.position) == 0, "it is in somebody's hands"
    assert sorted((str(each.message.key), each.attempt) for each in second.take()) == [("a", 1), ("b", 1), ("c", 1)]


def test_nothing_to_replay(store: Store) -> None:
    """No message is handed out before its turn, of another topic, or where there is none."""
    tell(store, "a", "b")
    store.send(Parcel, "a", Loaded())
    mailer = store.consumer("mailer", topic=CUSTODY)
    [a, b] = store.messages(topic=CUSTODY)
    other = next(each for each in store.messages() if each.topic != CUSTODY)
    mailer.take(1)
    for position in (b.position, other.position, 0, other.position + 1000):
        assert mailer.replay(position) == 0
    assert keys(mailer.take()) == ["b"]
    assert mailer.replay(after=b.position) == mailer.replay(after=b.position + 10**9) == 0
    assert a.position < b.position


def test_all_behind_a_position_is_replayed(store: Store, clock: Any) -> None:
    """All behind a position is handed out again, but for what is in somebody's hands, and what is new behind it."""
    tell(store, *"abcde")
    [a, *_] = store.messages()
    mailer = store.consumer("mailer", topic=CUSTODY, attempts=1)
    taken = mailer.take(4)
    taken[0].acknowledge()
    taken[1].acknowledge()
    taken[2].fail("no")
    assert mailer.replay(after=a.position) == 2
    assert keys(mailer.take()) == ["b", "c", "e"]
    taken[3].acknowledge()
    assert mailer.set_aside() == []
    assert mailer.replay(after=0) == 2, "a and d were acknowledged; the others are in somebody's hands"
    clock.advance(days=1)
    assert keys(mailer.take()) == ["a", "d"], "the others failed, since their leases ran out"
    assert [failed.message.key for failed in mailer.set_aside()] == ["b", "c", "e"]


def test_a_removed_consumer(store: Store, clock: Any) -> None:
    """A consumer that is removed has nothing in flight and nothing set aside, and begins anew."""
    tell(store, "a", "b")
    mailer = store.consumer("mailer", topic=CUSTODY, attempts=1)
    a, b = mailer.take()
    a.fail("no")
    mailer.remove()
    mailer.remove()
    assert mailer.set_aside() == []
    with pytest.raises(LeaseLost):
        b.acknowledge()
    clock.advance(seconds=1)
    everything = store.consumer("mailer")
    again = everything.take()
    assert keys(again) == ["a", "b"]
    assert again[0].token > a.token
    with pytest.raises(LeaseLost):
        a.acknowledge()


# ---------------------------------------------------------------- transactions


def send_and_acknowledge(store: Store, delivery: Delivered, *, fails: bool = False) -> None:
    with store.transaction():
        store.send(Parcel, delivery.message.key, Loaded())
        delivery.acknowledge()
        if fails:
            raise RuntimeError


def test_acknowledged_with_all_that_came_of_it(store: Store, clock: Any) -> None:
    """In a transaction the acknowledgement and what is sent are committed together, or taken back together."""
    tell(store, "a")
    mailer = store.consumer("mailer", lease=SECOND)
    [delivery] = mailer.take()
    with pytest.raises(RuntimeError):
        send_and_acknowledge(store, delivery, fails=True)
    assert store.get(Parcel, "a").version == 1
    clock.advance(seconds=1)
    [again] = mailer.take()
    assert again.attempt == 2
    send_and_acknowledge(store, again)
    assert store.get(Parcel, "a").version == 2
    clock.advance(seconds=1)
    assert "a" not in [each.message.key for each in mailer.take() if each.message.topic == CUSTODY]


def test_a_lost_lease_takes_all_back(store: Store, clock: Any) -> None:
    """In a transaction a late acknowledgement takes back what was sent before it: the other worker's is what counts."""
    tell(store, "a")
    mailer = store.consumer("mailer", topic=CUSTODY, lease=SECOND)
    [late] = mailer.take()
    clock.advance(seconds=1)
    [taken] = mailer.take()
    with pytest.raises(LeaseLost):
        send_and_acknowledge(store, late)
    assert store.get(Parcel, "a").version == 1
    taken.acknowledge()


def test_nothing_is_taken_in_a_transaction(store: Store) -> None:
    """Messages are not taken inside of a transaction, where nobody would know of it yet."""
    tell(store, "a")
    mailer = store.consumer("mailer")
    with store.transaction(), pytest.raises(StoreFailure, match="take them before it, and acknowledge them inside"):
        mailer.take()
    assert keys(mailer.take()) == ["a"]


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
    delivery.acknowledge()


def test_what_a_consumer_says_of_itself(store: Store) -> None:
    """A consumer and a delivery tell what they are, and who is asked for without a name is this process."""
    tell(store, "a")
    mailer = store.consumer("mailer", topic=CUSTODY)
    assert repr(mailer) == "<consumer 'mailer' of topic 'custody'>"
    assert repr(store.consumer("x")) == "<consumer 'x' of all topics>"
    assert ":" in mailer.worker
    assert "attempt=1" in repr(mailer.take()[0])
