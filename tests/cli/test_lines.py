"""What a line of a log says."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from parcels import Label, Parcel, Waiting

from leverframe import Positive
from leverframe.cli.lines import CreateLine, EventLine, Line, Malformed, Parser
from leverframe.cli.reading import RawLine
from leverframe.machines.pipeline import BranchName, DepsMet, Pipeline, QaSkipped

GOOD: dict[str, Any] = {"id": "pr-9", "at": "2014-04-24T13:21:47+00:00", "event": {"type": "DepsMet"}}


def parse(content: bytes, number: int = 1, field: str | None = None) -> Line | None:
    return Parser(Pipeline, "log.jsonl", field).parse(RawLine(number, content, len(content)))


def with_(field: str | None = None, **changes: Any) -> Line | None:
    return parse(json.dumps(GOOD | changes).encode(), field=field)


def without(name: str, field: str | None = None) -> Line | None:
    return parse(json.dumps({key: value for key, value in GOOD.items() if key != name}).encode(), field=field)


def reason(line: Line | None) -> str:
    assert isinstance(line, Malformed), line
    return line.reason


def delivery_id(line: Line | None) -> str:
    assert isinstance(line, EventLine), line
    return line.delivery_id


# ---------------------------------------------------------------- well-formed


def test_an_event_line() -> None:
    """A line has an instance's id, a time and an event with its fields."""
    line = with_(event={"type": "QaSkipped", "feature_branch": "fix", "commits_ahead": 2})
    assert isinstance(line, EventLine)
    assert (line.number, line.key) == (1, "pr-9")
    assert line.at == datetime(2014, 4, 24, 13, 21, 47, tzinfo=UTC)
    assert line.event == QaSkipped(BranchName("fix"), Positive(2))


def test_a_create_line() -> None:
    """With create in place of event, the line says in which state an instance begins."""
    raw = {"id": ["a", "b"], "at": GOOD["at"], "create": {"type": "Waiting", "label": "x", "city": None}}
    line = Parser(Parcel, "log").parse(RawLine(7, json.dumps(raw).encode(), 0))
    assert line == CreateLine(7, ("a", "b"), datetime(2014, 4, 24, 13, 21, 47, tzinfo=UTC), Waiting(Label("x"), None))


def test_an_id_of_several_parts() -> None:
    """An id may be a list of strings."""
    line = with_(id=["story-7", "node-1"])
    assert isinstance(line, EventLine)
    assert line.key == ("story-7", "node-1")


@pytest.mark.parametrize("at", ["2014-04-24T13:21:47Z", "2014-04-24T15:21:47+02:00", "2014-04-24 13:21:47.000+00:00"])
def test_times_are_in_utc(at: str) -> None:
    """A time in any zone is the moment that it names."""
    line = with_(at=at)
    assert isinstance(line, EventLine)
    assert line.at == datetime(2014, 4, 24, 13, 21, 47, tzinfo=UTC)
    assert line.at.tzinfo is UTC


@pytest.mark.parametrize("content", [b"", b"   ", b"\t", b"\r"])
def test_a_blank_line_says_nothing(content: bytes) -> None:
    """Blank lines are neither events nor malformed."""
    assert parse(content) is None


# ---------------------------------------------------------------- malformed


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"id": "pr-9", "at"', "not JSON: Expecting ':' delimiter: column 20"),
        (b"pr-9", "not JSON: Expecting value: column 1"),
        (b'{"id": "a"} {}', "not JSON: Extra data: column 13"),
        (b'{"id": "\x00"}', "not JSON: Invalid control character at: column 9"),
        (b"\x00", "not JSON: Expecting value: column 1"),
        (b'{"id": NaN}', "not JSON: NaN is no JSON number"),
        (b'{"id": "\xff"}', "not UTF-8: byte 9 is 0xff"),
        ('{"id": "é"}'.encode("latin-1"), "not UTF-8: byte 9 is 0xe9"),
        ('{"id": "a"}'.encode("utf-16"), "not UTF-8: byte 1 is 0xff"),
        (b'{"id": "a", "id": "b"}', "id: stands twice in one object; keep one"),
        (b'{"id": "a", "event": {"type": "A", "type": "B"}}', "type: stands twice in one object; keep one"),
        (rb'{"id": "\ud800"}', "id: holds half of a surrogate pair, which is no character; UTF-8 cannot hold it"),
        (b"[1, 2]", "not an object, but a list"),
        (b'"pr-9"', "not an object, but a string"),
        (b"7", "not an object, but a number"),
        (b"null", "not an object, but null"),
        (b"true", "not an object, but a boolean"),
    ],
)
def test_what_is_no_json_object(content: bytes, told: str) -> None:
    """A line that is no JSON object in UTF-8 is malformed, and the reason says where."""
    assert reason(parse(content)) == told


def test_deep_nesting() -> None:
    """A line nested deeper than anybody can read it is malformed like any other."""
    assert "nested too deeply" in reason(parse(b"[" * 100_000))


def test_a_long_number() -> None:
    """A number of more digits than Python reads is malformed like any other."""
    assert reason(parse(b'{"id": ' + b"9" * 5000 + b"}")).startswith("not JSON: ")


def test_a_long_line() -> None:
    """A line that was too long to be read is malformed."""
    assert reason(Parser(Pipeline, "log").parse(RawLine(3, None, 5_000_000))) == "longer than 1,000,000 bytes"


@pytest.mark.parametrize(("name", "told"), [("id", "id: missing"), ("at", "at: missing"), ("event", "event: missing")])
def test_what_is_missing(name: str, told: str) -> None:
    """Every line needs an id, a time and an event."""
    assert reason(without(name)) == told


