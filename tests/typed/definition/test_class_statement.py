"""What the class statement of a machine may inherit, and what its body may use."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from attrs import frozen
from definitions import Busy, Go, Idle, assert_refused, correct
from statemachine import State, StateChart

from leverframe import Event, Machine, Message, Payload, entering, lookup, on, state


def test_machine_without_types() -> None:
    """Inheriting Machine without naming its states and events is refused."""
    with assert_refused("Bad", "", "write class X(Machine[StateUnion, EventUnion])"):

        class Bad(Machine):
            idle = state(Idle)


def test_machine_without_states() -> None:
    """A machine without states is refused."""
    with assert_refused("Bad", "", "write name = state(Payload, initial=True)"):

        class Bad(Machine[Idle, Go]): ...


def test_subclass_of_a_machine() -> None:
    """Inheriting a machine is refused."""
    concrete: Any = correct()
    with assert_refused("Bad", "", "write a machine of its own"):

        class Bad(concrete): ...


def test_abstract_native_chart_beside_machine() -> None:
    """A StateChart of the user's own stays what python-statemachine makes of it."""

    class Native(StateChart[Any]):
        idle = State(initial=True)
        go = idle.to.itself()

    assert Native().idle.is_active


@pytest.mark.parametrize("kind", ["move", "hook", "look-up", "state"])
def test_declaration_in_a_mixin(kind: str) -> None:
    """A move, hook, look-up or state declared in a mixin is refused."""

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    def tell(self: object, s: Idle) -> list[Message]:
        return []

    declared = {"move": on(go), "hook": entering(tell), "look-up": lookup(), "state": state(Idle)}[kind]
    mixin: Any = type("Mixin", (), {"shared": declared})
    with assert_refused("Bad", "shared", "write it in the machine's own body"):

        class Bad(mixin, Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)


def test_helper_in_a_mixin() -> None:
    """A mixin may hold helpers that handlers use."""

    class Naming:
        def name_of(self, number: int) -> str:
            return f"task {number}"

    class Named(Naming, Machine[Idle | Busy, Go]):
        idle = state(Idle)
        busy = state(Busy)

        @on
        def go(self, s: Idle, e: Go) -> Busy:
            return Busy(self.name_of(3))

    assert Named.start(Idle()).send(Go()).state == Named.native(Idle()).deliver(Go()).state == Busy("task 3")


def test_lookup_without_a_field() -> None:
    """A look-up that names no field is refused, with the nearest field."""
    with assert_refused("Bad", "tassk", "did you mean 'task'?"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            tassk = lookup()

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()


def test_machine_of_local_classes() -> None:
    """A machine in a function may use classes of that function in its annotations."""

    class Colour(Enum):
        RED = 1

    @frozen
    class Base(Payload):
        colour: Colour

    @frozen
    class Light(Base): ...

    @frozen
    class Dark(Base): ...

    @frozen
    class Turn(Event): ...

    class Lamp(Machine[Light | Dark, Turn]):
        class base(State.Compound):
            light = state(Light)
            dark = state(Dark)

        @on
        def turn(self, s: Base, e: Turn) -> Dark:
            return Dark(s.colour)

        @entering
        def tell(self, s: Dark) -> list[Message]:
            return [Message("lamps", "dark")]

    assert Lamp.start(Light(Colour.RED)).send(Turn()).state == Dark(Colour.RED)


def test_same_named_machines() -> None:
    """Two machines of one name, with methods of one name, do not disturb each other."""
    machines = [correct() for _ in range(2)]
    natives = [machine.native(Idle()) for machine in machines]
    assert [native.deliver(Go()).edge for native in natives] == [vars(machine)["go"] for machine in machines]
