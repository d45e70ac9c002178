"""`simulate`, as users call it for machines of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from leased_errands import Doing, Done, Errand, Finished, GivenUp, Open
from mutants import MUTANTS
from vigils import Vigil

from leverframe import InvalidQuery, SimulationFailed
from leverframe.coordination.held import Held
from leverframe.machines.pipeline import Pipeline
from leverframe.machines.run import Completed, Run, Succeeded
from leverframe.testing import Chance, simulate

SEEDS_OF_A_FAULT = 50

AGAIN = "from leverframe.testing import simulate; from leverframe.machines.run import Run; print(simulate(Run, seed=6))"


def failing() -> tuple[int, SimulationFailed]:
    """The first seed in which a store that does not fence fails, and how."""
    for seed in range(SEEDS_OF_A_FAULT):
        try:
            simulate(Run, seed=seed)
        except SimulationFailed as failed:
            return seed, failed
    raise AssertionError


# ---------------------------------------------------------------- the same each time


def test_a_seed_gives_the_same_run() -> None:
    """The same arguments give the same trace, to the last character; another seed gives another."""
    first, again, other = simulate(Run, seed=6), simulate(Run, seed=6), simulate(Run, seed=7)
    assert first == again
    assert first.trace != other.trace


def test_a_seed_gives_the_same_run_in_another_process() -> None:
    """The trace does not depend on how Python mixes the order of sets."""
    told = [
        subprocess.run(
            [sys.executable, "-c", AGAIN], env=os.environ | {"PYTHONHASHSEED": mixed}, capture_output=True, check=True
        ).stdout.decode()
        for mixed in ("1", "2")
    ]
    assert told == [f"{simulate(Run, seed=6)}\n"] * 2


def test_a_failure_gives_the_same_trace() -> None:
    """What fails fails again the same way, and its shortest trace is the same."""
    with MUTANTS["completion_not_fenced"].fault():
        seed, failed = failing()
        with pytest.raises(SimulationFailed) as again:
            simulate(Run, seed=seed)
    assert (again.value.problem, again.value.trace) == (failed.problem, failed.trace)
    assert again.value.seed == seed


# ---------------------------------------------------------------- what is told


def test_a_failure_is_told_shortly() -> None:
    """A failure comes with the few things that led to it, in the text of its traceback too."""
    with MUTANTS["completion_not_fenced"].fault():
        _, failed = failing()
    assert len(failed.trace) < 15
    assert "claims instance-1" in "\n".join(failed.trace)
    assert failed.__notes__ == ["\n".join(failed.trace)]
    assert failed.machine == "Run"


def test_what_is_told_of_a_run() -> None:
    """A run tells how many instances ended where, how long it took by its own clock, and all that happened."""
    simulated = simulate(Vigil, seed=1, instances=4)
    assert sum(simulated.states.values()) == 4
    assert simulated.passed.total_seconds() > 0
    assert str(simulated) == "\n".join(simulated.trace)
    assert simulated.seed == 1


# ---------------------------------------------------------------- what can be said


def work(held: Held[Errand, Doing], chance: Chance) -> Iterator[None]:
    """Do it, slowly."""
    for _ in range(chance.randint(1, 4)):
        yield
    held.send(Done())


def create(chance: Chance) -> Open:
    return Open(f"errand-{chance.randint(1, 99)}", urgency=chance.randint(-2, 2))


def test_creation_and_work_can_be_given() -> None:
    """Instances begin in the state that is made for them, and workers do what they are told."""
    simulated = simulate(Errand.lease, seed=4, create=create, work=work)
    assert set(simulated.states) <= {Finished, GivenUp}


def test_a_machine_with_one_lease_is_enough() -> None:
    """A machine stands for its only lease."""
    assert simulate(Errand, seed=3) == simulate(Errand.lease, seed=3)


def test_work_that_never_ends_is_seen() -> None:
    """What is renewed and never sent is said to wait for ever."""

    def idle(held: Held[Any, Any], chance: Chance) -> Iterator[None]:
        while True:
            yield

    with pytest.raises(SimulationFailed, match="waits for ever"):
        simulate(Vigil, seed=3, instances=1, work=idle)


def test_what_work_raises_is_raised_with_its_trace() -> None:
    """A fault in what a worker does comes through, with a note of what had happened."""

    def careless(held: Held[Any, Any], chance: Chance) -> Iterator[None]:
        yield
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as raised:
        simulate(Vigil, seed=3, work=careless)
    assert "with seed=3" in raised.value.__notes__[0]


def test_all_of_it_is_done_by_one_worker_too() -> None:
    """One worker, one instance and no disturbance: all is done."""

    def finish(held: Held[Any, Any], chance: Chance) -> Iterator[None]:
        yield
        held.send(Succeeded())

    assert simulate(Run, steps=0, workers=1, instances=1, work=finish).states == {Completed: 1}


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("wrong", [Pipeline, "Run", object()])
def test_only_a_lease_is_simulated(wrong: Any) -> None:
    """A machine without a lease, or anything else, is refused."""
    with pytest.raises(InvalidQuery, match="give one"):
        simulate(wrong)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"instances": 0}, {"steps": -1}, {"seed": "a"}])
def test_numbers_are_checked(wrong: dict[str, Any]) -> None:
    """What is no number, or too small, is refused."""
    with pytest.raises(InvalidQuery):
        simulate(Run, **wrong)
