"""Refined values: subclasses of int and str that cannot be made of anything wrong."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal, Self, overload

from leverframe.errors import InvalidValue, MachineDefinitionError

__all__ = ["EmptyString", "NonEmpty", "NotPositive", "Positive"]


class NotPositive:
    """What a type checker sees for `Positive(0)`: a value that fits nowhere."""


class EmptyString:
    """What a type checker sees for `NonEmpty("")`: a value that fits nowhere."""


class Positive(int):
    """An integer of at least 1.  Subclass it to tell kinds of numbers apart.

    Raises `InvalidValue` for anything else, `True` included; a literal 0 or below is a static error too.

    >>> from leverframe import Positive
    >>> class Attempt(Positive): ...
    >>> Attempt(3) + 1
    4
    >>> Attempt(int("0"))
    Traceback (most recent call last):
    leverframe.errors.InvalidValue: Attempt must be an integer of at least 1, got 0
    """

    __slots__ = ()

    # The literals end at -9: a type checker has no way to say "every negative integer".
    @overload
    def __new__(cls, value: Literal[0, -1, -2, -3, -4, -5, -6, -7, -8, -9], /) -> NotPositive: ...  # type: ignore[misc, overload-overlap]  # pyright: ignore  # the overlap is meant: a wrong literal gets a type that fits nowhere
    @overload
    def __new__(cls, value: int, /) -> Self: ...
    def __new__(cls, value: int, /) -> Any:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise InvalidValue(cls.__name__, "be an integer of at least 1", value)
        return int.__new__(cls, value)


class NonEmpty(str):
    """A string of at least one character.  Subclass it to tell kinds of strings apart.

    A subclass may set `pattern`, a regular expression for the whole string; a subclass of that one has to match
    both.  Raises `InvalidValue` for anything else; a literal `""` is a static error too.

    >>> from leverframe import NonEmpty
    >>> class GitSha(NonEmpty):
    ...     pattern = "[0-9a-f]{7,40}"
    >>> GitSha("3755db7")
    '3755db7'
    >>> GitSha("main")
    Traceback (most recent call last):
    leverframe.errors.InvalidValue: GitSha must match '[0-9a-f]{7,40}', got 'main'
    """

    __slots__ = ()

    pattern: ClassVar[str | None] = None
    _patterns: ClassVar[tuple[re.Pattern[str], ...]] = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        own = vars(cls).get("pattern")
        if own is not None:
            cls._patterns = (*cls._patterns, _compile(cls.__name__, own))

    @overload
    def __new__(cls, value: Literal[""], /) -> EmptyString: ...  # type: ignore[misc, overload-overlap]  # pyright: ignore  # the overlap is meant: a wrong literal gets a type that fits nowhere
    @overload
    def __new__(cls, value: str, /) -> Self: ...
    def __new__(cls, value: str, /) -> Any:
        if not isinstance(value, str) or not value:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise InvalidValue(cls.__name__, "be a string of at least one character", value)
        for pattern in cls._patterns:
            if pattern.fullmatch(value) is None:
                raise InvalidValue(cls.__name__, f"match {pattern.pattern!r}", value)
        return str.__new__(cls, value)


def _compile(name: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        raise MachineDefinitionError(name, "pattern", f"{pattern!r} is no regular expression: {error}") from None
