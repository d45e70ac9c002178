"""What failed comes again, is set aside in the end, and is replayed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from mail import AT_ONCE, CUSTODY, MINUTE, SECOND, keys, tell
from parcels import Loaded, Parcel

from leverframe import BackOff, LeaseLost, Store
from leverframe.persistence.consumers import Grasp

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


def test_what_is_anothers(store: Store) -> None:
    """No consumer is handed, or replays, a message of another tenant, whoever asks for its position."""
    theirs = store.scoped("theirs")
    tell(theirs, "a")
    [message] = theirs.messages()
    tell(store, "b")
    mine = store.consumer("mailer")
    assert keys(mine.take()) == ["b"]
    assert mine.replay(message.position) == 0
    backend = store._backend  # pyright: ignore[reportPrivateUsage]  # below the checks of the verb
    assert backend.commit(lambda writer: writer.replay_one("mailer", message.position, 0)) == 0
    grasp = Grasp("ann", 1, 2**60)
    assert backend.commit(lambda writer: writer.hand_out("mailer", [message.position], grasp)) == set()
    assert mine.take() == []
    assert keys(theirs.consumer("mailer").take()) == ["a"]
