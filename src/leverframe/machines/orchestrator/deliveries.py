"""Delivery: an event that came from outside, and what became of it.  The key is its source, and its id there.

    deliver(store, Task, key, Advance(), source="tracker", kind="status", body=text, delivery_id="981")

An event that comes again under the same id is told what became of the first one.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import frozen

from leverframe import AlreadyExists, Event, Machine, NonEmpty, Payload, Receipt, Stored, on, state
from leverframe.errors import Key
from leverframe.machines.carrying import become
from leverframe.persistence.keys import decode_key, encode_key
from leverframe.typed.inference import Settled

if TYPE_CHECKING:
    from leverframe import Store

# ---------------------------------------------------------------- values


class Source(NonEmpty):
    """Who delivers: a tracker, a forge."""


class DeliveryId(NonEmpty):
    """What the source calls the delivery."""


class Kind(NonEmpty):
    """What kind of event it is, as the source calls it."""


# ---------------------------------------------------------------- states


@frozen(kw_only=True)
class Incoming(Payload):
    """What came, and which instance it is for: `machine` by its name, and `instance` by its key as text."""

    source: Source
    kind: Kind
    body: str
    delivery_id: DeliveryId | None = None
    machine: NonEmpty
    instance: NonEmpty

    @property
    def key(self) -> Key:
        """The key of the instance."""
        return decode_key(self.instance)


@frozen
class Received(Incoming): ...


@frozen(kw_only=True)
class Applied(Incoming):
    """It was accepted, and brought the instance to `path` at `version`."""

    path: str
    version: int


@frozen(kw_only=True)
class Refused(Incoming):
    """It was refused while the instance was in `path` at `version`."""

    path: str
    version: int
    reason: str


DeliveryState: TypeAlias = Received | Applied | Refused


# ---------------------------------------------------------------- events


@frozen
class Accepted(Event):
    path: str
    version: int


@frozen
class TurnedDown(Event):
    path: str
    version: int
    reason: str


DeliveryEvent: TypeAlias = Accepted | TurnedDown


# ---------------------------------------------------------------- the machine


class Delivery(Machine[DeliveryState, DeliveryEvent]):
    """An event that came from outside, and what became of it."""

    received = state(Received, initial=True)
    applied = state(Applied, final=True)
    refused = state(Refused, final=True)

    @on
    def accepted(self, s: Received, e: Accepted) -> Applied:
        return become(s, Applied, path=e.path, version=e.version)

    @on
    def turned_down(self, s: Received, e: TurnedDown) -> Refused:
        return become(s, Refused, path=e.path, version=e.version, reason=e.reason)


# ---------------------------------------------------------------- on a store

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)

StoredDelivery: TypeAlias = Stored[Delivery, DeliveryState]


@frozen
class Delivered:
    """What became of a delivery; `duplicate` if it came before, and this is what became of it then."""

    delivery: StoredDelivery
    duplicate: bool

    @property
    def applied(self) -> bool:
        """Whether the event was accepted."""
        return isinstance(self.delivery.state, Applied)

    @property
    def reason(self) -> str:
        """Why it was refused, for people; empty if it was not."""
        state = self.delivery.state
        return state.reason if isinstance(state, Refused) else ""


def deliver(
    store: Store,
    machine: type[Machine[S, E]],
    key: Key,
    event: Settled[E],
    *,
    source: str,
    kind: str,
    body: str,
    delivery_id: str | None = None,
) -> Delivered:
    """Send an event that came from outside, once for each delivery id of a source, and keep what came and its outcome.

    The same id again changes nothing and is answered with the first outcome, a refusal included, whatever event or
    instance it names.  Events without an id are never duplicates of one another.  All of it is one transaction: after
    a crash there is the outcome and what it changed, or neither.  The journal names the source as who sent the event.

    Raises `InvalidValue`, and as `Store.send` does for what is no refusal, such as `NotFound` and `LeaseRequired`: then
    nothing is kept, and the delivery may come again.  Raises `StoreFailure` inside of a `Store.transaction()`.

    >>> from leverframe import open_store
    >>> from leverframe.machines.orchestrator.task import *
    >>> key = task_key("shop", "SHOP-001")
    >>> story = Created(title=NonEmpty("a"), branch=BranchName("b"), external_issue_id=ExternalIssueId("c"))
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Task, key, story)
    ...     came = {"source": "tracker", "kind": "status", "body": "...", "delivery_id": "981"}
    ...     first, again = (deliver(store, Task, key, Advance(), **came) for _ in range(2))
    ...     print(first.applied, again.applied, again.duplicate, store.get(Task, key).path)
    True True True unfinished.analysis
    """
    came = Received(
        source=Source(source),
        kind=Kind(kind),
        body=body,
        delivery_id=None if delivery_id is None else DeliveryId(delivery_id),
        machine=NonEmpty(machine.machine_name),
        instance=NonEmpty(encode_key(key)),
    )
    name = name_of(came)
    with store.transaction():
        try:
            store.create(Delivery, name, came)
        except AlreadyExists:
            return Delivered(store.get(Delivery, name), duplicate=True)
        receipt = store.send(machine, key, event, on_refused="return", by=source)
        store.send(Delivery, name, outcome_of(machine, receipt))
        return Delivered(store.get(Delivery, name), duplicate=False)


def name_of(came: Received) -> Key:
    """The key of a delivery: three parts where it has no id, that none with an id has."""
    if came.delivery_id is None:
        return came.source, "without an id", str(uuid.uuid4())
    return came.source, came.delivery_id


def outcome_of(machine: Any, receipt: Receipt[Any]) -> DeliveryEvent:
    path = machine.path(receipt.to_state)
    if receipt.moved:
        return Accepted(path, receipt.version)
    return TurnedDown(path, receipt.version, receipt.reason)


def recent_deliveries(store: Store, number: int) -> list[StoredDelivery]:
    """The deliveries that came last, so many, the newest first.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     recent_deliveries(store, 10)
    []
    """
    return store.find(Delivery, limit=number)
