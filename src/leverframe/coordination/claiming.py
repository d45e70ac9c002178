"""The verbs of a store by which work is claimed, and what is held is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Self, overload

from attrs import define, evolve, field
from typing_extensions import TypeVar

from leverframe.coordination.asked import Asked
from leverframe.coordination.claims import Claim
from leverframe.coordination.gatekeeping import Gatekeeper
from leverframe.coordination.giving import ClaimOne, Given, Refused, Terms
from leverframe.coordination.heartbeat import Heartbeat
from leverframe.coordination.held import Held, lose
from leverframe.coordination.keeping import Leases
from leverframe.coordination.not_claimed import NOT_CLAIMABLE, NotClaimed
from leverframe.coordination.nothing import oldest_ready, why_nothing
from leverframe.coordination.passing import Unclaimable, is_of_one_row
from leverframe.coordination.policies import LeaseOf, LeasePolicy
from leverframe.coordination.processes import Process
from leverframe.coordination.swift import Swiftly, may_be_swift
from leverframe.coordination.together import Together
from leverframe.errors import AlreadyExists, InvalidQuery, Key
from leverframe.persistence.arguments import check_integer
from leverframe.persistence.backend import Backend, Writer
from leverframe.persistence.codec import read_json
from leverframe.persistence.gating import Passing
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.keys import decode_key, encode_key
from leverframe.persistence.rows import UniqueTaken
from leverframe.typed.inference import Settled
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload

__all__ = ["Claiming"]

S = TypeVar("S", bound=Payload)
T = TypeVar("T", bound=Payload)
E = TypeVar("E", bound=Event)
M = TypeVar("M", bound=Machine[Any, Any])


@define
class Shared:
    """What a store has in common with those that are scoped to its tenants."""

    heartbeat: Heartbeat
    swiftly: Swiftly = field(factory=Swiftly)
    unclaimable: Unclaimable = field(factory=Unclaimable)


class Claiming(Together):
    """The verbs about claims and leases."""

    def __init__(self, backend: Backend, clock: Callable[[], datetime] | None) -> None:
        super().__init__(backend, clock)
        self._shared = Shared(self._make_heartbeat())
        self._leases = self._make_leases()

    def scoped(self, tenant: str) -> Self:
        store = super().scoped(tenant)
        store._leases = store._make_leases()
        return store

    scoped.__doc__ = Together.scoped.__doc__

    def close(self) -> None:
        """Give back files and connections; whoever holds something is told that it is `lost`, for nobody renews it now.

        Closing twice does no harm; every other call raises `StoreClosed` then.
        """
        self._shared.heartbeat.stop()
        super().close()

    def _make_heartbeat(self) -> Heartbeat:
        return Heartbeat()

    def _make_leases(self) -> Leases:
        return Leases(self)

    @overload
    def claim(
        self,
        lease: LeaseOf[M, T, E, S],
        *,
        worker: str,
        key: Key,
        create: Settled[S] | None = None,
        at_most: int | None = None,
        event: Settled[E] | None = None,
        process: Process | None = None,
    ) -> Held[M, T] | None: ...
    @overload
    def claim(
        self,
        lease: LeaseOf[M, T, E],
        *,
        worker: str,
        at_most: int | None = None,
        event: Settled[E] | None = None,
        process: Process | None = None,
    ) -> Held[M, T] | None: ...
    def claim(
        self,
        lease: LeaseOf[M, T, Any, Any],
        *,
        worker: str,
        key: Key | None = None,
        create: Any = None,
        at_most: int | None = None,
        event: Any = None,
        process: Process | None = None,
    ) -> Held[M, T] | None:
        """Claim what has waited longest among what is ready, in order of priority; None if nothing is.

        However many ask at once, each gets another one.  What somebody has left, where the lease names a `takeover`,
        comes before all that is ready.  What a gate or a limit holds back is passed by.

        `worker` names who asks: a fresh name for each start of a process.  With `key` it is that instance or none; with
        `create` it is made in that state first, in the same transaction, where it is missing.  `at_most` is the limit
        in place of the lease's own, and `event` the event of the claim where that takes arguments.  With `process`,
        that of the worker, the lease is over when that process is: `reap` on the same host sees to it.

        Raises `InvalidQuery`, also for an event by which nobody gets the lease, and `InvalidKey`; with a key also
        `UnreadableRow`, and `AlreadyExists` where a unique look-up is in the way.

        >>> from leverframe import open_store
        >>> from leverframe.machines.job import *
        >>> with open_store("sqlite://") as store:
        ...     print(store.claim(Job.lease, worker="builder-1"))
        ...     held = store.claim(Job.lease, worker="builder-1", key=("index", "shop"), create=Pending())
        None
        >>> held.key, type(held.state).__name__
        (('index', 'shop'), 'Running')
        """
        if key is not None:
            asked = Asked(worker, at_most, event, process)
            claimed = self._claim_one(as_lease(lease), asked, key, create)
            return None if isinstance(claimed, NotClaimed) else claimed
        if create is not None:
            raise InvalidQuery("", "create= makes one instance; say which one by its key=")
        held = self.claim_many(lease, worker=worker, limit=1, at_most=at_most, event=event, process=process)
        return held[0] if held else None

    @overload
    def claim_or_reason(
        self,
        lease: LeaseOf[M, T, E, S],
        *,
        worker: str,
        key: Key,
        create: Settled[S] | None = None,
        at_most: int | None = None,
        event: Settled[E] | None = None,
        process: Process | None = None,
    ) -> Held[M, T] | NotClaimed: ...
    @overload
    def claim_or_reason(
        self,
        lease: LeaseOf[M, T, E],
        *,
        worker: str,
        at_most: int | None = None,
        event: Settled[E] | None = None,
        process: Process | None = None,
    ) -> Held[M, T] | NotClaimed: ...
    def claim_or_reason(
        self,
        lease: LeaseOf[M, T, Any, Any],
        *,
        worker: str,
        key: Key | None = None,
        create: Any = None,
        at_most: int | None = None,
        event: Any = None,
        process: Process | None = None,
    ) -> Held[M, T] | NotClaimed:
        """As `claim`; where nothing is claimed, why not.

        Without `key` that is the reason why what has waited longest is not claimed, or of all, where nothing is ready.

        >>> from leverframe import open_store
        >>> from leverframe.machines.job import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Job, ("index", "shop"), Pending())
        ...     _ = store.claim(Job.lease, worker="builder-1", key=("index", "shop"))
        ...     store.claim_or_reason(Job.lease, worker="builder-2", key=("index", "shop")).reason
        ...     store.claim_or_reason(Job.lease, worker="builder-2").detail
        'already_running'
        '1 are claimed, and nothing else waits'
        """
        policy, asked = as_lease(lease), Asked(worker, at_most, event, process)
        claimed: Held[M, T] | NotClaimed
        if key is not None:
            claimed = self._claim_one(policy, asked, key, create)
            return claimed
        held = self.claim(lease, worker=worker, at_most=at_most, event=event, process=process)
        claimed = held or self._claim_oldest(policy, asked)
        return claimed

    def _claim_oldest(self, lease: LeasePolicy, asked: Asked) -> Any:
        """Claim what has waited longest, though nothing could be claimed, or say why not."""
        reader, name, now = self._backend.read(), lease.machine.machine_name, self._microseconds()
        oldest = oldest_ready(reader, name, now)
        if oldest is None:
            gates, passing = lease.gates, Passing()
            if gates is not None:
                passing = Gatekeeper.of(gates, self._bindings, reader).passing([])
            return why_nothing(reader, name, now, passing)
        key = decode_key(oldest.snapshot.key)
        try:
            outcome = self._claim_one(lease, asked, key, None)
        except Exception as error:
            if not is_of_one_row(error):
                raise
            return NotClaimed(reason=NOT_CLAIMABLE, detail=f"{type(error).__name__}: {error}", key=key)
        return evolve(outcome, key=key) if isinstance(outcome, NotClaimed) else outcome

    def claim_many(
        self,
        lease: LeaseOf[M, T, E],
        *,
        worker: str,
        limit: int,
        at_most: int | None = None,
        event: Settled[E] | None = None,
        process: Process | None = None,
    ) -> list[Held[M, T]]:
        """As `claim` without a key, as many as `limit` of them in one transaction."""
        policy, asked = as_lease(lease), Asked(worker, at_most, event, process)
        check_integer("limit", limit, at_least=1)
        era = self._backend.era()
        given = self._claim_many(policy, asked, limit)
        return [self._held(policy, worker, each, process, era) for each in given]

    # ------------------------------------------------------------ how a claim is made

    def _claim_many(self, lease: LeasePolicy, asked: Asked, limit: int) -> list[Given]:
        make_terms, given = self._terms(lease, asked), None
        if may_be_swift(self._backend, lease):
            given = self._shared.swiftly.claim(self._backend, make_terms(), limit)
        return self._backend.commit(lambda writer: Claim(make_terms(), limit)(writer)) if given is None else given

    def _claim_one(self, lease: LeasePolicy, asked: Asked, key: Key, create: Any) -> Any:
        make_terms, text = self._terms(lease, asked), encode_key(key)
        created_at = 0 if create is None else to_microseconds(self._now())

        def claim(writer: Writer) -> Given | NotClaimed:
            return ClaimOne(make_terms(), key, text, create, created_at)(writer)

        try:
            outcome = self._backend.commit(claim)
        except Refused as refused:
            return refused.why
        except UniqueTaken as taken:
            raise AlreadyExists(lease.machine.machine_name, key, taken.field, read_json(taken.value)) from None
        return outcome if isinstance(outcome, NotClaimed) else self._held(lease, asked.worker, outcome, asked.process)

    def _terms(self, lease: LeasePolicy, asked: Asked) -> Callable[[], Terms]:
        """What makes the terms once it is the call's turn: a lease does not run while somebody waits for that."""
        asked.check(lease)
        binding = self._bindings.keeping_lookups(lease.machine)
        keeper = None
        if lease.gates is not None:
            keeper = Gatekeeper.of(lease.gates, self._bindings, self._backend.read())
        process, unclaimable = asked.process or Process(), self._shared.unclaimable
        return lambda: Terms(
            binding, lease, asked.worker, self._microseconds(), asked.event, process, asked.at_most, keeper, unclaimable
        )

    # ------------------------------------------------------------ parts

    def _expect_undoing(self, undo: Callable[[], None]) -> None:
        """Do this if the transaction that the call is part of is taken back."""
        if self._backend.is_joined():
            self._undoing.note(undo)

    def _held(
        self, lease: LeasePolicy, worker: str, given: Given, process: Process | None = None, era: int | None = None
    ) -> Held[Any, Any]:
        row = given.row
        key = decode_key(row.key)
        held: Held[Any, Any] = Held(
            self._leases, lease, key, row.key, row.instance, given.state, given.version, given.token, worker
        )
        held.process = process
        held.era = era
        self._expect_undoing(partial(lose, held))
        return held


def as_lease(lease: object) -> LeasePolicy:
    """The policy that a type checker knows as the machine's own.  Raises `InvalidQuery`."""
    if not isinstance(lease, LeasePolicy) or lease.machine is None:
        raise InvalidQuery("", f"{lease!r} is no lease of a machine; give one as in Run.lease")
    return lease
