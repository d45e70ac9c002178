"""A machine for tests of stores: hooks, messages, a guard, look-ups (one of them unique), an update in place."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from attrs import evolve, frozen

from leverframe import Event, Machine, Message, NonEmpty, Payload, State, entering, leaving, lookup, on, state


class Label(NonEmpty): ...


class City(NonEmpty): ...


@frozen
class Moving(Payload):
    label: Label
    city: City | None


@frozen
class Waiting(Moving): ...


@frozen
class OnTheRoad(Moving):
    since: datetime
    stops: int


@frozen
class Delivered(Payload):
    at: datetime
    label: Label


@frozen
class Lost(Payload): ...


ParcelState: TypeAlias = Waiting | OnTheRoad | Delivered | Lost


@frozen
class Loaded(Event): ...


@frozen
class Stopped(Event):
    city: City | None


@frozen
class Relabelled(Event):
    label: Label


@frozen
class HandedOver(Event):
    tip: int = 0


@frozen
class Vanished(Event): ...


@frozen
class Found(Event):
    label: Label


@frozen
class Exploded(Event): ...


ParcelEvent: TypeAlias = Loaded | Stopped | Relabelled | HandedOver | Vanished | Found | Exploded


class Parcel(Machine[ParcelState, ParcelEvent]):
    class moving(State.Compound):
        waiting = state(Waiting, initial=True)
        on_the_road = state(OnTheRoad)

    delivered = state(Delivered, final=True)
    lost = state(Lost)

    label = lookup(unique=True)
    city = lookup()

    def is_generous(self, s: OnTheRoad, e: HandedOver) -> bool:
        return e.tip >= 0

    @on
    def loaded(self, s: Waiting, e: Loaded) -> OnTheRoad:
        return OnTheRoad(s.label, s.city, self.now(), 0)

    @on
    def stopped(self, s: OnTheRoad, e: Stopped) -> OnTheRoad:
        return evolve(s, city=e.city, stops=s.stops + 1)

    @on
    def relabelled(self, s: Waiting, e: Relabelled) -> Waiting:
        return evolve(s, label=e.label)

    @on(cond=is_generous)
    def handed_over(self, s: OnTheRoad, e: HandedOver) -> Delivered:
        return Delivered(self.now(), s.label)

    @on
    def vanished(self, s: Moving, e: Vanished) -> Lost:
        return Lost()

    @on
    def found(self, s: Lost, e: Found) -> Waiting:
        return Waiting(e.label, None)

    @on
    def exploded(self, s: Moving, e: Exploded) -> Lost:
        raise RuntimeError("a handler failed")

    @leaving
    def tell_departure(self, s: Waiting) -> list[Message]:
        return [Message("parcels", "departed", correlation_id=s.label)]

    @entering
    def tell_arrival(self, s: Delivered) -> list[Message]:
        return [Message("parcels", "delivered", correlation_id=s.label, body={"at": s.at.isoformat()})]

    @entering
    def tell_custody(self, s: Moving) -> list[Message]:
        return [Message("custody", "taken", correlation_id=s.label)]

    def announce(self, before: ParcelState, event: ParcelEvent, after: ParcelState) -> Iterable[Message]:
        return [Message("audit", type(event).__name__)]


def waiting(label: str, city: str | None = None) -> Waiting:
    return Waiting(Label(label), City(city) if city is not None else None)


def first_stop(city: str | None = None) -> Stopped:
    return Stopped(City(city) if city is not None else None)


__all__ = [
    "City",
    "Delivered",
    "Exploded",
    "Found",
    "HandedOver",
    "Label",
    "Loaded",
    "Lost",
    "Moving",
    "OnTheRoad",
    "Parcel",
    "ParcelEvent",
    "ParcelState",
    "Relabelled",
    "Stopped",
    "Vanished",
    "Waiting",
    "first_stop",
    "waiting",
]
