"""Names that a machine's members must not have are refused, and so are two members of one name."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen
from definitions import Busy, Go, Idle, assert_refused
from statemachine import State

from leverframe import Event, Machine, MachineDefinitionError, Payload, on, state


@pytest.mark.parametrize(
    "name",
    ["model", "states", "states_map", "prepare", "configuration", "send", "now", "start", "initial_state", "_payload"],
)
def test_reserved_state_name(name: str) -> None:
    """A state with a name that python-statemachine or Machine uses is refused."""
    with assert_refused("Bad", name, "choose another"):

        class Bad(Machine[Idle | Busy, Go]):
            busy = state(Busy)
            locals()[name] = state(Idle)


@pytest.mark.parametrize("name", ["send", "start", "fire_all", "path", "upcast"])
def test_reserved_method_name(name: str) -> None:
    """A method with a name that Machine uses is refused, and any other is not."""
    body: dict[str, Any] = {name: lambda self: None}
    if hasattr(Machine, name):
        with pytest.raises(MachineDefinitionError, match=f"{name}: is a reserved name; choose another"):
            helpful(body)
    else:
        assert helpful(body).start(Idle()).send(Go()).state == Busy()


def helpful(body: dict[str, Any]) -> Any:
    class Helpful(Machine[Idle | Busy, Go]):
        idle = state(Idle)
        busy = state(Busy)
        locals().update(body)

        @on
        def go(self, s: Idle, e: Go) -> Busy:
            return Busy()

    return Helpful


@pytest.mark.parametrize("name", ["to", "enter", "exit", "states", "transitions", "initial", "parent", "id", "value"])
def test_reserved_name_inside_a_compound(name: str) -> None:
    """A state in a compound with a name that a State uses is refused."""
    with assert_refused("Bad", name, "choose another"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                busy = state(Busy)
                locals()[name] = state(Idle)


def test_reserved_name_of_a_compound_inside_a_compound() -> None:
    """A compound in a compound with a name that a State uses is refused."""
    with assert_refused("Bad", "live.enter", "choose another"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                busy = state(Busy)

                class enter(State.Compound):
                    idle = state(Idle)


@pytest.mark.parametrize("name", ["send", "now", "path", "model", "_payload"])
def test_reserved_machine_name_inside_a_compound(name: str) -> None:
    """A state in a compound with a name that Machine uses is refused."""
    with assert_refused("Bad", f"live.{name}", "choose another"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                busy = state(Busy)
                locals()[name] = state(Idle)

            @on
            def go(self, s: Busy, e: Go) -> Idle:
                return Idle()


def test_two_methods_of_one_name() -> None:
    """A second method of a move's name is refused: Python would drop the first unseen."""
    with assert_refused("Bad", "go", "rename one"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()

            @on
            def go(self, s: Busy, e: Go) -> Idle:  # noqa: F811
                return Idle()


def test_state_declared_twice() -> None:
    """A second state of one name is refused."""
    with assert_refused("Bad", "idle", "rename one"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            idle = state(Busy)  # noqa: PIE794


def test_method_of_a_states_name() -> None:
    """A method with the name of a state is refused."""
    with assert_refused("Bad", "idle", "rename one"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)

            def idle(self) -> None: ...  # noqa: F811


def test_two_children_of_one_name() -> None:
    """Two states of one name in different compounds are refused."""

    @frozen
    class Past(Payload): ...

    @frozen
    class Gone(Past): ...

    with assert_refused("Bad", "past.idle", "rename one"):

        class Bad(Machine[Idle | Gone, Go]):
            class live(State.Compound):
                idle = state(Idle)

            class past(State.Compound):
                idle = state(Gone)


def test_nested_state_of_a_methods_name() -> None:
    """A state in a compound with the name of a method is refused."""
    with assert_refused("Bad", "live.idle", "rename one"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

            @on
            def idle(self, s: Idle, e: Go) -> Busy:
                return Busy()


@pytest.mark.parametrize("nested", [True, False])
def test_event_of_a_members_name(nested: bool) -> None:
    """An event class with the name of a member is refused."""
    with assert_refused("Bad", "Go", "rename one"):

        class Bad(Machine[Idle | Busy, Go]):
            if nested:

                class live(State.Compound):
                    Go = state(Idle)
                    busy = state(Busy)

                @on
                def go(self, s: Idle, e: Go) -> Busy:
                    return Busy()

            else:
                idle = state(Idle)
                busy = state(Busy)

                @on
                def go(self, s: Idle, e: Go) -> Busy:
                    return Busy()

                def Go(self) -> None: ...


def test_event_of_a_reserved_name() -> None:
    """An event class with a name that python-statemachine uses is refused."""

    @frozen
    class TransitionNotAllowed(Event): ...

    with assert_refused("Bad", "TransitionNotAllowed", "has a reserved name"):

        class Bad(Machine[Idle | Busy, TransitionNotAllowed]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: TransitionNotAllowed) -> Busy:
                return Busy()


def test_two_classes_of_one_name() -> None:
    """Two states or events with one class name are refused: they are stored by it."""

    def other() -> Any:
        @frozen
        class Idle(Payload): ...

        return Idle

    another = other()
    with assert_refused("Bad", "Idle", "rename one"):

        class Bad(Machine[Idle | another, Go]):
            idle = state(Idle)
            busy = state(another)
