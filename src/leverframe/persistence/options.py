"""What may stand behind the question mark of a store's URL, on any database."""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qsl

from leverframe.errors import InvalidURL

__all__ = ["DURABILITIES", "Durability", "parse_options", "parse_seconds"]

Durability = Literal["full", "normal"]

DURABILITIES = ("full", "normal")


def parse_options(text: str, options: str) -> list[tuple[str, str]]:
    pairs = split_options(options)
    if pairs is None:
        raise InvalidURL(text, "has an option without a name or a value; write name=value, with & between")
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidURL(text, f"gives {twice[0]} twice; give it once")
    return pairs


def split_options(options: str) -> list[tuple[str, str]] | None:
    """Names and values.  Not raised from what is said of wrong ones: that repeats them, and a secret may be there."""
    try:
        return parse_qsl(options, keep_blank_values=True, strict_parsing=bool(options))
    except ValueError:
        return None


def parse_seconds(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise InvalidURL(text, f"has timeout={value!r}; give a number of seconds, such as timeout=5") from error
