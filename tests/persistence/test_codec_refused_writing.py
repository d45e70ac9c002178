"""What is refused on the way out, as it would not be read back the same; the message says where and what."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from forms import Form, Item, Other, Paper, Special, Tree

from leverframe import EncodeError, NonEmpty
from leverframe.machines.pipeline import DepsMet, Pipeline, Qa
from leverframe.persistence.codec import codec_of


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
