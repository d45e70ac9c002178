"""A machine for tests of leases that last for as long as their process."""

from __future__ import annotations

from attrs import frozen

from leverframe import Event, Lease, Machine, Payload, on, state


@frozen
class Dark(Payload): ...


@frozen
class Watched(Payload): ...


@frozen
class Dawn(Payload): ...


@frozen
class Lit(Event): ...


@frozen
class Deserted(Event): ...


@frozen
class Ended(Event): ...


class Vigil(Machine[Dark | Watched | Dawn, Lit | Deserted | Ended]):
    dark = state(Dark, initial=True)
    watched = state(Watched)
    dawn = state(Dawn, final=True)

    @on
    def lit(self, s: Dark, e: Lit) -> Watched:
        return Watched()

    @on
    def deserted(self, s: Watched, e: Deserted) -> Dark:
        return Dark()

    @on
    def ended(self, s: Watched, e: Ended) -> Dawn:
        return Dawn()

    lease = Lease(claim=lit, expiry=deserted, ttl=None)
