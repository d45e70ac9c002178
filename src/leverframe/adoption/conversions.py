"""What does a column's value mean?  From what a database gives to the JSON that a field is read from.

    text                       numbers as their digits, anything else as it is spelled
    integer  number  decimal   a number, also where it is written as text; no rounding
    boolean                    0 and 1, true and false, t and f, yes and no, y and n, on and off
    time                       a time in ISO 8601, or as `format` says; `zone` where it has none of its own
    epoch_seconds  epoch_milliseconds  epoch_microseconds    a time as a number since 1970
    date                       a date in ISO 8601, or as `format` says
    seconds                    a span of time
    json                       a JSON value written as text

Without `as` a value is taken as the database gives it.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from attrs import frozen

from leverframe.persistence.codec.scalars import SCALARS
from leverframe.persistence.instants import EPOCH
from leverframe.wording import show_value

__all__ = ["KINDS", "NULL", "Rule", "Unfit", "convert", "find_zone", "to_time"]


class Unfit(ValueError):
    """A value is not what the mapping says: `problem` without the value, so that the same of many rows is one."""

    def __init__(self, problem: str, value: object = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.value = value

    def __str__(self) -> str:
        return self.problem if self.value is None else f"{show_value(self.value)} {self.problem}"


class Null:
    """What becomes of a value that is NULL, where no rule says otherwise."""


NULL = Null()


@frozen(kw_only=True)
class Rule:
    """Where a value comes from, and what it means.

    Attributes: `place`, where the file says it; `column`; `kind`, one of `KINDS`; `constant`, the same value for all
    rows; `default`, in place of NULL; `nothing`, that there is no value; `format`, of times and dates, as strptime has
    it; `zone`, of times that have none; `null_if`, what counts as NULL; `values`, from a value as text to another one;
    `prefix`, in front of a text; `trim`, whether spaces around a text are dropped first; `comma`, whether a number's
    text with one comma and no point has its fraction behind the comma.
    """

    place: str
    column: str | None = None
    kind: str | None = None
    constant: Any = None
    default: Any = None
    nothing: bool = False
    format: str | None = None
    zone: str | None = None
    null_if: tuple[object, ...] = ()
    values: Mapping[str, Any] | None = None
    prefix: str = ""
    trim: bool = False
    comma: bool = False


def convert(rule: Rule, value: object) -> Any:
    """What a value is as JSON, by a rule; `NULL` for none.  Raises `Unfit`.

    >>> convert(Rule(place="fields.urgent", column="urgent", kind="boolean"), 1)
    True
    >>> convert(Rule(place="fields.due", column="due", kind="epoch_seconds"), 1700000000)
    '2023-11-14T22:13:20+00:00'
    """
    if rule.nothing:
        return NULL
    if rule.constant is not None:
        return native(rule, rule.constant)
    if rule.trim and isinstance(value, str):
        value = value.strip()
    if value is None or value in rule.null_if:
        return NULL if rule.default is None else native(rule, rule.default)
    if rule.values is not None:
        return of_values(rule.values, value)
    converted = KINDS[rule.kind](rule, value) if rule.kind else native(rule, value)
    return f"{rule.prefix}{converted}" if rule.prefix else converted


def of_values(values: Mapping[str, Any], value: object) -> Any:
    try:
        return native(Rule(place=""), values[str(value)])
    except KeyError:
        raise Unfit(f"is none of values ({', '.join(values)})", value) from None


def native(rule: Rule, value: Any) -> Any:
    """A value as the database gives it."""
    if isinstance(value, datetime):
        return time_text(with_zone(rule, value))
    for kind in (date, timedelta, UUID):
        if isinstance(value, kind):
            return SCALARS[kind].write(value)
    if isinstance(value, Decimal):
        return decimal(rule, value)
    # As both drivers give them.
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


# ---------------------------------------------------------------- numbers

WHOLE = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
TRUE = frozenset(("1", "true", "t", "yes", "y", "on"))
FALSE = frozenset(("0", "false", "f", "no", "n", "off"))


def text(_: Rule, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | UUID | date):
        raise Unfit("is no text", value)
    return str(value)


def integer(_: Rule, value: object) -> int:
    if isinstance(value, str) and WHOLE.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Unfit("is no whole number", value)


def with_point(rule: Rule, value: object) -> object:
    is_meant = rule.comma and isinstance(value, str) and value.count(",") == 1 and "." not in value
    return str(value).replace(",", ".") if is_meant else value


def number(rule: Rule, given: object) -> float:
    value = with_point(rule, given)
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise Unfit("is no number", value)


def decimal(rule: Rule, given: object) -> str:
    value = with_point(rule, given)
    told = str(value).strip()
    try:
        found = Decimal(told) if isinstance(value, int | float | Decimal | str) else None
    except InvalidOperation:
        found = None
    if found is None or isinstance(value, bool) or not found.is_finite():
        raise Unfit("is no number", value)
    return str(SCALARS[Decimal].write(found))


def boolean(_: Rule, value: object) -> bool:
    told = str(value).strip().lower()
    if isinstance(value, bool | int | str) and told in TRUE | FALSE:
        return told in TRUE
    raise Unfit("is neither true nor false", value)


# ---------------------------------------------------------------- times


@cache
def find_zone(name: str) -> tzinfo:
    """The zone of this name: UTC, +02:00, Europe/Berlin.  Raises `ValueError`."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    if re.fullmatch(r"[+-][0-9]{2}:[0-9]{2}", name):
        found = datetime.fromisoformat(f"2000-01-01T00:00:00{name}").utcoffset()
        return timezone(found or timedelta())
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        problem = f"zone {name!r} is not known here; write UTC, +02:00 or a name such as Europe/Berlin"
        raise ValueError(problem) from error


