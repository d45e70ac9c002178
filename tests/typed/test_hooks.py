"""Hooks: what entering, leaving and every move tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest
from attrs import frozen

from leverframe import Event, InvalidValue, Machine, Message, Payload, State, decide, entering, leaving, on, state

NOW = datetime(2030, 1, 2, tzinfo=UTC)


@frozen
class Outer(Payload): ...


@frozen
class Inner(Outer):
    number: int = 0


@frozen
class First(Inner): ...


@frozen
class Second(Inner): ...


@frozen
class Away(Payload):
    number: int = 0


@frozen
class Move(Event):
    to: str


Held: TypeAlias = First | Second | Away

MADE: dict[str, type[Held]] = {"first": First, "second": Second, "away": Away}


class Told(Machine[First | Second | Away, Move]):
    class outer(State.Compound):
        class inner(State.Compound):
            first = state(First)
            second = state(Second)

    away = state(Away)

    @on
    def move(self, s: First | Second, e: Move) -> First | Second | Away:
        return MADE[e.to](s.number + 1)

    @on
    def back(self, s: Away, e: Move) -> First:
        return First(s.number + 1)

    @entering
    def into_first(self, s: First) -> list[Message]:
        return [Message("into", "first", body={"number": s.number})]

    @entering
    def into_outer(self, s: Outer) -> list[Message]:
        return [Message("into", "outer")]

    @entering
    def into_inner(self, s: Inner) -> tuple[Message, ...]:
        return (Message("into", "inner"), Message("into", "inner again"))

    @entering
    def into_first_too(self, s: First) -> Iterator[Message]:
        yield Message("into", "first too", body={"at": self.now()})

    @leaving
    def out_of_first(self, s: First) -> list[Message]:
        return [Message("out of", "first", body={"number": s.number})]

    @leaving
    def out_of_inner(self, s: Inner) -> list[Message]:
        return [Message("out of", "inner")]

    @leaving
    def out_of_outer(self, s: Outer) -> list[Message]:
        return [Message("out of", "outer")]

    def announce(self, before: Any, event: Move, after: Any) -> list[Message]:
        return [Message("announce", f"{before.number} {event.to} {after.number}", body={"at": self.now()})]


def kinds(messages: tuple[Message, ...]) -> list[str]:
    return [f"{message.topic} {message.kind}" for message in messages]


@pytest.fixture(params=["table", "engine"])
def told(request: pytest.FixtureRequest) -> Any:
    """What one event tells, on one driver."""

    def run(payload: Any, event: Move) -> tuple[Message, ...]:
        if request.param == "table":
            return decide(Told, payload, event, NOW).messages
        return Told.native(payload).deliver(event, NOW).messages

    return run


def test_leaving_from_inner_to_outer(told: Any) -> None:
    """Leaving tells from the leaf outwards, and the move itself after that."""
    expected = ["out of first", "out of inner", "out of outer", "announce 1 away 2"]
    assert kinds(told(First(1), Move("away"))) == expected


def test_entering_from_outer_to_inner(told: Any) -> None:
    """Entering tells from the outermost superstate inwards; hooks of one state in order of declaration."""
    expected = ["into outer", "into inner", "into inner again", "into first", "into first too"]
    assert kinds(told(Away(1), Move("first"))) == ["announce 1 first 2", *expected]


def test_hooks_get_old_and_new_state(told: Any) -> None:
    """A leaving hook gets the old state, an entering hook the new one."""
    assert told(First(1), Move("second"))[0].body == {"number": 1}
    assert told(Away(1), Move("first"))[4].body == {"number": 2}


def test_move_between_leaves_of_one_superstate(told: Any) -> None:
    """A leaf's own move to its sister leaves the superstates be."""
    assert kinds(told(First(1), Move("second"))) == ["out of first", "announce 1 second 2"]
    assert kinds(told(Second(1), Move("first"))) == ["announce 1 first 2", "into first", "into first too"]


def test_announce_tells_of_updates_in_place(told: Any) -> None:
    """An update in place runs `announce` and no other hook."""
    assert kinds(told(First(1), Move("first"))) == ["announce 1 first 2"]


