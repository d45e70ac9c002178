"""What the verbs of the SQLite backend write and read."""

from __future__ import annotations

import pytest
from sqlite_orders import creation, keys, move, write_creations

from leverframe.errors import StoreFailure
from leverframe.persistence.rows import (
    Delivery,
    JournalRow,
    LookupValue,
    MessageRow,
    NewMessage,
    Query,
    Refusal,
    Snapshot,
    StateCount,
    UniqueTaken,
)
from leverframe.persistence.sqlite import SQLiteBackend
from leverframe.persistence.tables import DELIVERY

# ---------------------------------------------------------------- create and move


def test_what_was_created_can_be_loaded(backend: SQLiteBackend) -> None:
    """A creation is loaded as version 1, with its times, and stands in the journal without an event."""
    with backend.write() as writer:
        instance, seq = writer.create(creation())
    loaded = backend.read().load("Order", "one")
    assert loaded is not None
    assert loaded.snapshot == Snapshot(instance, "one", "new", '"one"', 1, 10, 10)
    assert backend.read().journal(instance) == [JournalRow(seq, 1, None, None, "new", '"one"', 10)]


def test_a_key_is_created_once(backend: SQLiteBackend) -> None:
    """A key that is there is refused with an empty field, and the transaction can go on."""
    write_creations(backend, creation())
    with backend.write() as writer:
        with pytest.raises(UniqueTaken) as taken:
            writer.create(creation(state="other"))
        writer.create(creation("two"))
    assert taken.value.field == ""
    assert backend.read().count("Order") == [StateCount("new", "New", 2)]


def test_the_same_key_in_two_machines(backend: SQLiteBackend) -> None:
    """A key is one machine's: another machine has its own."""
    write_creations(backend, creation(), creation(machine="Parcel"))
    assert backend.read().load("Parcel", "one") is not None
    assert backend.read().count("Parcel") == [StateCount("new", "New", 1)]


def test_what_is_not_there_is_none(backend: SQLiteBackend) -> None:
    """A key that was never created loads as None."""
    assert backend.read().load("Order", "one") is None
    assert backend.read().load("Order", "one", "delivery") is None


def test_a_move_changes_the_snapshot_and_adds_a_line(backend: SQLiteBackend) -> None:
    """A move is the new version of the snapshot and one more line of the journal."""
    write_creations(backend, creation())
    with backend.write() as writer:
        seq = writer.move(move())
    loaded = backend.read().load("Order", "one")
    assert loaded is not None
    assert loaded.snapshot == Snapshot(1, "one", "paid", '"paid"', 2, 10, 20)
    assert seq is not None
    assert backend.read().journal_line(seq) == JournalRow(seq, 2, '"event"', "new", "paid", '"paid"', 20)


def test_a_move_from_a_version_that_is_gone(backend: SQLiteBackend) -> None:
    """A move from another version than the present one answers None and writes nothing."""
    write_creations(backend, creation())
    with backend.write() as writer:
        assert writer.move(move(seen=2, messages=(NewMessage("t", "k", "c", "{}"),))) is None
    assert len(backend.read().journal(1)) == 1
    assert backend.read().messages(0, None, 9) == []
    assert backend.read().count("Order") == [StateCount("new", "New", 1)]


def test_a_writer_reads_what_it_wrote(backend: SQLiteBackend) -> None:
    """Inside a transaction every reading verb sees its writes, counts included."""
    with backend.write() as writer:
        writer.create(creation())
        writer.move(move())
        loaded = writer.load("Order", "one")
        assert loaded is not None
        assert loaded.snapshot.version == 2
        assert writer.count("Order") == [StateCount("new", "New", 0), StateCount("paid", "Paid", 1)]
        assert keys(writer.find(Query("Order", ("paid",)))) == ["one"]


def test_counts_of_a_state_that_was_left(backend: SQLiteBackend) -> None:
    """A state that was entered and left inside one transaction is kept, at 0, with its class's name."""
    with backend.write() as writer:
        writer.create(creation())
        writer.move(move())
    with backend.write() as writer:
        writer.move(move(seen=2, from_state="paid", to_state="new"))
    assert backend.read().count("Order") == [StateCount("new", "New", 1), StateCount("paid", "Paid", 0)]


def test_a_move_in_place_changes_no_count(backend: SQLiteBackend) -> None:
    """A move to the state it came from leaves the counts alone."""
    write_creations(backend, creation())
    with backend.write() as writer:
        writer.move(move(to_state="new"))
    assert backend.read().count("Order") == [StateCount("new", "New", 1)]


# ---------------------------------------------------------------- deliveries


