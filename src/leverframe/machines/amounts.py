"""What is counted and what is paid: whole numbers from 0, and sums of money to the last digit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any, Self

from leverframe import InvalidField, InvalidValue

__all__ = ["NO_COST", "ZERO", "Count", "check_cost", "exact_sum", "of_kind"]


class Count(int):
    """An integer of at least 0.  Subclass it to tell kinds of counts apart.

    Raises `InvalidValue` for anything else, `True` included.

    >>> Count(2) + 1
    3
    >>> Count(-1)
    Traceback (most recent call last):
    leverframe.errors.InvalidValue: Count must be an integer of at least 0, got -1
    """

    __slots__ = ()

    def __new__(cls, value: int, /) -> Self:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise InvalidValue(cls.__name__, "be an integer of at least 0", value)
        return int.__new__(cls, value)


ZERO = Count(0)
NO_COST = Decimal(0)

# Wide enough for any sum of money; what does not fit is an error, and never rounded.
_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, Overflow])


def exact_sum(first: Decimal, second: Decimal) -> Decimal:
    """Both together, whatever precision the thread has.  Raises `decimal.Inexact` beyond a hundred digits.

    >>> exact_sum(Decimal("1000000000000000000000000000000"), Decimal("0.01"))
    Decimal('1000000000000000000000000000000.01')
    """
    return _EXACT.add(first, second)


# ---------------------------------------------------------------- checks of fields


def of_kind(kind: type) -> Callable[[Any, Any, Any], None]:
    """The check of a field that takes values of this class only.

    >>> from attrs import field, frozen
    >>> from leverframe import Payload
    >>> @frozen
    ... class Running(Payload):
    ...     steps: Count = field(validator=of_kind(Count))
    >>> Running(3)
    Traceback (most recent call last):
    leverframe.errors.InvalidField: Running.steps must be Count, got int 3; make one with Count(...)
    """

    def check(owner: object, attribute: Any, value: object) -> None:
        if not isinstance(value, kind):
            raise InvalidField(type(owner).__name__, attribute.name, kind.__name__, value)

    return check


def check_cost(owner: object, attribute: Any, value: object) -> None:
    """The check of a field that takes a sum of money: a finite Decimal of at least 0."""
    if not isinstance(value, Decimal):
        raise InvalidField(type(owner).__name__, attribute.name, "Decimal", value)
    if not value.is_finite() or value < 0:
        raise InvalidValue(f"{type(owner).__name__}.{attribute.name}", "be a finite Decimal of at least 0", value)
