"""What the tests of a machine's table share: every pair of a leaf and an event that is in no row of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from leverframe import TransitionNotAllowed

__all__ = ["Row", "check_names", "check_refused", "events_in", "named", "refusals"]

Row = tuple[Any, Any, Any]
"""The state before, the event, and the state after."""


def named(value: object) -> str:
    """How a row is called in the name of a test."""
    return value.__name__ if isinstance(value, type) else type(value).__name__


def events_in(rows: Iterable[Row]) -> list[Any]:
    """One event of each class that some row has."""
    return list({event.__class__: event for _, event, _ in rows}.values())


def refusals(states: Iterable[Any], rows: list[Row]) -> list[tuple[Any, Any]]:
    """Every pair of one of these states and an event whose classes are in no row."""
    taken = {(before.__class__, event.__class__) for before, event, _ in rows}
    return [
        (before, event)
        for before in states
        for event in events_in(rows)
        if (before.__class__, event.__class__) not in taken
    ]


def check_refused(machine: Any, rows: list[Row], decide: Callable[..., Any], before: Any, event: Any) -> None:
    """The event is refused, with the events named that the rows take in this state; the driver checks the rest."""
    with pytest.raises(TransitionNotAllowed) as caught:
        decide(machine, before, event)
    assert caught.value.reason == "no move takes it there"
    accepted = {type(other).__name__ for state, other, _ in rows if type(state) is type(before)}
    assert set(caught.value.accepted) == accepted
    assert {kind.__name__ for kind in machine.start(before).accepts()} == accepted


def check_names(machine: Any) -> None:
    """Each move takes one event, and is called as it is, in snake case; where one event has several, they begin so."""
    edges = machine._structure.edges
    for name, edge in edges.items():
        (event,) = edge.events
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()
        alone = sum(event in other.events for other in edges.values()) == 1
        assert name == snake if alone else name.startswith(f"{snake}_")
