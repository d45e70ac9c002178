"""A machine for tests of what holds work back: cargoes of ships, at quays with few cranes, one ship at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

from attrs import field, frozen

from leverframe import Event, Gates, Lease, Limit, Machine, OneAtATime, Payload, Prerequisites, on, state

CRANES = 2
"""At each quay."""


# ---------------------------------------------------------------- ships


@frozen
class Afloat(Payload): ...


@frozen
class Gone(Payload): ...


@frozen
class Emptied(Event): ...


class Ship(Machine[Afloat | Gone, Emptied]):
    afloat = state(Afloat, initial=True)
    gone = state(Gone, final=True)

    @on
    def emptied(self, s: Afloat, e: Emptied) -> Gone:
        return Gone()

    prerequisites = Prerequisites(met=Gone)

    one_at_a_time = OneAtATime(group=lambda key: key[0])


# ---------------------------------------------------------------- what they carry


@frozen
class Carried(Payload):
    ship: tuple[str, str]
    tries: int = field(default=0, kw_only=True)


@frozen
class Aboard(Carried): ...


@frozen
class Hoisting(Carried): ...


@frozen
class Ashore(Carried): ...


@frozen
class Hoisted(Event): ...


@frozen
class Dropped(Event): ...


@frozen
class Landed(Event): ...


CargoState: TypeAlias = Aboard | Hoisting | Ashore
CargoEvent: TypeAlias = Hoisted | Dropped | Landed


class Cargo(Machine[CargoState, CargoEvent]):
    aboard = state(Aboard, initial=True)
    hoisting = state(Hoisting)
    ashore = state(Ashore, final=True)

    @on
    def hoisted(self, s: Aboard, e: Hoisted) -> Hoisting:
        return Hoisting(s.ship, tries=s.tries + 1)

    @on
    def dropped(self, s: Hoisting, e: Dropped) -> Aboard:
        return Aboard(s.ship, tries=s.tries)

    @on
    def landed(self, s: Hoisting, e: Landed) -> Ashore:
        return Ashore(s.ship, tries=s.tries)

    lease = Lease(
        claim=hoisted,
        expiry=dropped,
        ttl=timedelta(seconds=60),
        limit=Limit(per=lambda s, key: s.ship[0], at_most=CRANES),
        gates=Gates(subject=lambda s: s.ship, of=Ship),
    )
