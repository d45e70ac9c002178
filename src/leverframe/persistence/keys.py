"""Keys as text: any string or tuple of strings in, and the same out; ordered so that a prefix is a range.

A plain string is stored as it is, a tuple as the JSON array of its parts: a person reads both with any SQLite tool.
A string that would look like JSON, or that a database cannot hold as text, is stored as a JSON string.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from leverframe.errors import InvalidKey, Key
from leverframe.persistence.rows import KeyRange

__all__ = ["Key", "decode_key", "encode_key", "prefix_ranges"]

# What looks like JSON, and control characters, of which PostgreSQL refuses NUL; half characters are refused then.
_UNUSUAL = re.compile(r'^["\[]|[\x00-\x1f\ud800-\udfff]')
# Halves of a character, which no UTF-8 can hold.
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LAST = "\U0010ffff"


def encode_key(key: Key) -> str:
    """The text under which a key is stored.  Raises `InvalidKey`.

    >>> encode_key("story-7"), encode_key(("story-7", "node-1"))
    ('story-7', '["story-7","node-1"]')
    """
    if isinstance(key, str):
        if not key:
            raise InvalidKey(key, "is empty")
        return str(key) if _UNUSUAL.search(key) is None else _quoted(key, key)
    if not isinstance(key, tuple):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise InvalidKey(key, f"is of type {type(key).__name__}")
    if not key:
        raise InvalidKey(key, "is empty")
    return f"[{_parts(key)}]"


def decode_key(text: str) -> Key:
    """The key that is stored under this text.

    >>> decode_key('["story-7","node-1"]')
    ('story-7', 'node-1')
    """
    if not text.startswith(("[", '"')):
        return text
    value: Any = json.loads(text)
    return value if isinstance(value, str) else tuple(value)


def prefix_ranges(prefix: Key) -> tuple[KeyRange, ...]:
    """Where the keys are that begin so: tuples by their first parts, strings by their first characters.

    Raises `InvalidKey`.

    >>> prefix_ranges(("story-7",))
    (KeyRange(first='["story-7",', stop='["story-7"-'), KeyRange(first='["story-7"]', stop='["story-7"^'))
    """
    if isinstance(prefix, str):
        return _string_ranges(prefix)
    if not isinstance(prefix, tuple):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise InvalidKey(prefix, f"is of type {type(prefix).__name__}")
    if not prefix:
        return (_starting_with("["),)
    start = f"[{_parts(prefix)}"
    return _starting_with(f"{start},"), _starting_with(f"{start}]")


def _string_ranges(prefix: str) -> tuple[KeyRange, ...]:
    quoted = _starting_with(_quoted(prefix, prefix)[:-1])
    if not prefix:
        return KeyRange("", '"'), KeyRange("#", "["), KeyRange("\\", None), quoted
    return (quoted,) if _UNUSUAL.search(prefix) else (_starting_with(prefix), quoted)


def _starting_with(text: str) -> KeyRange:
    return KeyRange(text, _successor(text))


def _successor(text: str) -> str | None:
    """The least text after all that begin with `text`; None if there is none."""
    text = text.rstrip(_LAST)
    if not text:
        return None
    following = ord(text[-1]) + 1
    # Surrogates are no characters: UTF-8 goes on behind them.
    return text[:-1] + chr(0xE000 if following == 0xD800 else following)


def _parts(parts: Iterable[Any]) -> str:
    return ",".join(_part(parts, part) for part in parts)


def _part(key: Any, part: Any) -> str:
    if not isinstance(part, str):
        raise InvalidKey(key, f"has a part of type {type(part).__name__}")
    if not part:
        raise InvalidKey(key, "has an empty part")
    return _quoted(key, part)


def _quoted(key: Any, text: str) -> str:
    """A key, or a part of it, as a JSON string, readable but for control characters."""
    if _SURROGATE.search(text):
        raise InvalidKey(key, "has half a character, which cannot be stored")
    return json.dumps(text, ensure_ascii=False)