def test_start_tells_of_entering_only() -> None:
    """A start tells of entering, from outer to inner, on both drivers; nothing is announced."""
    expected = ["into outer", "into inner", "into inner again", "into first", "into first too"]
    assert kinds(Told.start(First(), NOW).messages) == expected
    assert Told.native(First(), NOW).messages == Told.start(First(), NOW).messages


def test_hooks_get_the_time_of_the_decision(told: Any) -> None:
    """Hooks and `announce` get the time that the event was sent with."""
    messages = told(Away(1), Move("first"))
    assert [message.body["at"] for message in messages if "at" in message.body] == [NOW, NOW]


class Begun(Machine[Held, Move]):
    class outer(State.Compound):
        class inner(State.Compound):
            first = state(First, initial=True)
            second = state(Second)

    away = state(Away)

    @on
    def move(self, s: Held, e: Move) -> First | Second | Away:
        return MADE[e.to](s.number + 1)

    @entering
    def into_outer(self, s: Outer) -> list[Message]:
        return [Message("into", "outer")]

    def announce_creation(self, state: Held) -> Iterator[Message]:
        yield Message("begun", str(state.number), body={"at": self.now()})


@pytest.mark.parametrize("start", [Begun.start, Begun.native])
def test_creation_is_announced_before_what_is_entered(start: Any) -> None:
    """`announce_creation` tells of a start in whichever state, before the entering hooks, on both drivers."""
    messages = start(Second(3), NOW).messages
    assert kinds(messages) == ["begun 3", "into outer"]
    assert messages[0].body == {"at": NOW}
    assert kinds(start(Away(4), NOW).messages) == ["begun 4"]


def test_no_move_announces_a_creation() -> None:
    """No move runs `announce_creation`, also not one back to where the machine began, on either driver."""
    for payload, to, expected in ((First(1), "first", []), (Away(1), "first", ["into outer"]), (First(1), "away", [])):
        assert kinds(decide(Begun, payload, Move(to), NOW).messages) == expected
        assert kinds(Begun.native(payload).deliver(Move(to), NOW).messages) == expected


@pytest.mark.parametrize("start", ["start", "native"])
def test_creation_that_cannot_be_announced(start: str) -> None:
    """What `announce_creation` raises fails the start, on both drivers."""

    class Bad(Machine[First | Away, Move]):
        first = state(First)
        away = state(Away)

        @on
        def move(self, s: First, e: Move) -> Away:
            return Away()

        def announce_creation(self, state: First | Away) -> list[Message]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        getattr(Bad, start)(First())


@pytest.mark.parametrize("kind", [entering, leaving])
def test_hook_that_raises_fails_the_move(kind: Any) -> None:
    """What a hook raises fails the move, and the machine stays where it was, on both drivers."""

    class Bad(Machine[First | Away, Move]):
        first = state(First)
        away = state(Away)

        @on
        def move(self, s: First, e: Move) -> Away:
            return Away()

        def tell(self, s: First) -> list[Message]:
            raise ZeroDivisionError

        def tell_away(self, s: Away) -> list[Message]:
            raise ZeroDivisionError

        hook = kind(tell_away if kind is entering else tell)

    with pytest.raises(ZeroDivisionError):
        decide(Bad, First(), Move("away"), NOW)
    native = Bad.native(First())
    with pytest.raises(ZeroDivisionError):
        native.deliver(Move("away"), NOW)
    assert (native.payload, native.messages, native.first.is_active) == (First(), (), True)


def test_message_body_is_its_own() -> None:
    """A message without a body has an empty one, not shared with others."""
    first, second = Message("a", "b"), Message("a", "b")
    assert first == second
    assert first.body == {}
    assert first.body is not second.body


@pytest.mark.parametrize("name", ["topic", "kind", "correlation_id"])
def test_message_without_nul(name: str) -> None:
    """A NUL in a message's topic, kind or correlation id is refused when it is made; its body may have one."""
    fields: dict[str, Any] = {"topic": "t", "kind": "k", name: "a\0b"}
    with pytest.raises(InvalidValue, match=rf"Message\.{name} must be text without a NUL, got 'a\\x00b'"):
        Message(**fields)
    assert Message("t", "k", body={"text": "a\0b"}).body == {"text": "a\0b"}
