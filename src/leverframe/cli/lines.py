"""What does one line of a log say?  An event, an instance to be created, or why it can be neither.

    {"id": "pr-9", "at": "2014-04-24T13:21:47+00:00", "event": {"type": "DepsMet"}}
    {"id": ["story-7", "node-1"], "at": "2014-04-24T13:21:47+00:00", "create": {"type": "Queued", "size": 3}}

Everything here is pure: the same line gives the same answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias, TypeVar, cast

from attrs import define, field, frozen

from leverframe import Event, Machine, Payload
from leverframe.cli.reading import LONGEST_LINE, RawLine
from leverframe.errors import DecodeError, InvalidKey, Key
from leverframe.persistence.codec import codec_of, read_json
from leverframe.persistence.codec.scalars import SCALARS
from leverframe.persistence.keys import encode_key
from leverframe.wording import did_you_mean, show_value

__all__ = ["CreateLine", "EventLine", "Line", "Malformed", "Parser"]

T = TypeVar("T")

FIRST_YEAR, LAST_YEAR = 1970, 2200
DIGEST_LENGTH = 16

NO_JSON = "no JSON: "
PLACE = re.compile(r"line 1 (column \d+) \(char \d+\)")
ONLY_COLUMN = r"\1"

JSON_NAMES: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}


@frozen
class EventLine:
    """An event for an instance."""

    number: int
    key: Key
    at: datetime
    event: Event
    delivery_id: str


@frozen
class CreateLine:
    """An instance to be created in `state`."""

    number: int
    key: Key
    at: datetime
    state: Payload


@frozen
class Malformed:
    """A line that says neither; `key` and `event` are what could be read of it."""

    number: int
    reason: str
    key: Key | None = None
    event: str = ""


Line: TypeAlias = EventLine | CreateLine | Malformed


class Unfit(ValueError):
    """A part of a line is not what it should be; the text says so."""


@define
class Problems:
    """All that is wrong with a line, in the order in which it was found."""

    texts: list[str] = field(factory=list[str])

    def catch(self, name: str, read: Callable[[Any], T], raw: Any) -> T | None:
        """What `read` makes of `raw`; None, and a problem more, if it refuses."""
        try:
            return read(raw)
        except DecodeError as error:
            self.texts += [f"{name}.{path}: {text}" if path else f"{name}: {text}" for path, text in error.problems]
        except ValueError as error:
            self.texts.append(f"{name}: {error}")
        except SystemExit as error:  # a class's own checks have no say in when the command ends
            self.texts.append(f"{name}: raised SystemExit: {error}")
        return None


class Parser:
    """Reads the lines of one log for one machine.

    `log` is the log's name in delivery ids, unless `delivery_field` names the field that lines have theirs in.
    """

    def __init__(self, machine: type[Machine[Any, Any]], log: str, delivery_field: str | None = None) -> None:
        self._codec = codec_of(machine)
        # A file's name may be no text: what of it is none is spelled out.
        self._log = log.encode(errors="surrogateescape").decode(errors="backslashreplace")
        self._delivery_field = delivery_field
        self._known = {"id", "at", "event", "create"} | ({delivery_field} if delivery_field else set[str]())

    def parse(self, raw: RawLine) -> Line | None:
        """What the line says; None for a blank one."""
        if raw.content is None:
            return Malformed(raw.number, f"longer than {LONGEST_LINE:,} bytes")
        if not raw.content.strip():
            return None
        try:
            found = read_object(raw.content)
        except ValueError as error:
            return Malformed(raw.number, str(error))
        return self._parse_object(raw.number, raw.content, found)

    def _parse_object(self, number: int, content: bytes, found: dict[str, Any]) -> Line:
        problems = Problems()
        problems.texts += [
            f"unknown key {name!r}{did_you_mean(name, self._known)}" for name in found.keys() - self._known
        ]
        key = problems.catch("id", read_id, found.get("id"))
        at = problems.catch("at", read_time, found.get("at"))
        delivery_id = self._delivery_id(number, content, found, problems)
        body = self._body(found, problems)
        if problems.texts or key is None or at is None or body is None:
            return Malformed(number, "; ".join(problems.texts), key, named_type(found))
        if isinstance(body, Payload):
            return CreateLine(number, key, at, body)
        return EventLine(number, key, at, body, delivery_id or "")

    def _body(self, found: dict[str, Any], problems: Problems) -> Event | Payload | None:
        if "event" in found and "create" in found:
            problems.texts.append("has both event and create; write two lines")
            return None
        if "create" in found:
            return problems.catch("create", self._codec.parse_state, found["create"])
        if "event" in found:
            return problems.catch("event", self._codec.parse_event, found["event"])
        problems.texts.append("event: missing")
        return None

    def _delivery_id(self, number: int, content: bytes, found: dict[str, Any], problems: Problems) -> str | None:
        if self._delivery_field is not None:
            return problems.catch(self._delivery_field, read_delivery_id, found.get(self._delivery_field))
        digest = hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]
        return f"{self._log}:{number}:{digest}"


# ---------------------------------------------------------------- parts of a line


def read_object(content: bytes) -> dict[str, Any]:
    """The object that a line is.  Raises `ValueError` if it is none."""
    try:
        value = read_json(content.decode())
    except UnicodeDecodeError as error:
        raise Unfit(f"not UTF-8: byte {error.start + 1} is 0x{content[error.start]:02x}") from None
    except DecodeError as error:
        raise Unfit(unreadable(error)) from None
    if not isinstance(value, dict):
        raise Unfit(f"not an object, but {json_name(value)}")
    return cast("dict[str, Any]", value)


def unreadable(error: DecodeError) -> str:
    """Why a text is not read: as it is said for a whole text, but for one line of many."""
    text = str(error)
    if text.startswith(NO_JSON):
        return f"not JSON: {PLACE.sub(ONLY_COLUMN, text.removeprefix(NO_JSON))}"
    return text


def read_id(raw: object) -> Key:
    """The key of an instance: a string, or a list of strings."""
    if raw is None:
        raise Unfit("missing")
    if not isinstance(raw, (str, list)):
        raise Unfit(f"must be a string or a list of strings, got {json_name(raw)}")
    key = raw if isinstance(raw, str) else tuple(cast("list[str]", raw))
    try:
        encode_key(key)
    except InvalidKey as error:
        raise Unfit(error.problem) from None
    return key


def read_time(raw: object) -> datetime:
    """The time of an event: read as a body's times are, and of a year that a clock may show."""
    if raw is None:
        raise Unfit("missing")
    time = cast("datetime", SCALARS[datetime].read(raw))
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise Unfit(f"{show_value(raw)} is not within the years {FIRST_YEAR} to {LAST_YEAR}")
    return time


def read_delivery_id(raw: object) -> str:
    """A delivery id that the line itself gives: a string, or an integer."""
    if raw is None:
        raise Unfit("missing; --delivery-id says that every line has it")
    if isinstance(raw, bool) or not isinstance(raw, (str, int)):
        raise Unfit(f"must be a string or an integer, got {json_name(raw)}")
    if raw == "" or "\0" in str(raw):
        raise Unfit(f"must be a string with characters in it, and none of them NUL, got {show_value(raw)}")
    return str(raw)


def named_type(found: dict[str, Any]) -> str:
    """The type that a line's event names, right or wrong; empty if it names none."""
    event = found.get("event")
    named = cast("dict[str, Any]", event).get("type") if isinstance(event, dict) else None
    return named if isinstance(named, str) else ""


def json_name(value: object) -> str:
    """What JSON calls a value."""
    return JSON_NAMES.get(type(value), "null")
