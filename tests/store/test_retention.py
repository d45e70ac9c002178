"""What is old goes, by the store's clock, and only that: journal, messages, delivery ids, finished instances."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from parcels import Found, HandedOver, Label, Loaded, OnTheRoad, Parcel, Vanished, first_stop, waiting
from postgres_server import Server
from roads import DAY, FAR_AHEAD, LONG_AGO, everything, on_the_road

from leverframe import InvalidQuery, NotFound, Pruned, Send, Store, open_store
from leverframe.machines.execution import Execution
from leverframe.machines.pipeline import Pipeline
from leverframe.persistence import retention

NOW = timedelta(0)


def versions(store: Store, key: str) -> list[int]:
    return [entry.version for entry in store.history(Parcel, key)]


# ---------------------------------------------------------------- the journal


@pytest.mark.usefixtures("batches")
def test_old_lines_go_and_the_last_one_stays(store: Store, clock: Any) -> None:
    """Lines that were recorded long ago go, but for an instance's last one; `at=` has no say in it."""
    on_the_road(store, "a", stops=2)
    on_the_road(store, "b")
    clock.advance(days=10)
    store.send(Parcel, "b", first_stop())
    store.send(Parcel, "b", first_stop())
    state_now = store.get(Parcel, "a")
    assert store.prune(journal=5 * DAY) == Pruned(journal=3 + 2)
    assert versions(store, "a") == [4]
    assert versions(store, "b") == [3, 4]
    assert store.get(Parcel, "a") == state_now
    assert store.prune(journal=5 * DAY) == Pruned()


def test_what_a_pruned_journal_answers(store: Store, clock: Any) -> None:
    """A version or a time that is pruned is not found, and the error says where to look; what is kept reads as ever."""
    on_the_road(store, "a", stops=1)
    clock.advance(days=10)
    store.prune(journal=DAY)
    with pytest.raises(
        NotFound, match=r"no state of Parcel 'a' is kept for version 2; history\(\) lists what there is"
    ):
        store.at(Parcel, "a", version=2)
    with pytest.raises(NotFound, match="is kept for 2000-01-01"):
        store.at(Parcel, "a", at=datetime(2000, 1, 1, tzinfo=UTC))
    assert store.at(Parcel, "a", version=3) == store.get(Parcel, "a").state
    (entry,) = store.history(Parcel, "a")
    assert (entry.from_state, entry.to_state, entry.event) == (OnTheRoad, OnTheRoad, first_stop())


def test_a_delivery_whose_line_is_pruned_is_a_duplicate(store: Store, clock: Any) -> None:
    """An event whose line is pruned is not applied again; its receipt has the instance as it is now."""
    store.create(Parcel, "a", waiting("A"))
    first = store.send(Parcel, "a", Loaded(), delivery_id="load")
    store.send(Parcel, "a", HandedOver(tip=-1), delivery_id="refused", on_refused="return")
    store.send(Parcel, "a", first_stop("Ulm"))
    clock.advance(days=10)
    store.prune(journal=DAY)
    before = everything(store)
    again = store.send(Parcel, "a", Loaded(), delivery_id="load")
    assert (again.moved, again.duplicate, again.seq) == (True, True, first.seq)
    assert (again.version, again.state) == (3, store.get(Parcel, "a").state)
    refused = store.send(Parcel, "a", HandedOver(tip=-1), delivery_id="refused", on_refused="return")
    assert (refused.refused, refused.duplicate) == (True, True)
    assert everything(store) == before


@pytest.mark.usefixtures("batches")
def test_a_clock_that_was_wrong(store: Store, clock: Any) -> None:
    """A line from the future keeps nothing that is behind it, and lines behind a young one leave no gap."""
    on_the_road(store, "a")
    clock.advance(days=3650)
    store.send(Parcel, "a", first_stop())
    clock.advance(days=-3650)
    store.send(Parcel, "a", first_stop())
    clock.advance(days=10)
    store.send(Parcel, "a", first_stop())
    clock.advance(days=-8)
    store.send(Parcel, "a", first_stop())
    store.send(Parcel, "a", first_stop())
    clock.advance(days=9)
    assert store.prune(journal=5 * DAY) == Pruned(journal=3)
    assert versions(store, "a") == [3, 5, 6, 7]


# ---------------------------------------------------------------- messages


