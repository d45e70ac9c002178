"""The time that a store gives where a call says none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from leverframe import Send, open_store
from leverframe.machines.pipeline import Backlog, DepsMet, GatesFailed, GatesStarted, Pipeline

# The server that keeps the time may be another machine.
APART = timedelta(minutes=5)


def test_a_store_has_a_clock_of_its_own(url: str) -> None:
    """Without `clock=`, every verb that writes is at the time of day, later ones not before earlier ones."""
    began = datetime.now(UTC)
    with open_store(url) as store:
        created = store.create(Pipeline, "story-7", Backlog())
        store.send(Pipeline, "story-7", DepsMet())
        store.send_many(Pipeline, [Send("story-7", GatesStarted())])
        store.send(Pipeline, "story-7", GatesFailed("red"), delivery_id="d")
        times = [entry.at for entry in store.history(Pipeline, "story-7")]
        assert store.get(Pipeline, "story-7").changed_at == times[-1]
    assert times == sorted(times)
    assert times[0] == created.created_at
    assert began - APART <= times[0]
    assert times[-1] <= datetime.now(UTC) + APART


def test_a_given_time_is_taken(url: str) -> None:
    """With `at=`, the move is at that time, and the next one without it at the time of day."""
    given = datetime(2020, 1, 2, tzinfo=UTC)
    with open_store(url) as store:
        store.create(Pipeline, "story-7", Backlog(), at=given)
        store.send(Pipeline, "story-7", DepsMet(), at=given)
        store.send(Pipeline, "story-7", GatesStarted())
        times = [entry.at for entry in store.history(Pipeline, "story-7")]
    assert times[:2] == [given, given]
    assert times[2] > given + timedelta(days=365)
