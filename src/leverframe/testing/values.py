"""Values of a type, as hypothesis draws them: refined values, states and events, and what these are made of."""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# Values of any class are taken apart here, and of any are they made.

from __future__ import annotations

import re
from collections.abc import (
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, cast, get_args, get_origin

import attrs
from hypothesis import strategies as st
from hypothesis.errors import ResolutionFailed
from hypothesis.strategies import SearchStrategy

from leverframe.errors import InvalidValue
from leverframe.testing.chance import START
from leverframe.typed.annotations import type_name, union_members
from leverframe.typed.fields import field_hints
from leverframe.typed.values import NonEmpty, Positive

__all__ = ["REFUSED", "fields_of", "fitting", "made", "made_near", "register", "values", "values_in"]

T = TypeVar("T")

Drawn: TypeAlias = SearchStrategy[Any]

FEW = 3
"""How many items a collection has at most: more show nothing that so many do not."""

LARGE = 1_000_000
MONTH = timedelta(days=30)

_registered: dict[Any, Drawn] = {}
_made: dict[type, Drawn] = {}


def register(kind: type[T], strategy: SearchStrategy[T]) -> None:
    """Say how values of a class of your own are made, wherever a state or an event has a field of it.

    It goes for states and events too, and takes the place of what is known of the class.  Without it, hypothesis's own
    `register_type_strategy` is asked.

    >>> from hypothesis import strategies as st
    >>> from leverframe.machines.pipeline import GitSha
    >>> register(GitSha, st.just(GitSha("3755db7")))
    >>> values(GitSha)
    just('3755db7')
    >>> _registered.clear()
    """
    _registered[kind] = strategy
    _made.clear()


def values(hint: Any, where: str = "") -> SearchStrategy[Any]:
    """Values that an annotation takes; `where` is whose it is, for errors.

    Raises `InvalidValue` where nobody knows how they are made.

    >>> values(int | None)
    one_of(none(), one_of(integers(min_value=-3, max_value=3).map(int), integers(...).map(int)))
    """
    if isinstance(hint, Hashable) and hint in _registered:
        return _registered[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return values(arguments[0], where)
    if origin in (Union, UnionType) or hasattr(hint, "__value__"):
        # None is the simplest.
        members = sorted(union_members(hint), key=lambda member: member is not NoneType)
        return st.one_of([values(member, where) for member in members])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is not None and origin in _registered:
        return _registered[origin]
    if origin is not None or hint in COLLECTIONS:
        return _collection(origin or hint, arguments, hint, where)
    return _one(hint, where)


# ---------------------------------------------------------------- collections


def _collection(kind: Any, arguments: tuple[Any, ...], hint: Any, where: str) -> Drawn:
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        return st.tuples(*(values(argument, where) for argument in arguments if argument != ()))
    make = COLLECTIONS.get(kind)
    if make is None:
        return _of_hypothesis(hint, where)
    return make(*(values(argument, where) for argument in arguments if argument is not Ellipsis))


NOTHING: Drawn = st.nothing()


def _lists(items: Drawn = NOTHING) -> Drawn:
    return st.lists(items, max_size=FEW)


def _sets(items: Drawn = NOTHING) -> Drawn:
    return st.sets(items, max_size=FEW)


def _frozen_sets(items: Drawn = NOTHING) -> Drawn:
    return st.frozensets(items, max_size=FEW)


def _tuples(items: Drawn = NOTHING) -> Drawn:
    return _lists(items).map(tuple)


def _dictionaries(keys: Drawn = NOTHING, items: Drawn = NOTHING) -> Drawn:
    return st.dictionaries(keys, items, max_size=FEW)


COLLECTIONS: Mapping[Any, Callable[..., Drawn]] = {
    tuple: _tuples,
    Sequence: _tuples,
    list: _lists,
    MutableSequence: _lists,
    Iterable: _lists,
    set: _sets,
    MutableSet: _sets,
    frozenset: _frozen_sets,
    AbstractSet: _frozen_sets,
    dict: _dictionaries,
    Mapping: _dictionaries,
    MutableMapping: _dictionaries,
}


# ---------------------------------------------------------------- single values


def _one(kind: Any, where: str) -> Drawn:
    if kind is NoneType or kind is None:
        return st.none()
    if not isinstance(kind, type):
        return _of_hypothesis(kind, where)
    if attrs.has(kind):
        return made(kind)
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if kind in SIMPLE:
        return SIMPLE[kind]()
    for base, strategy in REFINED:
        if issubclass(kind, base):
            return accepted(kind, strategy(kind))
    return _of_hypothesis(kind, where)


# hypothesis tries a value that it has drawn at other places where it fits, and takes an object of a subclass of int or
# str for one of these itself, which it then fails at.  What is mapped, and behind a choice, it does not try.


def _numbers(least: int, most: int, first: tuple[int, int]) -> Drawn:
    # Small ones first: guards compare numbers, and large ones seldom meet.
    return st.one_of(st.integers(*first).map(int), st.integers(least, most).map(int))


# Not every store and not every message can keep a NUL.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def _texts(first: Sequence[str] = ("a", "b", ""), at_least: int = 0) -> Drawn:
    return st.one_of(st.sampled_from(first), st.text(CHARACTERS, min_size=at_least, max_size=20).map(str))


def _times() -> Drawn:
    # Years away nothing is due any more; a second is what people count in.
    seconds = int(MONTH.total_seconds())
    return st.integers(-seconds, seconds).map(lambda second: START + timedelta(seconds=second))


def _decimals() -> Drawn:
    return st.decimals(-1000, 1000, allow_nan=False, allow_infinity=False, places=2)


SIMPLE: Mapping[Any, Callable[[], Drawn]] = {
    bool: st.booleans,
    int: lambda: _numbers(-LARGE, LARGE, (-3, 3)),
    str: _texts,
    float: lambda: st.floats(-1e9, 1e9),
    Decimal: _decimals,
    datetime: _times,
    date: lambda: _times().map(datetime.date),
    timedelta: lambda: st.integers(0, 90_000).map(lambda seconds: timedelta(seconds=seconds)),
    bytes: lambda: st.binary(max_size=20),
}


def _matching(kind: type[NonEmpty]) -> Drawn:
    patterns: tuple[re.Pattern[str], ...] = kind._patterns  # pyright: ignore[reportPrivateUsage]  # it is asked what it takes
    if patterns:
        # The class refuses what matches the last one and none of the others.
        drawn = st.from_regex(patterns[-1], fullmatch=True).map(str)
        return st.one_of(drawn, drawn)
    return _texts("abc", 1)


def _positive(_: type) -> Drawn:
    return _numbers(1, LARGE, (1, 3))


REFINED: Sequence[tuple[type, Callable[[Any], Drawn]]] = (
    (Positive, _positive),
    (NonEmpty, _matching),
    (bool, lambda _: st.booleans()),
    (int, lambda _: _numbers(-LARGE, LARGE, (0, 3))),
    (str, lambda _: _texts("abc")),
    (Decimal, lambda _: _decimals()),
    (float, lambda _: st.floats(-1e9, 1e9)),
)
"""Subclasses say by themselves what they refuse."""


def _of_hypothesis(kind: Any, where: str) -> Drawn:
    """What hypothesis knows of a type, or was told with `register_type_strategy`."""
    try:
        strategy: Drawn = st.from_type(kind)
        strategy.validate()
    except (ResolutionFailed, TypeError) as error:
        problem = "have a type that values can be made of; say how with leverframe.testing.register(Type, strategy)"
        raise InvalidValue(where or type_name(kind), problem, type_name(kind)) from error
    return strategy


# ---------------------------------------------------------------- classes


def made(kind: type[Any]) -> SearchStrategy[Any]:
    """Objects of an attrs class, each field made from its type; what the class itself refuses is not drawn.

    >>> from leverframe.machines.pipeline import Block
    >>> made(Block).example().reason.__class__  # doctest: +SKIP
    <class 'str'>
    """
    if kind in _registered:
        return _registered[kind]
    if kind not in _made:
        # A class may have a field of its own class.
        _made[kind] = st.deferred(lambda: made_near(kind, {}))
    return _made[kind]


def made_near(kind: type[Any], nearby: Mapping[type, Sequence[Any]]) -> SearchStrategy[Any]:
    """As `made`, its fields often one of these values, where they are of their type."""
    if kind in _registered:
        return _registered[kind]
    hints = field_hints(kind)
    drawn: dict[str, Drawn] = {}
    for field in fields_of(kind):
        hint = hints.get(field.name, Any)
        known = fitting(hint, nearby)
        try:
            strategy = values(hint, f"{kind.__name__}.{field.name}")
        except InvalidValue:
            if field.default is attrs.NOTHING:
                raise
            continue
        choices = [st.just(plain_default(field))] if field.default is not attrs.NOTHING else []
        drawn[field.alias] = st.one_of(*choices, *([st.sampled_from(known)] if known else []), strategy)
    return st.builds(leaving_out(kind), **drawn).filter(lambda value: value is not REFUSED)


def plain_default(field: Any) -> Any:
    """What a field has by itself; `attrs.NOTHING` where that is made anew each time."""
    return attrs.NOTHING if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]  # it is a class


def leaving_out(kind: type[Any]) -> Callable[..., Any]:
    """Makes an object, without the arguments that are `attrs.NOTHING`; hypothesis shows it by the class's name."""

    def make(**given: Any) -> Any:
        said = {name: value for name, value in given.items() if value is not attrs.NOTHING}
        return attempt(lambda _: kind(**said))(None)

    make.__name__ = make.__qualname__ = kind.__name__
    return make


def fields_of(kind: type[Any]) -> list[Any]:
    """The fields that an object of the class is made of."""
    return [field for field in attrs.fields(cast("Any", kind)) if field.init]


REFUSED = object()
"""What stands for a value that its class does not take."""


def accepted(make: Callable[[Any], Any], drawn: Drawn) -> Drawn:
    """What `make` makes of the values that it does not refuse."""

    return drawn.map(attempt(make)).filter(lambda value: value is not REFUSED)


def attempt(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """As `make`, with `REFUSED` for what it does not take."""

    def made_or_refused(value: Any) -> Any:
        try:
            return make(value)
        except (ValueError, TypeError, ArithmeticError, AssertionError):
            return REFUSED

    return made_or_refused


# ---------------------------------------------------------------- what a state has


def values_in(value: Any) -> dict[type, list[Any]]:
    """The values that an object is made of, however deep, by their class, and those just beside them.

    An event that a guard accepts often says what the state says.

    >>> from leverframe.machines.pipeline import *
    >>> values_in(Merge(BranchName("fix"), Positive(2)))
    {<class 'leverframe.machines.pipeline.BranchName'>: ['fix'], <class 'leverframe.typed.values.Positive'>: [2, 3, 1]}
    """
    found: dict[type, list[Any]] = {}
    for each in _leaves(value):
        known = found.setdefault(type(each), [])
        known += [near for near in (each, *_beside(each)) if near not in known]
    return found


def fitting(hint: Any, nearby: Mapping[type, Sequence[Any]]) -> list[Any]:
    """Those of the values that an annotation takes as they are."""
    members = [get_origin(member) or member for member in union_members(hint)] if nearby else []
    return [
        value for member in members if isinstance(member, Hashable) for value in nearby.get(cast("Any", member), ())
    ]


def _leaves(value: Any) -> Iterator[Any]:
    if attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from _leaves(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (*_leaves(key), *_leaves(item))
    elif isinstance(value, tuple | list | set | frozenset):
        if value:
            yield value
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value


def _beside(value: Any) -> list[Any]:
    if isinstance(value, datetime):
        return [value + timedelta(seconds=1), value - timedelta(seconds=1)]
    if isinstance(value, int) and not isinstance(value, bool | Enum):
        return [near for near in map(attempt(type(value)), (value + 1, value - 1)) if near is not REFUSED]
    return []
