"""Instances are created once, and read back as they were."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from everything import everything

from leverframe import (
    AlreadyExists,
    InvalidKey,
    NotFound,
    Positive,
    Store,
    UnknownState,
)
from leverframe.machines.execution import Execution, Idle
from leverframe.machines.pipeline import (
    Backlog,
    BranchName,
    Coding,
    DepsMet,
    Merge,
    Pipeline,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)


# ---------------------------------------------------------------- create and get


def test_create_stores_at_version_1(store: Store) -> None:
    """A created instance is read back at version 1, with the state and times it was created with."""
    created = store.create(Pipeline, "story-7", Backlog())
    read = store.get(Pipeline, "story-7")
    assert (read.key, read.state, read.version) == ("story-7", Backlog(), 1)
    assert read == created
    assert read.created_at == read.changed_at == T0
    assert read.path == "active.backlog"


def test_create_in_any_leaf(store: Store) -> None:
    """An instance may begin in any leaf, with its payload."""
    merge = Merge(BranchName("fix"), Positive(3))
    store.create(Pipeline, "story-7", merge)
    assert store.get(Pipeline, "story-7").state == merge


def test_create_twice_is_refused(store: Store) -> None:
    """A key that is taken is refused, and the instance that has it is as it was."""
    store.create(Pipeline, "story-7", Backlog())
    before = everything(store, "story-7")
    with pytest.raises(AlreadyExists) as refusal:
        store.create(Pipeline, "story-7", Coding())
    assert (refusal.value.machine, refusal.value.key, refusal.value.field) == ("Pipeline", "story-7", "")
    assert everything(store, "story-7") == before


def test_create_foreign_state_is_refused(store: Store) -> None:
    """A state of another machine cannot begin an instance."""
    with pytest.raises(UnknownState):
        store.create(Pipeline, "story-7", Idle())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the wrong state is the point
    assert store.find(Pipeline) == []


def test_machines_do_not_share_keys(store: Store) -> None:
    """One key may exist once in each machine."""
    store.create(Pipeline, "story-7", Backlog())
    store.create(Execution, "story-7", Idle())
    store.send(Pipeline, "story-7", DepsMet())
    assert store.get(Execution, "story-7").state == Idle()


def test_get_missing(store: Store) -> None:
    """An instance that does not exist is `NotFound`, for every verb."""
    for verb in (
        lambda: store.get(Pipeline, "nobody"),
        lambda: store.send(Pipeline, "nobody", DepsMet()),
        lambda: store.send(Pipeline, "nobody", DepsMet(), delivery_id="d"),
        lambda: store.send_many(Pipeline, [("nobody", DepsMet())]),
        lambda: store.history(Pipeline, "nobody"),
        lambda: store.at(Pipeline, "nobody", version=1),
    ):
        with pytest.raises(NotFound) as refusal:
            verb()
        assert (refusal.value.machine, refusal.value.key) == ("Pipeline", "nobody")


# ---------------------------------------------------------------- keys


AWKWARD = ["a b", "ä", "日本", "😀", '"quoted"', "[1]", "a\x00b", "\n", "%_", "'; drop", "x" * 5000, "\U0010ffff"]


@pytest.mark.parametrize("key", [*AWKWARD, ("a",), ("a", "b"), ("[", '"'), tuple(AWKWARD)])
def test_any_key(store: Store, key: Any) -> None:
    """A key may hold any character, as a string or a tuple, and comes back as it was."""
    store.create(Pipeline, key, Backlog())
    store.send(Pipeline, key, DepsMet())
    assert store.get(Pipeline, key).key == key
    assert [s.key for s in store.find(Pipeline, prefix=key[:1])] == [key]


@pytest.mark.parametrize("key", ["", (), ("",), ("a", ""), None, 7, ["a"], ("a", 1), b"a", "a\ud800", ("\udfff",)])
def test_wrong_key(store: Store, key: Any) -> None:
    """An empty key, one not made of strings, or with half a character in it, is refused by every verb."""
    for verb in (
        lambda: store.create(Pipeline, key, Backlog()),
        lambda: store.get(Pipeline, key),
        lambda: store.send(Pipeline, key, DepsMet()),
    ):
        with pytest.raises(InvalidKey):
            verb()
    assert store.find(Pipeline) == []


def test_string_and_tuple_are_different_keys(store: Store) -> None:
    """A string, the tuple of it, and the string that spells that tuple are three keys."""
    keys: list[Any] = ["a", ("a",), '["a"]']
    for key in keys:
        store.create(Pipeline, key, Backlog())
    assert {s.key for s in store.find(Pipeline)} == set(keys)
