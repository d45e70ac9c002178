"""A machine driven by hypothesis, and the strategies behind it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, Literal
from uuid import UUID

import pytest
from attrs import evolve, frozen
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant
from shop import Cancel, Open, Order, Paid, Pay, Ship, Tracking

from leverframe import (
    Event,
    InvalidValue,
    MachineDefinitionError,
    NonEmpty,
    PathFailed,
    Payload,
    Positive,
    Store,
    UnknownState,
)
from leverframe.machines.pipeline import Active, Merge, Pipeline, Unblock
from leverframe.testing import MachineRules, events, register, states
from leverframe.testing.values import values


def run(rules: type[RuleBasedStateMachine], examples: int = 30) -> None:
    case: Any = rules.TestCase
    case.settings = settings(case.settings, max_examples=examples, database=None)
    case().runTest()
    case().tearDown()


class Orders(MachineRules[Order]):
    """Orders begin unpaid."""

    seen: ClassVar[set[type]] = set()

    def beginning(self) -> st.SearchStrategy[Open]:
        return states(Order, Open).map(lambda state: evolve(state, paid=0))

    @invariant()
    def nobody_pays_too_much(self) -> None:
        self.seen.add(type(self.state))  # pyright: ignore[reportUnknownArgumentType]  # of any machine
        assert not isinstance(self.state, Open) or self.state.paid < self.state.total


def test_rules_reach_all_states() -> None:
    """Events that fit the present state lead through the whole machine."""
    run(Orders, 100)
    assert Orders.seen >= set(Order.leaves())


def test_an_invariant_that_does_not_hold_is_found() -> None:
    """What is written as an invariant is checked behind each step."""

    class Wrong(Orders):
        @invariant()
        def never_paid(self) -> None:
            assert not isinstance(self.state, Paid)

    with pytest.raises(AssertionError):
        run(Wrong, 200)


def test_a_store_behind_it() -> None:
    """With a URL each step is made in a store too, and compared."""

    class Stored(Orders):
        url = "sqlite://"

    run(Stored)
    assert Stored._opened is None  # pyright: ignore[reportPrivateUsage]  # whether it was closed


def test_a_store_that_keeps_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store whose answer is not what was decided fails the rules."""
    send = Store.send

    def forgetful(store: Any, machine: Any, key: Any, event: Any, **options: Any) -> Any:
        return send(store, machine, key, Cancel() if isinstance(event, Ship) else event, **options)

    monkeypatch.setattr(Store, "send", forgetful)

    class Stored(Orders):
        url = "sqlite://"

    with pytest.raises(PathFailed, match=r"the store answers|the journal has versions"):
        run(Stored, 200)


def test_rules_without_a_machine() -> None:
    """A class of rules has to say of which machine."""

    class Nothing(MachineRules[Any]):
        pass

    with pytest.raises(MachineDefinitionError, match="names no machine"):
        Nothing()


# ---------------------------------------------------------------- strategies


@given(events(Pipeline, Active))
def test_events_of_a_superstate(event: object) -> None:
    """They are those that some leaf of it takes."""
    assert not isinstance(event, Unblock)


@given(states(Pipeline, Active))
def test_states_of_a_superstate(state: object) -> None:
    """They are those of its leaves, and no others."""
    assert isinstance(state, Active)


@given(st.data())
def test_events_of_a_state(data: st.DataObject) -> None:
    """With the state itself they are those of its leaf."""
    state = data.draw(states(Order))
    assume(isinstance(state, Open | Paid))
    event = data.draw(events(Order, state))
    assert isinstance(event, (Pay, Cancel) if isinstance(state, Open) else (Ship, Cancel))


def test_a_class_that_is_no_state() -> None:
    """Asked for another class's states it says that it is none."""
    with pytest.raises(UnknownState):
        events(Order, Merge)
    with pytest.raises(UnknownState):
        states(Order, Merge)


class Colour(Enum):
    RED = "red"


@frozen
class Inner:
    at: datetime
    day: date | None


@frozen
class Everything(Payload):
    word: Tracking
    number: Positive
    colour: Colour
    choice: Literal["a", 3]
    inner: Inner
    several: tuple[Inner, ...]
    pair: tuple[int, str]
    known: dict[str, Positive]
    some: frozenset[Positive]
    money: Decimal
    span: timedelta
    name: UUID
    raw: bytes
    either: Positive | Inner | None = None


@given(values(Everything))
def test_every_type_of_a_field(state: Everything) -> None:
    """Refined values, enumerations, unions, times with a zone, collections and classes in them."""
    assert state.inner.at.tzinfo is UTC
    assert isinstance(state.word, Tracking)
    assert all(isinstance(each, Positive) for each in (state.number, *state.known.values(), *state.some))
    assert state.choice in ("a", 3)


class Grade(NonEmpty):
    def __new__(cls, value: str) -> Any:
        if value not in ("good", "bad"):
            raise InvalidValue("Grade", "be good or bad", value)
        return str.__new__(cls, value)


@frozen
class Graded(Event):
    grade: Grade


def test_a_type_of_ones_own() -> None:
    """What was registered for a class is drawn for its fields."""
    register(Grade, st.sampled_from(["good", "bad"]).map(Grade))

    @given(values(Graded))
    def graded(event: Graded) -> None:
        assert event.grade in ("good", "bad")

    graded()
