"""What python-statemachine can do and the table cannot is refused, in one line that says what to do instead."""

from __future__ import annotations

from enum import Enum

import pytest
from definitions import Busy, Go, Idle, assert_refused
from statemachine import Event as NativeEvent
from statemachine import HistoryState, State
from statemachine.states import States

from leverframe import Machine, on, state


def test_parallel_region() -> None:
    """A parallel region is refused."""
    with assert_refused("Bad", "live", "write one leaf class for each combination"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Parallel):
                idle = state(Idle)
                busy = state(Busy)


def test_history_state() -> None:
    """A history state is refused."""
    with assert_refused("Bad", "live", "keep what to come back to in a payload field"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)
                back = HistoryState()


def test_top_level_history_state() -> None:
    """A history state at the top level is refused."""
    with assert_refused("Bad", "back", "keep what to come back to in a payload field"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            back = HistoryState()


def test_invoke() -> None:
    """A state that invokes something is refused."""
    with assert_refused("Bad", "idle", "let a worker do it"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = State(invoke=print)
            busy = state(Busy)


def test_native_enter_action() -> None:
    """An enter= action of python-statemachine is refused."""
    with assert_refused("Bad", "idle", "write @entering and @leaving methods"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = State(enter=print)
            busy = state(Busy)


def test_native_move() -> None:
    """A transition written with .to() is refused."""
    with assert_refused("Bad", "go", "write state(Payload) and @on methods"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            go = idle.to(busy)


def test_native_move_inside_a_compound() -> None:
    """A transition written with .to() inside a compound is refused."""
    with assert_refused("Bad", "live.idle", "write an @on method (self, s: Source, e: Event) -> Target"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)
                go = idle.to(busy)


def test_eventless_move() -> None:
    """A transition without an event is refused."""
    with assert_refused("Bad", "idle", "write an @on method for the event that makes it due"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            idle.to(busy, cond="due")


def test_delayed_send() -> None:
    """An event with a delay is refused."""
    with assert_refused("Bad", "later", "send its event when it is due"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            later = NativeEvent(idle.to(busy), delay=100)


def test_delayed_send_inside_a_compound() -> None:
    """An event with a delay inside a compound is refused."""
    with assert_refused("Bad", "live.idle", "send its event when it is due"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)
                later = NativeEvent(idle.to(busy), id="later", delay=100)


def test_native_event() -> None:
    """An Event of python-statemachine is refused."""
    with assert_refused("Bad", "later", "write an @on method"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            later = NativeEvent("later")


def test_states_from_an_enumeration() -> None:
    """A `States` collection of python-statemachine is refused."""

    class Kind(Enum):
        IDLE = 1

    with assert_refused("Bad", "all_of_them", "write state(Payload)"):

        class Bad(Machine[Idle | Busy, Go]):
            all_of_them = States.from_enum(Kind, initial=Kind.IDLE)


def test_decorated_native_callback() -> None:
    """A method decorated as a callback of a native transition is refused."""
    with assert_refused("Bad", "go", "write state(Payload) and @on methods"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            go = idle.to(busy)

            @go.before
            def log(self) -> None: ...


def test_callback_inside_a_compound() -> None:
    """A method inside a compound is refused: only python-statemachine's engine would run it."""
    with assert_refused("Bad", "live", "write methods in the machine's own body"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

                def on_enter_idle(self) -> None: ...


@pytest.mark.parametrize(
    "name",
    ["on_enter_idle", "on_exit_live", "on_enter_state", "before_Go", "after_Go", "on_transition", "prepare_event"],
)
def test_convention_callback(name: str) -> None:
    """A method that python-statemachine would run because of its name is refused."""
    with assert_refused("Bad", name, "write an @on, @entering or @leaving method"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

            locals()[name] = lambda self: None

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()


def test_convention_callback_in_a_mixin() -> None:
    """A method that would run because of its name is refused in a mixin too."""

    class Logging:
        def on_enter_idle(self) -> None: ...

    with assert_refused("Bad", "on_enter_idle", "write an @on, @entering or @leaving method"):

        class Bad(Logging, Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()


def test_class_listeners() -> None:
    """Listeners declared on the class are refused: the table would not run them."""
    with assert_refused("Bad", "listeners", "write an @on, @entering or @leaving method"):

        class Bad(Machine[Idle | Busy, Go]):
            listeners = [object]  # noqa: RUF012
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()
