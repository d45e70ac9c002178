"""The verbs of a store by which work is claimed, and what is held is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast, overload

from attrs import define, field, frozen
from typing_extensions import TypeVar

from leverframe.coordination.claims import Claim
from leverframe.coordination.gatekeeping import Gatekeeper
from leverframe.coordination.giving import ClaimOne, Given, Refused, Terms
from leverframe.coordination.heartbeat import Heartbeat
from leverframe.coordination.held import Held
from leverframe.coordination.not_claimed import NotClaimed
from leverframe.coordination.policies import BoundLease, LeasePolicy
from leverframe.coordination.processes import Process
from leverframe.coordination.swift import Swiftly, may_be_swift
from leverframe.errors import AlreadyExists, Conflict, InvalidQuery, Key
from leverframe.persistence.arguments import check_integer, check_text
from leverframe.persistence.backend import Backend, UniqueTaken, Writer
from leverframe.persistence.codec import read_json
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.keys import decode_key, encode_key
from leverframe.persistence.known import send_known
from leverframe.persistence.leases import LeaseRow
from leverframe.persistence.records import Receipt
from leverframe.persistence.sending import make_request, send_one, settle
from leverframe.persistence.store import SnapshotStore
from leverframe.typed.inference import Settled
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload

__all__ = ["Claiming"]

S = TypeVar("S", bound=Payload)
T = TypeVar("T", bound=Payload)
M = TypeVar("M", bound=Machine[Any, Any])


@define
class Shared:
    """What a store has in common with those that are scoped to its tenants."""

    heartbeat: Heartbeat | None = None
    swiftly: Swiftly = field(factory=Swiftly)


class Claiming(SnapshotStore):
    """The verbs about claims and leases."""

    def __init__(self, backend: Backend, clock: Callable[[], datetime] | None) -> None:
        super().__init__(backend, clock)
        self._shared = Shared()

    @overload
    def claim(
        self,
        lease: BoundLease[M, T, S],
        *,
        worker: str,
        key: Key,
        create: Settled[S] | None = None,
        at_most: int | None = None,
        event: Event | None = None,
        process: Process | None = None,
    ) -> Held[M, T] | None: ...
    @overload
    def claim(
        self,
        lease: BoundLease[M, T],
        *,
        worker: str,
        at_most: int | None = None,
        event: Event | None = None,
        process: Process | None = None,
    ) -> Held[M, T] | None: ...
    def claim(
        self,
        lease: BoundLease[M, T, Any],
        *,
        worker: str,
        key: Key | None = None,
        create: Any = None,
        at_most: int | None = None,
        event: Event | None = None,
        process: Process | None = None,
    ) -> Held[M, T] | None:
        """Claim what has waited longest among what is ready, in order of priority; None if nothing is.

        However many ask at once, each gets another one.  What somebody has left, where the lease names a `takeover`,
        comes before all that is ready.  What a gate or a limit holds back is passed by.

        `worker` names who asks: a fresh name for each start of a process.  With `key` it is that instance or none; with
        `create` it is made in that state first, in the same transaction, where it is missing.  `at_most` is the limit
        in place of the lease's own, and `event` the event of the claim where that takes arguments.  With `process`,
        that of the worker, the lease is over when that process is: `reap` on the same host sees to it.

        Raises `InvalidQuery`, `InvalidKey`; with a key also `UnreadableRow`, and `AlreadyExists` where a unique look-up
        is in the way.

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

    def claim_or_reason(
        self,
        lease: BoundLease[M, T, S],
        *,
        worker: str,
        key: Key,
        create: Settled[S] | None = None,
        at_most: int | None = None,
        event: Event | None = None,
        process: Process | None = None,
    ) -> Held[M, T] | NotClaimed:
        """As `claim` with a key; where it is not claimed, why not.

        >>> from leverframe import open_store
        >>> from leverframe.machines.job import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Job, ("index", "shop"), Pending())
        ...     _ = store.claim(Job.lease, worker="builder-1", key=("index", "shop"))
        ...     store.claim_or_reason(Job.lease, worker="builder-2", key=("index", "shop")).reason
        'already_running'
        """
        claimed: Held[M, T] | NotClaimed = self._claim_one(
            as_lease(lease), Asked(worker, at_most, event, process), key, create
        )
        return claimed

    def claim_many(
        self,
        lease: BoundLease[M, T],
        *,
        worker: str,
        limit: int,
        at_most: int | None = None,
        event: Event | None = None,
        process: Process | None = None,
    ) -> list[Held[M, T]]:
        """As `claim` without a key, as many as `limit` of them in one transaction."""
        policy, asked = as_lease(lease), Asked(worker, at_most, event, process)
        check_integer("limit", limit, at_least=1)
        era = self._backend.era()
        given = self._claim_swiftly(policy, asked, limit)
        if given is None:
            given = self._backend.commit(self._claim_work(policy, asked, limit))
        return [self._held(policy, worker, each, process, era) for each in given]

    # ------------------------------------------------------------ how a claim is made

    def _claim_swiftly(self, lease: LeasePolicy, asked: Asked, limit: int) -> list[Given] | None:
        terms = self._terms(lease, asked)()
        return self._shared.swiftly.claim(self._backend, terms, limit) if may_be_swift(self._backend, terms) else None

    def _claim_work(self, lease: LeasePolicy, asked: Asked, limit: int) -> Callable[[Writer], list[Given]]:
        make_terms = self._terms(lease, asked)
        return lambda writer: Claim(make_terms(), limit)(writer)

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
        process = asked.process or Process()
        return lambda: Terms(
            binding, lease, asked.worker, self._microseconds(), asked.event, process, asked.at_most, keeper
        )

    # ------------------------------------------------------------ what a lease needs

    def send_held(self, held: Held[Any, Any], event: Any, at: datetime | None) -> Receipt[Any]:
        binding = self._bindings.keeping_lookups(held.lease.machine)
        request = make_request(None if self._clock is None else self._clock(), held.key, event, at)
        era = self._backend.era()
        request.lease = held.lease_key(era)
        receipt = None if held.era is None else send_known(self._backend, binding, request, held.known(held.era))
        if receipt is None:
            receipt = send_one(self._backend, binding, request)
        if receipt.error is not None:
            raise receipt.error
        self._expect_undoing(held.forgetting())
        held.era = era
        return receipt

    def send_held_and_claim(
        self, held: Held[Any, Any], event: Any, at: datetime | None, at_most: int | None
    ) -> tuple[Receipt[Any], Held[Any, Any] | None]:
        binding = self._bindings.keeping_lookups(held.lease.machine)
        request = make_request(None if self._clock is None else self._clock(), held.key, event, at)
        request.lease = held.lease_key(self._backend.era())
        claim = self._claim_work(held.lease, Asked(held.worker, at_most, process=held.process), 1)

        def work(writer: Writer) -> tuple[Receipt[Any], list[Given]]:
            receipt = settle(binding, request, writer)
            if receipt is None:
                raise Conflict(binding.name, held.key, 1)
            if receipt.error is not None:
                raise receipt.error
            return receipt, claim(writer)

        receipt, given = self._backend.commit(work)
        self._expect_undoing(held.forgetting())
        return receipt, self._held(held.lease, held.worker, given[0], held.process) if given else None

    def _expect_undoing(self, undo: Callable[[], None]) -> None:
        """Do this if the transaction that the call is part of is taken back."""
        if self._backend.is_joined():
            self._undoing.note(undo)

    def renew_held(self, held: Held[Any, Any]) -> bool:
        if held.lease.ttl is not None:
            return held.instance in self.renew_all([held])
        lease = self._backend.read().lease(held.instance)
        return lease is not None and lease.token == held.token

    def keep_renewed(self, held: Held[Any, Any]) -> None:
        if held.lease.heartbeat is not None:
            self._renewing().add(held)

    def stop_renewing(self, held: Held[Any, Any]) -> None:
        self._renewing().remove(held)

    def close(self) -> None:
        if self._shared.heartbeat is not None:
            self._shared.heartbeat.stop()
        super().close()

    # ------------------------------------------------------------ parts

    def renew_all(self, held: list[Held[Any, Any]]) -> set[int]:
        """The instances whose leases of one policy these still are, from now on for their whole time."""
        lease, leases = held[0].lease, [(each.instance, each.token) for each in held]
        return self._backend.commit(lambda writer: renew(writer, lease, leases, self._microseconds()))

    def _renewing(self) -> Heartbeat:
        if self._shared.heartbeat is None:
            self._shared.heartbeat = Heartbeat(renew_by_tenant)
        return self._shared.heartbeat

    def _held(
        self, lease: LeasePolicy, worker: str, given: Given, process: Process | None = None, era: int | None = None
    ) -> Held[Any, Any]:
        row = given.row
        key = decode_key(row.key)
        held: Held[Any, Any] = Held(
            self, lease, key, row.key, row.instance, given.state, given.version, given.token, worker
        )
        held.process = process
        held.era = era
        self._expect_undoing(held.lose)
        return held


