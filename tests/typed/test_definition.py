"""States, names and classes that a machine definition must not have, each refused in one line that says what to do."""

# The programs here are wrong on purpose, some for type checkers too, and their classes are never used.
# mypy: disable-error-code="arg-type, func-returns-value, misc, no-redef, override, return-value, type-arg, type-var"
# mypy: disable-error-code="no-untyped-call, untyped-decorator, valid-type, var-annotated"
# pyright: reportArgumentType=false, reportAssignmentType=false, reportIncompatibleMethodOverride=false
# pyright: reportInvalidTypeArguments=false, reportInvalidTypeForm=false, reportMissingTypeArgument=false
# pyright: reportRedeclaration=false, reportReturnType=false, reportUnusedClass=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import Enum
from typing import Any

import pytest
from attrs import define, frozen
from statemachine import Event as NativeEvent
from statemachine import HistoryState, State, StateChart
from statemachine.states import States

from leverframe import Event, Machine, MachineDefinitionError, Message, Payload, entering, lookup, on, state

Refused = Callable[[str, str, str], AbstractContextManager[None]]


@frozen
class Live(Payload): ...


@frozen
class Idle(Live): ...


@frozen
class Busy(Live):
    task: str = ""


@frozen
class Ended(Payload): ...


@frozen
class Go(Event): ...


@frozen
class Stop(Event): ...


def correct() -> type[Machine[Idle | Busy | Ended, Go | Stop]]:
    class Correct(Machine[Idle | Busy | Ended, Go | Stop]):
        class live(State.Compound):
            idle = state(Idle, initial=True)
            busy = state(Busy)

        ended = state(Ended, final=True)

        @on
        def go(self, s: Idle, e: Go) -> Busy:
            return Busy("x")

        @on
        def stop(self, s: Live, e: Stop) -> Ended:
            return Ended()

    return Correct


@pytest.fixture(autouse=True)
def leaves_nothing_behind() -> Any:
    """Whatever was refused in a test, a correct machine of the same classes works afterwards, on both drivers."""
    yield
    machine = correct()
    assert machine.start(Idle()).send(Go()).state == Busy("x")
    assert machine.native(Idle()).deliver(Stop()).state == Ended()


# ---------------------------------------------------------------- what the table does not support


def test_parallel_region(refused: Refused) -> None:
    """A parallel region is refused."""
    with refused("Bad", "live", "write one leaf class for each combination"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Parallel):
                idle = state(Idle)
                busy = state(Busy)


def test_history_state(refused: Refused) -> None:
    """A history state is refused."""
    with refused("Bad", "live", "keep what to come back to in a payload field"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)
                back = HistoryState()


