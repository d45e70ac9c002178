"""What cannot be stored is refused when the codec is made; fields called type, v and body can be."""

# ruff: noqa: UP006, UP007, UP035, UP042, UP045  # the older spellings are tested too

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from enum import Enum, Flag
from types import new_class
from typing import Any, Dict, Generic, List, Literal, NewType, Optional, Tuple, TypeVar, Union

import attr
import attrs
import pytest
from attrs import define, field, frozen
from typing_extensions import TypeAliasType

from leverframe import DecodeError, Event, Machine, MachineDefinitionError, NonEmpty, Payload, Positive, on, state
from leverframe.persistence.codec import codec_of, read_json

T = TypeVar("T")


@frozen
class Start(Payload): ...


@frozen
class Go(Event): ...


def machine_with(annotation: Any) -> Any:
    """A machine with a state `Here` whose field `part` is annotated so."""
    here: Any = frozen(
        new_class("Here", (Payload,), exec_body=lambda body: body.update(__annotations__={"part": annotation}))
    )
    return machine_of(here)


def machine_of(here: Any) -> Any:
    def go(self: object, s: object, e: object) -> Any:
        return here

    go.__annotations__ = {"s": Start, "e": Go, "return": here}
    body = {"start_": state(Start, initial=True), "here": state(here), "go": on(go)}
    base: Any = Machine
    return new_class("Trip", (base[Union[Start, here], Go],), exec_body=lambda names: names.update(body))


Alias = TypeAliasType("Alias", int | None)


class Color(Enum):
    RED = "red"


class Bits(Flag):
    A = 1


class Pairs(Enum):
    A = (1, 2)


class Plain:
    pass


class Letters(str, Enum):
    A = "a"


@frozen
class Box(Generic[T]):
    content: T


@frozen
class Item:
    when: time


@define
class Computed:
    whole: int
    half: int = field(init=False)


@define
class OwnInit:
    whole: int

    def __init__(self) -> None:
        self.whole = 1


def twin(kind: type) -> type:
    """Another class called Color."""
    made: type = frozen(type("Color", (), {"__annotations__": {"part": kind}}))
    return made


REFUSED = [
    (Any, "Here.part", "which cannot be stored"),
    (object, "Here.part", "is object, which cannot be stored; use str, int"),
    (Plain, "Here.part", "is Plain, which cannot be stored"),
    (time, "Here.part", "is time, which cannot be stored"),
    (complex, "Here.part", "is complex"),
    (list, "Here.part", "is list, which"),
    (tuple, "Here.part", "is tuple, which"),
    (dict, "Here.part", "is dict, which"),
    (List, "Here.part", "which cannot be stored"),
    (Tuple, "Here.part", "which cannot be stored"),
    (Dict, "Here.part", "which cannot be stored"),
    (T, "Here.part", "which cannot be stored"),
    (Sequence[int], "Here.part", "Sequence"),
    (Mapping[str, int], "Here.part", "Mapping"),
    (dict[int, str], "Here.part", "is a dict with keys of int; JSON has keys of str only"),
    (dict[Letters, str], "Here.part", "is a dict with keys of Letters"),
    (int | str, "Here.part", "is int | str, and JSON would not tell which"),
    (Union[datetime, None, str], "Here.part", "JSON would not tell which"),
    (list[Plain | None], "Here.part", "is Plain"),
    (tuple[int, Plain], "Here.part", "is Plain"),
    (dict[str, Plain], "Here.part", "is Plain"),
    (Bits, "Here.part", "is Bits, a Flag; write a frozenset of an Enum"),
    (Pairs, "Here.part", "whose A has a value that is no string or integer"),
    (Literal[Color.RED], "Here.part", "only strings, integers, booleans and None"),
    (Literal[b"x"], "Here.part", "only strings, integers, booleans and None"),
    (Box[int], "Here.part", "Box[int]"),
    (Box, "Here.part", "is Box, which is generic"),
    (Item, "Item.when", "is time, which cannot be stored"),
    (tuple[Item, ...], "Item.when", "is time"),
    (Item | Go | None, "Item.when", "is time"),
    (Computed, "Computed.half", "has init=False"),
    (OwnInit, "OwnInit", "has an __init__ of its own"),
    (Union[twin(int), twin(str)], "Here.part", "two of these have one name"),
]


