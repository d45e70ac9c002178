"""One field by itself, as a look-up compares it: written as in its body, or refused."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import frozen
from forms import Color, Fill, Form, Paper

from leverframe import EncodeError, Machine, NonEmpty, Payload, on, state
from leverframe.machines.pipeline import BranchName, GitSha, Pipeline
from leverframe.persistence.codec import codec_of, read_json


def test_a_look_up_compares_refined_and_plain_values_alike() -> None:
    """What a user gives for a field and what a payload has are the same text."""
    codec = codec_of(Pipeline)
    assert codec.encode_field("feature_branch", "x") == codec.encode_field("feature_branch", BranchName("x")) == '"x"'
    assert codec.encode_field("merge_commit", GitSha("3755db7")) == '"3755db7"'


def test_a_field_is_written_as_in_its_body() -> None:
    """The text of a field is the text that stands in the body."""
    codec = codec_of(Paper)
    values = {"at": Form().at, "price": Decimal("1.0"), "color": Color.RED, "maybe": None, "many": (1, 2)}
    stored: Any = read_json(codec.encode_state(Form(many=(1, 2))))
    for name, value in values.items():
        assert read_json(codec.encode_field(name, value)) == stored["body"][name]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("at", "2024-01-02T01:00:00+01:00", '"2024-01-02T00:00:00+00:00"'),
        ("color", "red", '"red"'),
        ("price", "1.00", '"1"'),
        ("real", 1, "1.0"),
    ],
)
def test_json_stands_for_a_fields_value(name: str, value: object, text: str) -> None:
    """What a command line gives for a field is read as the field reads it."""
    assert codec_of(Paper).encode_field(name, value) == text


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("feature_branch", "", "BranchName must be a string of at least one character"),
        ("feature_branch", 3, "must be a string, got int 3"),
        ("merge_commit", "main", "GitSha must match"),
        ("archived_at", datetime(2024, 1, 2), "has no zone, so it names no moment"),
        ("archived_at", "2024-01-02", "must be a time like"),
        ("reason", "\ud800", "surrogate"),
        ("feature_brnach", "x", "no state has this field; did you mean 'feature_branch'?"),
    ],
)
def test_a_value_that_no_payload_has_is_refused(name: str, value: object, words: str) -> None:
    """A look-up that can find nothing says so."""
    with pytest.raises(EncodeError, match=words) as caught:
        codec_of(Pipeline).encode_field(name, value)
    assert caught.value.path == name


@frozen
class Ref(Payload):
    ref: int


@frozen
class NamedRef(Payload):
    ref: NonEmpty


class Refs(Machine[Ref | NamedRef, Fill]):
    numbered = state(Ref, initial=True)
    named = state(NamedRef)

    @on
    def fill(self, s: Ref, e: Fill) -> NamedRef:
        return NamedRef(NonEmpty("x"))


def test_a_field_may_have_another_type_in_each_state() -> None:
    """A value is one of the types that the field has somewhere."""
    codec = codec_of(Refs)
    assert codec.encode_field("ref", 3) == "3"
    assert codec.encode_field("ref", "three") == '"three"'
    with pytest.raises(EncodeError, match="must be an integer, got str ''; or NonEmpty must be"):
        codec.encode_field("ref", "")
