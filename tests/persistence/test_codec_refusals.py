"""What is refused, on the way in and on the way out, and that the message says where and what."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from enum import Enum
from typing import Any, Literal, TypeAlias
from uuid import UUID

import pytest
from attrs import evolve, field, frozen, validators

from leverframe import CodecError, DecodeError, EncodeError, Event, Machine, NonEmpty, Payload, Positive, on, state
from leverframe.machines.pipeline import (
    Blocked,
    BranchName,
    DepsMet,
    GitSha,
    Merge,
    Pipeline,
    Qa,
)
from leverframe.persistence.codec import codec_of, read_json


class Color(Enum):
    RED = "red"


ONE, X, FIRST = Positive(1), NonEmpty("x"), UUID(int=1)


@frozen
class Item:
    name: NonEmpty
    amount: Positive = ONE


@frozen
class Special(Item):
    reason: str = ""


@frozen
class Other:
    name: str


Thing: TypeAlias = Item | Other


@frozen
class Tree:
    below: "tuple[Tree, ...]" = ()


def check_even(_: object, __: object, value: int) -> None:
    if value % 2:
        raise ValueError(f"must be even, got {value}")


@frozen
class Form(Payload):
    text: str = "x"
    whole: int = 1
    real: float = 1.5
    flag: bool = True
    data: bytes = b""
    at: datetime = datetime(2024, 1, 2, tzinfo=UTC)
    day: date = date(2024, 1, 2)
    span: timedelta = timedelta(1)
    price: Decimal = Decimal(1)
    id: UUID = FIRST
    color: Color = Color.RED
    choice: Literal[1, "a"] = 1
    count: Positive = ONE
    name: NonEmpty = X
    maybe: int | None = None
    many: tuple[int, ...] = ()
    pair: tuple[int, str] = (1, "x")
    numbers: list[int] = field(factory=list[int])
    names: frozenset[str] = frozenset()
    ages: dict[str, int] = field(factory=dict[str, int])
    by_name: dict[NonEmpty, int] = field(factory=dict[NonEmpty, int])
    item: Item = Item(NonEmpty("x"))
    items: tuple[Item, ...] = ()
    thing: Thing = Other("x")
    tree: Tree = Tree()
    even: int = field(default=2, validator=check_even)
    short: str = field(default="", validator=validators.max_len(3))


@frozen
class Blank(Payload): ...


@frozen
class Fill(Event): ...


class Paper(Machine[Blank | Form, Fill]):
    blank = state(Blank, initial=True)
    form = state(Form)

    @on
    def fill(self, s: Blank, e: Fill) -> Form:
        return Form()


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


# ---------------------------------------------------------------- writing


class Loud(str):
    """A string of somebody's own."""