def renew_by_tenant(held: list[Held[Any, Any]]) -> set[int]:
    """Renew leases through the stores that gave them: one statement for each tenant."""
    stores: dict[str, tuple[Claiming, list[Held[Any, Any]]]] = {}
    for each in held:
        store = cast("Claiming", each.keeper)
        stores.setdefault(store.tenant, (store, []))[1].append(each)
    return {instance for store, group in stores.values() for instance in store.renew_all(group)}


def as_lease(lease: object) -> LeasePolicy:
    """The policy that a type checker knows as the machine's own.  Raises `InvalidQuery`."""
    if not isinstance(lease, LeasePolicy) or lease.machine is None:
        raise InvalidQuery("", f"{lease!r} is no lease of a machine; give one as in Run.lease")
    return lease


def renew(writer: Writer, lease: LeasePolicy, leases: Sequence[tuple[int, int]], now: int | None) -> set[int]:
    """Let leases (instance, token) last for their whole time from now on; the instances whose leases they still are."""
    if lease.limit is not None:
        leases = writer.keeping_slots(leases)
    if lease.ttl is None:
        # It lasts for as long as it is theirs.
        return {instance for instance, token in leases if has_token(writer.lease(instance), token)}
    lasts, most = lease.lasts()
    return writer.renew(leases, now, lasts, most) if leases else set()


def has_token(lease: LeaseRow | None, token: int) -> bool:
    return lease is not None and lease.token == token


@frozen
class Asked:
    """Who claims, and what was said beside that."""

    worker: str
    at_most: int | None = None
    event: Event | None = None
    process: Process | None = None

    def check(self, lease: LeasePolicy) -> None:
        """Raises `InvalidQuery`."""
        check_text("worker", self.worker)
        if self.at_most is not None:
            check_integer("at_most", self.at_most, at_least=1)
            if lease.limit is None:
                problem = f"{lease.name} has no limit= that at_most= could be for; declare Limit(per=...)"
                raise InvalidQuery(lease.machine.machine_name, problem)
