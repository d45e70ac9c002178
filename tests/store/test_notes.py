"""Who made a move, and why: kept with the journal's line by every store, and gone with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from by_hand import ask_by_hand
from leverframe import InvalidQuery, Send, Store, TransitionNotAllowed, copy_store, open_store
from leverframe.machines.pipeline import Backlog, Coding, DepsMet, GatesStarted, Pipeline, Unblock


def said(store: Store, key: str = "a") -> list[tuple[str, str]]:
    return [(entry.by, entry.why) for entry in store.history(Pipeline, key)]


def test_a_move_keeps_who_made_it_and_why(store: Store) -> None:
    """Creation and moves each have a name and a reason of their own, and nothing where nobody said any."""
    store.create(Pipeline, "a", Backlog(), by="anna", why="the customer asked")
    store.send(Pipeline, "a", DepsMet())
    store.send(Pipeline, "a", GatesStarted(), by="bob")
    assert said(store) == [("anna", "the customer asked"), ("", ""), ("bob", "")]


def test_each_of_many_moves_keeps_its_own(store: Store) -> None:
    """In one call of `send_many` each `Send` says who and why for itself, and pairs say nothing."""
    store.send_many(
        Pipeline,
        [Send("a", DepsMet(), by="anna", why="ready"), ("a", GatesStarted()), Send("b", DepsMet(), why="too")],
        create=Backlog(),
    )
    assert said(store) == [("", ""), ("anna", "ready"), ("", "")]
    assert said(store, "b") == [("", ""), ("", "too")]


def test_a_refused_event_leaves_no_note(store: Store) -> None:
    """Where nothing is written, nothing is noted; the next move is told with its own reason."""
    store.create(Pipeline, "a", Backlog())
    with pytest.raises(TransitionNotAllowed):
        store.send(Pipeline, "a", Unblock(), by="anna", why="try")
    store.send(Pipeline, "a", DepsMet(), why="now")
    assert said(store) == [("", ""), ("", "now")]


def test_an_event_that_comes_again_is_not_noted_again(store: Store) -> None:
    """Of a delivery id that was settled, the first note stays."""
    store.create(Pipeline, "a", Backlog())
    for by in ("anna", "bob"):
        store.send(Pipeline, "a", DepsMet(), delivery_id="d", by=by)
    assert said(store) == [("", ""), ("anna", "")]


def test_a_note_is_taken_back_with_its_transaction(store: Store) -> None:
    """A note is written in the transaction of its move: rolled back, it is not there."""
    store.create(Pipeline, "a", Backlog())
    with pytest.raises(ZeroDivisionError):
        send_and_fail(store)
    assert said(store) == [("", "")]
    store.send(Pipeline, "a", DepsMet())
    assert said(store) == [("", ""), ("", "")]


def test_the_last_lines_of_a_history(store: Store) -> None:
    """With a limit there are the last lines, with their notes, and the states that they left."""
    store.create(Pipeline, "a", Backlog())
    store.send(Pipeline, "a", DepsMet(), by="anna")
    store.send(Pipeline, "a", GatesStarted(), by="bob")
    entries = store.history(Pipeline, "a", limit=2)
    assert [(entry.version, entry.by) for entry in entries] == [(2, "anna"), (3, "bob")]
    assert entries[0].from_state is Backlog
    assert entries[1].from_state is Coding
    assert len(store.history(Pipeline, "a", limit=99)) == 3
    with pytest.raises(InvalidQuery):
        store.history(Pipeline, "a", limit=0)


def send_and_fail(store: Store) -> None:
    with store.transaction():
        store.send(Pipeline, "a", DepsMet(), by="anna", why="ready")
        raise ZeroDivisionError


# ---------------------------------------------------------------- what is no note


@pytest.mark.parametrize(
    ("note", "told"),
    [
        ({"by": ""}, "by '' is no text"),
        ({"why": ""}, "why '' is no text"),
        ({"by": "   "}, "by '   ' is blank"),
        ({"by": 7}, "by 7 is no text"),
        ({"by": "a\nb"}, r"has the control character '\\n' in it"),
        ({"by": "a\x1b[2J"}, "has the control character"),
        ({"why": "a\0b"}, "has a NUL in it"),
        ({"why": "a\x07"}, "has the control character"),
        ({"why": "\ud800"}, "half a character"),
        ({"by": "é" * 101}, "longer than 200 bytes"),
        ({"why": "é" * 2001}, "longer than 4,000 bytes"),
    ],
)
def test_what_is_no_note_is_refused(store: Store, note: dict[str, Any], told: str) -> None:
    """Empty, too long, or with characters that could drive a terminal: refused, and nothing is written."""
    store.create(Pipeline, "a", Backlog())
    with pytest.raises(InvalidQuery, match=told):
        store.send(Pipeline, "a", DepsMet(), **note)
    with pytest.raises(InvalidQuery, match=told):
        store.create(Pipeline, "b", Backlog(), **note)
    with pytest.raises(InvalidQuery, match=told):
        store.send_many(Pipeline, [Send("a", DepsMet(), **note)])
    assert said(store) == [("", "")]
    assert [found.key for found in store.find(Pipeline)] == ["a"]


def test_the_longest_notes(store: Store) -> None:
    """A name of 200 bytes and a reason of 4,000, of several lines, come back as they were."""
    by, why = "é" * 100, ("line\n\t" + "é" * 2000)[:1997] + "\n"
    store.create(Pipeline, "a", Backlog(), by=by, why=why)
    assert said(store) == [(by, why)]


# ---------------------------------------------------------------- what becomes of notes


def noted(store: Store) -> None:
    store.create(Pipeline, "a", Backlog(), by="anna", why="new")
    store.send(Pipeline, "a", DepsMet(), by="bob", why="ready")
    store.send(Pipeline, "a", GatesStarted(), by="carol")


def test_notes_are_copied(shared_url: str, fresh_url: Callable[[str], str]) -> None:
    """A copy has every note of the source."""
    with open_store(shared_url) as store:
        noted(store)
    target = fresh_url("file")
    assert copy_store(shared_url, target).rows["note"] == 3
    with open_store(target) as store:
        assert said(store) == [("anna", "new"), ("bob", "ready"), ("carol", "")]


def test_notes_are_deleted_with_their_instance(shared_url: str) -> None:
    """Of a deleted instance no note is left."""
    with open_store(shared_url) as store:
        noted(store)
        store.delete(Pipeline, "a")
    assert ask_by_hand(shared_url, "SELECT count(*) FROM note") == [(0,)]


@pytest.mark.usefixtures("batches")
def test_notes_are_pruned_with_their_lines(shared_url: str, clock: Callable[[], datetime], tmp_path: Path) -> None:
    """A line that is pruned takes its note along, into the export too; what is left keeps its own."""
    export = tmp_path / "pruned.jsonl"
    with open_store(shared_url, clock=clock) as store:
        noted(store)
        clock.advance(days=1)  # type: ignore[attr-defined]  # the tests' own clock
        assert store.prune(journal=timedelta(hours=1), export=export).journal == 2
        assert said(store) == [("carol", "")]
    rows = [json.loads(line) for line in export.read_text().splitlines()]
    assert [(row["by"], row["why"]) for row in rows if row["table"] == "note"] == [("anna", "new"), ("bob", "ready")]
    assert ask_by_hand(shared_url, "SELECT by FROM note") == [("carol",)]


def test_notes_of_tenants_are_apart(store: Store) -> None:
    """What one tenant notes of a key, another does not see at the same key."""
    for tenant in ("red", "blue"):
        store.scoped(tenant).create(Pipeline, "a", Backlog(), by=tenant)
    assert said(store.scoped("red")) == [("red", "")]
    assert said(store.scoped("blue")) == [("blue", "")]


def test_a_move_without_a_note_says_no_more_to_the_database(store: Store) -> None:
    """What nobody asks for costs no statement."""
    from plans import said_by

    store.create(Pipeline, "a", Backlog())
    store.send(Pipeline, "a", DepsMet())
    with said_by(store) as statements:
        store.send(Pipeline, "a", GatesStarted())
    assert not [text for text, _ in statements if "note" in text]
