"""`decide`, the pure function that makes a move, on both drivers where a machine can tell them apart."""

# python-statemachine, and classes made at run time, are partly unknown to pyright.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import evolve, frozen

from leverframe import (
    Decision,
    Event,
    InvalidTime,
    Machine,
    Message,
    Payload,
    State,
    TransitionNotAllowed,
    UnknownState,
    WrongTarget,
    decide,
    entering,
    leaving,
    on,
    state,
)
from leverframe.machines.pipeline import Abandon, Abandoned, Backlog, DepsMet, Pipeline

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@frozen
class Live(Payload):
    number: int = 0


@frozen
class Idle(Live): ...


@frozen
class Busy(Live): ...


@frozen
class Ended(Payload):
    at: datetime = NOW


@frozen
class Step(Event):
    number: int = 0


@frozen
class Beat(Event): ...


Decide = Callable[..., Any]


def by_table(machine: Any, payload: Any, event: Any, now: datetime | None = NOW) -> Any:
    return decide(machine, payload, event, now)


def by_engine(machine: Any, payload: Any, event: Any, now: datetime | None = NOW) -> Any:
    native = machine.native(payload, NOW)
    before = (native.payload, native.messages, native.configuration)
    try:
        return native.deliver(event, now)
    except BaseException:
        assert (native.payload, native.messages, native.configuration) == before
        raise


@pytest.fixture(params=[by_table, by_engine])
def run(request: pytest.FixtureRequest) -> Decide:
    """Runs one event on one driver."""
    chosen: Decide = request.param
    return chosen


# ---------------------------------------------------------------- purity and time


def test_same_input_same_output() -> None:
    """The same machine, state, event and time give an equal state, the same edge and equal messages."""
    first, second = (decide(Pipeline, Backlog(), Abandon(), NOW) for _ in range(2))
    assert (first.state, first.edge, first.messages) == (second.state, second.edge, second.messages)
    assert first.edge is Pipeline.abandon


def test_decision_shows_its_fields() -> None:
    """A decision shows the next state, the move and the messages."""
    decision = decide(Pipeline, Backlog(), DepsMet(), None)
    assert repr(decision) == "Decision(state=Coding(), edge=<edge Pipeline.deps_met>, messages=())"
    assert isinstance(decision, Decision)


def test_time_is_in_utc(run: Decide) -> None:
    """A handler gets the time of the decision in UTC, whatever zone it was given in."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-7)))
    after = run(Pipeline, Backlog(), Abandon(), elsewhere).state
    assert after == Abandoned(NOW)
    assert after.archived_at.tzinfo is UTC


def test_time_without_a_zone(run: Decide) -> None:
    """A time without a zone is InvalidTime where a handler asks for it, and nothing changed."""
    with pytest.raises(InvalidTime, match="has no zone; give an aware one") as caught:
        run(Pipeline, Backlog(), Abandon(), datetime(2030, 1, 2))
    assert caught.value.value == datetime(2030, 1, 2)


def test_time_that_utc_cannot_hold(run: Decide) -> None:
    """A time that is out of range in UTC is InvalidTime."""
    late = datetime.max.replace(tzinfo=timezone(timedelta(hours=-7)))
    with pytest.raises(InvalidTime, match="is out of range in UTC"):
        run(Pipeline, Backlog(), Abandon(), late)


class Clock(Machine[Idle | Ended, Step]):
    idle = state(Idle)
    ended = state(Ended)

    @on
    def step(self, s: Idle, e: Step) -> Ended:
        return Ended(self.now())

    @entering
    def tell(self, s: Ended) -> list[Message]:
        return [Message("clock", "same", body={"same": s.at == self.now()})]


def test_clock_is_read_once(run: Decide) -> None:
    """Without a given time, all that one event runs gets one and the same time."""
    assert run(Clock, Idle(), Step(), None).messages[0].body == {"same": True}


# ---------------------------------------------------------------- what is left and entered


class Nested(Machine[Idle | Busy | Ended, Step | Beat]):
    class live(State.Compound):
        idle = state(Idle)
        busy = state(Busy)

    ended = state(Ended)

    @on
    def beat(self, s: Live, e: Beat) -> Idle | Busy:
        return evolve(s, number=s.number + 1)  # type: ignore[return-value]  # pyright: ignore  # a leaf's own class

    @on
    def step(self, s: Live, e: Step) -> Busy | Ended:
        return Ended() if e.number else Busy(s.number)

    @on
    def again(self, s: Ended, e: Step) -> Idle:
        return Idle(e.number)

    @entering
    def into_live(self, s: Live) -> list[Message]:
        return [Message("in", "live")]

    @entering
    def into_busy(self, s: Busy) -> list[Message]:
        return [Message("in", "busy")]

    @entering
    def into_idle(self, s: Idle) -> list[Message]:
        return [Message("in", "idle")]

    @leaving
    def out_of_live(self, s: Live) -> list[Message]:
        return [Message("out", "live")]

    @leaving
    def out_of_idle(self, s: Idle) -> list[Message]:
        return [Message("out", "idle")]


def told(decision: Any) -> list[str]:
    return [f"{message.topic} {message.kind}" for message in decision.messages]


def test_in_place_leaves_and_enters_nothing(run: Decide) -> None:
    """Returning the class one is in changes the payload and runs no hooks, from a superstate's handler too."""
    decision = run(Nested, Idle(3), Beat())
    assert (decision.state, told(decision)) == (Idle(4), [])
    decision = run(Nested, Busy(3), Step())
    assert (decision.state, told(decision)) == (Busy(3), [])