def test_top_level_history_state(refused: Refused) -> None:
    """A history state at the top level is refused."""
    with refused("Bad", "back", "keep what to come back to in a payload field"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            back = HistoryState()


def test_invoke(refused: Refused) -> None:
    """A state that invokes something is refused."""
    with refused("Bad", "idle", "let a worker do it"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = State(invoke=print)
            busy = state(Busy)


def test_native_enter_action(refused: Refused) -> None:
    """An enter= action of python-statemachine is refused."""
    with refused("Bad", "idle", "write @entering and @leaving methods"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = State(enter=print)
            busy = state(Busy)


def test_native_move(refused: Refused) -> None:
    """A transition written with .to() is refused."""
    with refused("Bad", "go", "write state(Payload) and @on methods"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            go = idle.to(busy)


def test_native_move_inside_a_compound(refused: Refused) -> None:
    """A transition written with .to() inside a compound is refused."""
    with refused("Bad", "live.idle", "write an @on method (self, s: Source, e: Event) -> Target"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)
                go = idle.to(busy)


def test_eventless_move(refused: Refused) -> None:
    """A transition without an event is refused."""
    with refused("Bad", "idle", "write an @on method for the event that makes it due"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            idle.to(busy, cond="due")


def test_delayed_send(refused: Refused) -> None:
    """An event with a delay is refused."""
    with refused("Bad", "later", "send its event when it is due"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            later = NativeEvent(idle.to(busy), delay=100)


def test_delayed_send_inside_a_compound(refused: Refused) -> None:
    """An event with a delay inside a compound is refused."""
    with refused("Bad", "live.idle", "send its event when it is due"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)
                later = NativeEvent(idle.to(busy), id="later", delay=100)


def test_native_event(refused: Refused) -> None:
    """An Event of python-statemachine is refused."""
    with refused("Bad", "later", "write an @on method"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            later = NativeEvent("later")


def test_states_from_an_enumeration(refused: Refused) -> None:
    """A `States` collection of python-statemachine is refused."""

    class Kind(Enum):
        IDLE = 1

    with refused("Bad", "all_of_them", "write state(Payload)"):

        class Bad(Machine[Idle | Busy, Go]):
            all_of_them = States.from_enum(Kind, initial=Kind.IDLE)


def test_decorated_native_callback(refused: Refused) -> None:
    """A method decorated as a callback of a native transition is refused."""
    with refused("Bad", "go", "write state(Payload) and @on methods"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            go = idle.to(busy)

            @go.before
            def log(self) -> None: ...


def test_callback_inside_a_compound(refused: Refused) -> None:
    """A method inside a compound is refused: only python-statemachine's engine would run it."""
    with refused("Bad", "live", "write methods in the machine's own body"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

                def on_enter_idle(self) -> None: ...


@pytest.mark.parametrize(
    "name",
    ["on_enter_idle", "on_exit_live", "on_enter_state", "before_Go", "after_Go", "on_transition", "prepare_event"],
)
def test_convention_callback(refused: Refused, name: str) -> None:
    """A method that python-statemachine would run because of its name is refused."""
    with refused("Bad", name, "write an @on, @entering or @leaving method"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

            locals()[name] = lambda self: None

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()


def test_convention_callback_in_a_mixin(refused: Refused) -> None:
    """A method that would run because of its name is refused in a mixin too."""

    class Logging:
        def on_enter_idle(self) -> None: ...

    with refused("Bad", "on_enter_idle", "write an @on, @entering or @leaving method"):

        class Bad(Logging, Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()


def test_class_listeners(refused: Refused) -> None:
    """Listeners declared on the class are refused: the table would not run them."""
    with refused("Bad", "listeners", "write an @on, @entering or @leaving method"):

        class Bad(Machine[Idle | Busy, Go]):
            listeners = [object]  # noqa: RUF012
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    ["model", "states", "states_map", "prepare", "configuration", "send", "now", "start", "initial_state", "_payload"],
)
def test_reserved_state_name(refused: Refused, name: str) -> None:
    """A state with a name that python-statemachine or Machine uses is refused."""
    with refused("Bad", name, "choose another"):

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
def test_reserved_name_inside_a_compound(refused: Refused, name: str) -> None:
    """A state in a compound with a name that a State uses is refused."""
    with refused("Bad", name, "choose another"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                busy = state(Busy)
                locals()[name] = state(Idle)


def test_reserved_name_of_a_compound_inside_a_compound(refused: Refused) -> None:
    """A compound in a compound with a name that a State uses is refused."""
    with refused("Bad", "live.enter", "choose another"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                busy = state(Busy)

                class enter(State.Compound):
                    idle = state(Idle)


@pytest.mark.parametrize("name", ["send", "now", "path", "model", "_payload"])
def test_reserved_machine_name_inside_a_compound(refused: Refused, name: str) -> None:
    """A state in a compound with a name that Machine uses is refused."""
    with refused("Bad", f"live.{name}", "choose another"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                busy = state(Busy)
                locals()[name] = state(Idle)

            @on
            def go(self, s: Busy, e: Go) -> Idle:
                return Idle()


def test_two_methods_of_one_name(refused: Refused) -> None:
    """A second method of a move's name is refused: Python would drop the first unseen."""
    with refused("Bad", "go", "rename one"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()

            @on
            def go(self, s: Busy, e: Go) -> Idle:  # noqa: F811
                return Idle()


def test_state_declared_twice(refused: Refused) -> None:
    """A second state of one name is refused."""
    with refused("Bad", "idle", "rename one"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            idle = state(Busy)  # noqa: PIE794


def test_method_of_a_states_name(refused: Refused) -> None:
    """A method with the name of a state is refused."""
    with refused("Bad", "idle", "rename one"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)

            def idle(self) -> None: ...  # noqa: F811


def test_two_children_of_one_name(refused: Refused) -> None:
    """Two states of one name in different compounds are refused."""

    @frozen
    class Past(Payload): ...

    @frozen
    class Gone(Past): ...

    with refused("Bad", "past.idle", "rename one"):

        class Bad(Machine[Idle | Gone, Go]):
            class live(State.Compound):
                idle = state(Idle)

            class past(State.Compound):
                idle = state(Gone)


def test_nested_state_of_a_methods_name(refused: Refused) -> None:
    """A state in a compound with the name of a method is refused."""
    with refused("Bad", "live.idle", "rename one"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

            @on
            def idle(self, s: Idle, e: Go) -> Busy:
                return Busy()


@pytest.mark.parametrize("nested", [True, False])
def test_event_of_a_members_name(refused: Refused, nested: bool) -> None:
    """An event class with the name of a member is refused."""
    with refused("Bad", "Go", "rename one"):

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


def test_event_of_a_reserved_name(refused: Refused) -> None:
    """An event class with a name that python-statemachine uses is refused."""

    @frozen
    class TransitionNotAllowed(Event): ...

    with refused("Bad", "TransitionNotAllowed", "has a reserved name"):

        class Bad(Machine[Idle | Busy, TransitionNotAllowed]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: TransitionNotAllowed) -> Busy:
                return Busy()


def test_two_classes_of_one_name(refused: Refused) -> None:
    """Two states or events with one class name are refused: they are stored by it."""

    def other() -> Any:
        @frozen
        class Idle(Payload): ...

        return Idle

    another = other()
    with refused("Bad", "Idle", "rename one"):

        class Bad(Machine[Idle | another, Go]):
            idle = state(Idle)
            busy = state(another)


# ---------------------------------------------------------------- payloads and superstates


def test_compound_used_twice_in_one_machine(refused: Refused) -> None:
    """A compound used under two names of one machine is refused."""
    with refused("Bad", "again", "declare it anew"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

            again = live


def test_compound_used_in_two_machines(refused: Refused) -> None:
    """A compound of another machine is refused: the other one would change."""

    class First(Machine[Idle | Busy, Go]):
        class live(State.Compound):
            idle = state(Idle)
            busy = state(Busy)

        @on
        def go(self, s: Idle, e: Go) -> Busy:
            return Busy()

    with refused("Second", "live", "declare it anew"):

        class Second(Machine[Idle | Busy, Go]):
            live = First.live

    assert First.start(Idle()).send(Go()).state == Busy()


def test_leaf_used_in_two_machines(refused: Refused) -> None:
    """A leaf state of another machine is refused."""
    shared: Any = helpful({}).idle
    with refused("Bad", "idle", "declare it anew"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = shared
            busy = state(Busy)


def test_superstate_without_a_base(refused: Refused) -> None:
    """A superstate whose leaves share no payload base is refused."""
    with refused("Bad", "live", "let all of them inherit one, class X(Payload)"):

        class Bad(Machine[Idle | Ended, Go]):
            class live(State.Compound):
                idle = state(Idle)
                ended = state(Ended)


def test_superstate_in_a_superstate_without_a_base(refused: Refused) -> None:
    """A superstate inside another needs a payload base of its own."""
    with refused("Bad", "outer", "let all of them inherit one"):

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


def test_stray_leaf(refused: Refused) -> None:
    """A leaf that inherits a superstate's base outside of its compound is refused."""

    @frozen
    class Stray(Live): ...

    with refused("Bad", "stray", "move the state into it, or let the class inherit something else"):

        class Bad(Machine[Idle | Busy | Stray, Go]):
            class live(State.Compound):
                idle = state(Idle)
                busy = state(Busy)

            stray = state(Stray)


def test_leaf_that_inherits_a_leaf(refused: Refused) -> None:
    """A leaf whose payload inherits another leaf's is refused: types would take the one for the other."""

    @frozen
    class VeryBusy(Busy): ...

    with refused("Bad", "very", "let both inherit a class that is no leaf"):

        class Bad(Machine[Busy | VeryBusy, Go]):
            busy = state(Busy)
            very = state(VeryBusy)


def test_state_missing_from_the_body(refused: Refused) -> None:
    """A class in the union of states that no state declares is refused, with the nearest name."""

    @frozen
    class Bussy(Payload): ...

    with refused("Bad", "", "did you mean 'Busy'?"):

        class Bad(Machine[Idle | Bussy, Go]):
            idle = state(Idle)
            busy = state(Busy)


def test_state_missing_from_the_union(refused: Refused) -> None:
    """A declared state that is missing from the union of states is refused."""
    with refused("Bad", "busy", "is missing from the union of states; add it"):

        class Bad(Machine[Idle, Go]):
            idle = state(Idle)
            busy = state(Busy)


def test_payload_used_twice(refused: Refused) -> None:
    """Two leaves of one payload class are refused."""
    with refused("Bad", "again", "give each leaf its own class"):

        class Bad(Machine[Idle, Go]):
            idle = state(Idle)
            again = state(Idle)


def test_payload_without_attrs(refused: Refused) -> None:
    """A payload class that attrs did not make is refused."""

    class Plain(Payload): ...

    with refused("Bad", "idle", "decorate it with @attrs.frozen"):

        class Bad(Machine[Plain, Go]):
            idle = state(Plain)


def test_payload_whose_base_is_frozen(refused: Refused) -> None:
    """A payload class that forgot its own decorator is refused."""

    class Forgotten(Busy):
        more: str

    with refused("Bad", "idle", "decorate it with @attrs.frozen"):

        class Bad(Machine[Forgotten, Go]):
            idle = state(Forgotten)


def test_mutable_payload(refused: Refused) -> None:
    """A payload class that can change is refused."""

    @define
    class Mutable(Payload): ...

    with refused("Bad", "idle", "decorate it with @attrs.frozen"):

        class Bad(Machine[Mutable, Go]):
            idle = state(Mutable)


def test_payload_of_another_base(refused: Refused) -> None:
    """A payload class that is no Payload is refused."""

    @frozen
    class Foreign: ...

    with refused("Bad", "idle", "let the class inherit leverframe.Payload"):

        class Bad(Machine[Foreign, Go]):
            idle = state(Foreign)


def test_payload_that_is_no_class(refused: Refused) -> None:
    """An object in place of a payload class is refused."""
    with refused("Bad", "idle", "let the class inherit leverframe.Payload"):

        class Bad(Machine[Idle, Go]):
            idle = state(Idle())


@pytest.mark.parametrize("nested", [True, False])
def test_untyped_state(refused: Refused, nested: bool) -> None:
    """A State without a payload is refused."""
    with refused("Bad", "live.busy" if nested else "busy", "write state(Payload)"):

        class Bad(Machine[Idle | Busy, Go]):
            if nested:

                class live(State.Compound):
                    idle = state(Idle)
                    busy = State()

            else:
                idle = state(Idle)
                busy = State()


def test_final_superstate(refused: Refused) -> None:
    """A superstate that is final is refused."""
    with refused("Bad", "live", "write final=True on leaves of it"):

        class Bad(Machine[Idle | Busy, Go]):
            class live(State.Compound, final=True):
                idle = state(Idle)
                busy = state(Busy)


@pytest.mark.parametrize("nested", [True, False])
def test_two_initial_states(refused: Refused, nested: bool) -> None:
    """Two initial states on one level are refused."""
    with refused("Bad", "", "keep initial=True on one"):

        class Bad(Machine[Idle | Busy | Ended, Go]):
            ended = state(Ended)
            if nested:

                class live(State.Compound):
                    idle = state(Idle, initial=True)
                    busy = state(Busy, initial=True)

            else:
                idle = state(Idle, initial=True)
                busy = state(Busy, initial=True)


# ---------------------------------------------------------------- the class statement


def test_machine_without_types(refused: Refused) -> None:
    """Inheriting Machine without naming its states and events is refused."""
    with refused("Bad", "", "write class X(Machine[StateUnion, EventUnion])"):

        class Bad(Machine):
            idle = state(Idle)


def test_machine_without_states(refused: Refused) -> None:
    """A machine without states is refused."""
    with refused("Bad", "", "write name = state(Payload, initial=True)"):

        class Bad(Machine[Idle, Go]): ...


def test_subclass_of_a_machine(refused: Refused) -> None:
    """Inheriting a machine is refused."""
    concrete: Any = correct()
    with refused("Bad", "", "write a machine of its own"):

        class Bad(concrete): ...


def test_abstract_native_chart_beside_machine() -> None:
    """A StateChart of the user's own stays what python-statemachine makes of it."""

    class Native(StateChart[Any]):
        idle = State(initial=True)
        go = idle.to.itself()

    assert Native().idle.is_active


@pytest.mark.parametrize("kind", ["move", "hook", "look-up", "state"])
def test_declaration_in_a_mixin(refused: Refused, kind: str) -> None:
    """A move, hook, look-up or state declared in a mixin is refused."""

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    def tell(self: object, s: Idle) -> list[Message]:
        return []

    declared = {"move": on(go), "hook": entering(tell), "look-up": lookup(), "state": state(Idle)}[kind]
    mixin: Any = type("Mixin", (), {"shared": declared})
    with refused("Bad", "shared", "write it in the machine's own body"):

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


def test_lookup_without_a_field(refused: Refused) -> None:
    """A look-up that names no field is refused, with the nearest field."""
    with refused("Bad", "tassk", "did you mean 'task'?"):

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
