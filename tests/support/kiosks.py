"""A machine for tests of asking: one event with a field of every kind, one with a guard, one whose handler raises."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Literal, TypeAlias

from attrs import field, frozen

from leverframe import Event, Machine, Message, NonEmpty, Payload, Positive, entering, on, state

__all__ = ["Asked", "Closed", "Colour", "Everything", "Kiosk", "Open", "Part", "Swap", "Sweep"]


class Colour(Enum):
    RED = "red"
    DARK_BLUE = "dark blue"


class Code(NonEmpty):
    pattern = "[a-z]{2,4}"


@frozen
class Part:
    name: NonEmpty
    amount: Positive


@frozen
class Swap:
    other: str


@frozen
class Sweep:
    hard: bool


Chore: TypeAlias = Swap | Sweep


@frozen
class Everything(Payload):
    code: Code
    flag: bool
    at: datetime
    day: date
    wait: timedelta
    price: Decimal
    colour: Colour
    size: Literal["small", "large"]
    words: tuple[str, ...]
    pair: tuple[int, str]
    ages: dict[str, int]
    part: Part
    chore: Chore
    maybe: int | None
    note: str = "none"
    built: date = date(2020, 1, 2)


@frozen
class Open(Payload):
    visits: int = 0


@frozen
class Closed(Payload): ...


def check_age(asked: Asked, _: object, value: date) -> None:
    if value.year < 2000:
        raise ValueError(f"{asked.code} is younger than that")


@frozen
class Asked(Event):
    code: Code
    flag: bool
    at: datetime
    day: date
    wait: timedelta
    price: Decimal
    colour: Colour
    size: Literal["small", "large"]
    words: tuple[str, ...]
    pair: tuple[int, str]
    ages: dict[str, int]
    part: Part
    chore: Chore
    maybe: int | None
    note: str = "none"
    built: date = field(default=date(2020, 1, 2), validator=check_age)


@frozen
class Visit(Event): ...


@frozen
class Burn(Event): ...


@frozen
class Close(Event): ...


class Kiosk(Machine[Open | Everything | Closed, Asked | Visit | Burn | Close]):
    """A kiosk: "ask" it anything."""

    open = state(Open, initial=True)
    everything = state(Everything)
    closed = state(Closed, final=True)

    @on
    def asked(self, s: Open, e: Asked) -> Everything:
        return Everything(
            e.code, e.flag, e.at, e.day, e.wait, e.price, e.colour, e.size, e.words, e.pair, e.ages, e.part, e.chore,
            e.maybe, e.note, e.built,
        )  # fmt: skip

    def has_room(self, s: Open, e: Visit) -> bool:
        return s.visits < 1

    @on(cond=has_room)
    def visit(self, s: Open, e: Visit) -> Open:
        return Open(s.visits + 1)

    @on
    def burn(self, s: Open, e: Burn) -> Closed:
        raise RuntimeError("it is on fire")

    @on
    def close(self, s: Open | Everything, e: Close) -> Closed:
        return Closed()

    @entering
    def tell(self, s: Closed) -> list[Message]:
        return [Message("kiosks", "closed", correlation_id="kiosk-1", body={"at": "night"})]
