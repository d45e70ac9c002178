"""What else there is to a store knows of consumers: pruning, deletion, copying, and whether all is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from mail import AT_ONCE, CUSTODY, SECOND, keys, tell
from parcels import HandedOver, Loaded, Parcel

from leverframe import LeaseLost, Store, copy_store, open_store
from leverframe.persistence import examining

NOW = timedelta(0)
DAY = timedelta(days=1)


def pruned(store: Store, clock: Any) -> int:
    """How many messages go, however young they are."""
    clock.advance(seconds=1)
    return store.prune(messages=NOW).messages


# ---------------------------------------------------------------- pruning


@pytest.mark.usefixtures("batches")
def test_what_a_consumer_needs_is_kept(store: Store, clock: Any) -> None:
    """Messages that a consumer has yet to be handed, has in flight or has set aside stay; the others go."""
    tell(store, *"abcde")
    mailer = store.consumer("mailer", attempts=1)
    a, b, c = mailer.take(3)
    assert pruned(store, clock) == 0
    a.fail("no")
    b.acknowledge()
    assert pruned(store, clock) == 1
    assert [message.key for message in store.messages()] == ["a", "c", "d", "e"]
    c.acknowledge()
    for delivery in mailer.take():
        delivery.acknowledge()
    assert pruned(store, clock) == 3
    assert [failed.message.key for failed in mailer.set_aside()] == ["a"]
    mailer.replay()
    mailer.take()[0].acknowledge()
    assert pruned(store, clock) == 1


@pytest.mark.usefixtures("batches")
def test_a_topic_keeps_its_own(store: Store, clock: Any) -> None:
    """A consumer of one topic keeps the messages of that, however many of other topics stand behind them."""
    tell(store, *"abc")
    for key in "abc":
        store.send(Parcel, key, Loaded())
    everything = len(store.messages())
    one, two = store.consumer("one", topic=CUSTODY), store.consumer("two", topic=CUSTODY)
    for delivery in [*one.take(), *two.take(1)]:
        delivery.acknowledge()
    assert pruned(store, clock) == everything - 2
    assert [message.key for message in store.messages()] == ["b", "c"]
    two.remove()
    assert pruned(store, clock) == 2


@pytest.mark.usefixtures("batches")
def test_cursors_and_consumers_keep_what_each_needs(store: Store, clock: Any) -> None:
    """A message goes once every cursor has passed it, and every consumer too."""
    tell(store, *"abcd")
    positions = [message.position for message in store.messages()]
    for delivery in store.consumer("mailer").take(3):
        delivery.acknowledge()
    store.save_cursor("reader", positions[1])
    assert pruned(store, clock) == 2
    store.save_cursor("reader", positions[3])
    assert pruned(store, clock) == 1
    assert [message.key for message in store.messages()] == ["d"]


def test_finished_instances_stay_for_consumers(store: Store, clock: Any) -> None:
    """A finished instance stays until every consumer is done with its messages."""
    tell(store, "a")
    store.send(Parcel, "a", Loaded())
    store.send(Parcel, "a", HandedOver())
    mailer = store.consumer("mailer", attempts=1)
    mailer.take(1)[0].acknowledge()
    clock.advance(days=2)
    assert store.prune(finished=DAY, machines=[Parcel]).instances == 0
    for delivery in mailer.take():
        delivery.fail("no")
    assert store.prune(finished=DAY, machines=[Parcel]).instances == 0
    mailer.replay()
    for delivery in mailer.take():
        delivery.acknowledge()
    assert store.prune(finished=DAY, machines=[Parcel]).instances == 1


# ---------------------------------------------------------------- deletion


def test_deleted_with_its_instance(store: Store, clock: Any) -> None:
    """With an instance go its messages, in flight or set aside: who has one loses its lease, and nobody gets it."""
    tell(store, *"abc")
    mailer = store.consumer("mailer", attempts=2, retry=AT_ONCE)
    a, b, _ = mailer.take()
    a.fail("no")
    clock.advance(seconds=1)
    mailer.take()[0].fail("no")
    store.delete(Parcel, "a")
    store.delete(Parcel, "b")
    assert mailer.set_aside() == []
    with pytest.raises(LeaseLost):
        b.acknowledge()
    clock.advance(days=1)
    assert keys(mailer.take()) == ["c"]
    assert store.examine().rows["consumption"] == 1


def test_deleted_behind_its_back(store: Store, clock: Any) -> None:
    """A message that was deleted while it was handed out is forgotten, and others come as ever."""
    tell(store, *"ab")
    mailer = store.consumer("mailer", lease=SECOND)
    position = mailer.take()[0].message.position
    with store.transaction() as connection:
        connection.execute(f"DELETE FROM message WHERE position = {position}")
    clock.advance(seconds=1)
    assert keys(mailer.take()) == ["b"]
    assert store.examine().rows["consumption"] == 1


# ---------------------------------------------------------------- copies


@pytest.mark.parametrize("target", ["file", "postgres"])
def test_a_copy_goes_on(shared_url: str, target: str, fresh_url: Callable[[str], str], clock: Any) -> None:
    """In a copy a consumer goes on where it was: what was in flight, set aside, and not handed out yet."""
    there = fresh_url(target)
    with open_store(shared_url, clock=clock) as store:
        tell(store, *"abcd")
        mailer = store.consumer("mailer", topic=CUSTODY, attempts=1, lease=SECOND)
        done, failed, held = mailer.take(3)
        done.acknowledge()
        failed.fail("no")
    rows = copy_store(shared_url, there).rows
    assert (rows["consumer"], rows["consumption"]) == (1, 2)
    with open_store(there, clock=clock) as copy:
        mailer = copy.consumer("mailer", topic=CUSTODY, attempts=2)
        assert keys(mailer.take()) == ["d"]
        clock.advance(seconds=1)
        [again] = mailer.take()
        assert (again.message, again.attempt) == (held.message, 2)
        assert again.token > held.token
        assert [(each.message, each.error) for each in mailer.set_aside()] == [(failed.message, "no")]


# ---------------------------------------------------------------- is it well


def test_consumers_that_were_left_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer far behind is found, one of a topic by that topic's messages; and one that has set some aside."""
    monkeypatch.setattr(examining, "MANY_MESSAGES", 3)
    tell(store, *"abcd")
    store.send(Parcel, "a", Loaded())
    mailer = store.consumer("mailer", topic=CUSTODY, attempts=1)
    mailer.take(1)[0].acknowledge()
    store.consumer("other", topic="audit").take()
    seen = store.examine()
    assert seen.consumers == {"mailer": 3, "other": 0}
    [finding] = seen.findings
    assert (finding.kind, finding.problem) == ("consumer", "consumer mailer is 3 messages behind")
    for delivery in mailer.take():
        delivery.fail("no")
    [finding] = store.examine().findings
    assert finding.problem == "consumer mailer has messages set aside that it failed to handle: 3"
    mailer.replay()
    for delivery in mailer.take():
        delivery.acknowledge()
    assert store.examine().findings == ()


