"""Which classes may stand in the unions, and which states have to be declared."""

from __future__ import annotations

import pytest
from attrs import define, frozen
from definitions import Busy, Ended, Go, Idle, assert_refused
from statemachine import State

from leverframe import Machine, Payload, state


def test_state_missing_from_the_body() -> None:
    """A class in the union of states that no state declares is refused, with the nearest name."""

    @frozen
    class Bussy(Payload): ...

    with assert_refused("Bad", "", "did you mean 'Busy'?"):

        class Bad(Machine[Idle | Bussy, Go]):
            idle = state(Idle)
            busy = state(Busy)


def test_state_missing_from_the_union() -> None:
    """A declared state that is missing from the union of states is refused."""
    with assert_refused("Bad", "busy", "is missing from the union of states; add it"):

        class Bad(Machine[Idle, Go]):
            idle = state(Idle)
            busy = state(Busy)


def test_payload_used_twice() -> None:
    """Two leaves of one payload class are refused."""
    with assert_refused("Bad", "again", "give each leaf its own class"):

        class Bad(Machine[Idle, Go]):
            idle = state(Idle)
            again = state(Idle)


def test_payload_without_attrs() -> None:
    """A payload class that attrs did not make is refused."""

    class Plain(Payload): ...

    with assert_refused("Bad", "idle", "decorate it with @attrs.frozen"):

        class Bad(Machine[Plain, Go]):
            idle = state(Plain)


def test_payload_whose_base_is_frozen() -> None:
    """A payload class that forgot its own decorator is refused."""

    class Forgotten(Busy):
        more: str

    with assert_refused("Bad", "idle", "decorate it with @attrs.frozen"):

        class Bad(Machine[Forgotten, Go]):
            idle = state(Forgotten)


def test_mutable_payload() -> None:
    """A payload class that can change is refused."""

    @define
    class Mutable(Payload): ...

    with assert_refused("Bad", "idle", "decorate it with @attrs.frozen"):

        class Bad(Machine[Mutable, Go]):
            idle = state(Mutable)


def test_payload_of_another_base() -> None:
    """A payload class that is no Payload is refused."""

    @frozen
    class Foreign: ...

    with assert_refused("Bad", "idle", "let the class inherit leverframe.Payload"):

        class Bad(Machine[Foreign, Go]):
            idle = state(Foreign)


def test_payload_that_is_no_class() -> None:
    """An object in place of a payload class is refused."""
    with assert_refused("Bad", "idle", "let the class inherit leverframe.Payload"):

        class Bad(Machine[Idle, Go]):
            idle = state(Idle())


@pytest.mark.parametrize("nested", [True, False])
def test_untyped_state(nested: bool) -> None:
    """A State without a payload is refused."""
    with assert_refused("Bad", "live.busy" if nested else "busy", "write state(Payload)"):

        class Bad(Machine[Idle | Busy, Go]):
            if nested:

                class live(State.Compound):
                    idle = state(Idle)
                    busy = State()

            else:
                idle = state(Idle)
                busy = State()


def test_final_superstate() -> None:
    """A superstate that is final is refused."""
    with assert_refused("Bad", "live", "write final=True on leaves of it"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound, final=True):
                idle = state(Idle)
                busy = state(Busy)


@pytest.mark.parametrize("nested", [True, False])
def test_two_initial_states(nested: bool) -> None:
    """Two initial states on one level are refused."""
    with assert_refused("Bad", "", "keep initial=True on one"):

        class Bad(Machine[Idle | Busy | Ended, Go]):
            ended = state(Ended)
            if nested:

                class live(State.Compound):
                    idle = state(Idle, initial=True)
                    busy = state(Busy, initial=True)

            else:
                idle = state(Idle, initial=True)
                busy = state(Busy, initial=True)
