"""How is a lease kept?  What its owner sends, and each renewal, goes through the store that gave it."""

# pyright: reportPrivateUsage=false
# These are the store's own verbs, which stand apart from those that are for everybody.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from leverframe.coordination.asked import Asked
from leverframe.coordination.claims import Claim
from leverframe.coordination.heartbeat import Renewal
from leverframe.coordination.held import Held, forgetting
from leverframe.coordination.owning import send_alone, send_together
from leverframe.coordination.policies import LeasePolicy
from leverframe.coordination.swift import Sent, may_be_swift
from leverframe.persistence.backend import Writer
from leverframe.persistence.records import Receipt
from leverframe.persistence.renewing import Renewing

if TYPE_CHECKING:
    from leverframe.coordination.claiming import Claiming

__all__ = ["Leases", "renew"]

T = TypeVar("T")

Named: TypeAlias = Sequence[tuple[int, int]]
"""Leases by instance and token."""

AT_ONCE = 10_000
"""A statement names each lease by two numbers, and databases take so many numbers and no more."""


class Leases:
    """The leases that one store has given."""

    def __init__(self, store: Claiming) -> None:
        self._store = store

    @property
    def tenant(self) -> str:
        return self._store.tenant

    # ------------------------------------------------------------ sending

    def send(self, held: Held[Any, Any], event: Any, at: datetime | None) -> Receipt[Any]:
        store = self._store
        sending = store._sending(held, event, at)
        receipt = send_alone(store._backend, sending)
        store._expect_undoing(forgetting(held))
        held.era = sending.era
        return receipt

    def send_and_claim(
        self, held: Held[Any, Any], event: Any, at: datetime | None, at_most: int | None
    ) -> tuple[Receipt[Any], Held[Any, Any] | None]:
        store, backend, lease = self._store, self._store._backend, held.lease
        sending = store._sending(held, event, at)
        make_terms = store._terms(lease, Asked(held.worker, at_most, process=held.process))

        def work(writer: Writer) -> Sent:
            return send_together(writer, [sending], backend.era())[0], Claim(make_terms(), 1)(writer)

        done: Sent | None = None
        if may_be_swift(backend, lease):
            done = store._shared.swiftly.send_and_claim(backend, sending, make_terms())
        receipt, given = done or backend.commit(work)
        store._expect_undoing(forgetting(held))
        return receipt, store._held(lease, held.worker, given[0], held.process, sending.era) if given else None

    # ------------------------------------------------------------ renewing

    def keep(self, held: Held[Any, Any]) -> None:
        self._store._shared.heartbeat.add(held, self)

    def leave(self, held: Held[Any, Any]) -> None:
        self._store._shared.heartbeat.remove(held)

    def renew(self, held: Held[Any, Any]) -> bool:
        """Waits for whoever writes beside it."""
        return held.instance in self._renew([held], waits=True).renewed

    def renew_all(self, held: Sequence[Held[Any, Any]]) -> Renewal:
        """As `renew`, many of one policy, and nobody is waited for."""
        return self._renew(held, waits=False)

    def _renew(self, held: Sequence[Held[Any, Any]], *, waits: bool) -> Renewal:
        lease, renewal = held[0].lease, Renewal()
        for part in parts([(each.instance, each.token) for each in held], AT_ONCE):
            found = self._look_at(lease, part) if lease.ttl is None else self._renew_part(lease, part, waits=waits)
            renewal.renewed.update(found.renewed)
            renewal.standing.update(found.standing)
        return renewal

    def _look_at(self, lease: LeasePolicy, leases: Named) -> Renewal:
        """Those that are still theirs: they last without being renewed."""
        store = self._store
        return Renewal(store._backend.read().standing(renewing(lease, leases, store._microseconds())))

    def _renew_part(self, lease: LeasePolicy, leases: Named, *, waits: bool) -> Renewal:
        store = self._store
        return store._backend.commit(lambda writer: renew(writer, lease, leases, store._microseconds(), waits=waits))


def renew(writer: Writer, lease: LeasePolicy, leases: Named, now: int | None, *, waits: bool) -> Renewal:
    """Let leases last for their whole time from now on; unless it `waits`, what is locked is standing at best."""
    asked = renewing(lease, leases, now)
    if asked.is_limited:
        asked.leases = writer.keeping_slots(leases, waits=waits)
    renewed = writer.renew(asked, waits=waits) if asked.leases else set[int]()
    asked.leases = [each for each in leases if each[0] not in renewed]
    return Renewal(renewed, writer.standing(asked) if asked.leases and not waits else set[int]())


def renewing(lease: LeasePolicy, leases: Named, now: int | None) -> Renewing:
    lasts, most = lease.lasts()
    return Renewing(leases, now, lasts, most, lease.limit is not None)


def parts(all_of_them: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(all_of_them), size):
        yield all_of_them[start : start + size]
