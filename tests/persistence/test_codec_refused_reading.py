"""What is refused on the way in, and that the message says where and what."""

from decimal import localcontext
from typing import Any

import pytest
from forms import Paper

from leverframe import CodecError, DecodeError
from leverframe.machines.pipeline import Pipeline
from leverframe.persistence.codec import codec_of


def refused(raw: object) -> tuple[tuple[str, str], ...]:
    """What is wrong with a body of Form."""
    with pytest.raises(DecodeError) as caught:
        codec_of(Paper).parse_state({"type": "Form", "body": raw})
    assert caught.value.type_name == "Form"
    return caught.value.problems


# ---------------------------------------------------------------- reading: values

WRONG: list[Any] = [
    ("text", 3, "must be a string, got int 3"),
    ("text", None, "must be a string, got None"),
    ("whole", "3", "must be an integer, got str '3'"),
    ("whole", 3.0, "must be an integer, got float 3.0"),
    ("whole", True, "must be an integer, got bool True"),
    ("real", "1.5", "must be a finite number, got str '1.5'"),
    ("real", True, "must be a finite number, got bool True"),
    ("real", 2**53 + 1, "must be a number that a float holds exactly, got int 9007199254740993"),
    ("real", 10**400, "must be a number that a float holds exactly, got int 1000"),
    ("real", float("nan"), "must be a finite number, got float nan"),
    ("flag", 1, "must be a boolean, got int 1"),
    ("flag", "true", "must be a boolean, got str 'true'"),
    ("data", "!", "must be bytes in base64, got str '!'"),
    ("data", "AB==", "must be bytes in base64, got str 'AB=='"),
    ("data", "é", "must be bytes in base64, got str 'é'"),
    ("at", "2024-01-02T03:04:05", "'2024-01-02T03:04:05' has no zone, so it names no moment"),
    ("at", "2024-01-02", "must be a time like"),
    ("at", "20240102T030405Z", "must be a time like"),
    ("at", "2024-W01-1T00:00Z", "must be a time like"),
    ("at", "2024-01-02T03:04:05.1234567Z", "must be a time like"),
    ("at", "2024-02-30T00:00:00Z", "day is out of range"),
    ("at", "0001-01-01T00:00:00+05:00", "out of range"),
    ("at", 1704164645, "must be a time like"),
    ("day", "2024-01-02T00:00:00+00:00", "must be a date like"),
    ("day", "20240102", "must be a date like"),
    ("day", "2024-02-30", "day is out of range"),
    ("span", 90, "must be a duration like"),
    ("span", "90", "must be a duration like"),
    ("span", "P", "must be a duration like"),
    ("span", "PT", "must be a duration like"),
    ("span", "P1DT", "must be a duration like"),
    ("span", "P9999999999D", "must be a duration of less than"),
    ("price", 1.5, "must be a decimal number in a string"),
    ("price", "NaN", "must be a decimal number in a string"),
    ("price", "Infinity", "must be a decimal number in a string"),
    ("price", "1_000", "must be a decimal number in a string"),
    ("price", " 1", "must be a decimal number in a string"),
    ("price", "1E99999999999999999999", "must be a decimal number within range"),
    ("id", "{00000000-0000-0000-0000-000000000001}", "must be a UUID like"),
    ("id", 1, "must be a UUID like"),
    ("color", "blue", "must be one of 'red', got str 'blue'"),
    ("color", ["red"], "must be one of 'red', got list"),
    ("choice", True, "must be one of 1, 'a', got bool True"),
    ("choice", 1.0, "must be one of 1, 'a', got float 1.0"),
    ("count", 0, "Positive must be an integer of at least 1, got 0"),
    ("count", "3", "must be an integer, got str '3'"),
    ("count", True, "must be an integer, got bool True"),
    ("name", "", "NonEmpty must be a string of at least one character, got ''"),
    ("maybe", "1", "must be an integer, got str '1'"),
    ("many", "12", "must be a list, got str '12'"),
    ("many", {"1": 2}, "must be a list, got dict"),
    ("many", (1,), "must be a list, got tuple (1,)"),
    ("many[1]", [1, "2"], "must be an integer, got str '2'"),
    ("pair", [1], "must have 2 items, got 1"),
    ("pair", [1, "x", 2], "must have 2 items, got 3"),
    ("pair[1]", [1, 2], "must be a string, got int 2"),
    ("numbers[0]", [None], "must be an integer, got None"),
    ("names", ["a", "a"], "holds an item twice"),
    ("names[0]", [1], "must be a string, got int 1"),
    ("ages", [["a", 1]], "must be an object, got list"),
    ("ages['a']", {"a": "1"}, "must be an integer, got str '1'"),
    ("ages[1]", {1: 1}, "must be a string, got int 1"),
    ("by_name['']", {"": 1}, "NonEmpty must be a string of at least one character"),
    ("item", "x", "must be an object, got str 'x'"),
    ("item.name", {}, "missing"),
    ("item.name", {"name": ""}, "NonEmpty must be"),
    ("item.nmae", {"name": "x", "nmae": "y"}, "unknown field; did you mean 'name'?"),
    ("items[1].amount", [{"name": "x"}, {"name": "y", "amount": 0}], "Positive must be"),
    ("thing", {"name": "x"}, 'must be an object with "type" and "body"'),
    ("thing", {"type": "Itme", "body": {}}, "unknown type 'Itme'; did you mean 'Item'?"),
    ("thing", {"type": ["Item"], "body": {}}, "unknown type ['Item']"),
    ("thing.name", {"type": "Other", "body": {}}, "missing"),
    ("tree.below[0].below[0]", {"below": [{"below": [3]}]}, "must be an object, got int 3"),
]


