"""Texts that a user can give: what one store keeps every other keeps too, and what one refuses all refuse alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from attrs import frozen
from parcels import Label, Loaded, Parcel, Waiting, waiting

from leverframe import (
    Event,
    LeverframeError,
    Machine,
    Message,
    Payload,
    Send,
    Store,
    lookup,
    on,
    state,
)

STRANGE = {
    "NUL": "a\0b",
    "half a character": "a\ud800",
    "control": "\x01\x1f\x7f",
    "no character": "\uffff\U0010ffff",
    "right to left": "\u202eabc",
    "combined": "e\u0301 \u00e9",
    "line": "a\nb\r\u2028",
    "placeholders": "%s %(a)s ? $1 :a {} /*clock*/",
    "quotes": """'"\\`; --""",
    "blank": " ",
}


@frozen
class Noted(Payload):
    text: str


@frozen
class Note(Event):
    text: str
    topic: str = "topic"
    kind: str = "kind"
    correlation_id: str = ""


class Notebook(Machine[Noted, Note]):
    noted = state(Noted, initial=True)
    text = lookup()

    @on
    def note(self, s: Noted, e: Note) -> Noted:
        return Noted(e.text)

    def announce(self, before: Noted, event: Note, after: Noted) -> Iterable[Message]:
        return [Message(event.topic, event.kind, event.correlation_id, {"text": event.text})]


@pytest.fixture
def notebook(store: Store) -> Store:
    store.create(Notebook, "n", Noted("first"))
    return store


Call = Callable[[Store, str], object]


def told(store: Store, kept: str) -> object:
    return [getattr(message, kept) for message in store.messages()][-1]


def read_back_body(store: Store, text: str) -> object:
    store.send(Notebook, "n", Note(text))
    state: Any = store.get(Notebook, "n").state
    return state.text


def read_back_topic(store: Store, text: str) -> object:
    store.send(Notebook, "n", Note("x", topic=text))
    assert [message.topic for message in store.messages(topic=text)] == [text]
    return told(store, "topic")


def read_back_kind(store: Store, text: str) -> object:
    store.send(Notebook, "n", Note("x", kind=text))
    return told(store, "kind")


def read_back_correlation(store: Store, text: str) -> object:
    store.send(Notebook, "n", Note("x", correlation_id=text))
    return told(store, "correlation_id")


def read_back_message(store: Store, text: str) -> object:
    store.send(Notebook, "n", Note(text))
    body: Any = told(store, "body")
    return body["text"]


def read_back_delivery(store: Store, text: str) -> object:
    store.send(Notebook, "n", Note("x"), delivery_id=text)
    again = store.send_many(Notebook, [Send("n", Note("y"), delivery_id=text)])
    return text if again[0].duplicate and again[0].version == 2 else again


def read_back_cursor(store: Store, text: str) -> object:
    store.save_cursor(text, 7)
    return text if store.cursor(text) == 7 else store.cursor(text)


def read_back_key(store: Store, text: str) -> object:
    return store.create(Notebook, text, Noted("x")) and store.get(Notebook, text).key


def read_back_prefix(store: Store, text: str) -> object:
    store.create(Notebook, text + "!", Noted("x"))
    return next(found.key for found in store.find(Notebook, prefix=text))[:-1]


def read_back_lookup(store: Store, text: str) -> object:
    store.send(Notebook, "n", Note(text))
    return next(found.state.text for found in store.find(Notebook, where={"text": text}))


PLACES: dict[str, Call] = {
    "body": read_back_body,
    "topic": read_back_topic,
    "kind": read_back_kind,
    "correlation id": read_back_correlation,
    "body of a message": read_back_message,
    "delivery id": read_back_delivery,
    "cursor": read_back_cursor,
    "key": read_back_key,
    "prefix": read_back_prefix,
    "look-up": read_back_lookup,
}

# These stand in columns of their own as they are, and no text of PostgreSQL has a NUL in it.
BARE = ("topic", "kind", "correlation id", "delivery id", "cursor")

REFUSED = {("half a character", place) for place in PLACES} | {("NUL", place) for place in BARE}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", STRANGE)
def test_strange_text(notebook: Store, name: str, place: str) -> None:
    """A text is read back as it was given, or is refused by one of our errors, and nothing has changed."""
    if (name, place) not in REFUSED:
        assert PLACES[place](notebook, STRANGE[name]) == STRANGE[name]
        return
    with pytest.raises(LeverframeError):
        PLACES[place](notebook, STRANGE[name])
    assert [found.version for found in notebook.find(Notebook)] == [1]
    assert notebook.messages() == []


@frozen
class Sized(Payload):
    size: int


@frozen
class Resized(Event):
    size: int


class Box(Machine[Sized, Resized]):
    sized = state(Sized, initial=True)
    size = lookup(unique=True)

    @on
    def resized(self, s: Sized, e: Resized) -> Sized:
        return Sized(e.size)


@pytest.mark.parametrize("size", [0, -1, 2**31, 2**63, -(2**63) - 1, 2**64, 10**300])
def test_integer_of_any_size(store: Store, size: int) -> None:
    """An integer in a body is of any size, and is found by its look-up."""
    store.create(Box, "b", Sized(7))
    store.send(Box, "b", Resized(size))
    assert store.get(Box, "b").state == Sized(size)
    assert [found.key for found in store.find(Box, where={"size": size})] == ["b"]


def test_keys_are_ordered_by_code_point(store: Store) -> None:
    """A prefix finds its keys whatever order the database's own language has."""
    keys = ["a", "B", "b", "á", "Z", "z", "ä", "a b", "a-b", "ab", "\U0001f600", "ı", "İ"]
    for key in keys:
        store.create(Parcel, key, Waiting(Label(key), None))
    for prefix in ("a", "B", "á", "\U0001f600", "i", "I"):
        found = {each.key for each in store.find(Parcel, prefix=prefix)}
        assert found == {key for key in keys if key.startswith(prefix)}


def test_strange_text_in_a_state(store: Store) -> None:
    """A unique look-up tells two texts apart that only look alike."""
    for number, label in enumerate(["e\u0301", "\u00e9", "E\u0301", "e", "e "]):
        store.create(Parcel, f"p{number}", waiting(label))
        store.send(Parcel, f"p{number}", Loaded())
    assert len(store.find(Parcel, where={"label": "\u00e9"})) == 1
