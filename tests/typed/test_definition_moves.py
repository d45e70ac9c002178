"""Moves, hooks, events and upcasters that a machine definition must not have, each refused in one line."""

# The programs here are wrong on purpose, some for type checkers too, and their classes are never used.
# mypy: disable-error-code="arg-type, func-returns-value, misc, no-redef, override, return-value, type-arg, type-var"
# mypy: disable-error-code="no-untyped-call, untyped-decorator, valid-type, var-annotated"
# pyright: reportArgumentType=false, reportAssignmentType=false, reportIncompatibleMethodOverride=false
# pyright: reportInvalidTypeArguments=false, reportInvalidTypeForm=false, reportMissingTypeArgument=false
# pyright: reportRedeclaration=false, reportReturnType=false, reportUnusedClass=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, frozen

from leverframe import Event, Machine, Message, Payload, State, entering, leaving, on, state
from leverframe.typed.declare import Edge

if TYPE_CHECKING:
    from fractions import Fraction as OnlyForCheckers

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
class Idel(Payload): ...


@frozen
class Go(Event): ...


@frozen
class Stop(Event): ...


# ---------------------------------------------------------------- events


def test_event_of_another_base(refused: Refused) -> None:
    """A class in the union of events that is no Event is refused."""
    with refused("Bad", "", "let the class inherit leverframe.Event"):

        class Bad(Machine[Idle, Idle]):
            idle = state(Idle)


def test_mutable_event(refused: Refused) -> None:
    """An event class that can change is refused."""

    @define
    class Mutable(Event): ...

    with refused("Bad", "Mutable", "decorate it with @attrs.frozen"):

        class Bad(Machine[Idle, Mutable]):
            idle = state(Idle)


def test_event_that_inherits_an_event(refused: Refused) -> None:
    """An event class that inherits another event of the machine is refused."""

    @frozen
    class GoFast(Go): ...

    with refused("Bad", "GoFast", "let both inherit a class that is none"):

        class Bad(Machine[Idle, Go | GoFast]):
            idle = state(Idle)