@pytest.mark.usefixtures("batches")
def test_old_messages_go_behind_every_cursor(store: Store, clock: Any) -> None:
    """Old messages go once all cursors have passed them, with no cursor by their age alone."""
    on_the_road(store, "a", stops=3)
    clock.advance(days=10)
    store.send(Parcel, "a", first_stop())
    told = store.messages()
    store.save_cursor("fast", told[-1].position)
    store.save_cursor("slow", told[1].position)
    assert store.prune(messages=DAY) == Pruned(messages=2)
    assert store.messages() == told[2:]
    assert store.messages("slow") == told[2:]
    store.save_cursor("slow", told[-1].position)
    assert store.prune(messages=DAY) == Pruned(messages=len(told) - 3)
    assert store.messages() == told[-1:]


def test_messages_without_a_cursor(store: Store, clock: Any) -> None:
    """With no cursor, all old messages go, and new ones come behind them."""
    on_the_road(store, "a", stops=3)
    last = store.messages()[-1].position
    clock.advance(days=10)
    assert store.prune(messages=NOW).messages > 0
    assert store.messages() == []
    store.send(Parcel, "a", first_stop())
    assert [message.position > last for message in store.messages()] == [True]


def test_positions_go_on_when_all_messages_are_gone(url: str, clock: Any, kind: str) -> None:
    """A store that is opened again after all messages were pruned numbers new ones behind the cursors."""
    if kind == "memory":
        return
    with open_store(url, clock=clock) as store:
        on_the_road(store, "a", stops=3)
        store.save_cursor("mailer", store.messages()[-1].position)
        clock.advance(days=10)
        store.prune(messages=NOW)
    with open_store(url, clock=clock) as store:
        store.send(Parcel, "a", first_stop())
        assert len(store.messages("mailer")) == 1


def test_a_younger_server_numbers_behind_cursors(postgres_server: Server) -> None:
    """A store that was brought to a server with lower transaction numbers goes on behind what its cursors have seen."""
    url = postgres_server.fresh_url("&durability=normal")
    with open_store(url) as store:
        on_the_road(store, "a")
        store.save_cursor("mailer", store.messages()[-1].position + (10**6 << 20))
        store.save_cursor("beyond all", 2**63 - 1)
        store.prune(messages=NOW)
    with open_store(url) as store:
        store.send(Parcel, "a", first_stop())
        assert len(store.messages("mailer")) == 1


# ---------------------------------------------------------------- deliveries


@pytest.mark.usefixtures("batches")
def test_old_deliveries_go(store: Store, clock: Any) -> None:
    """Delivery ids settled long ago go, younger ones stay."""
    on_the_road(store, "a")
    store.send_many(Parcel, [Send("a", first_stop(), delivery_id=f"old {n}") for n in range(7)])
    clock.advance(days=10)
    store.send(Parcel, "a", first_stop(), delivery_id="young")
    assert store.prune(deliveries=DAY) == Pruned(deliveries=7)
    assert store.send(Parcel, "a", first_stop(), delivery_id="young").duplicate
    assert not store.send(Parcel, "a", first_stop(), delivery_id="old 3").duplicate


# ---------------------------------------------------------------- finished instances


@pytest.mark.usefixtures("batches")
def test_finished_instances_go(store: Store, clock: Any) -> None:
    """Instances that have long been in a final state go with all they have; all others stay."""
    for key in ("a", "b", "c", "lost"):
        on_the_road(store, key)
    for key in ("a", "b"):
        store.send(Parcel, key, HandedOver(), delivery_id="hand", at=FAR_AHEAD)
    store.send(Parcel, "lost", Vanished())
    clock.advance(days=10)
    store.send(Parcel, "c", HandedOver(), at=LONG_AGO)
    others = [store.get(Parcel, "c"), store.get(Parcel, "lost")]
    assert store.prune(finished=5 * DAY, machines=[Parcel]) == Pruned(instances=2)
    assert {found.key for found in store.find(Parcel)} == {"c", "lost"}
    assert [store.get(Parcel, "c"), store.get(Parcel, "lost")] == others
    assert sum(store.count(Parcel).values()) == 2
    assert {message.key for message in store.messages(limit=1000)} == {"c", "lost"}
    assert store.find(Parcel, where={"label": "a"}) == []
    with pytest.raises(NotFound):
        store.send(Parcel, "a", Loaded(), delivery_id="hand")
    store.create(Parcel, "a", waiting("a"))
    store.send(Parcel, "lost", Found(Label("b")))


