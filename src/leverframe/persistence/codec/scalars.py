"""How each type of a single value is stored: two strict functions a type, one to read and one to write.

    int float str bool      as JSON has them; an int where a float is annotated, if a float can hold it exactly
    refined values          as the int or str they are, read through their class
    datetime                "2024-01-02T03:04:05+00:00": ISO 8601, stored in UTC; a zone is needed
    date                    "2024-01-02"
    timedelta               "PT90.5S": ISO 8601, stored in seconds
    Decimal                 "12.5": exact, without trailing zeros, so that equal ones are stored alike
    UUID                    "12345678-1234-5678-1234-567812345678"
    bytes                   base64
    Enum, Literal           the value, which is a string, an integer, a boolean or None

`containers.py` puts them together.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from uuid import UUID

from attrs import frozen

from leverframe.wording import join_names, show_value

__all__ = ["SCALARS", "Form", "Misfit", "Part", "Scalar", "choice_form", "enum_form", "misfit", "refined_form"]


class Misfit(ValueError):
    """A value is not what its place takes; the text says so, and somebody else says where."""


def misfit(expected: str, value: object) -> Misfit:
    """That `value` is not `expected`.

    >>> misfit("a string", 3)
    Misfit('must be a string, got int 3')
    """
    given = "None" if value is None else f"{type(value).__name__} {show_value(value)}"
    return Misfit(f"must be {expected}, got {given}")


class Form:
    """How values of one type are stored: `read` makes one of JSON, `write` makes JSON of one.

    Both raise an exception for anything that is not exactly of the type.  `parts` names what a value is made of,
    for errors.  `read` has a second argument because cattrs gives one.
    """

    read: Callable[..., Any]
    write: Callable[[Any], Any]

    def parts(self, value: Any) -> Iterator[Part]:
        """The parts of a value that `write` has refused, as far as they can be told."""
        del value
        return iter(())


Part = tuple[str, Form, Any]
"""The step from the whole to the part, how the part is stored, and the part."""


@frozen(eq=False)
class Scalar(Form):
    """A single value, by its two functions."""

    read: Callable[..., Any]
    write: Callable[[Any], Any]


# ---------------------------------------------------------------- what JSON has


def _read_text(raw: Any, _: Any = None) -> str:
    if type(raw) is str:
        return raw
    raise misfit("a string", raw)


def _write_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise misfit("a string", value)


def _read_integer(raw: Any, _: Any = None) -> int:
    if type(raw) is int:
        return raw
    raise misfit("an integer", raw)


def _write_integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise misfit("an integer", value)


def _read_boolean(raw: Any, _: Any = None) -> bool:
    if type(raw) is bool:
        return raw
    raise misfit("a boolean", raw)


def _read_float(raw: Any, _: Any = None) -> float:
    if type(raw) is float and math.isfinite(raw):
        return raw
    if type(raw) is int:
        return _exact_float(raw)
    raise misfit("a finite number", raw)


def _write_float(value: Any) -> float:
    if isinstance(value, float) and math.isfinite(value):
        # Minus zero equals zero, and must be stored like it.
        return value + 0.0
    return _read_float(value)


def _exact_float(whole: int) -> float:
    try:
        number = float(whole)
    except OverflowError:
        number = math.inf
    if math.isinf(number) or int(number) != whole:
        raise misfit("a number that a float holds exactly", whole)
    return number


# ---------------------------------------------------------------- times

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DURATION = re.compile(
    r"(?P<sign>-?)P((?P<days>[0-9]+)D)?"
    r"(?P<time>T((?P<hours>[0-9]+)H)?((?P<minutes>[0-9]+)M)?((?P<seconds>[0-9]+)(\.(?P<fraction>[0-9]{1,6}))?S)?)?"
)
_A_TIME = "a time like '2024-01-02T03:04:05+00:00'"
_NO_ZONE = "has no zone, so it names no moment; write one like"


def _read_time(raw: Any, _: Any = None) -> datetime:
    found = _TIME.fullmatch(raw) if type(raw) is str else None
    if found is None:
        raise misfit(_A_TIME, raw)
    if found["zone"] is None:
        raise Misfit(f"{show_value(raw)} {_NO_ZONE} '2024-01-02T03:04:05+00:00'")
    try:
        return datetime.fromisoformat(raw).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Misfit(f"must be {_A_TIME}, got {show_value(raw)}: {error}") from None


def _write_time(value: Any) -> str:
    if not isinstance(value, datetime):
        raise misfit("a datetime with a zone", value)
    if value.tzinfo is UTC:
        return value.isoformat()
    if value.utcoffset() is None:
        raise Misfit(f"{show_value(value)} {_NO_ZONE} datetime(..., tzinfo=UTC)")
    try:
        return value.astimezone(UTC).isoformat()
    except OverflowError:
        raise Misfit(f"{show_value(value)} is out of range in UTC") from None


def _read_date(raw: Any, _: Any = None) -> date:
    if type(raw) is not str or _DATE.fullmatch(raw) is None:
        raise misfit("a date like '2024-01-02'", raw)
    try:
        return date.fromisoformat(raw)
    except ValueError as error:
        raise Misfit(f"must be a date like '2024-01-02', got {raw!r}: {error}") from None


def _write_date(value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    raise misfit("a date without a time", value)


def _read_duration(raw: Any, _: Any = None) -> timedelta:
    found = _DURATION.fullmatch(raw) if type(raw) is str else None
    if found is None or raw[-1] in "PT":
        raise misfit("a duration like 'PT90.5S'", raw)
    parts = {name: int(found[name] or 0) for name in ("days", "hours", "minutes", "seconds")}
    fraction = int((found["fraction"] or "").ljust(6, "0"))
    try:
        span = timedelta(**parts, microseconds=fraction)
    except OverflowError:
        raise misfit("a duration of less than 999999999 days", raw) from None
    return -span if found["sign"] else span


def _write_duration(value: Any) -> str:
    if not isinstance(value, timedelta):
        raise misfit("a timedelta", value)
    whole, fraction = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    digits = f".{fraction:06}".rstrip("0") if fraction else ""
    return f"{'-' if value < timedelta() else ''}PT{whole}{digits}S"


# ---------------------------------------------------------------- other values in text

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_INTEGER = 40
_NO_NUMBER = Decimal("NaN")


def _read_decimal(raw: Any, _: Any = None) -> Decimal:
    if type(raw) is not str or _DECIMAL.fullmatch(raw) is None:
        raise misfit("a decimal number in a string, like '12.50'", raw)
    try:
        number = Decimal(raw)
    except InvalidOperation:
        number = _NO_NUMBER
    # Where the thread's context traps nothing, it is no number either.
    if not number.is_finite():
        raise misfit("a decimal number within range", raw)
    return number


def _write_decimal(value: Any) -> str:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise misfit("a finite Decimal", value)
    sign, digits, exponent = value.as_tuple()
    # By hand: `Decimal.normalize` rounds to the thread's precision, and the thread says whether E is a capital.
    kept = "".join(map(str, digits)).lstrip("0")
    short = kept.rstrip("0")
    if not short:
        return "0"
    power = int(exponent) + len(kept) - len(short)
    if 0 < power <= _LONGEST_INTEGER - len(short):
        return f"{'-' if sign else ''}{short}{'0' * power}"
    return str(Decimal((sign, tuple(map(int, short)), power))).upper()


def _read_uuid(raw: Any, _: Any = None) -> UUID:
    if type(raw) is str and _UUID.fullmatch(raw):
        return UUID(raw)
    raise misfit("a UUID like '12345678-1234-5678-1234-567812345678'", raw)


def _read_bytes(raw: Any, _: Any = None) -> bytes:
    if type(raw) is str:
        try:
            found = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError):
            found = None
        # base64 has several spellings for some bytes; one of them is stored.
        if found is not None and _write_bytes(found) == raw:
            return found
    raise misfit("bytes in base64", raw)


def _write_bytes(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise misfit("bytes", value)


def _writer_of(kind: type, write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        if isinstance(value, kind):
            return write(value)
        raise misfit(kind.__name__, value)

    return checked


SCALARS: dict[Any, Scalar] = {
    str: Scalar(_read_text, _write_text),
    int: Scalar(_read_integer, _write_integer),
    bool: Scalar(_read_boolean, _read_boolean),
    float: Scalar(_read_float, _write_float),
    datetime: Scalar(_read_time, _write_time),
    date: Scalar(_read_date, _write_date),
    timedelta: Scalar(_read_duration, _write_duration),
    Decimal: Scalar(_read_decimal, _write_decimal),
    UUID: Scalar(_read_uuid, _writer_of(UUID, str)),
    bytes: Scalar(_read_bytes, _write_bytes),
}


# ---------------------------------------------------------------- made for a class


def refined_form(cls: type) -> Scalar:
    """For a subclass of `str` or `int`: its plain value, read through the class, which checks it in its own words."""
    plain, name = (str, "a string") if issubclass(cls, str) else (int, "an integer")

    def read(raw: Any, _: Any = None) -> Any:
        if type(raw) is plain:
            return cls(raw)
        raise misfit(name, raw)

    def write(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        raise misfit(cls.__name__, value)

    return Scalar(read, write)


def choice_form(choices: Iterable[Any]) -> Scalar:
    """For a `Literal`: one of the choices, of the same type: True is not 1."""
    return _keyed_form({(type(choice), choice): choice for choice in choices})


def _keyed_form(known: dict[tuple[type, Any], Any]) -> Scalar:
    expected = f"one of {join_names(repr(value) for _, value in known)}"

    def read(raw: Any, _: Any = None) -> Any:
        # What cannot be a key is none of them, and might not be hashable.
        if raw is None or isinstance(raw, (str, int)):
            found = known.get((type(raw), raw), known)
            if found is not known:
                return found
        raise misfit(expected, raw)

    return Scalar(read, read)


def enum_form(cls: type[Enum]) -> Scalar:
    """For an `Enum`: the member's value."""
    known = _keyed_form({(type(member.value), member.value): member for member in cls})

    def value_of(member: Any) -> Any:
        return member.value

    return Scalar(known.read, _writer_of(cls, value_of))
