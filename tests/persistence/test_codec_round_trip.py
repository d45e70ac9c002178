"""What is written is read back and equal, and equal values are written alike: for every type a field may have."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from enum import Enum, IntEnum, StrEnum
from typing import Any, Literal, NewType, TypeAlias
from uuid import UUID

import pytest
from attrs import evolve, field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leverframe import Event, Machine, NonEmpty, Payload, Positive, on, state
from leverframe.persistence.codec import codec_of, read_json

# ---------------------------------------------------------------- a machine with every type of field


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Mood(StrEnum):
    GOOD = "good"


class Sku(NonEmpty):
    pattern = "[a-z]{1,9}"


Meters = NewType("Meters", int)


@frozen
class Item:
    name: Sku
    price: Decimal
    note: str | None = None


@frozen
class Circle:
    radius: float


@frozen
class Square:
    side: Positive
    type: str


Shape: TypeAlias = Circle | Square


@frozen
class Tree:
    label: str
    below: "tuple[Tree, ...]" = ()


@frozen
class Everything(Payload):
    text: str
    whole: int
    real: float
    flag: bool
    data: bytes
    at: datetime
    day: date
    span: timedelta
    price: Decimal
    id: UUID
    color: Color
    level: Level
    mood: Mood
    choice: Literal["a", 1, True, None]
    far: Meters
    sku: Sku
    count: Positive | None
    when: datetime | None
    many: tuple[Sku, ...]
    pair: tuple[int, str]
    nothing: tuple[()]
    numbers: list[float]
    names: frozenset[str]
    days: set[date]
    points: frozenset[tuple[int, int]]
    prices: dict[str, Decimal]
    by_sku: dict[Sku, list[int]]
    item: Item
    items: tuple[Item, ...]
    shape: Shape
    perhaps: Shape | None
    tree: Tree
    type: str
    v: int
    body: dict[str, int]
    cl: int
    converter: int
    attrs: int
    _hidden: int = field(alias="hidden")
    named: int = field(alias="called", kw_only=True)


@frozen
class Nothing(Payload): ...


@frozen
class Fill(Event):
    with_: Everything


@frozen
class Drain(Event): ...


class Zoo(Machine[Nothing | Everything, Fill | Drain]):
    nothing = state(Nothing, initial=True)
    everything = state(Everything)

    @on
    def fill(self, s: Nothing, e: Fill) -> Everything:
        return e.with_

    @on
    def drain(self, s: Everything, e: Drain) -> Nothing:
        return Nothing()


# ---------------------------------------------------------------- values of it

patiently = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
"""Large values, on machines of any speed."""

TEXTS = st.text(st.characters(codec="utf-8"))
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-11))])
# A day from both ends, for a zone shifts a time over them.
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False) | st.decimals(-10, 10, places=2)
SKUS = st.from_regex("[a-z]{1,9}", fullmatch=True).map(Sku)
POSITIVES = st.integers(1).map(Positive)
ITEMS = st.builds(Item, SKUS, DECIMALS, st.none() | TEXTS)
SHAPES: Any = st.builds(Circle, FLOATS) | st.builds(Square, POSITIVES, TEXTS)
TREES: Any = st.recursive(st.builds(Tree, TEXTS), lambda below: st.builds(Tree, TEXTS, st.lists(below).map(tuple)))


def everything() -> Any:
    return st.builds(
        Everything,
        text=TEXTS,
        whole=st.integers(),
        real=FLOATS,
        data=st.binary(),
        at=TIMES,
        price=DECIMALS,
        choice=st.sampled_from(["a", 1, True, None]),
        sku=SKUS,
        count=st.none() | POSITIVES,
        when=st.none() | TIMES,
        many=st.lists(SKUS).map(tuple),
        pair=st.tuples(st.integers(), TEXTS),
        nothing=st.just(()),
        numbers=st.lists(FLOATS),
        names=st.frozensets(TEXTS),
        prices=st.dictionaries(TEXTS, DECIMALS),
        by_sku=st.dictionaries(SKUS, st.lists(st.integers())),
        item=ITEMS,
        items=st.lists(ITEMS).map(tuple),
        shape=SHAPES,
        perhaps=st.none() | SHAPES,
        tree=TREES,
        type=TEXTS,
        body=st.dictionaries(TEXTS, st.integers()),
    )


@patiently
@given(everything())
def test_every_type_of_field_survives(value: Everything) -> None:
    """A state is read back equal, each part of the type that it had."""
    codec = codec_of(Zoo)
    read = codec.decode_state(codec.encode_state(value))
    assert isinstance(read, Everything)
    assert read == value
    assert repr(read.choice) == repr(value.choice)
    assert type(read.sku) is Sku


@patiently
@given(everything())
def test_reading_and_writing_again_changes_no_text(value: Everything) -> None:
    """The text of a value that was read is the text that it was read from."""
    codec = codec_of(Zoo)
    text = codec.encode_state(value)
    assert codec.encode_state(codec.decode_state(text)) == text


@patiently
@given(everything())
def test_a_body_read_from_an_object_is_the_same(value: Everything) -> None:
    """The nested form of an object says what its text says, also for fields called type, v and body."""
    codec = codec_of(Zoo)
    raw = read_json(codec.encode_state(value))
    assert codec.parse_state(raw) == value


@patiently
@given(everything())
def test_an_event_may_hold_a_payload(value: Everything) -> None:
    """Nested attrs classes are stored within an event."""
    codec = codec_of(Zoo)
    assert codec.decode_event(codec.encode_event(Fill(value))) == Fill(value)


# ---------------------------------------------------------------- equal values, equal text

SAMPLE = Everything(
    text="x", whole=1, real=1.0, flag=True, data=b"\x00\xff", at=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
    day=date(2024, 1, 2), span=timedelta(seconds=90, milliseconds=500), price=Decimal("12.50"), id=UUID(int=1),
    color=Color.RED, level=Level.HIGH, mood=Mood.GOOD, choice=True, far=Meters(3), sku=Sku("a"), count=None, when=None,
    many=(Sku("b"),), pair=(1, "x"), nothing=(), numbers=[0.0], names=frozenset({"b", "a"}), days={date(2024, 1, 2)},
    points=frozenset({(10, 1), (9, 2)}), prices={"b": Decimal(1), "a": Decimal(2)}, by_sku={Sku("b"): [1]},
    item=Item(Sku("a"), Decimal(1)), items=(), shape=Circle(1.0), perhaps=Square(Positive(2), "t"),
    tree=Tree("a", (Tree("b"),)), type="t", v=7, body={"a": 1}, cl=1, converter=2, attrs=3, hidden=4, called=5,
)  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"at": datetime(2024, 1, 2, 8, 34, 5, tzinfo=timezone(timedelta(hours=5, minutes=30)))},
        {"real": 1},
        {"numbers": [-0.0]},
        {"numbers": [0]},
        {"price": Decimal("12.5")},
        {"price": Decimal("1250E-2")},
        {"names": frozenset(["a", "b"])},
        {"prices": {"a": Decimal("2.0"), "b": Decimal("1E0")}},
        {"text": NonEmpty("x")},
    ],
)
def test_equal_values_are_written_alike(changed: dict[str, Any]) -> None:
    """How a value came about does not show in its text."""
    other = evolve(SAMPLE, **changed)
    assert other == SAMPLE
    assert codec_of(Zoo).encode_state(other) == codec_of(Zoo).encode_state(SAMPLE)


def test_how_each_type_is_written() -> None:
    """The text of a body can be read by people and other programs."""
    raw: Any = read_json(codec_of(Zoo).encode_state(SAMPLE))
    body = raw["body"]
    assert raw["type"] == "Everything"
    assert {name: body[name] for name in ("at", "day", "span", "price", "data", "color", "level", "choice")} == {
        "at": "2024-01-02T03:04:05+00:00",
        "day": "2024-01-02",
        "span": "PT90.5S",
        "price": "12.5",
        "data": "AP8=",
        "color": "red",
        "level": 2,
        "choice": True,
    }
    assert {name: body[name] for name in ("names", "points", "perhaps", "_hidden", "named")} == {
        "names": ["a", "b"],
        "points": [[10, 1], [9, 2]],
        "perhaps": {"type": "Square", "body": {"side": 2, "type": "t"}},
        "_hidden": 4,
        "named": 5,
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0.00", "0"),
        ("100", "100"),
        ("1E+2", "100"),
        ("1E+100", "1E+100"),
        ("10E+99", "1E+100"),
        ("-1.20", "-1.2"),
        ("0.0000001", "1E-7"),
        ("1234567890123456789012345678901234567890.1", "1234567890123456789012345678901234567890.1"),
    ],
)
def test_a_decimal_keeps_every_digit_and_no_zero_behind(value: str, text: str) -> None:
    """Decimals are exact, whatever the thread's settings are."""
    with localcontext(prec=2, capitals=0) as context:
        context.clear_traps()
        raw: Any = read_json(codec_of(Zoo).encode_state(evolve(SAMPLE, price=Decimal(value))))
        assert raw["body"]["price"] == text
        assert codec_of(Zoo).parse_state(raw) == evolve(SAMPLE, price=Decimal(value))


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(), "PT0S"),
        (timedelta(days=1), "PT86400S"),
        (timedelta(microseconds=-1), "-PT0.000001S"),
        (timedelta(seconds=-90), "-PT90S"),
        (timedelta.max, "PT86399999999999.999999S"),
        (timedelta.min, "-PT86399999913600S"),
    ],
)
def test_a_duration_is_written_in_seconds(span: timedelta, text: str) -> None:
    """Durations are exact to the microsecond and say their unit."""
    value = evolve(SAMPLE, span=span)
    raw: Any = read_json(codec_of(Zoo).encode_state(value))
    assert raw["body"]["span"] == text
    assert codec_of(Zoo).parse_state(raw) == value


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("at", "2024-01-02T03:04:05Z", SAMPLE.at),
        ("at", "2024-01-02 08:34:05.000000+05:30", SAMPLE.at),
        ("at", "2024-01-02T03:04Z", SAMPLE.at.replace(second=0)),
        ("at", "2024-01-02T03:04:05.5+0000", SAMPLE.at.replace(microsecond=500_000)),
        ("span", "P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("span", "P2D", timedelta(days=2)),
        ("price", "12.500", Decimal("12.5")),
        ("price", "125e-1", Decimal("12.5")),
        ("id", "00000000-0000-0000-0000-00000000000A", UUID(int=10)),
        ("real", 3, 3.0),
    ],
)
def test_other_exact_spellings_are_read(field: str, text: object, value: object) -> None:
    """A spelling that names one value exactly is read, though another one is written."""
    raw: Any = read_json(codec_of(Zoo).encode_state(SAMPLE))
    raw["body"][field] = text
    assert getattr(codec_of(Zoo).parse_state(raw), field) == value
