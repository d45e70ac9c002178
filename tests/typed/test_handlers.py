"""What the code of a handler, guard or hook may do, and what becomes of its mistakes, on both drivers."""

# python-statemachine is partly unknown to pyright.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import frozen
from deciding import NOW, Beat, Busy, Decide, Ended, Idle, Step

from leverframe import Event, Machine, Payload, TransitionNotAllowed, UnknownState, WrongTarget, decide, on, state
from leverframe.machines.pipeline import Abandon, Backlog, Pipeline

# ---------------------------------------------------------------- failures


class Careless(Machine[Idle | Busy | Ended, Step | Beat]):
    idle = state(Idle)
    busy = state(Busy)
    ended = state(Ended)

    @on
    def step(self, s: Idle | Busy, e: Step) -> Busy:
        if e.number == 1:
            return Ended()  # type: ignore[return-value]  # pyright: ignore
        if e.number == 2:
            return None  # type: ignore[return-value]  # pyright: ignore
        raise KeyError("from the handler")

    @on
    def beat(self, s: Idle, e: Beat) -> Ended:
        self.send("Step", payload=Step())
        return Ended()

    @on
    def peek(self, s: Busy, e: Beat) -> Idle:
        return Idle(len(self.messages))

    @on
    def end(self, s: Ended, e: Beat) -> Ended:
        return s


def test_wrong_target(run: Decide) -> None:
    """A class that the signature does not name is WrongTarget, though it is a state of the machine."""
    with pytest.raises(WrongTarget) as caught:
        run(Careless, Idle(), Step(1))
    assert (caught.value.handler, caught.value.targets, caught.value.value) == ("step", ("Busy",), Ended())
    assert "its signature says Busy; return one of these, or name the class in the annotation" in str(caught.value)


def test_no_target(run: Decide) -> None:
    """A handler that forgets to return is WrongTarget."""
    with pytest.raises(WrongTarget, match=r"Careless\.step returned None"):
        run(Careless, Idle(), Step(2))


def test_handler_that_raises(run: Decide) -> None:
    """What a handler raises comes out as it is: a KeyError is no refusal."""
    with pytest.raises(KeyError, match="from the handler"):
        run(Careless, Idle(), Step(3))


def test_handler_that_sends(run: Decide) -> None:
    """A handler that sends an event is told that handlers do not."""
    with pytest.raises(
        AttributeError, match=r"Careless: a handler, guard or hook has no self\.send; it gets state and"
    ):
        run(Careless, Idle(), Beat())


def test_handler_that_looks_at_the_engine(run: Decide) -> None:
    """A handler that asks for what only a native instance has is told so, on both drivers."""
    with pytest.raises(AttributeError, match=r"a handler, guard or hook has no self\.messages"):
        run(Careless, Busy(), Beat())


def test_foreign_state() -> None:
    """A state of another machine is UnknownState."""
    with pytest.raises(UnknownState, match="Backlog is no state of Careless"):
        decide(Careless, Backlog(), Step(), None)  # type: ignore[misc]  # pyright: ignore


def test_classes_of_the_same_name(run: Decide) -> None:
    """An event or state of another module is refused though one of the machine's has its name, and that is said."""

    @frozen
    class DepsMet(Event): ...

    @frozen
    class Backlog(Payload): ...

    initial: Any = Pipeline.initial()
    with pytest.raises(
        TransitionNotAllowed, match=r"it is no event of Pipeline; this is \S*test_handlers\.DepsMet, another"
    ):
        run(Pipeline, initial(), DepsMet())
    with pytest.raises(UnknownState, match=r"no state of Pipeline; this is \S*test_handlers\.Backlog, another class"):
        run(Pipeline, Backlog(), Abandon())


def test_subclass_of_an_event() -> None:
    """An event class that inherits one of the machine's is not one of them."""

    @frozen
    class Steps(Step): ...

    with pytest.raises(TransitionNotAllowed, match="Steps: it is no event of Careless; did you mean 'Step'"):
        decide(Careless, Idle(), Steps(), None)


# ---------------------------------------------------------------- what handlers may use


class Base:
    def twice(self, number: int) -> int:
        return 2 * number


class Various(Base, Machine[Idle | Ended, Step | Beat]):
    LIMIT = 7
    idle = state(Idle)
    ended = state(Ended)

    def helper(self, number: int) -> int:
        return self.twice(number) + self.LIMIT

    @on
    def by_super(self, s: Idle, e: Step) -> Idle:
        return Idle(super().twice(e.number))

    @on
    def by_closure(self, s: Idle, e: Beat) -> Ended:
        return next(Ended(self.now()) for _ in range(self.helper(1)))

    @on
    def by_helper(self, s: Ended, e: Step) -> Idle:
        return Idle(self.helper(e.number))

    @on
    def by_local(self, s: Ended, e: Beat) -> Ended:
        me = self
        return Ended(me.now())


def test_handlers_use_super_closures_and_helpers(run: Decide) -> None:
    """Handlers may use `super()`, `self` in closures, helpers and constants of the class."""
    later = NOW + timedelta(days=1)
    assert run(Various, Idle(), Step(3)).state == Idle(6)
    assert run(Various, Idle(), Beat(), later).state == Ended(later)
    assert run(Various, Ended(), Step(3)).state == Idle(13)
    assert run(Various, Ended(), Beat(), later).state == Ended(later)


def test_handlers_are_callable_by_hand() -> None:
    """A move can be called as the function that it is, with nothing checked."""
    assert Careless.end(None, Ended(), Beat()) == Ended()


def test_what_a_handler_sets_is_gone_with_the_event(run: Decide) -> None:
    """What a handler puts on `self` is not there at the next event."""

    class Sticky(Machine[Idle | Ended, Step]):
        idle = state(Idle)
        ended = state(Ended)
        count = 0

        @on
        def step(self, s: Idle, e: Step) -> Idle | Ended:
            self.count += 1
            return Idle(self.count)

    assert [run(Sticky, Idle(), Step()).state for _ in range(2)] == [Idle(1), Idle(1)]
    assert Sticky.count == 0
