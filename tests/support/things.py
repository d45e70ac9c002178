"""A program of several versions, which keep other look-ups; and what processes of them do to one store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from leverframe import Event, LookupsChanged, Machine, Payload, lookup, on, open_store, state

__all__ = [
    "Dropped",
    "Gone",
    "Handed",
    "New",
    "Refused",
    "Taken",
    "hand_by_turns",
    "hand_until_refused",
    "make_program",
]

FAR_TOO_OFTEN = 100_000

HandedOver = tuple[str, int, str]
"""Key, version and owner of a move that was acknowledged."""


@frozen
class New(Payload):
    owner: str


@frozen
class Taken(Payload):
    owner: str


@frozen
class Gone(Payload): ...


@frozen
class Handed(Event):
    owner: str


@frozen
class Dropped(Event): ...


def make_program(*, looked_up: bool, unique: bool = False, initials: bool = False) -> Any:
    """One version of the program: with or without the look-up, with or without an upcaster."""

    class Thing(Machine[New | Taken | Gone, Handed | Dropped]):
        new = state(New, initial=True)
        taken = state(Taken)
        gone = state(Gone)
        if looked_up:
            owner = lookup(unique=unique)

        @on
        def handed(self, s: New | Taken, e: Handed) -> Taken:
            return Taken(e.owner)

        @on
        def dropped(self, s: New | Taken, e: Dropped) -> Gone:
            return Gone()

    if initials:

        @Thing.upcast("New", version=1)
        def shorten(body: dict[str, Any]) -> dict[str, Any]:
            return {"owner": body["owner"][0]}

    return Thing


@frozen
class Refused:
    """What a process had done when it was refused, and of which machine it was told."""

    moves: Sequence[HandedOver]
    machine: str


def hand_until_refused(url: str, name: str, keys: Sequence[str]) -> Refused:
    """As the older program: hand over one thing after the other, until another program keeps other look-ups."""
    older = make_program(looked_up=False)
    moves: list[HandedOver] = []
    with open_store(url) as store:
        for number in range(FAR_TOO_OFTEN):
            key, owner = keys[number % len(keys)], f"{name}-{number}"
            try:
                moves.append((key, store.send(older, key, Handed(owner)).version, owner))
            except LookupsChanged as error:
                return Refused(moves, error.machine)
    raise AssertionError("nobody forbade it")


def hand_by_turns(url: str, name: str, keys: Sequence[str]) -> list[HandedOver]:
    """As the newer program, which declares its look-up before: hand over each thing three times."""
    newer = make_program(looked_up=True)
    with open_store(url) as store:
        return [
            (key, store.send(newer, key, Handed(f"{name}-{key}-{turn}")).version, f"{name}-{key}-{turn}")
            for turn in range(3)
            for key in keys
        ]