@pytest.mark.parametrize(("path", "raw", "words"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_value_is_refused(path: str, raw: object, words: str) -> None:
    """Nothing is guessed: a value of another type is refused with its path and what should stand there."""
    name = path.partition("[")[0].partition(".")[0]
    problems = refused({name: raw})
    assert [where for where, _ in problems] == [path]
    assert words in problems[0][1]


def test_a_decimal_out_of_range_is_refused_in_any_thread() -> None:
    """A thread whose decimals never raise gets no NaN either."""
    with localcontext() as context:
        context.clear_traps()
        assert "within range" in refused({"price": "1E99999999999999999999"})[0][1]


def test_a_validator_speaks_in_its_own_words() -> None:
    """What attrs' validators say is passed on, without what they put behind it."""
    assert refused({"even": 3}) == (("", "must be even, got 3"),)
    assert refused({"short": "long text"}) == (("", "Length of 'short' must be <= 3: 9"),)


# ---------------------------------------------------------------- reading: whole bodies


def test_all_problems_of_a_body_are_told_at_once() -> None:
    """One reading finds every fault, at every depth."""
    raw: dict[str, object] = {"txet": 1, "whole": "1", "items": [{}, {"name": 3}], "pair": ["1", 2]}
    assert refused(raw) == (
        ("whole", "must be an integer, got str '1'"),
        ("pair[0]", "must be an integer, got str '1'"),
        ("pair[1]", "must be a string, got int 2"),
        ("items[0].name", "missing"),
        ("items[1].name", "must be a string, got int 3"),
        ("txet", "unknown field; did you mean 'text'?"),
    )


def test_a_misspelled_field_is_missing_and_unknown() -> None:
    """A misspelling is told from both sides, with the nearest name."""
    with pytest.raises(DecodeError) as caught:
        codec_of(Pipeline).parse_event({"type": "QaSkipped", "feature_brnach": "x", "commits_ahead": 0})
    assert caught.value.problems == (
        ("feature_branch", "missing"),
        ("commits_ahead", "Positive must be an integer of at least 1, got 0"),
        ("feature_brnach", "unknown field; did you mean 'feature_branch'?"),
    )
    assert str(caught.value).startswith("feature_branch: missing; commits_ahead: Positive must")


ENVELOPES: list[Any] = [
    (None, "", 'must be an object with a "type", got None'),
    ([], "", 'must be an object with a "type"'),
    ("Merge", "", 'must be an object with a "type"'),
    ({}, "", 'missing "type"; one of Backlog, Coding, '),
    ({"type": None}, "type", "must be a string, got None"),
    ({"type": ["Merge"]}, "type", "must be a string"),
    ({"type": "Mergee"}, "", "unknown type 'Mergee'; did you mean 'Merge'?"),
    ({"type": "DepsMet"}, "", "unknown type 'DepsMet'"),
    ({"type": "Qa", "body": []}, "body", "must be an object, got list []"),
    ({"type": "Qa", "body": {}, "bdoy": 1}, "bdoy", 'unknown field beside "type" and "body"'),
    ({"type": "Qa", "v": 0}, "v", "must be an integer of at least 1, got int 0"),
    ({"type": "Qa", "v": True}, "v", "must be an integer of at least 1, got bool True"),
    ({"type": "Qa", "v": "1"}, "v", "must be an integer of at least 1, got str '1'"),
    ({"type": "Qa", "v": 2}, "", "the program is older than the data"),
    ({"type": "Qa", "reason": "x"}, "reason", "unknown field; known: nothing"),
    ({"type": "Qa", 1: "x"}, "1", "unknown field"),
]


@pytest.mark.parametrize(("raw", "path", "words"), ENVELOPES)
def test_what_stands_around_a_body_is_checked(raw: object, path: str, words: str) -> None:
    """Type, version and body are as strict as what is in them."""
    with pytest.raises(DecodeError) as caught:
        codec_of(Pipeline).parse_state(raw)
    assert caught.value.problems[0][0] == path
    assert words in caught.value.problems[0][1]


def test_stored_text_has_its_fields_in_a_body() -> None:
    """The flat form is for logs; a stored text always has a body."""
    with pytest.raises(DecodeError) as caught:
        codec_of(Pipeline).decode_state('{"type":"Qa"}')
    assert caught.value.problems == (("body", "missing"),)


def test_text_is_read_strictly() -> None:
    """A key that stands twice in stored text is refused."""
    with pytest.raises(DecodeError, match="twice"):
        codec_of(Pipeline).decode_event('{"body":{"reason":"a","reason":"b"},"type":"Block"}')


def test_messages_stay_short() -> None:
    """Long values, long names and many faults do not flood the message."""
    assert len(refused({"whole": "9" * 100_000})[0][1]) < 300
    assert len(refused({"y" * 100_000: 1})[0][0]) < 100
    many = refused({"numbers": ["x"] * 10_000})
    assert len(many) == 101
    assert many[-1] == ("", "and more")


def test_deep_bodies_are_refused_and_quickly() -> None:
    """A fault at the bottom of nested parts is found once, not twice a level."""
    raw: dict[str, Any] = {"below": [0]}
    for _ in range(60):
        raw = {"below": [raw]}
    (problem,) = refused({"tree": raw})
    assert problem[1] == "must be an object, got int 0"


def test_a_body_too_deep_to_read_is_refused() -> None:
    """Nesting without end is a fault of the body, not of the program."""
    raw: dict[str, Any] = {"below": []}
    for _ in range(20_000):
        raw = {"below": [raw]}
    assert refused({"tree": raw}) == (("", "is nested too deeply, or contains itself"),)


@pytest.mark.parametrize("depth", range(100, 400, 10))
def test_a_fault_at_any_depth_is_a_decode_error(depth: int) -> None:
    """Explaining a fault needs more of the stack than finding it, and does not fail for that."""
    raw: dict[str, Any] = {"below": [0]}
    for _ in range(depth):
        raw = {"below": [raw]}
    assert len(refused({"tree": raw})) == 1


def test_a_decode_error_is_a_codec_error_and_a_value_error() -> None:
    """Callers may catch it by either name."""
    assert issubclass(DecodeError, CodecError)
    assert issubclass(DecodeError, ValueError)
