"""Guards that could not be asked are refused, each in one line; what may be given to them is accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import pytest
from attrs import frozen
from definitions import Busy, Go, Idle, Live, Stop, assert_refused, with_move

from leverframe.typed.declare import Edge


def guarded(guard: Any) -> Edge[Any, Any, Any]:
    """A move out of one leaf with this guard."""

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    return Edge(go, guard)


def guarded_everywhere(guard: Any) -> Edge[Any, Any, Any]:
    """A move out of a superstate with this guard."""

    def go(self: object, s: Live, e: Go) -> Busy:
        return Busy()

    return Edge(go, guard)


# ---------------------------------------------------------------- refused


def test_guard_for_another_state() -> None:
    """A guard for a state that the move does not start in is refused."""

    def may_go(self: object, s: Busy, e: Go) -> bool:
        return True

    with assert_refused("Bad", "go", "guard may_go takes Busy as s, and would be given Idle too; widen the annotation"):
        with_move(guarded(may_go))


def test_guard_for_some_leaves() -> None:
    """A guard for one leaf of the superstate that the move starts in is refused."""

    def may_go(self: object, s: Idle, e: Go) -> bool:
        return True

    with assert_refused("Bad", "go", "guard may_go takes Idle as s, and would be given Busy too"):
        with_move(guarded_everywhere(may_go))


def test_guard_for_another_event() -> None:
    """A guard for an event that the move does not take is refused."""

    def may_go(self: object, s: Idle, event: Stop) -> bool:
        return True

    with assert_refused("Bad", "go", "guard may_go takes Stop as event, and would be given Go too"):
        with_move(guarded(may_go))


def test_guard_without_the_event() -> None:
    """A guard with a parameter too few is refused."""

    def may_go(self: object, s: Idle) -> bool:
        return True

    with assert_refused("Bad", "go", "guard may_go takes other parameters than it is given; write (self, s, e)"):
        with_move(guarded(may_go))


def test_guard_that_wants_more() -> None:
    """A guard with a parameter too many is refused, one that has to be named too."""

    def may_go(self: object, s: Idle, e: Go, more: int) -> bool:
        return True

    def may_go_by_name(self: object, s: Idle, e: Go, *, more: int) -> bool:
        return True

    for guard in (may_go, may_go_by_name, lambda s, e: True):
        with assert_refused("Bad", "go", "takes other parameters than it is given"):
            with_move(guarded(guard))


@pytest.mark.parametrize(
    ("returned", "told"),
    [("None", "None"), ("str", "str"), ("bool | None", "bool | None"), ("list[bool]", "list[bool]")],
)
def test_guard_that_returns_no_bool(returned: str, told: str) -> None:
    """A guard whose annotation says that it returns anything but a bool is refused."""

    def may_go(self: object, s: Idle, e: Go) -> Any: ...

    may_go.__annotations__["return"] = returned
    with assert_refused("Bad", "go", f"guard may_go returns {told}; let it return bool"):
        with_move(guarded(may_go))


def test_guard_that_yields() -> None:
    """A guard that yields is refused: what it returns would always count as yes."""

    def may_go(self: object, s: Idle, e: Go) -> Iterator[bool]:
        yield False

    with assert_refused("Bad", "go", "guard may_go would always count as yes; write return in place of yield"):
        with_move(guarded(may_go))


def test_guard_with_an_annotation_that_does_not_exist() -> None:
    """A guard whose annotation names nothing that exists is refused, as a handler is."""

    def may_go(self: object, s: Idle, e: Go) -> bool:
        return True

    may_go.__annotations__["s"] = "Nowhere"
    with assert_refused("Bad", "go", "annotation 'Nowhere' does not exist at run time"):
        with_move(guarded(may_go))


# ---------------------------------------------------------------- accepted


class Named(Protocol):
    task: str


@frozen
class AtLeast:
    """A guard that is an object."""

    number: int

    def __call__(self, machine: object, s: Idle, e: Go) -> bool:
        return self.number > 0


def for_the_superstate(self: object, s: Live, e: Go) -> bool:
    return True


def for_both_leaves(self: object, s: Busy | Idle, e: Go | Stop) -> bool:
    return True


def for_anything(self: object, s: object, e: Any) -> bool:
    return True


def for_a_protocol(self: object, s: Named, e: Go) -> bool:
    return True


def with_a_default(self: object, s: Live, e: Go, more: int = 0) -> bool:
    return True


def with_a_limit(limit: int, self: object, s: Live, e: Go) -> bool:
    return True


def with_arguments(*arguments: object) -> bool:
    return True


@pytest.mark.parametrize(
    "guard",
    [
        for_the_superstate,
        for_both_leaves,
        for_anything,
        for_a_protocol,
        with_a_default,
        with_arguments,
        partial(with_a_limit, 3),
        AtLeast(1),
        lambda self, s, e: True,
        lambda *arguments: True,
    ],
)
def test_guard_that_fits(guard: Callable[..., bool]) -> None:
    """A guard for all that the move can start in is accepted, and so is one whose annotations do not say."""
    for move in (guarded(guard), guarded_everywhere(guard)):
        machine = with_move(move)
        assert machine.start(Idle()).send(Go()).state == Busy()
