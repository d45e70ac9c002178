"""Paths: what they lead to, how they are gone, and what is said where none is found."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import strategies as st
from shop import Cancelled, Open, Order, Paid, Pay, Ship, Shipped, Tracking

from leverframe import Event, InvalidQuery, InvalidValue, Machine, PathFailed, Payload, Positive, on, open_store, state
from leverframe.machines import Job, Pipeline, Run
from leverframe.machines.execution import Execution
from leverframe.machines.orchestrator import AgentJob, AgentRun, Delivery, RepoGate, Task, TrackerCard
from leverframe.machines.worker import Worker
from leverframe.testing import paths

SHIPPED: tuple[Any, ...] = (
    *(AgentJob, AgentRun, Delivery, Execution, Job, Pipeline),
    *(RepoGate, Run, Task, TrackerCard, Worker),
)


@pytest.mark.parametrize("machine", SHIPPED, ids=lambda machine: str(machine.__name__))
def test_every_state_and_move_of_a_shipped_machine_is_reached(machine: Any) -> None:
    """Nothing of them is out of reach, but for a guard that never says no in one leaf."""
    assert [each.name for each in paths(machine).unreached if each.goal.kind != "guard"] == []


@pytest.mark.parametrize("machine", SHIPPED, ids=lambda machine: str(machine.__name__))
def test_every_path_of_a_shipped_machine_is_gone_in_a_store(machine: Any) -> None:
    """A store keeps what is decided on each of them, the moves that only a lease's owner may make included."""
    with open_store("sqlite://") as store:
        for number, path in enumerate(paths(machine)):
            assert path.run(store.scoped(f"path-{number}")) == path.state


def test_each_target_is_a_goal() -> None:
    """A move with two targets has a path to each, and its guard one at whose end it says no."""
    found = paths(Order)
    names = [path.name for path in found if path.goal.edge is Order.pay]
    assert names == ["open-pay-open", "open-pay-paid", "open-pay-not-not_too_much"]
    assert found.refusals[0].steps[-1].edge is None
    assert isinstance(found.refusals[0].run(), Open)


def test_paths_are_the_shortest() -> None:
    """A path has no event more than its goal needs."""
    found = paths(Order)
    assert [len(found.to(leaf).steps) for leaf in (Open, Paid, Shipped, Cancelled)] == [0, 1, 2, 1]
    assert found.to(Order.ship).events[-1] == Ship(Tracking("1Z-000"))


def test_paths_are_the_same_in_every_process() -> None:
    """The workers of a test run find the same paths, whatever their hashes are."""
    program = "from leverframe.testing import paths; from leverframe.machines import Run; print(*paths(Run), sep='\\n')"
    printed = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_begin() -> None:
    """It begins where it is told to: in a state, in several, or in those of a strategy."""
    assert paths(Order, begin=Open(Positive(5))).to(Open).begin == Open(Positive(5))
    assert paths(Order, begin=[Paid(Positive(5))]).to(Shipped).begin == Paid(Positive(5))
    assert paths(Order, begin=st.just(Open(Positive(7)))).to(Paid).state == Paid(Positive(7))
    any_order: Any = Order
    with pytest.raises(InvalidQuery, match="no state of it"):
        paths(any_order, begin=[Pay(Positive(1))])


def test_a_leaf_that_no_move_leads_to() -> None:
    """Where the structure has no way, that is the reason."""
    found = paths(Order, begin=Paid(Positive(5)))
    reasons = {each.name: each.reason for each in found.unreached}
    assert reasons["open"] == "no moves lead from paid to open; begin there too, with begin="
    with pytest.raises(InvalidQuery, match="no path leads to Open: no moves lead"):
        found.to(Open)


# ---------------------------------------------------------------- guards that ask for something


@frozen
class Waiting(Payload):
    code: Positive
    due: datetime
    tries: int = 0


@frozen
class Through(Payload): ...


@frozen
class Late(Payload): ...


@frozen
class Never(Payload): ...


@frozen
class Knock(Event):
    code: Positive


@frozen
class Tick(Event): ...


@frozen
class Fail(Event): ...


class Gate(Machine[Waiting | Through | Late | Never, Knock | Tick | Fail]):
    waiting = state(Waiting, initial=True)
    through = state(Through, final=True)
    late = state(Late, final=True)
    never = state(Never, final=True)

    def right_after_three(self, s: Waiting, e: Knock) -> bool:
        return e.code == s.code and s.tries == 3

    @on(cond=right_after_three)
    def knock(self, s: Waiting, e: Knock) -> Through:
        return Through()

    @on
    def wrong(self, s: Waiting, e: Knock) -> Waiting:
        return evolve(s, tries=s.tries + 1)

    def due(self, s: Waiting, e: Tick) -> bool:
        return self.now() >= s.due

    @on(cond=due)
    def tick(self, s: Waiting, e: Tick) -> Late:
        return Late()

    def never_so(self, s: Waiting, e: Fail) -> bool:
        return False

    @on(cond=never_so)
    def fail(self, s: Waiting, e: Fail) -> Never:
        return Never()


BEGIN = Waiting(Positive(48_213), datetime.fromisoformat("2030-06-01T00:00:00+00:00"))


def test_what_a_guard_asks_for_is_found() -> None:
    """An event that says what the state says, behind three others; and a time at which something is due."""
    found = paths(Gate, begin=BEGIN)
    assert len(found.to(Through).steps) == 4
    assert found.to(Through).events[-1] == Knock(Positive(48_213))
    assert found.to(Late).steps[0].at >= BEGIN.due


def test_a_guard_that_never_says_yes() -> None:
    """What could not be reached is told with how often it was tried."""
    found = paths(Gate, begin=BEGIN, samples=50)
    reasons = {each.name: each.reason for each in found.unreached}
    assert set(reasons) == {"never", "waiting-fail-never"}
    assert reasons["waiting-fail-never"].startswith("never_so said no to all of ")
    with pytest.raises(PathFailed, match="Gate, path waiting-fail-never: never_so said no"):
        next(each for each in found.unreached if each.goal.edge is not None).run()


def test_a_handler_that_is_not_pure() -> None:
    """A path that goes another way than when it was found fails, and says so."""
    path = paths(Gate, begin=BEGIN).to(Late)
    other = evolve(path, steps=(evolve(path.steps[0], at=BEGIN.due - timedelta(seconds=1)),))
    with pytest.raises(PathFailed, match=r"step 1 was taken before: .*due said no"):
        other.run()
    another = evolve(path, steps=(evolve(path.steps[0], state=Never()),))
    with pytest.raises(PathFailed, match=r"step 1 is tick to Late.., and was tick to Never"):
        another.run()


def test_a_type_that_nobody_knows_how_to_make() -> None:
    """The error names the field and what to do."""

    class Strange:
        def __init__(self, *, needed: object) -> None: ...

    @frozen
    class First(Payload): ...

    @frozen
    class Odd(Event):
        strange: Strange | None
        more: Any

    class Oddities(Machine[First, Odd]):
        first = state(First)

        @on
        def odd(self, s: First, e: Odd) -> First:
            return s

    with pytest.raises(InvalidValue, match=r"Odd.* must have a type .*register\(Type, strategy\)"):
        paths(Oddities)


def test_goals_have_readable_names() -> None:
    """A name says the leaf, the move and the target, and the event where a move has several."""
    names = {path.name for path in paths(Pipeline)}
    assert names >= {"active.backlog", "active.merge-merge_succeeded-done", "done-abandon-archived.abandoned"}