def with_zone(rule: Rule, time: datetime) -> datetime:
    if time.tzinfo is not None:
        return time
    if rule.zone is None:
        raise Unfit('has no zone; add zone = "UTC", or which one it is', time.isoformat(" "))
    return time.replace(tzinfo=find_zone(rule.zone))


def to_time(rule: Rule, value: object) -> datetime:
    """A time, by a rule of a kind of times, or as the database gives it.  Raises `Unfit`."""
    return datetime.fromisoformat(KINDS[rule.kind or "time"](rule, value))


def time(rule: Rule, value: object) -> str:
    if isinstance(value, datetime):
        return time_text(with_zone(rule, value))
    if not isinstance(value, str):
        raise Unfit("is no time in text", value)
    try:
        found = datetime.strptime(value, rule.format) if rule.format else datetime.fromisoformat(value.strip())
    except ValueError:
        shape = f"as {rule.format}" if rule.format else "like 2024-01-02 03:04:05"
        raise Unfit(f"is no time {shape}", value) from None
    if not rule.format and len(value.strip()) <= len("2024-01-02"):
        raise Unfit("is a date without a time", value)
    return time_text(with_zone(rule, found))


def time_text(found: datetime) -> str:
    try:
        return str(SCALARS[datetime].write(found))
    except (ValueError, OverflowError) as error:
        raise Unfit(str(error)) from None


def epoch(unit: timedelta) -> Callable[[Rule, object], str]:
    def since(_: Rule, value: object) -> str:
        found = value
        if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
            found = float(value) if not WHOLE.fullmatch(value.strip()) else int(value)
        if isinstance(found, bool) or not isinstance(found, int | float | Decimal) or not math.isfinite(found):
            raise Unfit("is no number since 1970", value)
        try:
            return time_text(EPOCH + unit * (found if isinstance(found, int) else float(found)))
        except OverflowError:
            raise Unfit("is no time: it is out of range", value) from None

    return since


def day(rule: Rule, value: object) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str):
        raise Unfit("is no date in text", value)
    try:
        if rule.format:
            return datetime.strptime(value, rule.format).date().isoformat()
        return date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        shape = f"as {rule.format}" if rule.format else "like 2024-01-02"
        raise Unfit(f"is no date {shape}", value) from None


def seconds(rule: Rule, value: object) -> str:
    if isinstance(value, timedelta):
        return str(SCALARS[timedelta].write(value))
    try:
        return str(SCALARS[timedelta].write(timedelta(seconds=number(rule, value))))
    except OverflowError:
        raise Unfit("is no span of time: it is out of range", value) from None


def from_json(_: Rule, value: object) -> Any:
    if not isinstance(value, str | bytes):
        # Where a database has such a type, it comes as what it says.
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise Unfit("is no JSON", value) from None


KINDS: Mapping[str, Callable[[Rule, Any], Any]] = {
    "text": text,
    "integer": integer,
    "number": number,
    "decimal": decimal,
    "boolean": boolean,
    "time": time,
    "epoch_seconds": epoch(timedelta(seconds=1)),
    "epoch_milliseconds": epoch(timedelta(milliseconds=1)),
    "epoch_microseconds": epoch(timedelta(microseconds=1)),
    "date": day,
    "seconds": seconds,
    "json": from_json,
}
