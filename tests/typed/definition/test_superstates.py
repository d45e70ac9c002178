"""How states may be nested, and what their payload classes may inherit."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from definitions import Busy, Ended, Go, Idle, Live, assert_refused
from statemachine import State

from leverframe import Machine, Payload, on, state


def test_compound_used_twice_in_one_machine() -> None:
    """A compound used under two names of one machine is refused."""
    with assert_refused("Bad", "again", "declare it anew"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

            again = live


def test_compound_used_in_two_machines() -> None:
    """A compound of another machine is refused: the other one would change."""

    class First(Machine[Idle | Busy, Go]):
        class live(State.Compound):
            idle = state(Idle)
            busy = state(Busy)

        @on
        def go(self, s: Idle, e: Go) -> Busy:
            return Busy()

    with assert_refused("Second", "live", "declare it anew"):

        class Second(Machine[Idle | Busy, Go]):
            live = First.live

    assert First.start(Idle()).send(Go()).state == Busy()


def test_leaf_used_in_two_machines() -> None:
    """A leaf state of another machine is refused."""

    class First(Machine[Idle | Busy, Go]):
        idle = state(Idle)
        busy = state(Busy)

        @on
        def go(self, s: Idle, e: Go) -> Busy:
            return Busy()

    shared: Any = First.idle
    with assert_refused("Bad", "idle", "declare it anew"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = shared
            busy = state(Busy)


def test_superstate_without_a_base() -> None:
    """A superstate whose leaves share no payload base is refused."""
    with assert_refused("Bad", "live", "let all of them inherit one, class X(Payload)"):

        class Bad(Machine[Idle | Ended, Go]):
            class live(State.Compound):
                idle = state(Idle)
                ended = state(Ended)


def test_superstate_in_a_superstate_without_a_base() -> None:
    """A superstate inside another needs a payload base of its own."""
    with assert_refused("Bad", "outer", "let all of them inherit one"):

        class Bad(Machine[Idle | Busy, Go]):
            class outer(State.Compound):
                class live(State.Compound):
                    idle = state(Idle)
                    busy = state(Busy)


def test_superstates_with_one_child_each() -> None:
    """Of superstates around one another, the outer one has the wider payload base."""

    @frozen
    class Outer(Payload): ...

    @frozen
    class Middle(Outer): ...

    @frozen
    class Inner(Middle): ...

    @frozen
    class Leaf(Inner): ...

    class Deep(Machine[Leaf, Go]):
        class outer(State.Compound):
            class middle(State.Compound):
                class inner(State.Compound):
                    leaf = state(Leaf)

        @on
        def go(self, s: Outer, e: Go) -> Leaf:
            return Leaf()

    paths = [Deep.path(kind) for kind in (Outer, Middle, Inner, Leaf)]
    assert paths == ["outer", "outer.middle", "outer.middle.inner", "outer.middle.inner.leaf"]


def test_stray_leaf() -> None:
    """A leaf that inherits a superstate's base outside of its compound is refused."""

    @frozen
    class Stray(Live): ...

    with assert_refused("Bad", "stray", "move the state into it, or let the class inherit something else"):

        class Bad(Machine[Idle | Busy | Stray, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

            stray = state(Stray)


def test_leaf_that_inherits_a_leaf() -> None:
    """A leaf whose payload inherits another leaf's is refused: types would take the one for the other."""

    @frozen
    class VeryBusy(Busy): ...

    with assert_refused("Bad", "very", "let both inherit a class that is no leaf"):

        class Bad(Machine[Busy | VeryBusy, Go]):
            busy = state(Busy)
            very = state(VeryBusy)
