"""Why nothing was claimed, where nobody asks for one instance by its key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import frozen
from backlog import add_job, add_task
from errands import Errand, Open

from leverframe import Event, Lease, Machine, NotClaimed, Payload, Store, on, state
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.task import Task


def why(store: Store, lease: Any = Errand.lease) -> NotClaimed:
    outcome = store.claim_or_reason(lease, worker="w")
    assert isinstance(outcome, NotClaimed)
    return outcome


def test_what_is_ready_is_claimed(store: Store) -> None:
    """Without a key it claims what has waited longest, as a claim does."""
    for key in ("a", "b"):
        store.create(Errand, key, Open())
    held = store.claim_or_reason(Errand.lease, worker="w")
    assert not isinstance(held, NotClaimed)
    assert held.key == "a"


def test_nothing_waits(store: Store) -> None:
    """Where there is none at all it says so."""
    assert (why(store).reason, why(store).detail) == ("missing", "no Errand waits to be claimed")


def test_all_are_claimed(store: Store) -> None:
    """Where others have all of them it says how many those are."""
    store.create(Errand, "a", Open())
    store.claim(Errand.lease, worker="other")
    assert (why(store).reason, why(store).detail) == ("already_claimed", "1 are claimed, and nothing else waits")


def test_all_are_later(store: Store) -> None:
    """Where all have to wait for a time it says so."""
    store.create(Errand, "a", Open(not_before=store.now() + timedelta(hours=1)))
    assert (why(store).reason, why(store).detail) == ("not_yet", "1 are ready later")


def test_a_limit(store: Store) -> None:
    """What a limit holds back is named, with the limit."""
    for key in ("a", "b", "c"):
        store.create(Errand, key, Open())
    for _ in range(2):
        store.claim(Errand.lease, worker="other")
    assert (why(store).reason, why(store).key) == ("concurrency_limit", "c")


def test_a_guard(store: Store) -> None:
    """What a guard holds back is named."""
    store.create(Errand, "a", Open(wanted=False))
    assert (why(store).reason, why(store).key) == ("not_claimable", "a")


def test_a_gate(store: Store) -> None:
    """What waits for something else is told as held back."""
    first, second = add_task(store, 1), add_task(store, 2)
    store.add_dependency(Task, second, on=first)
    add_job(store, "job", second)
    told = why(store, AgentJob.lease)
    assert told.reason in ("dependency", "held_back")
    assert store.count(AgentJob).total() == 1


@frozen
class Folded(Payload):
    sheets: int


@frozen
class Flying(Payload):
    lift: float


@frozen
class Thrown(Event): ...


@frozen
class Landed(Event): ...


class Plane(Machine[Folded | Flying, Thrown | Landed]):
    folded = state(Folded, initial=True)
    flying = state(Flying)

    @on
    def thrown(self, s: Folded, e: Thrown) -> Flying:
        return Flying(1 / s.sheets)

    @on
    def landed(self, s: Flying, e: Landed) -> Folded:
        return Folded(1)

    lease = Lease(claim=thrown, expiry=landed)


def test_a_move_that_raises(store: Store) -> None:
    """What its move raises is the reason, and nothing is written."""
    store.create(Plane, "a", Folded(0))
    told = why(store, Plane.lease)
    assert (told.reason, told.detail, told.key) == ("not_claimable", "ZeroDivisionError: division by zero", "a")
    assert store.get(Plane, "a").version == 1