@pytest.mark.usefixtures("batches")
def test_unread_messages_keep_a_finished_instance(store: Store, clock: Any) -> None:
    """A finished instance stays while a cursor has yet to pass one of its messages."""
    for key in ("a", "b"):
        on_the_road(store, key)
        store.send(Parcel, key, HandedOver())
    clock.advance(days=10)
    of_a = [message for message in store.messages(limit=1000) if message.key == "a"]
    store.save_cursor("mailer", of_a[-2].position)
    assert store.prune(finished=DAY, machines=[Parcel]) == Pruned()
    store.save_cursor("mailer", of_a[-1].position)
    assert store.prune(finished=DAY, machines=[Parcel]) == Pruned(instances=1)
    assert {message.key for message in store.messages("mailer", limit=1000)} == {"b"}


def test_machines_are_left_alone_unless_named(store: Store, clock: Any) -> None:
    """Finished instances of a machine that is not named stay, also those of an equal key."""
    on_the_road(store, "a")
    store.send(Parcel, "a", HandedOver())
    clock.advance(days=10)
    before = everything(store)
    assert store.prune(finished=DAY, machines=[Pipeline]) == Pruned()
    assert everything(store) == before


def test_a_finished_journal_that_is_pruned(store: Store, clock: Any) -> None:
    """All kinds in one call: the journal first, then what is finished."""
    on_the_road(store, "a", stops=2)
    store.send(Parcel, "a", HandedOver(), delivery_id="hand")
    clock.advance(days=10)
    pruned = store.prune(journal=DAY, messages=DAY, deliveries=DAY, finished=DAY, machines=[Parcel])
    assert (pruned.journal, pruned.deliveries, pruned.instances) == (4, 1, 1)
    assert everything(store)[0] == []


# ---------------------------------------------------------------- counted only, and refused


@pytest.mark.usefixtures("batches")
def test_dry_run_counts_and_deletes_nothing(store: Store, clock: Any, tmp_path: Path) -> None:
    """A dry run counts what the same call would delete, and neither deletes nor writes anything."""
    for key in ("a", "b"):
        on_the_road(store, key, stops=2)
        store.send(Parcel, key, HandedOver(), delivery_id="hand")
    clock.advance(days=10)
    before = everything(store)
    kinds: dict[str, Any] = {"journal": DAY, "messages": DAY, "deliveries": DAY, "finished": DAY, "machines": [Parcel]}
    expected = store.prune(**kinds, export=tmp_path / "old.jsonl", dry_run=True)
    assert everything(store) == before
    assert not (tmp_path / "old.jsonl").exists()
    assert store.prune(**kinds) == expected
    assert expected.instances == 2


WRONG: dict[str, Callable[[Store], object]] = {
    "nothing to prune": lambda s: s.prune(),
    "finished of which machines": lambda s: s.prune(finished=DAY),
    "machines but not how old": lambda s: s.prune(journal=DAY, machines=[Parcel]),
    "no machine": lambda s: s.prune(finished=DAY, machines=["parcel"]),  # type: ignore[list-item]
    "no final state": lambda s: s.prune(finished=DAY, machines=[Execution]),
    "days as a number": lambda s: s.prune(journal=90),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_wrong_argument(store: Store, clock: Any, call: Callable[[Store], object]) -> None:
    """A call that cannot be meant is refused, and nothing is deleted."""
    on_the_road(store, "a", stops=2)
    clock.advance(days=10)
    before = everything(store)
    with pytest.raises(InvalidQuery):
        call(store)
    assert everything(store) == before


def test_what_is_moved_meanwhile_stays(store: Store, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that changes between being found and being deleted is looked at anew."""
    on_the_road(store, "a")
    store.send(Parcel, "a", HandedOver())
    clock.advance(days=10)
    real, settled = retention.removable, iter([True, False, False, False])

    def settle_behind(path: str, before: int, reader: Any, instances: Any) -> Any:
        found = real(path, before, reader, instances)
        if next(settled):
            store.send(Parcel, "a", Loaded(), delivery_id="late", on_refused="return")
        return found

    monkeypatch.setattr(retention, "removable", settle_behind)
    assert store.prune(finished=DAY, machines=[Parcel]) == Pruned(instances=1)
    assert next(settled, None) is None
