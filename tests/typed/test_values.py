"""Refined values: what they can be made of, and that they stay what they are."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leverframe import InvalidValue, MachineDefinitionError, NonEmpty, Positive


class Attempt(Positive): ...


class Branch(NonEmpty): ...


class Sha(NonEmpty):
    pattern = "[0-9a-f]{7,40}"


class FullSha(Sha):
    pattern = ".{40}"


@given(st.integers(min_value=1))
def test_positive_is_its_integer(number: int) -> None:
    """A Positive equals the integer that it was made of, hashes as it, and has the class it was made with."""
    value = Attempt(number)
    assert (value, hash(value), type(value)) == (number, hash(number), Attempt)


@given(st.integers(max_value=0))
def test_positive_below_one(number: int) -> None:
    """An integer below 1 makes no Positive."""
    with pytest.raises(InvalidValue, match="Attempt must be an integer of at least 1, got"):
        Attempt(number)


@pytest.mark.parametrize("value", [True, False, 1.0, "1", None, b"1"])
def test_positive_of_another_type(value: Any) -> None:
    """Nothing but an integer makes a Positive: no bool, no float, no string of digits."""
    with pytest.raises(InvalidValue) as caught:
        Positive(value)
    assert (caught.value.type_name, caught.value.value) == ("Positive", value)


def test_positive_arithmetic_is_plain() -> None:
    """What is computed from a Positive is a plain integer: it may not be positive."""
    assert type(Positive(3) - Positive(3)) is int


def test_positive_takes_one_argument() -> None:
    """A Positive is not parsed from text with a base."""
    with pytest.raises(TypeError):
        Positive("11", 2)  # type: ignore[call-overload]  # pyright: ignore


@given(st.text(min_size=1))
def test_non_empty_is_its_string(text: str) -> None:
    """A NonEmpty equals the string that it was made of, hashes as it, and has the class it was made with."""
    value = Branch(text)
    assert (value, hash(value), type(value)) == (text, hash(text), Branch)


@pytest.mark.parametrize("value", ["", 1, None, b"x", ["x"]])
def test_non_empty_of_another_type(value: Any) -> None:
    """Nothing but a string of at least one character makes a NonEmpty."""
    with pytest.raises(InvalidValue, match="Branch must be a string of at least one character, got"):
        Branch(value)


@pytest.mark.parametrize("text", ["abc123", "ABC1234", "abc1234\n", "abc1234 ", " abc1234", "g" * 7, "a" * 41])
def test_pattern_is_for_the_whole_string(text: str) -> None:
    """A pattern has to match from the first character to the last, a line break included."""
    with pytest.raises(InvalidValue) as caught:
        Sha(text)
    assert caught.value.rule == "match '[0-9a-f]{7,40}'"


@given(st.from_regex("[0-9a-f]{7,40}", fullmatch=True))
def test_pattern_that_matches(text: str) -> None:
    """A string that matches the pattern makes a value."""
    assert Sha(text) == text


def test_subclass_has_to_match_both_patterns() -> None:
    """A subclass with a pattern of its own keeps its base's."""
    assert FullSha("a" * 40) == "a" * 40
    for text, rule in (("a" * 39, "match '.{40}'"), ("x" * 40, "match '[0-9a-f]{7,40}'")):
        with pytest.raises(InvalidValue) as caught:
            FullSha(text)
        assert caught.value.rule == rule


def test_subclass_without_a_pattern() -> None:
    """A subclass without a pattern of its own has its base's."""

    class Commit(Sha): ...

    with pytest.raises(InvalidValue, match="Commit must match"):
        Commit("main")


@pytest.mark.parametrize("pattern", ["[", 7])
def test_pattern_that_is_none(pattern: Any) -> None:
    """A pattern that is no regular expression is refused where the class is made."""
    with pytest.raises(MachineDefinitionError, match=r"Bad\.pattern: .* is no regular expression"):
        type("Bad", (NonEmpty,), {"pattern": pattern})


@pytest.mark.parametrize("value", [Attempt(3), Positive(1), Branch("x"), Sha("abc1234"), NonEmpty("é")])
def test_round_trips(value: Any) -> None:
    """A refined value comes back from pickle and copy as the same value of the same class."""
    for back in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert (type(back), back) == (type(value), value)


def test_pickle_checks() -> None:
    """A pickle cannot bring in a value that could not be made."""
    body = pickle.dumps(Sha("abc1234")).replace(b"abc1234", b"main...")
    with pytest.raises(InvalidValue):
        pickle.loads(body)


def test_refined_values_are_small() -> None:
    """A refined value has no dictionary, nor have those of a subclass that says so."""
    assert not hasattr(Positive(1), "__dict__")
    assert not hasattr(NonEmpty("x"), "__dict__")


def test_long_value_in_a_message() -> None:
    """A message shows the start of a long value only."""
    with pytest.raises(InvalidValue) as caught:
        Sha("x" * 10_000)
    assert len(str(caught.value)) < 200
