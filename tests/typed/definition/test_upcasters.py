"""Upcasters that lead nowhere are refused, each in one line."""

from __future__ import annotations

from typing import Any

import pytest
from definitions import Busy, Ended, Go, Live, assert_refused, with_move

from leverframe import on


@pytest.fixture
def machine() -> Any:
    """A machine without upcasters."""

    @on
    def go(self: object, s: Live, e: Go) -> Busy:
        return Busy()

    return with_move(go)


def same(stored: dict[str, Any]) -> dict[str, Any]:
    return stored


def test_upcaster_for_an_unknown_tag(machine: Any) -> None:
    """An upcaster for a tag that is no class today has to say which it became."""
    with assert_refused("Bad", "Bussy", "name the class that it became with to=; did you mean 'Busy'?"):
        machine.upcast("Bussy", version=1)


def test_upcaster_to_a_foreign_class(machine: Any) -> None:
    """An upcaster to a class that is no state or event is refused."""
    with assert_refused("Bad", "Old", "to=Ended is no state or event; known: Busy, Go, Idle"):
        machine.upcast("Old", version=1, to=Ended)


@pytest.mark.parametrize(("version", "to_version"), [(0, None), (-1, 2), (2, 2), (3, 1), (1, 0)])
def test_upcaster_that_leads_nowhere(machine: Any, version: int, to_version: int | None) -> None:
    """An upcaster that does not lead to a later version is refused."""
    with assert_refused("Bad", "Busy", "versions count up from 1"):
        machine.upcast("Busy", version=version, to_version=to_version)


def test_second_upcaster_of_one_version(machine: Any) -> None:
    """A second upcaster from one version of a tag is refused."""
    machine.upcast("Busy", version=1)(same)
    machine.upcast("Busy", version=2)(same)
    with assert_refused("Bad", "Busy", "declare one for each version"):
        machine.upcast("Busy", version=1)(same)


def test_upcaster_stays_a_function(machine: Any) -> None:
    """Declaring an upcaster returns the function as it was."""
    assert machine.upcast("Old", version=1, to=Go)(same) is same
