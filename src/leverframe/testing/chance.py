"""What is left to chance, all of it from one seed: numbers, and states and events of a machine's own classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from types import NoneType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin
from uuid import UUID

import attrs

from leverframe.errors import InvalidValue
from leverframe.typed.annotations import type_name, union_members
from leverframe.typed.fields import field_hints

__all__ = ["START", "Chance"]

T = TypeVar("T")

EMPTY: Mapping[Any, Callable[[], Any]] = {
    tuple: tuple,
    list: list,
    set: set,
    frozenset: frozenset,
    dict: dict,
    Mapping: dict,
}
"""Collections are drawn empty."""

START = datetime(2030, 1, 1, tzinfo=UTC)
"""When a simulation begins."""

AHEAD = (60, 3600)
"""Seconds: how far ahead a time is at most that is drawn."""


class Chance(Random):
    """A seeded `random.Random` that also draws states and events.

    >>> from leverframe.machines.run import *
    >>> Chance(1).some(Pending).project_id
    'project_id-3'
    """

    clock: Callable[[], datetime] = staticmethod(lambda: START)

    skew = timedelta()
    """By how much the process's own clock is wrong."""

    def now(self) -> datetime:
        """The time in the simulation."""
        return self.clock()

    def own_time(self) -> datetime:
        """The time by the own clock of the process that asks."""
        return self.clock() + self.skew

    def some(self, kind: type[T]) -> T:
        """An object of an attrs class: fields without a default are drawn from their types.

        Raises `InvalidValue` where a field's type says too little of what it takes: a pattern, a check of its own.
        """
        hints = field_hints(kind)
        wanted = [each for each in attrs.fields(cast("Any", kind)) if each.init and each.default is attrs.NOTHING]
        return kind(**{each.alias: self._draw(f"{kind.__name__}.{each.name}", hints[each.name]) for each in wanted})

    def _draw(self, field: str, hint: Any) -> Any:
        members = [member for member in union_members(hint) if member is not NoneType]
        if len(members) != 1:
            return self._draw(field, members[0]) if members else None
        origin, arguments = get_origin(members[0]), get_args(members[0])
        if origin is Literal:
            return self.choice(arguments)
        if origin is tuple:
            each_one = () if arguments[-1:] == (Ellipsis,) else arguments
            return tuple(self._draw(field, argument) for argument in each_one)
        return self._draw_of(field, origin or members[0])

    def _draw_of(self, field: str, kind: Any) -> Any:
        if attrs.has(kind):
            return self.some(kind)
        if issubclass(kind, Enum):
            return self.choice(list(kind))
        if issubclass(kind, str):
            return kind(f"{field.rpartition('.')[2]}-{self.randint(1, 9)}")
        if issubclass(kind, int) and kind is not bool:
            return kind(self.randint(1, 9))
        if kind in EMPTY:
            return EMPTY[kind]()
        return self._draw_plain(field, kind)

    def _draw_plain(self, field: str, kind: Any) -> Any:
        now = self.now()
        draw: Mapping[Any, Callable[[], Any]] = {
            bool: lambda: self.random() < 0.5,
            float: lambda: self.randint(1, 90) / 10,
            Decimal: lambda: Decimal(self.randint(1, 900)) / 100,
            datetime: lambda: now + timedelta(seconds=self.randint(0, self.choice(AHEAD))),
            date: lambda: now.date() + timedelta(days=self.randint(0, 30)),
            timedelta: lambda: timedelta(seconds=self.randint(1, AHEAD[-1])),
            UUID: lambda: UUID(int=self.getrandbits(128), version=4),
        }
        if kind not in draw:
            problem = "have a type that values can be drawn of; make it yourself, in create= or work="
            raise InvalidValue(field, problem, type_name(kind))
        return draw[kind]()