def test_all_that_is_wrong_is_told() -> None:
    """One reason names every problem of a line."""
    assert reason(parse(b"{}")) == "id: missing; at: missing; event: missing"


def test_unknown_keys() -> None:
    """A key that means nothing is refused, for it may be a misspelt one, and the nearest is named."""
    assert reason(with_(evnt=3)) == "unknown key 'evnt'; did you mean 'event'?"


def test_event_and_create_in_one() -> None:
    """A line is about one thing."""
    assert reason(with_(create={"type": "Backlog"})) == "has both event and create; write two lines"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("", "id: is empty"),
        ([], "id: is empty"),
        (["a", ""], "id: has an empty part"),
        (["a", 3], "id: has a part of type int"),
        (7, "id: must be a string or a list of strings, got a number"),
        (True, "id: must be a string or a list of strings, got a boolean"),
        ({"a": "b"}, "id: must be a string or a list of strings, got an object"),
        (None, "id: missing"),
    ],
)
def test_wrong_ids(raw: Any, told: str) -> None:
    """An id is a string, or a list of strings, none of them empty."""
    assert reason(with_(id=raw)) == told


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("2014-04-24T13:21:47", "has no zone"),
        ("2014-04-24", "must be a time like"),
        ("yesterday", "must be a time like"),
        ("", "must be a time like"),
        (1398345707, "must be a time like"),
        (None, "missing"),
        ("2014-02-30T00:00:00Z", "day is out of range"),
        ("1969-12-31T23:59:59Z", "is not within the years 1970 to 2200"),
        ("1970-01-01T00:30:00+01:00", "is not within the years 1970 to 2200"),
        ("2201-01-01T00:00:00Z", "is not within the years 1970 to 2200"),
        ("0001-01-01T00:00:00+14:00", "out of range"),
    ],
)
def test_wrong_times(raw: Any, told: str) -> None:
    """A time has a zone, and is of a year that a clock may show."""
    said = reason(with_(at=raw))
    assert said.startswith("at: ")
    assert told in said


@pytest.mark.parametrize("at", ["1970-01-01T00:00:00Z", "2200-12-31T23:59:59Z"])
def test_the_first_and_the_last_time(at: str) -> None:
    """The years 1970 and 2200 are within."""
    assert isinstance(with_(at=at), EventLine)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"type": "DepsMett"}, "event: unknown type 'DepsMett'; did you mean 'DepsMet'?"),
        ({"type": "Block"}, "event.reason: missing"),
        ({"type": "Block", "reason": 7}, "event.reason: must be a string, got int 7"),
        ({"type": "Block", "reason": "a", "raeson": "b"}, "event.raeson: unknown field; did you mean 'reason'?"),
        (
            {"type": "QaSkipped", "feature_branch": "fix", "commits_ahead": 0},
            "event.commits_ahead: Positive must be an integer of at least 1, got 0",
        ),
        (
            {"type": "QaSkipped", "feature_branch": "", "commits_ahead": "2"},
            "event.feature_branch: BranchName must be a string of at least one character, got ''; "
            "event.commits_ahead: must be an integer, got str '2'",
        ),
        ({"type": 3}, "event.type: must be a string, got int 3"),
        ("DepsMet", "event: must be an object with a \"type\", got str 'DepsMet'"),
        (None, 'event: must be an object with a "type", got None'),
    ],
)
def test_wrong_events(event: Any, told: str) -> None:
    """An event that is none of the machine's, or whose fields do not fit, is malformed; the reason says where."""
    assert reason(with_(event=event)) == told


def test_a_machine_without_such_a_state() -> None:
    """A create line names a leaf of the machine."""
    content = json.dumps({"id": "a", "at": GOOD["at"], "create": {"type": "Backlgo"}}).encode()
    assert reason(parse(content)) == "create: unknown type 'Backlgo'; did you mean 'Backlog'?"


def test_a_malformed_line_names_what_could_be_read() -> None:
    """The story and the event of a malformed line are told where they can be read."""
    line = with_(event={"type": "DepsMett"})
    assert isinstance(line, Malformed)
    assert (line.key, line.event) == ("pr-9", "DepsMett")


# ---------------------------------------------------------------- delivery ids


def test_a_delivery_id_is_made_of_name_number_and_content() -> None:
    """Without a field for it, a line is known by its log, its number and a digest of its bytes."""
    content = json.dumps(GOOD).encode()
    digest = hashlib.sha256(content).hexdigest()[:16]
    assert delivery_id(parse(content, number=12)) == f"log.jsonl:12:{digest}"


def test_a_changed_line_has_another_delivery_id() -> None:
    """A line that was edited is another one."""
    assert delivery_id(with_()) != delivery_id(with_(event={"type": "Abandon"}))


@pytest.mark.parametrize(("raw", "expected"), [("webhook-981", "webhook-981"), (981, "981")])
def test_a_delivery_id_of_the_line(raw: Any, expected: str) -> None:
    """With a field for it, the line says its delivery id itself, as a string or an integer."""
    assert delivery_id(with_("delivery", delivery=raw)) == expected


@pytest.mark.parametrize("raw", ["", 1.5, True, ["a"], "a\0b", None])
def test_wrong_delivery_ids(raw: Any) -> None:
    """A delivery id that is no text is malformed, and so is a line without one."""
    assert reason(with_("delivery", delivery=raw)).startswith("delivery: ")


def test_a_missing_delivery_id() -> None:
    """Where delivery ids stand in a field, every line has it."""
    assert reason(with_("delivery")) == "delivery: missing; --delivery-id says that every line has it"


def test_the_event_of_a_good_line() -> None:
    """An event without fields is its type alone."""
    line = with_()
    assert isinstance(line, EventLine)
    assert line.event == DepsMet()
