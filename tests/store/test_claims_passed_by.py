"""Instances whose claim raises: they are passed by, and told, and keep nobody else back."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from attrs import frozen

from leverframe import Event, Lease, Limit, Machine, Payload, Store, on, state


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

    lease = Lease(claim=thrown, expiry=landed, ttl=timedelta(seconds=60))


class Glider(Machine[Folded | Flying, Thrown | Landed]):
    """The same, of which a few may fly at one time."""

    folded = state(Folded, initial=True)
    flying = state(Flying)

    @on
    def thrown(self, s: Folded, e: Thrown) -> Flying:
        return Flying(1 / s.sheets)

    @on
    def landed(self, s: Flying, e: Landed) -> Folded:
        return Folded(1)

    lease = Lease(claim=thrown, expiry=landed, limit=Limit(per=lambda state, key: "sky", at_most=2))


MACHINES: list[Any] = [Plane, Glider]


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest, store: Store) -> Any:
    """With one that cannot be claimed before two that can."""
    store.create(request.param, "of nothing", Folded(0))
    for key in ("first", "second"):
        store.create(request.param, key, Folded(2))
    return request.param


def everything(store: Store, machine: Any) -> list[Any]:
    return [(one.key, one.version, one.state) for one in store.find(machine)]


def test_others_are_claimed(store: Store, machine: Any) -> None:
    """What is behind it is claimed, in its order."""
    assert [held.key for held in store.claim_many(machine.lease, worker="w", limit=5)] == ["first", "second"]


def test_alone_it_is_nothing_to_claim(store: Store, machine: Any) -> None:
    """Where nothing else is ready nothing is claimed, and nothing is written."""
    store.claim_many(machine.lease, worker="w", limit=5)
    before = everything(store, machine)
    assert store.claim(machine.lease, worker="w") is None
    assert everything(store, machine) == before


def test_it_is_told_once(store: Store, machine: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The log says which one, and what was raised, once for a version."""
    with caplog.at_level(logging.WARNING, logger="leverframe"):
        for _ in range(3):
            store.claim(machine.lease, worker="w")
    (record,) = caplog.records
    told = f"{machine.machine_name} 'of nothing' cannot be claimed, and is passed by until it is moved or mended"
    assert record.getMessage() == f"{told}: ZeroDivisionError: division by zero"
    assert record.exc_info is not None


def test_by_its_key_it_raises(store: Store, machine: Any) -> None:
    """Who asks for it by its key gets what its move raises, and nothing is written."""
    before = everything(store, machine)
    with pytest.raises(ZeroDivisionError):
        store.claim(machine.lease, worker="w", key="of nothing")
    assert everything(store, machine) == before


def test_its_place_in_a_limit_stays_free(store: Store) -> None:
    """One that was passed by takes no place of a limit."""
    store.create(Glider, "of nothing", Folded(0))
    for key in ("first", "second"):
        store.create(Glider, key, Folded(2))
    assert len(store.claim_many(Glider.lease, worker="w", limit=2)) == 2