def test_event_that_nothing_takes(refused: Refused) -> None:
    """An event that no move takes is refused."""
    with refused("Bad", "Stop", "write one, or drop it from the union of events"):

        class Bad(Machine[Idle | Busy, Go | Stop]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()


# ---------------------------------------------------------------- the graph of moves


def test_state_that_nothing_reaches(refused: Refused) -> None:
    """A state that no move leads to from the initial one is refused."""
    with refused("Bad", "ended", "write one, or drop the state"):

        class Bad(Machine[Idle | Busy | Ended, Go]):
            idle = state(Idle)
            busy = state(Busy)
            ended = state(Ended)

            @on
            def go(self, s: Idle | Ended, e: Go) -> Busy:
                return Busy()


@pytest.mark.parametrize("source", [Busy, Live])
def test_move_out_of_a_final_state(refused: Refused, source: Any) -> None:
    """A move out of a final leaf, its own or its superstate's, is refused."""
    with refused("Bad", "again", "drop final=True there, or name the other leaves as the source"):

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


def test_two_unconditional_handlers(refused: Refused) -> None:
    """A second move without a guard for one state and event is refused."""
    with refused("Bad", "go_too", "write @on(cond=...) on the first, or drop one"):

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


def test_override_with_another_target(refused: Refused) -> None:
    """A leaf's move that overrides its superstate's and returns what that one does not is refused."""
    with refused("Bad", "go_idle", "add it to go's annotation, or use another event"):

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


# ---------------------------------------------------------------- signatures


def body(method: Any) -> Any:
    """A machine whose one move is `method`."""

    class Bad(Machine[Idle | Busy, Go]):
        class live(State.Compound):
            idle = state(Idle)
            busy = state(Busy)

        go = method

    return Bad


def test_foreign_source(refused: Refused) -> None:
    """A source that is no state of the machine is refused, with the nearest name."""

    @on
    def go(self: object, s: Idel, e: Go) -> Busy:
        return Busy()

    with refused("Bad", "go", "source Idel is not in Bad; did you mean 'Idle'?"):
        body(go)


def test_foreign_event(refused: Refused) -> None:
    """An event that is not in the machine's union is refused."""

    @on
    def go(self: object, s: Idle, e: Stop) -> Busy:
        return Busy()

    with refused("Bad", "go", "event Stop is not in Bad's union of events; known: Go"):
        body(go)


def test_foreign_target(refused: Refused) -> None:
    """A target that is no state of the machine is refused."""

    @on
    def go(self: object, s: Idle, e: Go) -> Busy | Ended:
        return Busy()

    with refused("Bad", "go", "target Ended is not in Bad; known: Busy, Idle"):
        body(go)


def test_superstate_as_target(refused: Refused) -> None:
    """A superstate as a target is refused, and its leaves are named."""

    @on
    def go(self: object, s: Idle, e: Go) -> Live:
        return Busy()

    with refused("Bad", "go", "name a leaf of it: Idle, Busy"):
        body(go)


def test_nothing_as_target(refused: Refused) -> None:
    """A handler that returns None is refused."""

    def go(self: object, s: Idle, e: Go) -> None: ...

    with refused("Bad", "go", "target NoneType is not in Bad"):
        body(Edge(go, None))


@pytest.mark.parametrize("missing", ["s", "e", "return"])
def test_missing_annotation(refused: Refused, missing: str) -> None:
    """A handler with an annotation missing is refused."""

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    del go.__annotations__[missing]
    with refused("Bad", "go", "write def go(self, source state: ..., event: ...) -> ..."):
        body(Edge(go, None))


def test_too_few_parameters(refused: Refused) -> None:
    """A handler with a parameter too few is refused."""

    def go(self: object, s: Idle) -> Busy:
        return Busy()

    with refused("Bad", "go", "takes 2 parameters; write def go(self, source state: ..., event: ...)"):
        body(Edge(go, None))


def test_too_many_parameters(refused: Refused) -> None:
    """A handler with a parameter too many is refused."""

    def go(self: object, s: Idle, e: Go, more: int) -> Busy:
        return Busy()

    with refused("Bad", "go", "takes 4 parameters; write def go(self, source state: ..., event: ...)"):
        body(Edge(go, None))


def test_async_handler(refused: Refused) -> None:
    """An async handler is refused."""

    async def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    with refused("Bad", "go", "drop async, and let a worker do what takes time"):
        body(Edge(go, None))


def test_generator_handler(refused: Refused) -> None:
    """A handler that yields is refused."""

    def go(self: object, s: Idle, e: Go) -> Iterator[Busy]:
        yield Busy()

    with refused("Bad", "go", "write return in place of yield"):
        body(Edge(go, None))


def test_async_guard(refused: Refused) -> None:
    """An async guard is refused: what it returns would always count as yes."""

    async def may_go(self: object, s: Idle, e: Go) -> bool:
        return False

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    with refused("Bad", "go", "drop async, and let a worker do what takes time"):
        body(Edge(go, may_go))


def test_guard_by_name(refused: Refused) -> None:
    """A guard given by its name is refused."""

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    with refused("Bad", "go", "give a method (self, s, e) -> bool"):
        body(Edge(go, "may_go"))


def test_annotation_only_for_type_checkers(refused: Refused) -> None:
    """A name that is imported for type checkers only is refused, and named."""

    @on
    def go(self: object, s: Idle, e: Go) -> OnlyForCheckers:
        return Busy()

    with refused("Bad", "go", "annotation 'OnlyForCheckers' does not exist at run time; import it outside of"):
        body(go)


def test_annotation_that_fails(refused: Refused) -> None:
    """An annotation that cannot be evaluated is refused, with the reason."""

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    go.__annotations__["return"] = "Busy.nested"
    with refused("Bad", "go", "cannot be evaluated"):
        body(Edge(go, None))


def test_move_of_another_machine(refused: Refused) -> None:
    """A move that belongs to a machine already is refused in another."""

    @on
    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    first = body(go)
    with refused("Bad", "go", "this move belongs to Bad already; write a method of its own"):
        body(go)
    assert first.start(Idle()).send(Go()).state == Busy()


def test_move_under_two_names(refused: Refused) -> None:
    """A move under two names of one machine is refused."""
    with refused("Bad", "again", "write a method of its own"):

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

    assert body(go).start(Idle()).send(Go()).state == Busy()


# ---------------------------------------------------------------- hooks


def test_hook_for_an_unknown_state(refused: Refused) -> None:
    """A hook for a class that is no state of the machine is refused."""
    with refused("Bad", "tell", "state Ended is not in Bad"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @entering
            def tell(self, s: Ended) -> list[Message]:
                return []


def test_hook_for_two_states(refused: Refused) -> None:
    """A hook for a union of states is refused."""
    with refused("Bad", "tell", "write one method for each"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @leaving
            def tell(self, s: Idle | Busy) -> list[Message]:
                return []


def test_hook_with_an_event(refused: Refused) -> None:
    """A hook with a parameter too many is refused."""

    def tell(self: object, s: Idle, e: Go) -> list[Message]:
        return []

    with refused("Bad", "tell", "takes 3 parameters; write def tell(self, state: ...) -> ..."):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            hook = entering(tell)


def test_async_hook(refused: Refused) -> None:
    """An async hook, a generator too, is refused."""

    async def tell(self: object, s: Idle) -> AsyncIterator[Message]:
        yield Message("idle", "told")

    with refused("Bad", "tell", "drop async"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)
            hook = entering(tell)


def test_async_announce(refused: Refused) -> None:
    """An async `announce` is refused."""
    with refused("Bad", "announce", "drop async"):

        class Bad(Machine[Idle | Busy, Go]):
            idle = state(Idle)
            busy = state(Busy)

            @on
            def go(self, s: Idle, e: Go) -> Busy:
                return Busy()

            async def announce(self, before: Any, event: Any, after: Any) -> list[Message]:
                return []


# ---------------------------------------------------------------- upcasters


@pytest.fixture
def machine() -> Any:
    """A machine without upcasters."""

    @on
    def go(self: object, s: Live, e: Go) -> Busy:
        return Busy()

    return body(go)


def same(stored: dict[str, Any]) -> dict[str, Any]:
    return stored


def test_upcaster_for_an_unknown_tag(machine: Any, refused: Refused) -> None:
    """An upcaster for a tag that is no class today has to say which it became."""
    with refused("Bad", "Bussy", "name the class that it became with to=; did you mean 'Busy'?"):
        machine.upcast("Bussy", version=1)


def test_upcaster_to_a_foreign_class(machine: Any, refused: Refused) -> None:
    """An upcaster to a class that is no state or event is refused."""
    with refused("Bad", "Old", "to=Ended is no state or event; known: Busy, Go, Idle"):
        machine.upcast("Old", version=1, to=Ended)


@pytest.mark.parametrize(("version", "to_version"), [(0, None), (-1, 2), (2, 2), (3, 1), (1, 0)])
def test_upcaster_that_leads_nowhere(machine: Any, refused: Refused, version: int, to_version: int | None) -> None:
    """An upcaster that does not lead to a later version is refused."""
    with refused("Bad", "Busy", "versions count up from 1"):
        machine.upcast("Busy", version=version, to_version=to_version)


def test_second_upcaster_of_one_version(machine: Any, refused: Refused) -> None:
    """A second upcaster from one version of a tag is refused."""
    machine.upcast("Busy", version=1)(same)
    machine.upcast("Busy", version=2)(same)
    with refused("Bad", "Busy", "declare one for each version"):
        machine.upcast("Busy", version=1)(same)


def test_upcaster_stays_a_function(machine: Any) -> None:
    """Declaring an upcaster returns the function as it was."""
    assert machine.upcast("Old", version=1, to=Go)(same) is same
