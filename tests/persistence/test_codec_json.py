"""JSON text: what is read, what is refused, and that equal values are written alike."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leverframe import DecodeError, EncodeError, NonEmpty, Positive
from leverframe.persistence.codec import read_json, write_json

patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXTS = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@patiently
@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    """A JSON value survives being written and read."""
    assert read_json(write_json(value)) == value


@patiently
@given(VALUES)
def test_other_spellings_are_read(value: object) -> None:
    """Spaces, escapes and any order of keys are JSON too."""
    assert read_json(json.dumps(value, indent=2)) == value


@patiently
@given(st.dictionaries(TEXTS, st.integers()))
def test_equal_dictionaries_are_written_alike(value: dict[str, int]) -> None:
    """The order in which keys were put in does not show."""
    assert write_json(dict(reversed(value.items()))) == write_json(value)


def test_written_text_is_canonical() -> None:
    """Keys are sorted, nothing is spaced, and characters stand as they are."""
    assert write_json({"b": [1, None, True], "a": "ü\n"}) == '{"a":"ü\\n","b":[1,null,true]}'


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ('{"a": 1, "a": 2}', "a", "twice"),
        ('[{"a": {"b": 1, "b": 1}}]', "b", "twice"),
        ("NaN", "", "NaN"),
        ("[Infinity]", "", "Infinity"),
        ("-Infinity", "", "Infinity"),
        ("1e999", "", "too large"),
        pytest.param("1" * 5000, "", "digits", id="a long number"),
        ('"\\ud800"', "", "surrogate"),
        ('{"a": ["\\uDC00"]}', "a[0]", "surrogate"),
        ('{"\\udc00": 1}', "", "surrogate"),
        ('"\ud800"', "", "surrogate"),
        ("", "", "no JSON"),
        ("{} {}", "", "Extra data"),
        ("{'a': 1}", "", "no JSON"),
        ('{"a": 1,}', "", "no JSON"),
        ('"a\nb"', "", "no JSON"),
        pytest.param("[" * 100_000, "", "too deeply", id="deep"),
    ],
)
def test_text_that_is_no_strict_json_is_refused(text: str, path: str, words: str) -> None:
    """Whatever could be read in two ways, or not at all, is refused with its place."""
    with pytest.raises(DecodeError, match=words) as caught:
        read_json(text)
    assert [where for where, _ in caught.value.problems] == [path]


def test_bytes_are_no_text() -> None:
    """Only a string is read."""
    data: object = b"{}"
    with pytest.raises(DecodeError, match="no JSON"):
        read_json(data)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what an untyped caller does


def test_a_pair_of_escapes_is_one_character() -> None:
    """Two halves that belong together are read."""
    assert read_json('"\\ud83d\\ude00"') == "😀"


def test_space_around_a_value_is_no_fault() -> None:
    """A file ends with a line break."""
    assert read_json(' {"a": 1}\n') == {"a": 1}


class Level(float):
    """A number of somebody's own."""


def itself() -> list[object]:
    """A list that holds itself."""
    items: list[object] = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        (float("nan"), "value", "nan"),
        ({"a": [1.0, float("inf")]}, "value.a[1]", "inf"),
        ({1: "one"}, "value", "key 1 is no string"),
        ({"a": {None: 1}}, "value.a", "key None"),
        ({"a": {1}}, "value.a", "set"),
        ({"at": datetime(2024, 1, 2, tzinfo=UTC)}, "value.at", "datetime"),
        (b"x", "value", "bytes"),
        ({"a": ["\ud800"]}, "value.a[0]", "surrogate"),
        ({"\ud800": 1}, "value", "surrogate"),
        (itself(), "value", "too deeply"),
        pytest.param(10**5000, "value", "digits", id="a long number"),
    ],
)
def test_what_json_cannot_hold_is_refused(value: object, path: str, words: str) -> None:
    """A value that would not be read back the same is refused with its place."""
    with pytest.raises(EncodeError, match=words) as caught:
        write_json(value)
    assert caught.value.path == path


def test_the_name_of_the_value_begins_its_paths() -> None:
    """The caller says what the value is called."""
    with pytest.raises(EncodeError, match=r"^body\.a: "):
        write_json({"a": object()}, "body")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, (2,)), "[1,[2]]"),
        (NonEmpty("x"), '"x"'),
        (Positive(3), "3"),
        (Level(1.5), "1.5"),
        (MappingProxyType({"a": MappingProxyType({"b": 1})}), '{"a":{"b":1}}'),
    ],
)
def test_what_stands_for_json_is_written_as_it(value: object, text: str) -> None:
    """Tuples are arrays, mappings objects, and refined values the plain ones they are."""
    assert write_json(value) == text


def test_the_value_given_stays_as_it_was() -> None:
    """Writing changes nothing."""
    value: Mapping[str, object] = {"b": [1], "a": (2,)}
    write_json(value)
    assert list(value.items()) == [("b", [1]), ("a", (2,))]


def test_long_values_do_not_flood_the_message() -> None:
    """A large value is cut."""
    with pytest.raises(EncodeError) as caught:
        write_json({"x": {"y" * 10_000}})
    assert len(str(caught.value)) < 300
