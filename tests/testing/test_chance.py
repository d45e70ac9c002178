"""States and events that are drawn from the types of their fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Literal
from uuid import UUID

import pytest
from attrs import define, field, fields, frozen

from leverframe import Event, InvalidValue, NonEmpty, Payload, Positive
from leverframe.machines import pipeline, run
from leverframe.testing import Chance


class Colour(Enum):
    RED = 1
    GREEN = 2


@frozen
class Small:
    number: Positive


@frozen
class Everything(Payload):
    flag: bool
    number: int
    real: float
    amount: Decimal
    text: str
    name: NonEmpty
    at: datetime
    on: date
    span: timedelta
    id: UUID
    colour: Colour
    choice: Literal["a", "b"]
    small: Small
    perhaps: str | None
    several: tuple[int, ...]
    pair: tuple[int, str]
    names: frozenset[str]
    notes: Mapping[str, str]
    nothing: None
    given: int = 7
    _private: int = field(default=1)


@frozen
class Digested(Event):
    digest: run.Sha256


@define
class Odd:
    what: type


def test_every_kind_of_field_is_drawn() -> None:
    """An object has a value of its type in each field, and its defaults."""
    drawn = Chance(3).some(Everything)
    assert (type(drawn.flag), type(drawn.name), type(drawn.small)) == (bool, NonEmpty, Small)
    assert drawn.choice in ("a", "b")
    assert drawn.colour in Colour
    assert (drawn.several, drawn.names, drawn.notes, drawn.nothing, drawn.given) == ((), frozenset(), {}, None, 7)
    assert [type(each) for each in drawn.pair] == [int, str]
    assert isinstance(drawn.perhaps, str)


def test_a_seed_draws_the_same() -> None:
    """The same seed gives the same objects, and another one others."""
    assert Chance(3).some(Everything) == Chance(3).some(Everything)
    assert Chance(3).some(Everything) != Chance(4).some(Everything)


def test_times_are_not_past() -> None:
    """A time that is drawn is not before the simulation's own."""
    chance = Chance(1)
    assert all(chance.some(run.ApprovalRequested).deadline >= chance.now() for _ in range(20))


def test_what_says_too_little_is_refused() -> None:
    """A pattern cannot be drawn, nor a type of which nobody knows a value."""
    for kind in (Digested, Odd):
        with pytest.raises(InvalidValue):
            Chance(1).some(kind)


def test_events_of_shipped_machines_are_drawn() -> None:
    """What ships can be simulated as it is."""
    chance = Chance(1)
    for kind in (pipeline.GatesPassed, pipeline.Block, run.ToolFailed, run.Pending):
        assert isinstance(chance.some(kind), kind)
        assert fields(kind)