# ---------------------------------------------------------------- tenants


def test_each_tenant_has_its_own(store: Store, clock: Any) -> None:
    """A consumer of one name is another one for each tenant: it is given that tenant's messages, and no others."""
    ann, bob = store.scoped("ann"), store.scoped("bob")
    tell(ann, "a", "b")
    tell(bob, "c")
    tell(store, "d")
    given = {name: place.consumer("mailer", attempts=1) for name, place in (("ann", ann), ("bob", bob), ("", store))}
    assert {name: keys(consumer.take()) for name, consumer in given.items()} == {
        "ann": ["a", "b"],
        "bob": ["c"],
        "": ["d"],
    }
    assert given["bob"].replay(after=0) == 0, "it is in somebody's hands"
    clock.advance(days=1)
    assert keys(given["ann"].take()) == []
    assert [failed.message.key for failed in given["ann"].set_aside()] == ["a", "b"]
    assert given["bob"].set_aside() == given["bob"].set_aside(after=1) == []
    assert given["bob"].replay(given["ann"].set_aside()[0].message.position) == 0
    assert given["ann"].replay() == 2


def test_no_tenant_keeps_the_messages_of_another(store: Store, clock: Any) -> None:
    """What one tenant's consumer needs keeps nothing of another tenant; and both are examined."""
    ann, bob = store.scoped("ann"), store.scoped("bob")
    tell(ann, "a", "b")
    tell(bob, "c", "d")
    first, second = ann.consumer("mailer", attempts=1), bob.consumer("mailer", topic=CUSTODY)
    first.take(1)[0].fail("no")
    for delivery in second.take():
        delivery.acknowledge()
    assert pruned(store, clock) == 2
    assert [message.key for message in ann.messages()] == ["a", "b"]
    seen = store.examine()
    assert seen.consumers == {"mailer of tenant ann": 1, "mailer of tenant bob": 0}
    assert [finding.problem for finding in seen.findings] == [
        "consumer mailer of tenant ann has messages set aside that it failed to handle: 1"
    ]
    second.remove()
    assert store.examine().rows["consumer"] == 1
