"""Others who are always faster, or a few times."""

from __future__ import annotations

from typing import Any

import pytest

from leverframe import Conflict, Store
from leverframe.machines.pipeline import Backlog, Coding, DepsMet, Pipeline
from leverframe.persistence.postgres.backend import PostgresBackend
from leverframe.persistence.postgres.writer import PostgresWriter
from leverframe.persistence.rows import Move
from leverframe.persistence.sending import ATTEMPTS
from leverframe.persistence.sqlite.writer import SQLiteWriter

WHERE_MOVES_ARE_WRITTEN: tuple[Any, ...] = (SQLiteWriter, PostgresWriter, PostgresBackend)


class Faster:
    """Others: so many times, the instance is no longer where it was when a move is to be written."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked = 0

    def are(self) -> bool:
        self.asked += 1
        return self.asked <= self.times


def let_others_win(patch: pytest.MonkeyPatch, times: int) -> Faster:
    faster = Faster(times)
    for place in WHERE_MOVES_ARE_WRITTEN:
        patch.setattr(place, "move", unless_faster(faster, place.move))
    return faster


def unless_faster(faster: Faster, write: Any) -> Any:
    def move(place: object, move: Move) -> int | None:
        return None if faster.are() else write(place, move)

    return move


def test_always_too_late(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is too late a bounded number of times is told so, and nothing has changed."""
    store.create(Pipeline, "story-7", Backlog())
    faster = let_others_win(monkeypatch, 10_000)
    with pytest.raises(Conflict) as error:
        store.send(Pipeline, "story-7", DepsMet(), delivery_id="d")
    assert (error.value.machine, error.value.key, error.value.attempts) == ("Pipeline", "story-7", ATTEMPTS)
    assert ATTEMPTS <= faster.asked <= 2 * ATTEMPTS
    assert store.get(Pipeline, "story-7").version == 1
    monkeypatch.undo()
    assert not store.send(Pipeline, "story-7", DepsMet(), delivery_id="d").duplicate


@pytest.mark.parametrize("times", [1, 2, 3, ATTEMPTS - 1])
def test_too_late_a_few_times(store: Store, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """A call that is too late a few times decides again each time, and moves once."""
    store.create(Pipeline, "story-7", Backlog())
    let_others_win(monkeypatch, times)
    receipt = store.send(Pipeline, "story-7", DepsMet())
    assert (receipt.state, receipt.version) == (Coding(), 2)
    assert len(store.history(Pipeline, "story-7")) == 2


def test_many_at_once_too_late(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a call of many events is written when one of them is too late."""
    store.create(Pipeline, "a", Backlog())
    store.create(Pipeline, "b", Backlog())
    let_others_win(monkeypatch, 1)
    with pytest.raises(Conflict):
        store.send_many(Pipeline, [("a", DepsMet()), ("b", DepsMet())])
    assert [found.version for found in store.find(Pipeline)] == [1, 1]