def test_a_delivery_is_settled_with_its_move(backend: SQLiteBackend) -> None:
    """A delivery id loads with the number of its move's line, and another one with nothing."""
    write_creations(backend, creation())
    with backend.write() as writer:
        seq = writer.move(move(delivery_id="d"))
    loaded, other = backend.read().load("Order", "one", "d"), backend.read().load("Order", "one", "e")
    assert loaded is not None
    assert other is not None
    assert loaded.delivery == Delivery(seq, None)
    assert other.delivery is None


def test_a_delivery_that_was_settled_moves_nothing(backend: SQLiteBackend) -> None:
    """A second move under a delivery id answers None, at the right version too."""
    write_creations(backend, creation())
    with backend.write() as writer:
        writer.move(move(delivery_id="d"))
    with backend.write() as writer:
        assert writer.move(move(seen=2, from_state="paid", delivery_id="d")) is None
    assert len(backend.read().journal(1)) == 2


def test_a_refusal_settles_a_delivery(backend: SQLiteBackend) -> None:
    """A refused delivery stays refused: neither a move nor another refusal takes it."""
    write_creations(backend, creation())
    refusal = Refusal(1, 1, "d", '"no"', 30)
    with backend.write() as writer:
        assert writer.refuse(refusal)
        assert not writer.refuse(refusal)
        assert writer.move(move(delivery_id="d")) is None
    loaded = backend.read().load("Order", "one", "d")
    assert loaded is not None
    assert loaded.delivery == Delivery(None, '"no"')


def test_a_refusal_of_a_version_that_is_gone(backend: SQLiteBackend) -> None:
    """A refusal at another version than the present one is False and settles nothing."""
    write_creations(backend, creation())
    with backend.write() as writer:
        assert not writer.refuse(Refusal(1, 2, "d", '"no"', 30))
        assert writer.move(move(delivery_id="d")) is not None


def test_old_deliveries_are_pruned_in_portions(backend: SQLiteBackend) -> None:
    """Pruning forgets the oldest first, at most so many, and none that is young."""
    write_creations(backend, creation())
    with backend.write() as writer:
        for number in range(5):
            writer.refuse(Refusal(1, 1, f"d{number}", '"no"', number))
        first = writer.deliveries_before(3, (), 2)
        assert [row[1] for row in first] == ["d0", "d1"]
        second = writer.deliveries_before(3, (1, 1, "d1"), 2)
        assert [row[1] for row in second] == ["d2"]
        assert writer.remove_rows(DELIVERY, [row[:2] for row in (*first, *second)]) == 3
        assert writer.deliveries_before(3, (), 2) == []
    for name, settled in {"d2": False, "d3": True}.items():
        loaded = backend.read().load("Order", "one", name)
        assert loaded is not None
        assert (loaded.delivery is not None) == settled


# ---------------------------------------------------------------- look-ups


def test_look_ups_are_replaced_only_when_given(backend: SQLiteBackend) -> None:
    """A move with None keeps the look-ups, one with a tuple replaces all of them."""
    write_creations(backend, creation(lookups=(LookupValue("who", "ann", False),)))
    with backend.write() as writer:
        writer.move(move())
    assert keys(backend.read().find(Query("Order", lookups=(("who", "ann"),)))) == ["one"]
    with backend.write() as writer:
        writer.move(move(seen=2, from_state="paid", lookups=(LookupValue("where", "x", False),)))
    assert backend.read().find(Query("Order", lookups=(("who", "ann"),))) == []
    assert keys(backend.read().find(Query("Order", lookups=(("where", "x"),)))) == ["one"]


def test_a_unique_value_is_one_instances(backend: SQLiteBackend) -> None:
    """A creation that wants another's unique value is refused whole, and the transaction can go on."""
    mail = (LookupValue("other", "v", False), LookupValue("mail", "a@b", True))
    write_creations(backend, creation(lookups=mail))
    with backend.write() as writer:
        with pytest.raises(UniqueTaken) as taken:
            writer.create(creation("two", lookups=mail, messages=(NewMessage("t", "k", "c", "{}"),)))
        assert writer.load("Order", "two") is None
        writer.create(creation("three"))
    assert (taken.value.field, taken.value.value) == ("mail", "a@b")
    assert keys(backend.read().find(Query("Order", lookups=(("other", "v"),)))) == ["one"]
    assert backend.read().count("Order") == [StateCount("new", "New", 2)]
    assert backend.read().messages(0, None, 9) == []


