"""Events and states to try, the same ones each time: drawn by hypothesis from a seed, and thought of from a state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar, cast

import attrs
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy

from leverframe.testing.values import REFUSED, attempt, fields_of, fitting, made, values_in
from leverframe.typed.fields import field_hints

__all__ = ["Samples", "drawn"]

T = TypeVar("T")

FIRST = 4
"""How many events are tried before the state is looked at."""

NEAR = 24
"""How many events are made from one state at most."""

SECOND = timedelta(seconds=1)
LATER = (timedelta(hours=1), timedelta(days=1), timedelta(days=400))


def drawn(strategy: SearchStrategy[T], number: int, seed_of_all: int) -> list[T]:
    """What a strategy draws first from a seed, the simplest of all at the front; nothing twice.

    >>> from hypothesis import strategies as st
    >>> drawn(st.booleans(), 9, 0)
    [False, True]
    """
    found: dict[str, T] = {}

    @seed(seed_of_all)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=cast("Any", list(HealthCheck)),
    )
    @given(strategy)
    def collect(value: T) -> None:
        found.setdefault(repr(value), value)

    try:
        collect()
    except Unsatisfiable:
        return list(found.values())
    return list(found.values())


class Samples:
    """Events to try in a state; `number` are drawn of each class, once, when they are first needed."""

    def __init__(self, number: int, seed_of_all: int) -> None:
        self._number = number
        self._seed = seed_of_all
        self._few: dict[type, list[Any]] = {}
        self._many: dict[type, list[Any]] = {}

    def of(self, kind: type, state: Any, at: datetime) -> Iterator[tuple[Any, datetime]]:
        """Events of a class, with times: the likeliest first, behind `at` all of them."""
        soon = at + SECOND
        few = self.few(kind)
        for event in few:
            yield event, soon
        near = list(islice(self._near(few, kind, state), NEAR))
        for event in near:
            yield event, soon
        for later in self._times(state, at):
            for event in (*few[:2], *near[: NEAR // 2]):
                yield event, later
        for event in self.many(kind):
            yield event, soon

    def few(self, kind: type) -> list[Any]:
        """The first ones."""
        if kind not in self._few:
            self._few[kind] = drawn(made(kind), FIRST, self._seed)
        return self._few[kind]

    def many(self, kind: type) -> list[Any]:
        """All of them."""
        if kind not in self._many:
            self._many[kind] = drawn(made(kind), self._number, self._seed)
        return self._many[kind]

    def _near(self, few: list[Any], kind: type, state: Any) -> Iterator[Any]:
        """Events that say what the state says: all that they can, and then field by field."""
        nearby = values_in(state)
        hints = field_hints(kind)
        fits = {field.alias: fitting(hints.get(field.name), nearby) for field in fields_of(kind)}
        fits = {alias: known for alias, known in fits.items() if known}
        same = {
            field.alias: getattr(state, field.name)
            for field in fields_of(kind)
            if field.alias in fits and hasattr(state, field.name)
        }
        all_first = {alias: known[0] for alias, known in fits.items()}
        changes = [same, all_first, {**all_first, **same}]
        changes += [{alias: value} for alias, known in fits.items() for value in known]
        for change in changes if few else ():
            event = attempt(lambda given: attrs.evolve(few[0], **given))(change)
            if change and event is not REFUSED:
                yield event

    def _times(self, state: Any, at: datetime) -> list[datetime]:
        """When something may be due: just before, at and just behind each time that the state says; and much later."""
        said = [time for time in values_in(state).get(datetime, []) if time.utcoffset() is not None and time > at]
        return [*said, *(at + later for later in LATER)]