@pytest.mark.parametrize(("annotation", "member", "words"), REFUSED, ids=range(len(REFUSED)))
def test_a_field_that_cannot_be_stored_is_refused(annotation: Any, member: str, words: str) -> None:
    """Making the codec names the class, the field and what to write instead."""
    with pytest.raises(MachineDefinitionError) as caught:
        codec_of(machine_with(annotation))
    assert (caught.value.machine, caught.value.member) == ("Trip", member)
    assert words in caught.value.problem


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Optional[int], 3),
        (List[int], [1]),
        (Tuple[int, ...], (1,)),
        (Dict[str, int], {"a": 1}),
        (Optional[NonEmpty], None),
        (NewType("Name", NonEmpty), NonEmpty("x")),
        (Alias, 3),
        (type(None), None),
        (Letters, Letters.A),
        (Literal["a", None], None),
        (Go, Go()),
        (set[bool], {True, False}),
        (frozenset[Optional[int]], frozenset({None, 1, 10, 9})),
    ],
)
def test_other_spellings_of_annotations_are_understood(annotation: Any, value: object) -> None:
    """Old and new spellings of one type are stored alike."""
    codec = codec_of(machine_with(annotation))
    stored = read_json(codec.encode_field("part", value))
    read: Any = codec.parse_state({"type": "Here", "part": stored})
    assert read.part == value


def test_a_field_without_annotation_is_refused() -> None:
    """Nobody knows what a field without annotation holds."""
    here: Any = attr.s(frozen=True, these={"part": attr.ib()}, slots=True)(type("Here", (Payload,), {"__slots__": ()}))
    with pytest.raises(MachineDefinitionError, match="is not annotated, which cannot be stored"):
        codec_of(machine_of(here))


def test_an_annotation_that_does_not_exist_is_refused() -> None:
    """A name that only a type checker sees is told when the codec is made."""
    with pytest.raises(MachineDefinitionError, match=r"^Trip\.Here: annotation 'Nowhere' does not exist at run time"):
        codec_of(machine_with("Nowhere"))


def test_a_class_of_a_function_with_objects_for_annotations_is_stored() -> None:
    """A class made inside a function works where its annotations are objects."""

    @frozen
    class Inside(Payload):
        count: Positive

    codec = codec_of(machine_of(Inside))
    assert codec.decode_state(codec.encode_state(Inside(Positive(2)))) == Inside(Positive(2))


def test_a_class_of_a_function_with_resolved_types_is_stored() -> None:
    """Where annotations name what only the function has, `attrs.resolve_types` tells what they mean."""

    class Count(Positive): ...

    @frozen
    class Inside(Payload):
        count: "Count"

    attrs.resolve_types(Inside, localns={"Count": Count})
    codec = codec_of(machine_of(Inside))
    assert codec.decode_state(codec.encode_state(Inside(Count(2)))) == Inside(Count(2))


# ---------------------------------------------------------------- fields called type, v and body


@frozen
class Letter(Payload):
    type: str
    v: int
    body: dict[str, str]


@frozen
class Draft(Payload):
    body: dict[str, str] = field(factory=dict[str, str])


def test_the_names_around_a_body_may_be_names_of_fields() -> None:
    """Stored bodies stand under a key of their own."""
    letter = Letter("air", 3, {"type": "x"})
    codec = codec_of(machine_of(Letter))
    text = codec.encode_state(letter)
    assert text == '{"body":{"body":{"type":"x"},"type":"air","v":3},"type":"Letter"}'
    assert codec.decode_state(text) == letter
    assert (
        codec.parse_state({"type": "Letter", "v": 1, "body": {"type": "air", "v": 3, "body": {"type": "x"}}}) == letter
    )


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "Letter", "v": 3, "body": "x"},
        {"type": "Letter", "v": 3},
        {"type": "Letter", "v": 3, "body": {}, "to": "x"},
    ],
)
def test_such_a_class_is_not_read_flat(raw: object) -> None:
    """Where a field's name would have two meanings, the nested form is asked for."""
    with pytest.raises(DecodeError) as caught:
        codec_of(machine_of(Letter)).parse_state(raw)
    wanted = (
        'Letter has a field called "body"; write all of its fields inside of "body": {"type": "Letter", "body": {...}}'
    )
    assert caught.value.problems == (("", wanted),)


def test_an_object_under_body_is_the_body() -> None:
    """A class with a field called body reads an object there as its fields, never as that field."""
    codec = codec_of(machine_of(Draft))
    assert codec.parse_state({"type": "Draft", "body": {"body": {"a": "b"}}}) == Draft({"a": "b"})
    with pytest.raises(DecodeError, match="unknown field"):
        codec.parse_state({"type": "Draft", "body": {"a": "b"}})


def test_other_classes_are_read_flat_or_nested() -> None:
    """A class with other fields takes both forms."""
    codec = codec_of(machine_with(int))
    flat: Any = codec.parse_state({"type": "Here", "part": 1})
    assert flat == codec.parse_state({"type": "Here", "body": {"part": 1}})
    assert flat == codec.parse_state({"type": "Here", "v": 1, "part": 1})
    assert attrs.asdict(flat) == {"part": 1}
