"""Signatures of handlers and guards that cannot be a transition are refused, each in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from attrs import frozen
from definitions import Busy, Ended, Go, Idle, Live, Stop, assert_refused, with_move

from leverframe import Payload, on
from leverframe.typed.declare import Edge

if TYPE_CHECKING:
    from fractions import Fraction as OnlyForCheckers


@frozen
class Idel(Payload): ...


def test_foreign_source() -> None:
    """A source that is no state of the machine is refused, with the nearest name."""

    @on
    def go(self: object, s: Idel, e: Go) -> Busy:
        return Busy()

    with assert_refused("Bad", "go", "source Idel is not in Bad; did you mean 'Idle'?"):
        with_move(go)


def test_foreign_event() -> None:
    """An event that is not in the machine's union is refused."""

    @on
    def go(self: object, s: Idle, e: Stop) -> Busy:
        return Busy()

    with assert_refused("Bad", "go", "event Stop is not in Bad's union of events; known: Go"):
        with_move(go)


def test_foreign_target() -> None:
    """A target that is no state of the machine is refused."""

    @on
    def go(self: object, s: Idle, e: Go) -> Busy | Ended:
        return Busy()

    with assert_refused("Bad", "go", "target Ended is not in Bad; known: Busy, Idle"):
        with_move(go)


def test_superstate_as_target() -> None:
    """A superstate as a target is refused, and its leaves are named."""

    @on
    def go(self: object, s: Idle, e: Go) -> Live:
        return Busy()

    with assert_refused("Bad", "go", "name a leaf of it: Idle, Busy"):
        with_move(go)


def test_nothing_as_target() -> None:
    """A handler that returns None is refused."""

    def go(self: object, s: Idle, e: Go) -> None: ...

    with assert_refused("Bad", "go", "target NoneType is not in Bad"):
        with_move(Edge(go, None))


@pytest.mark.parametrize("missing", ["s", "e", "return"])
def test_missing_annotation(missing: str) -> None:
    """A handler with an annotation missing is refused."""

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    del go.__annotations__[missing]
    with assert_refused("Bad", "go", "write def go(self, source state: ..., event: ...) -> ..."):
        with_move(Edge(go, None))


def test_too_few_parameters() -> None:
    """A handler with a parameter too few is refused."""

    def go(self: object, s: Idle) -> Busy:
        return Busy()

    with assert_refused("Bad", "go", "takes 2 parameters; write def go(self, source state: ..., event: ...)"):
        with_move(Edge(go, None))


def test_too_many_parameters() -> None:
    """A handler with a parameter too many is refused."""

    def go(self: object, s: Idle, e: Go, more: int) -> Busy:
        return Busy()

    with assert_refused("Bad", "go", "takes 4 parameters; write def go(self, source state: ..., event: ...)"):
        with_move(Edge(go, None))


def test_async_handler() -> None:
    """An async handler is refused."""

    async def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    with assert_refused("Bad", "go", "drop async, and let a worker do what takes time"):
        with_move(Edge(go, None))


def test_generator_handler() -> None:
    """A handler that yields is refused."""

    def go(self: object, s: Idle, e: Go) -> Iterator[Busy]:
        yield Busy()

    with assert_refused("Bad", "go", "write return in place of yield"):
        with_move(Edge(go, None))


def test_async_guard() -> None:
    """An async guard is refused: what it returns would always count as yes."""

    async def may_go(self: object, s: Idle, e: Go) -> bool:
        return False

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    with assert_refused("Bad", "go", "drop async, and let a worker do what takes time"):
        with_move(Edge(go, may_go))


def test_guard_by_name() -> None:
    """A guard given by its name is refused."""

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    with assert_refused("Bad", "go", "give a method (self, s, e) -> bool"):
        with_move(Edge(go, "may_go"))


def test_annotation_only_for_type_checkers() -> None:
    """A name that is imported for type checkers only is refused, and named."""

    @on
    def go(self: object, s: Idle, e: Go) -> OnlyForCheckers:
        return Busy()

    with assert_refused("Bad", "go", "annotation 'OnlyForCheckers' does not exist at run time; import it outside of"):
        with_move(go)


def test_annotation_that_fails() -> None:
    """An annotation that cannot be evaluated is refused, with the reason."""

    def go(self: object, s: Idle, e: Go) -> Busy:
        return Busy()

    go.__annotations__["return"] = "Busy.nested"
    with assert_refused("Bad", "go", "cannot be evaluated"):
        with_move(Edge(go, None))