def test_move_inside_a_superstate(run: Decide) -> None:
    """A superstate's move to another leaf inside it leaves and enters what is below, and not the superstate."""
    decision = run(Nested, Idle(3), Step())
    assert (decision.state, told(decision)) == (Busy(3), ["out idle", "in busy"])


def test_move_out_and_in(run: Decide) -> None:
    """Leaving goes from the leaf outwards, entering from the outermost superstate inwards."""
    assert told(run(Nested, Idle(), Step(1))) == ["out idle", "out live"]
    assert told(run(Nested, Ended(), Step())) == ["in live", "in idle"]


# ---------------------------------------------------------------- candidates


class Chain(Machine[Idle | Busy | Ended, Step]):
    class live(State.Compound):
        idle = state(Idle)
        busy = state(Busy)

    ended = state(Ended)

    def from_two(self, s: Any, e: Step) -> bool:
        return e.number >= 2

    def from_three(self, s: Any, e: Step) -> bool:
        return e.number >= 3

    def from_one(self, s: Live, e: Step) -> bool:
        return e.number >= 1

    @on(cond=from_one)
    def outer(self, s: Live, e: Step) -> Busy | Ended:
        return Ended()

    @on(cond=from_three)
    def third(self, s: Idle, e: Step) -> Ended:
        return Ended()

    @on(cond=from_two)
    def second(self, s: Idle, e: Step) -> Busy:
        return Busy()

    @on
    def back(self, s: Ended, e: Step) -> Idle:
        return Idle()


@pytest.mark.parametrize(("number", "edge"), [(3, "third"), (2, "second"), (1, "outer")])
def test_leaf_before_superstate_in_order_of_declaration(run: Decide, number: int, edge: str) -> None:
    """Guards are asked in order of declaration, the leaf's own before its superstate's, until one says yes."""
    assert run(Chain, Idle(), Step(number)).edge.name == edge


def test_every_guard_says_no(run: Decide) -> None:
    """Where every guard says no the event is refused, and they are named in the order they were asked."""
    with pytest.raises(TransitionNotAllowed) as caught:
        run(Chain, Idle(), Step(0))
    assert caught.value.reason == "from_three, from_two, from_one said no"
    assert caught.value.accepted == ("Step",)


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
        TransitionNotAllowed, match=r"it is no event of Pipeline; this is \S*test_decide\.DepsMet, another"
    ):
        run(Pipeline, initial(), DepsMet())
    with pytest.raises(UnknownState, match=r"no state of Pipeline; this is \S*test_decide\.Backlog, another class"):
        run(Pipeline, Backlog(), Abandon())


def test_subclass_of_an_event() -> None:
    """An event class that inherits one of the machine's is not one of them."""

    @frozen
    class Stride(Step): ...

    with pytest.raises(TransitionNotAllowed, match="Stride: it is no event of Careless; did you mean 'Step'"):
        decide(Careless, Idle(), Stride(), None)


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
