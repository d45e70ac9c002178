"""Events and moves that a machine must not have are refused, each in one line."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, frozen
from definitions import Busy, Ended, Go, Idle, Live, Stop, assert_refused, with_move
from statemachine import State

from leverframe import Event, Machine, on, state

# ---------------------------------------------------------------- events


def test_event_of_another_base() -> None:
    """A class in the union of events that is no Event is refused."""
    with assert_refused("Bad", "", "let the class inherit leverframe.Event"):

        class Bad(Machine[Idle, Idle]):
            idle = state(Idle)


def test_mutable_event() -> None:
    """An event class that can change is refused."""

    @define
    class Mutable(Event): ...

    with assert_refused("Bad", "Mutable", "decorate it with @attrs.frozen"):

        class Bad(Machine[Idle, Mutable]):
            idle = state(Idle)


def test_event_that_inherits_an_event() -> None:
    """An event class that inherits another event of the machine is refused."""

    @frozen
    class GoFast(Go): ...

    with assert_refused("Bad", "GoFast", "let both inherit a class that is none"):

        class Bad(Machine[Idle, Go | GoFast]):
            idle = state(Idle)


def test_event_that_nothing_takes() -> None:
    """An event that no move takes is refused."""
    with assert_refused("Bad", "Stop", "write one, or drop it from the union of events"):

        class Bad(Machine[Idle | Busy, Go | Stop]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()


# ---------------------------------------------------------------- the graph of moves


def test_state_that_nothing_reaches() -> None:
    """A state that no move leads to from the initial one is refused."""
    with assert_refused("Bad", "ended", "write one, or drop the state"):

        class Bad(Machine[Idle | Busy | Ended, Go]):
            idle = state(Idle)
            busy = state(Busy)
            ended = state(Ended)

            @on
            def go(self, s: Idle | Ended, e: Go) -> Busy:
                return Busy()


@pytest.mark.parametrize("source", [Busy, Live])
def test_move_out_of_a_final_state(source: Any) -> None:
    """A move out of a final leaf, its own or its superstate's, is refused."""
    with assert_refused("Bad", "again", "drop final=True there, or name the other leaves as the source"):

        class Bad(Machine[Idle | Busy, Go | Stop]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy, final=True)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()

            @on
            def again(self, s: source, e: Stop) -> Idle:
                return Idle()


def test_two_unconditional_handlers() -> None:
    """A second move without a guard for one state and event is refused."""
    with assert_refused("Bad", "go_too", "write @on(cond=...) on the first, or drop one"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()

            @on
            def go_too(self, s: Idle | Busy, e: Go) -> Busy:
                return Busy()


def test_state_named_twice_in_one_move() -> None:
    """A move whose superstate is a source, and a leaf of it too, is no second handler of that leaf: it overrides."""

    class Good(Machine[Idle | Busy, Go]):
        class live(State.Compound):
            idle = state(Idle)
            busy = state(Busy)

        @on
        def go(self, s: Live | Idle, e: Go) -> Busy:
            return Busy()

    assert Good.start(Idle()).send(Go()).state == Busy()


def test_override_with_another_target() -> None:
    """A leaf's move that overrides its superstate's and returns what that one does not is refused."""
    with assert_refused("Bad", "go_idle", "add it to go's annotation, or use another event"):

        class Bad(Machine[Idle | Busy | Ended, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

            ended = state(Ended)

            @on
            def go_idle(self, s: Idle, e: Go) -> Busy:
                return Busy()

            @on
            def go(self, s: Live, e: Go) -> Ended:
                return Ended()


def test_override_with_fewer_targets() -> None:
    """A leaf's move may return fewer classes than the superstate's that it overrides."""

    class Good(Machine[Idle | Busy | Ended, Go]):
        class live(State.Compound):
            idle = state(Idle)
            busy = state(Busy)

        ended = state(Ended)

        @on
        def go(self, s: Live, e: Go) -> Ended | Busy:
            return Ended()

        @on
        def go_idle(self, s: Idle, e: Go) -> Busy:
            return Busy()

    assert Good.start(Idle()).send(Go()).send(Go()).state == Ended()


# ---------------------------------------------------------------- one move, two places


def test_move_of_another_machine() -> None:
    """A move that belongs to a machine already is refused in another."""

    @on
    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    first = with_move(go)
    with assert_refused("Bad", "go", "this move belongs to Bad already; write a method of its own"):
        with_move(go)
    assert first.start(Idle()).send(Go()).state == Busy()


def test_move_under_two_names() -> None:
    """A move under two names of one machine is refused."""
    with assert_refused("Bad", "again", "write a method of its own"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()

            again = go


def test_move_of_a_failed_definition() -> None:
    """A move that stood in a definition which failed can be used in the one that is right."""

    @on
    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    with pytest.raises(Exception, match="no move takes this event"):

        class Bad(Machine[Idle | Busy, Go | Stop]):
            idle = state(Idle)
            busy = state(Busy)
            start_work = go

    assert with_move(go).start(Idle()).send(Go()).state == Busy()
