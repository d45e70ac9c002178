"""A freeze of groups whose subjects do not take turns."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen

from leverframe import (
    Event,
    Freeze,
    Gates,
    Lease,
    Machine,
    MachineDefinitionError,
    OneAtATime,
    Payload,
    Store,
    on,
    open_store,
    state,
)
from leverframe.coordination.not_claimed import NotClaimed
from leverframe.machines.orchestrator import repository_gate
from leverframe.machines.orchestrator.repository_gate import RepoGate
from leverframe.machines.orchestrator.task import Repository, WorkItemId
from leverframe.persistence.gating import TurnRow
from leverframe.persistence.keys import encode_key


@frozen
class Planned(Payload): ...


@frozen
class Built(Payload): ...


@frozen
class Build(Event): ...


class House(Machine[Planned | Built, Build]):
    planned = state(Planned, initial=True)
    built = state(Built)

    @on
    def build(self, s: Planned, e: Build) -> Built:
        return Built()


def shut_by_street(key: Any) -> str:
    street: str = key[0]
    return street


@frozen
class Open(Payload):
    house: tuple[str, str]


@frozen
class Taken(Payload):
    house: tuple[str, str]


@frozen
class Take(Event): ...


@frozen
class Give(Event): ...


def job(freeze: Freeze, of: Any = House) -> Any:
    """A machine of work that is about houses."""

    class Job(Machine[Open | Taken, Take | Give]):
        open = state(Open, initial=True)
        taken = state(Taken)

        @on
        def take(self, s: Open, e: Take) -> Taken:
            return Taken(s.house)

        @on
        def give(self, s: Taken, e: Give) -> Open:
            return Open(s.house)

        lease = Lease(claim=take, gates=Gates(subject=lambda s: s.house, of=of, freeze=freeze))

    return Job


Job = job(Freeze(by=RepoGate, state=repository_gate.Frozen, why=lambda s: s.reason, group=shut_by_street))


def add(store: Store, *numbers: str, street: str = "elm") -> None:
    for number in numbers:
        store.create(House, (street, number), Planned())
        store.create(Job, (street, number), Open((street, number)))


def shut(store: Store, street: str = "elm") -> None:
    store.create(RepoGate, street, repository_gate.Open())
    store.send(RepoGate, street, repository_gate.Freeze("flooded", (Repository(street), WorkItemId("T-1"))))


def claim_all(store: Store) -> list[Any]:
    return [each.key for each in store.claim_many(Job.lease, worker="w", limit=10)]


def test_all_of_the_group_is_held_back(store: Store) -> None:
    """While the gate is shut nothing of its group is claimed, what was worked on before included; others are."""
    add(store, "1", "2")
    add(store, "3", street="oak")
    held = store.claim(Job.lease, worker="w")
    assert held is not None
    shut(store)
    held.send(Give())
    assert claim_all(store) == [("oak", "3")]
    for number in ("1", "2"):
        refused = store.claim_or_reason(Job.lease, worker="w", key=("elm", number))
        assert isinstance(refused, NotClaimed)
        assert (refused.reason, refused.detail) == ("frozen", "RepoGate 'elm' is shut: flooded")


def test_several_of_a_group_at_a_time(store: Store) -> None:
    """An open gate lets any number of its group through: nobody takes a turn."""
    add(store, "1", "2", "3")
    shut(store)
    store.send(RepoGate, "elm", repository_gate.Unfreeze())
    assert claim_all(store) == [("elm", "1"), ("elm", "2"), ("elm", "3")]


def test_turns_of_before_hold_back_nothing(store: Store) -> None:
    """A turn that was taken while the subjects' machine declared OneAtATime holds back nothing any more."""
    add(store, "1", "2")
    store._backend.commit(  # pyright: ignore[reportPrivateUsage]  # the code that took the turn is gone
        lambda writer: writer.take_turn("House", encode_key("elm"), TurnRow(encode_key(("elm", "1")), 1))
    )
    assert claim_all(store) == [("elm", "1"), ("elm", "2")]
    add(store, "3")
    shut(store)
    assert claim_all(store) == []


def test_groups_are_named_once() -> None:
    """Where the subjects' machine has groups, a freeze names no others."""

    class Ordered(Machine[Planned | Built, Build]):
        planned = state(Planned, initial=True)
        built = state(Built)

        @on
        def build(self, s: Planned, e: Build) -> Built:
            return Built()

        turn = OneAtATime(group=shut_by_street)

    freeze = Freeze(by=RepoGate, state=repository_gate.Frozen, group=shut_by_street)
    with pytest.raises(MachineDefinitionError, match="leave group= out"):
        job(freeze, Ordered)


def test_the_gate_has_the_state() -> None:
    """A freeze is refused that names a state which its gate does not have."""
    with pytest.raises(MachineDefinitionError, match="no state of it; give a leaf or superstate class"):
        job(Freeze(by=RepoGate, state=Planned, group=shut_by_street))


def test_a_freeze_that_is_declared_later(shared_url: str) -> None:
    """What was there before the freeze was declared is held back by it too."""
    before = job_without_freeze()
    with open_store(shared_url) as store:
        store.create(House, ("elm", "1"), Planned())
        store.create(before, ("elm", "1"), Open(("elm", "1")))
        shut(store)
    with open_store(shared_url) as store:
        assert claim_all(store) == []


def job_without_freeze() -> Any:
    class Job(Machine[Open | Taken, Take | Give]):
        open = state(Open, initial=True)
        taken = state(Taken)

        @on
        def take(self, s: Open, e: Take) -> Taken:
            return Taken(s.house)

        @on
        def give(self, s: Taken, e: Give) -> Open:
            return Open(s.house)

        lease = Lease(claim=take, gates=Gates(subject=lambda s: s.house, of=House))

    return Job
