"""What a caller may give a store, where no type checker has seen to it; else one of our errors, and nothing is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from leverframe.errors import InvalidQuery, InvalidTime
from leverframe.typed.payload import Payload
from leverframe.wording import show_value

__all__ = [
    "check_choice",
    "check_delivery_id",
    "check_expected",
    "check_integer",
    "check_seconds",
    "check_tenant",
    "check_text",
    "moment_before",
]

LARGEST = 2**63 - 1

LONGEST = 10**6

LONGEST_TENANT = 200
"""Bytes: it stands in the same index as a key, and has to leave room for that."""


def check_integer(name: str, value: object, *, at_least: int = -LARGEST, at_most: int = LARGEST) -> None:
    """Raise `InvalidQuery` for what is no integer that a database holds."""
    if type(value) is not int or not at_least <= value <= at_most:
        least = f" of at least {at_least}" if at_least > -LARGEST else ""
        most = "within 64 bits" if at_most == LARGEST else f"and at most {at_most}"
        raise InvalidQuery("", f"{name}={show_value(value)} is no integer{least} {most}; give one")


def check_seconds(name: str, value: object) -> None:
    """Raise `InvalidQuery` for what is no span that somebody can wait."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        raise InvalidQuery("", f"{name}={show_value(value)} is no number of seconds from 0 to {LONGEST:,}; give one")


def check_text(name: str, value: object) -> str:
    """The text.  Raises `InvalidQuery` for what is none, is empty, or cannot be stored."""
    if not isinstance(value, str) or not value:
        raise InvalidQuery("", f"{name} {show_value(value)} is no text; give a string that is not empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidQuery(
            "", f"{name} {show_value(value)} has half a character; give text that UTF-8 can hold"
        ) from None
    if "\0" in value:
        raise InvalidQuery("", f"{name} {show_value(value)} has a NUL in it; give text without one")
    return value


def check_tenant(tenant: object) -> str:
    """The tenant's name.  Raises `InvalidQuery` for what is none."""
    name = check_text("a tenant's name", tenant)
    if len(name.encode()) > LONGEST_TENANT:
        raise InvalidQuery("", f"a tenant's name {show_value(name)} is longer than {LONGEST_TENANT} bytes; shorten it")
    return name


def check_choice(on_refused: object) -> None:
    """Raise `InvalidQuery` for an `on_refused` that there is not."""
    if on_refused not in ("raise", "return"):
        raise InvalidQuery("", f'on_refused={show_value(on_refused)} is unknown; give "raise" or "return"')


def check_delivery_id(delivery_id: object) -> None:
    """Raise `InvalidQuery` for an id that would make all events without one the same delivery."""
    check_text("delivery_id", delivery_id)


def check_expected(expect: object) -> None:
    """Raise `InvalidQuery` for what is no class of states."""
    if not is_state_class(expect):
        raise InvalidQuery("", f"expect={show_value(expect)} is no class of states; give a leaf or superstate class")


def is_state_class(given: Any) -> bool:
    return isinstance(given, type) and issubclass(given, Payload)


def moment_before(now: datetime, span: object) -> datetime:
    """The time that long ago.  Raises `InvalidQuery`, `InvalidTime`."""
    if not isinstance(span, timedelta):
        raise InvalidQuery("", f"{show_value(span)} is no span of time; give a timedelta")
    try:
        return now - span
    except OverflowError:
        raise InvalidTime(span, "reaches further back than times do; give a shorter span") from None