UNWRITABLE: list[Any] = [
    ("text", 3, "must be a string, got int 3"),
    ("text", None, "must be a string, got None"),
    ("text", "\ud800", "half of a surrogate pair"),
    ("whole", True, "must be an integer, got bool True"),
    ("whole", 3.0, "must be an integer, got float 3.0"),
    ("real", float("nan"), "must be a finite number, got float nan"),
    ("real", float("inf"), "must be a finite number, got float inf"),
    ("real", 2**53 + 1, "must be a number that a float holds exactly"),
    ("flag", 1, "must be a boolean, got int 1"),
    ("data", "x", "must be bytes, got str 'x'"),
    ("at", datetime(2024, 1, 2), "has no zone, so it names no moment"),
    ("at", date(2024, 1, 2), "must be a datetime with a zone, got date"),
    ("at", "2024-01-02T00:00:00Z", "must be a datetime with a zone, got str"),
    ("at", datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), "is out of range in UTC"),
    ("day", datetime(2024, 1, 2, tzinfo=UTC), "must be a date without a time"),
    ("span", 90, "must be a timedelta, got int 90"),
    ("price", Decimal("NaN"), "must be a finite Decimal"),
    ("price", Decimal("-Infinity"), "must be a finite Decimal"),
    ("price", 1.5, "must be a finite Decimal, got float 1.5"),
    ("id", "x", "must be UUID, got str 'x'"),
    ("color", "red", "must be Color, got str 'red'"),
    ("choice", True, "must be one of 1, 'a', got bool True"),
    ("maybe", "1", "must be an integer, got str '1'"),
    ("many", [1], "must be a tuple, got list [1]"),
    ("many[1]", (1, "2"), "must be an integer, got str '2'"),
    ("pair", (1,), "must have 2 items, got 1"),
    ("pair[0]", ("1", "x"), "must be an integer, got str '1'"),
    ("numbers", (1,), "must be a list, got tuple (1,)"),
    ("names", {"a"}, "must be a frozenset, got set {'a'}"),
    ("names[0]", frozenset([1]), "must be a string, got int 1"),
    ("ages", [], "must be a dict, got list []"),
    ("ages[1]", {1: 1}, "must be a string, got int 1"),
    ("ages['a']", {"a": None}, "must be an integer, got None"),
    ("by_name['a']", {"a": 1}, "must be NonEmpty, got str 'a'"),
    ("item", Special(NonEmpty("x")), "must be Item, got Special"),
    ("item.name", Item("x"), "must be NonEmpty, got str 'x'"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # on purpose
    ("items[0].amount", (Item(NonEmpty("x"), 0),), "must be Positive, got int 0"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # on purpose
    ("thing", Special(NonEmpty("x")), "must be Item or Other, got Special"),
    ("thing.name", Other(3), "must be a string, got int 3"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # on purpose
]


@pytest.mark.parametrize(("path", "value", "words"), UNWRITABLE, ids=range(len(UNWRITABLE)))
def test_what_would_not_be_read_back_is_not_written(path: str, value: Any, words: str) -> None:
    """A value that no type checker would let pass is refused before it is stored, with its place."""
    name = path.partition("[")[0].partition(".")[0]
    with pytest.raises(EncodeError) as caught:
        codec_of(Paper).encode_state(evolve(Form(), **{name: value}))
    assert caught.value.path == f"Form.{path}"
    assert words in caught.value.problem


def test_a_number_too_long_to_write_is_refused() -> None:
    """Python itself refuses to read integers of many thousand digits."""
    with pytest.raises(EncodeError, match=r"^Form: .*digits"):
        codec_of(Paper).encode_state(Form(whole=10**5000))


def test_a_value_too_deep_to_write_is_refused() -> None:
    """Nesting without end is refused in one line."""
    tree = Tree()
    for _ in range(20_000):
        tree = Tree((tree,))
    with pytest.raises(EncodeError, match=r"^Form: is nested too deeply"):
        codec_of(Paper).encode_state(Form(tree=tree))


def test_what_is_nested_without_end_has_a_limit() -> None:
    """What one program writes must not be too deep for another to read; brackets in strings do not count."""
    codec, tree = codec_of(Paper), Tree()
    for _ in range(48):
        tree = Tree((tree,))
    form = Form(text='[{"' * 200, tree=tree)
    assert codec.decode_state(codec.encode_state(form)) == form
    with pytest.raises(EncodeError, match=r"^Form: is nested more than 100 levels deep"):
        codec.encode_state(Form(tree=Tree((tree,))))


def test_another_machines_class_is_refused() -> None:
    """A codec writes its own machine's states and events only."""
    codec: Any = codec_of(Pipeline)
    with pytest.raises(EncodeError, match=r"^Form: is no Pipeline state"):
        codec.encode_state(Form())
    with pytest.raises(EncodeError, match=r"^DepsMet: is no Pipeline state"):
        codec.encode_state(DepsMet())
    with pytest.raises(EncodeError, match=r"^Qa: is no Pipeline event"):
        codec.encode_event(Qa())


def test_a_string_of_ones_own_is_written_as_a_string() -> None:
    """A subclass where `str` is annotated is read back equal."""
    codec = codec_of(Paper)
    assert codec.decode_state(codec.encode_state(Form(text=Loud("x")))) == Form()


# ---------------------------------------------------------------- one field


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


# ---------------------------------------------------------------- nothing is shared


def test_what_was_given_is_not_kept() -> None:
    """A state does not change with the object that it was read from."""
    raw: dict[str, Any] = {"type": "Form", "body": {"ages": {"a": 1}, "numbers": [1]}}
    read: Any = codec_of(Paper).parse_state(raw)
    raw["body"]["ages"]["a"] = 2
    raw["body"]["numbers"].append(2)
    assert (read.ages, read.numbers) == ({"a": 1}, [1])


def test_one_codec_a_machine() -> None:
    """Making a codec takes milliseconds, so it is made once."""
    assert codec_of(Pipeline) is codec_of(Pipeline)
    assert codec_of(Pipeline).encode_state(Merge(BranchName("x"), Positive(1)))
    assert codec_of(Pipeline).encode_state(Blocked(datetime(2024, 1, 2, tzinfo=UTC), "x"))
