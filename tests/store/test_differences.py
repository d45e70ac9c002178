"""What stores do not do alike is declared by each, and is so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from parcels import Label, Loaded, Parcel, Relabelled, Waiting

from leverframe import Store, StoreFailure, TransitionNotAllowed
from leverframe.persistence.backend import Backend


@pytest.fixture
def declared(store: Store) -> Backend:
    return store._backend  # pyright: ignore[reportPrivateUsage]  # what it declares is for who works on stores


@pytest.fixture
def filled(store: Store) -> Store:
    for key in ("p", "q"):
        store.create(Parcel, key, Waiting(Label(key), None))
    return store


def writing(store: Store, text: str) -> list[Callable[[], object]]:
    """Calls that put the text where an index has it."""
    return [
        lambda: store.create(Parcel, text, Waiting(Label("a long key"), None)),
        lambda: store.send(Parcel, "p", Relabelled(Label(text))),
        lambda: store.send(Parcel, "q", Loaded(), delivery_id=text),
    ]


def long_text(size: int) -> str:
    """So many bytes, of many characters: what repeats itself is kept in less room."""
    return "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(size // 3))


def test_what_an_index_takes(filled: Store, declared: Backend) -> None:
    """A text of the declared length fits every index."""
    for write in writing(filled, long_text(declared.longest_indexed or 100_000)):
        write()
    assert sorted(found.version for found in filled.find(Parcel)) == [1, 2, 2]


def test_what_no_index_takes(filled: Store, declared: Backend) -> None:
    """Where a length is declared, a text far beyond it is refused with its reason, and nothing is written."""
    for write in writing(filled, long_text(100_000)):
        if declared.longest_indexed is None:
            write()
            continue
        with pytest.raises(StoreFailure, match="longer than an index"):
            write()
    versions = [1, 2, 2] if declared.longest_indexed is None else [1, 1]
    assert sorted(found.version for found in filled.find(Parcel)) == versions


def test_numbers_of_what_was_taken_back(filled: Store, declared: Backend) -> None:
    """The journal's numbers grow, and have gaps where that is declared."""
    first = filled.send(Parcel, "q", Loaded()).seq
    with pytest.raises(TransitionNotAllowed):
        move_and_fail(filled)
    following = filled.send(Parcel, "p", Loaded()).seq
    assert first is not None
    assert following is not None
    assert (following == first + 1) is declared.numbers_without_gaps
    assert following > first


def move_and_fail(store: Store) -> None:
    with store.transaction():
        store.send(Parcel, "p", Loaded())
        store.send(Parcel, "p", Loaded())


def test_messages_of_ones_own_transaction(filled: Store, declared: Backend) -> None:
    """Messages are seen inside of the transaction that tells them where that is declared, and behind it by all."""
    before = len(filled.messages())
    with filled.transaction():
        filled.send(Parcel, "p", Loaded())
        inside = len(filled.messages())
    assert len(filled.messages()) > before
    assert (inside > before) is declared.shows_own_messages