def test_a_move_to_a_value_that_is_taken(backend: SQLiteBackend) -> None:
    """A move that wants another's unique value is refused whole; its delivery can still be settled as refused."""
    mail = (LookupValue("mail", "a@b", True),)
    write_creations(backend, creation(lookups=mail), creation("two", lookups=(LookupValue("mail", "c@d", True),)))
    with backend.write() as writer:
        with pytest.raises(UniqueTaken):
            writer.move(move(instance=2, lookups=mail, delivery_id="d"))
        assert writer.refuse(Refusal(2, 1, "d", '"taken"', 30))
    loaded = backend.read().load("Order", "two", "d")
    assert loaded is not None
    assert (loaded.snapshot.version, loaded.delivery) == (1, Delivery(None, '"taken"'))
    assert keys(backend.read().find(Query("Order", lookups=(("mail", "c@d"),)))) == ["two"]


def test_a_stale_move_to_a_value_that_is_taken(backend: SQLiteBackend) -> None:
    """A move that is both stale and in want of a taken value is stale: it has to be decided anew first."""
    mail = (LookupValue("mail", "a@b", True),)
    write_creations(backend, creation(lookups=mail), creation("two"))
    with backend.write() as writer:
        assert writer.move(move(instance=2, seen=7, lookups=mail)) is None


def test_an_instance_keeps_its_own_unique_value(backend: SQLiteBackend) -> None:
    """A move that writes the unique value that the instance has already is no conflict."""
    mail = (LookupValue("mail", "a@b", True),)
    write_creations(backend, creation(lookups=mail))
    with backend.write() as writer:
        assert writer.move(move(lookups=mail)) is not None


def test_a_value_is_unique_within_a_machine(backend: SQLiteBackend) -> None:
    """Two machines may hold the same value, and a value that is not unique may be held by many."""
    unique, common = LookupValue("mail", "a@b", True), LookupValue("city", "x", False)
    write_creations(
        backend,
        creation(lookups=(unique, common)),
        creation("two", lookups=(common,)),
        creation(machine="Parcel", lookups=(unique,)),
    )
    assert keys(backend.read().find(Query("Order", lookups=(("city", "x"),)))) == ["two", "one"]


# ---------------------------------------------------------------- journal, messages, cursors


def test_the_journal_in_parts(backend: SQLiteBackend) -> None:
    """The journal is read from a version on, or between two of them, oldest first."""
    write_creations(backend, creation())
    for seen in range(1, 5):
        with backend.write() as writer:
            writer.move(move(seen=seen))
    assert [line.version for line in backend.read().journal(1)] == [1, 2, 3, 4, 5]
    assert [line.version for line in backend.read().journal(1, 3)] == [3, 4, 5]
    assert [line.version for line in backend.read().journal(1, 2, 3)] == [2, 3]


def test_the_journal_at_a_time(backend: SQLiteBackend) -> None:
    """The line at a time is the last to arrive whose time is not later, whatever the times did in between."""
    write_creations(backend, creation(at=10))
    for seen, at in ((1, 30), (2, 20), (3, 40)):
        with backend.write() as writer:
            writer.move(move(seen=seen, at=at))
    found = {at: backend.read().journal_at(1, at) for at in (9, 10, 25, 35, 99)}
    assert {at: line and line.version for at, line in found.items()} == {9: None, 10: 1, 25: 3, 35: 3, 99: 4}


def test_messages_come_in_the_order_of_commits(backend: SQLiteBackend) -> None:
    """Messages carry machine, key and version, and are read by position, of all topics or of one."""
    write_creations(backend, creation(messages=(NewMessage("t", "k1", "c", "1"), NewMessage("u", "k2", "c", "2"))))
    with backend.write() as writer:
        writer.move(move(messages=(NewMessage("t", "k3", "c", "3"),)))
    assert backend.read().messages(0, None, 1) == [MessageRow(1, "Order", "one", 1, "t", "k1", "c", "1", 10)]
    assert [row.kind for row in backend.read().messages(1, None, 9)] == ["k2", "k3"]
    assert [(row.kind, row.version) for row in backend.read().messages(0, "t", 9)] == [("k1", 1), ("k3", 2)]


def test_a_cursor_starts_at_0(backend: SQLiteBackend) -> None:
    """A cursor nobody saved is 0; a saved one is what was saved last, backwards too."""
    assert backend.read().cursor("mailer") == 0
    for position in (7, 3):
        with backend.write() as writer:
            writer.save_cursor("mailer", position)
        assert backend.read().cursor("mailer") == position


def test_a_writer_is_of_no_use_after_its_block(backend: SQLiteBackend) -> None:
    """A writer kept beyond its block is refused, while another transaction is open too."""
    with backend.write() as kept:
        pass
    with backend.write() as writer:
        writer.create(creation())
        with pytest.raises(StoreFailure, match="this transaction is over; begin another"):
            kept.save_cursor("x", 1)
    assert backend.read().cursor("x") == 0
