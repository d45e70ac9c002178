"""A machine whose every move leaves a token: whoever reads a state knows which call wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from attrs import frozen

from leverframe import Event, Machine, Message, NonEmpty, Payload, Store, decide, lookup, on, state

__all__ = ["Dim", "Flip", "Light", "Off", "On", "Switch", "Token", "check_switch", "tokens_of"]


class Token(NonEmpty): ...


@frozen
class Off(Payload):
    token: Token


@frozen
class On(Payload):
    token: Token


@frozen
class Light(Event):
    token: Token


@frozen
class Dim(Event):
    token: Token


@frozen
class Flip(Event):
    token: Token


SwitchState: TypeAlias = Off | On
SwitchEvent: TypeAlias = Light | Dim | Flip


class Switch(Machine[SwitchState, SwitchEvent]):
    """`Light` and `Dim` are refused where there is nothing to do, `Flip` never is."""

    off = state(Off, initial=True)
    on_ = state(On)

    token = lookup(unique=True)

    @on
    def light(self, s: Off, e: Light | Flip) -> On:
        return On(e.token)

    @on
    def dim(self, s: On, e: Dim | Flip) -> Off:
        return Off(e.token)

    def announce(self, before: SwitchState, event: SwitchEvent, after: SwitchState) -> Iterable[Message]:
        return [Message("moves", type(event).__name__, correlation_id=after.token)]


def tokens_of(store: Store, key: str) -> list[str]:
    """The token behind each version, from the first one on, as the journal has them."""
    return [str(entry.state.token) for entry in store.history(Switch, key)]


def check_switch(store: Store, key: str) -> None:
    """The journal has no gap, and replays to the snapshot; the instance is found by its token, and by no other."""
    entries = store.history(Switch, key)
    assert [entry.version for entry in entries] == list(range(1, len(entries) + 1)), key
    reached: Any = entries[0].state
    for entry in entries[1:]:
        assert entry.event is not None
        reached = decide(Switch, reached, entry.event, entry.at).state
        assert reached == entry.state, (key, entry)
    stored = store.get(Switch, key)
    assert (stored.state, stored.version) == (reached, len(entries)), key
    assert [found.key for found in store.find(Switch, where={"token": reached.token})] == [key]
