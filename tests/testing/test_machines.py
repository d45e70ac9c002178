"""`simulate` on machines of all kinds: those that come with leverframe, and some as users write them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve, frozen
from bug_tickets import Ticket
from chores import Chore
from errands import Errand
from harbour import Aboard, Afloat, Cargo

from leverframe import Event, InvalidQuery, Lease, Limit, Machine, Payload, lookup, on, state
from leverframe.errors import Key
from leverframe.machines.job import Job
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.run import Run
from leverframe.testing import Chance, simulate

SEEDS = range(15)


# ---------------------------------------------------------------- a machine that comes to no end


@frozen
class Idle(Payload):
    """Nothing is to be done until somebody says so."""

    wanted: bool = True
    errors: int = 0
    not_before: datetime | None = None


@frozen
class Polling(Payload):
    errors: int = 0


@frozen
class Begin(Event): ...


@frozen
class TakenOver(Event): ...


@frozen
class Progress(Event): ...


@frozen
class Polled(Event): ...


@frozen
class Failed(Event): ...


@frozen
class Wanted(Event): ...


def when(poller: Idle, now: datetime) -> datetime | None:
    return (poller.not_before or now) if poller.wanted else None


class Poller(Machine[Idle | Polling, Begin | TakenOver | Progress | Polled | Failed | Wanted]):
    """It has a takeover, is tried again with a delay, and is never final."""

    idle = state(Idle, initial=True)
    polling = state(Polling)

    @on
    def begin(self, s: Idle, e: Begin) -> Polling:
        return Polling(s.errors)

    @on
    def taken_over(self, s: Polling, e: TakenOver) -> Polling:
        return s

    @on
    def progress(self, s: Polling, e: Progress) -> Polling:
        return s

    @on
    def polled(self, s: Polling, e: Polled) -> Idle:
        return Idle(wanted=False)

    @on
    def failed(self, s: Polling, e: Failed) -> Idle:
        return Idle(True, s.errors + 1, self.now() + timedelta(seconds=2**s.errors))

    @on
    def wanted(self, s: Idle, e: Wanted) -> Idle:
        return evolve(s, wanted=True)

    lease = Lease(
        claim=begin,
        takeover=taken_over,
        ready=when,
        limit=Limit(per=lambda poller, key: key[0], at_most=1),
    )


# ---------------------------------------------------------------- a machine whose values are unique


@frozen
class Free(Payload):
    label: str


@frozen
class Used(Payload):
    label: str


@frozen
class Use(Event): ...


@frozen
class Return(Event):
    label: str


@frozen
class Lost(Event): ...


@frozen
class Gone(Payload): ...


@frozen
class Throw(Event): ...


class Tool(Machine[Free | Used | Gone, Use | Return | Lost | Throw]):
    """What is returned under a label that another one has by then is refused."""

    free = state(Free, initial=True)
    used = state(Used)
    gone = state(Gone, final=True)

    label = lookup(unique=True)

    @on
    def use(self, s: Free, e: Use) -> Used:
        return Used(s.label)

    @on
    def returned(self, s: Used, e: Return) -> Free:
        return Free(e.label)

    @on
    def lost(self, s: Used, e: Lost) -> Free:
        return Free(s.label)

    @on
    def throw(self, s: Used, e: Throw) -> Gone:
        return Gone()

    lease = Lease(claim=use, expiry=lost)


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize("machine", [Run, Job, AgentJob, Errand, Chore, Ticket, Tool])
def test_nothing_has_to_be_said(machine: Any) -> None:
    """A machine with a lease is simulated as it is: its states and events are drawn, and all work comes to its end."""
    for seed in SEEDS:
        assert sum(simulate(machine, seed=seed).states.values()) == 5


def named(number: int) -> Key:
    return ("feed" if number % 2 else "mail", f"poller-{number}")


def test_keys_can_be_given() -> None:
    """Where a machine looks at its keys, they are made as it wants them."""
    for seed in SEEDS:
        assert simulate(Poller, seed=seed, key=named).states == {Idle: 5}


def test_a_limit_can_be_given() -> None:
    """Where a limit is for the caller to say, the workers say this one."""
    for seed in SEEDS:
        simulated = simulate(Job, seed=seed, at_most=1, key=lambda number: ("index", f"job-{number}"))
        assert sum(simulated.states.values()) == 5


def cargo(chance: Chance) -> Aboard:
    return Aboard(chance.choice((("north", "a"), ("north", "b"), ("south", "a"))))


def test_what_gates_are_about_is_there() -> None:
    """The subjects of the work are brought, wait for each other, start, and come to their end."""
    traces = [simulate(Cargo, seed=seed, create=cargo, instances=8).trace for seed in SEEDS]
    told = "\n".join(line for trace in traces for line in trace)
    for what in ("brings ('north', 'a')", "wait for ('", "sends Emptied to ('south', 'a')", "claims instance-8"):
        assert what in told, what


def test_subjects_can_be_given() -> None:
    """A subject begins in the state that is made for its key."""
    made: list[Key] = []

    def ship(key: Key, chance: Chance) -> Afloat:
        made.append(key)
        return Afloat()

    simulate(Cargo, seed=2, create=cargo, subject=ship, instances=8)
    assert set(made) <= {("north", "a"), ("north", "b"), ("south", "a")}
    assert made


@pytest.mark.parametrize("wrong", [{"at_most": 0}, {"at_most": "1"}])
def test_a_limit_is_a_number(wrong: dict[str, Any]) -> None:
    """A limit that is none is refused."""
    with pytest.raises(InvalidQuery):
        simulate(Job, **wrong)


def test_a_limit_is_for_a_machine_that_has_one() -> None:
    """`at_most` where the lease declares no limit is refused, as in a claim."""
    with pytest.raises(InvalidQuery, match="no limit="):
        simulate(Run, at_most=1)
