"""`decide`, the pure function that makes a move, on both drivers where a machine can tell them apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import evolve
from deciding import NOW, Beat, Busy, Decide, Ended, Idle, Live, Step

from leverframe import (
    Decision,
    InvalidTime,
    Machine,
    Message,
    State,
    TransitionNotAllowed,
    decide,
    entering,
    leaving,
    on,
    state,
)
from leverframe.machines.pipeline import Abandon, Abandoned, Backlog, DepsMet, Pipeline

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
