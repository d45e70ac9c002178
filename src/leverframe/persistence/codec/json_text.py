"""JSON as text: read strictly, written canonically, and nothing guessed in between."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from json import encoder
from typing import Any, NoReturn, cast

from leverframe.errors import DecodeError, EncodeError
from leverframe.wording import show_value

__all__ = ["JSON", "SURROGATE", "TOO_DEEP", "read_json", "write_json", "write_plain"]

JSON = "JSON"
"""The `type_name` of a `DecodeError` about text that is not of any class yet."""

TOO_DEEP = "is nested too deeply, or contains itself"
SURROGATE = "holds half of a surrogate pair, which is no character; UTF-8 cannot hold it"


# ---------------------------------------------------------------- reading


def read_json(text: str) -> object:
    """The value that `text` says.

    Raises `DecodeError` for what `json.loads` lets pass as well: a key that stands twice in one object, `NaN` and
    `Infinity`, a number too large for a float, half of a surrogate pair.

    >>> from leverframe.persistence.codec import read_json
    >>> read_json('{"ahead": 3}')
    {'ahead': 3}
    >>> read_json('{"ahead": 3, "ahead": 4}')
    Traceback (most recent call last):
    leverframe.errors.DecodeError: ahead: stands twice in one object; keep one
    """
    try:
        value = _scan(text)
        if not text.isascii():
            text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        _refuse_text(error)
    # Only a text with an escape in it can say half of a pair and be UTF-8 itself.
    if "\\u" in text:
        _refuse_surrogates(value)
    return value


def _scan(text: str) -> object:
    try:
        value, end = _scan_once(text, 0)
        if end == len(text):
            return value
    except StopIteration:
        pass
    # Space around the value, or no JSON at all: the decoder's own entry tells which.
    return _DECODER.decode(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DecodeError(JSON, ((twice, "stands twice in one object; keep one"),))
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"number {show_value(digits)} is too large for a float")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse_constant)
# The decoder's own `decode` spends as long again on looking for space at both ends.
_scan_once = cast("Callable[[str, int], tuple[object, int]]", getattr(_DECODER, "scan_once"))  # noqa: B009  # not in its type


def _refuse_text(error: Exception) -> NoReturn:
    if isinstance(error, DecodeError):
        raise error
    if isinstance(error, RecursionError):
        raise DecodeError(JSON, (("", TOO_DEEP),)) from None
    problem = SURROGATE if isinstance(error, UnicodeEncodeError) else f"no JSON: {error}"
    raise DecodeError(JSON, (("", problem),)) from None


def _refuse_surrogates(value: object) -> None:
    for path, text in _texts(value, ""):
        if not _is_utf8(text):
            raise DecodeError(JSON, ((path, SURROGATE),))


# ---------------------------------------------------------------- writing


def write_json(value: object, name: str = "value") -> str:
    """`value` as canonical JSON: keys sorted, no spaces, characters as they are.  Equal values give equal text.

    Mappings are written as objects, lists and tuples as arrays, subclasses of `str` and `int` as what they are
    subclasses of.  Raises `EncodeError` for anything else, for keys that are no strings, `NaN` and infinities; its
    path begins with `name`.

    >>> from leverframe.persistence.codec import write_json
    >>> write_json({"b": [1, 2.5, None], "a": "ü"})
    '{"a":"ü","b":[1,2.5,null]}'
    >>> write_json({"at": {1: "one"}}, "body")
    Traceback (most recent call last):
    leverframe.errors.EncodeError: body.at: key 1 is no string; JSON has no other keys
    """
    try:
        plain = _plain(value, name)
        text = write_plain(plain)
    except RecursionError:
        raise EncodeError(name, TOO_DEEP) from None
    except UnicodeEncodeError:
        path = next(path for path, text in _texts(value, name) if not _is_utf8(text))
        raise EncodeError(path, SURROGATE) from None
    except ValueError as error:
        raise EncodeError(name, str(error)) from None
    return text


def _plain(value: object, path: str) -> object:
    """The value in the types that the encoder writes without guessing."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise EncodeError(path, f"{value} is no JSON number; give a finite one, or None")
        return value
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return {_key(key, path): _plain(item, _inside(path, key)) for key, item in pairs}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{index}]") for index, item in enumerate(cast("list[object]", value))]
    given = f"{type(value).__name__} {show_value(value)}"
    takes = "strings, numbers, booleans, None, lists or dictionaries"
    raise EncodeError(path, f"{given} cannot be written as JSON; give {takes}")


def _key(key: object, path: str) -> str:
    if isinstance(key, str):
        return key
    raise EncodeError(path, f"key {show_value(key)} is no string; JSON has no other keys")


def _make_writer() -> Callable[[Any], str]:
    settings = json.JSONEncoder(
        sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
    )
    make: Any = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return settings.encode
    # `JSONEncoder.encode` makes this very object for each value, which takes as long as writing a small one.
    quote: Any = getattr(encoder, "encode_basestring")  # noqa: B009  # not in its type
    markers, indent, skip_keys = None, None, False
    try:
        chunks = make(markers, settings.default, quote, indent, ":", ",", True, skip_keys, settings.allow_nan)
    except TypeError:
        # A later Python's, that takes other arguments.
        return settings.encode
    return lambda value: "".join(chunks(value, 0))


_dump = _make_writer()


def write_plain(value: Any) -> str:
    """As `write_json`, for a value made of plain types only: nothing looks for other keys and types.

    Raises `ValueError` (`UnicodeEncodeError` for half of a surrogate pair) and `RecursionError`.
    """
    text = _dump(value)
    if not text.isascii():
        text.encode()
    return text


# ---------------------------------------------------------------- looking for text


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """All strings in a value, keys too, each with where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            yield path, key
            yield from _texts(item, _inside(path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _texts(item, f"{path}[{index}]")


def _inside(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
