"""A machine for tests of the codec: one of its states has a field of every type, each with a default."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Literal, TypeAlias
from uuid import UUID

from attrs import field, frozen, validators

from leverframe import Event, Machine, NonEmpty, Payload, Positive, on, state

__all__ = ["Blank", "Color", "Fill", "Form", "Item", "Other", "Paper", "Special", "Tree"]


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
