"""A lease that somebody has: the way to make the moves that are its owner's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Event as Signal
from types import TracebackType
from typing import Any, Generic, Protocol, Self

from typing_extensions import TypeVar

from leverframe.coordination.policies import LeasePolicy
from leverframe.coordination.processes import Process
from leverframe.errors import Key, LeaseLost
from leverframe.persistence.known import Known
from leverframe.persistence.records import Receipt
from leverframe.persistence.sending import LeaseKey
from leverframe.typed.inference import Settled
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload

__all__ = ["Held", "Keeper"]

E0 = TypeVar("E0", bound=Event)
S0 = TypeVar("S0", bound=Payload)
M_co = TypeVar("M_co", bound=Machine[Any, Any], covariant=True)
S_co = TypeVar("S_co", bound=Payload, covariant=True)


NO_VERSION = 0
"""Before the first one."""


class Keeper(Protocol):
    """What a lease needs of its store."""

    def send_held(self, held: Held[Any, Any], event: Any, at: datetime | None) -> Receipt[Any]: ...

    def send_held_and_claim(
        self, held: Held[Any, Any], event: Any, at: datetime | None, at_most: int | None
    ) -> tuple[Receipt[Any], Held[Any, Any] | None]: ...

    def renew_held(self, held: Held[Any, Any]) -> bool: ...

    def keep_renewed(self, held: Held[Any, Any]) -> None: ...

    def stop_renewing(self, held: Held[Any, Any]) -> None: ...


class Held(Generic[M_co, S_co]):
    """A lease on one instance: `Held[Run, Running]`.  As the block of a `with` it is renewed in the background.

    Attributes: `key`; `state`, the typed state that the claim led to; `version`, of the instance behind the last move
    that was made here; `token`, which grows with each lease of the instance: hand it to whatever else you write to, so
    that a late owner is refused there too; `worker`, whose it is; `lost`, an event that is set when the lease is over
    though the block is not: stop then.

    >>> from leverframe import open_store
    >>> from leverframe.machines.run import *
    >>> from datetime import UTC, datetime
    >>> with open_store("sqlite://") as store:
    ...     pending = Pending(project_id=ProjectId("shop"), created_at=datetime.now(UTC))
    ...     _ = store.create(Run, "run-1", pending)
    ...     held = store.claim(Run.lease, worker="builder-1")
    ...     assert held is not None
    ...     with held:
    ...         _ = held.send(Succeeded())
    ...     store.count(Run)[Completed]
    1
    """

    def __init__(
        self,
        keeper: Keeper,
        lease: LeasePolicy,
        key: Key,
        key_text: str,
        instance: int,
        state: S_co,
        version: int,
        token: int,
        worker: str,
    ) -> None:
        self.keeper = keeper
        self.lease = lease
        self.key = key
        self.key_text = key_text
        self.instance = instance
        self.version = version
        self.token = token
        self.worker = worker
        self.lost = Signal()
        self.ended = False
        self.sending = False
        self.process: Process | None = None
        self.era: int | None = None
        self._state = state
        self._now: Any = state
        self._next: Held[Any, Any] | None = None

    @property
    def state(self) -> S_co:
        """The state that the claim led to."""
        return self._state

    @property
    def now(self: Held[Machine[S0, Any], Any]) -> S0:
        """The state behind the last move that was made here."""
        current: S0 = self._now
        return current

    @property
    def runs(self) -> bool:
        """Whether the lease runs, as far as is known here; False in a pause."""
        return isinstance(self._now, self.lease.leased)

    def lease_key(self, era: int) -> LeaseKey:
        """What a move is sent under; what was known in another era than this one is not relied on."""
        version = self.version if era == self.era else NO_VERSION
        return LeaseKey(self.instance, self.token, self.worker, version, self.runs)

    def send(self: Held[Machine[S0, E0], Any], event: Settled[E0], *, at: datetime | None = None) -> Receipt[S0]:
        """Send an event as the lease's owner; a move out of the leased state ends the lease.

        Raises `LeaseLost` if it is over, and then nothing is written; else as `Store.send`.
        """
        self.check()
        self.sending = True
        try:
            receipt: Receipt[Any] = self.keeper.send_held(self, event, at)
            self.note(receipt)
        finally:
            self.sending = False
        return receipt

    def send_and_claim(
        self: Held[Machine[S0, E0], Any], event: Settled[E0], *, at: datetime | None = None, at_most: int | None = None
    ) -> Receipt[S0]:
        """As `send`, and claim what is next in the same transaction: `next` is that, None if nothing is ready.

        >>> from leverframe import open_store
        >>> from leverframe.machines.job import *
        >>> with open_store("sqlite://") as store:
        ...     for name in ("shop", "blog"):
        ...         _ = store.create(Job, ("index", name), Pending())
        ...     held = store.claim(Job.lease, worker="builder-1")
        ...     while held is not None:
        ...         print(held.key)
        ...         _ = held.send_and_claim(Succeeded(held.state.input_watermark))
        ...         held = held.next
        ('index', 'shop')
        ('index', 'blog')
        """
        self.check()
        self.sending = True
        try:
            receipt, self._next = self.keeper.send_held_and_claim(self, event, at, at_most)
            self.note(receipt)
        finally:
            self.sending = False
        return receipt

    @property
    def next(self) -> Held[M_co, S_co] | None:
        """What was claimed with the last move that was made here by `send_and_claim`."""
        return self._next

    def renew(self) -> bool:
        """Let the lease last for its whole time from now on; False if it is over.  `with` does so by itself.

        A lease without `ttl` has no end that could be put off: this asks whether it is still there.
        """
        return not self.ended and self.keeper.renew_held(self)

    def check(self) -> None:
        """Raise `LeaseLost` if the lease is known to be over."""
        if self.lost.is_set() or self.ended:
            raise LeaseLost(self.lease.machine.machine_name, self.key, self.token, self.worker)

    def known(self, era: int) -> Known:
        """The instance as its owner left it."""
        return Known(self.instance, self.key_text, self.version, self._now, era)

    def lose(self) -> None:
        """The lease is over: tell whoever works."""
        self.lost.set()

    def forgetting(self) -> Callable[[], None]:
        """What takes back all that is noted from now on."""
        before = (self.token, self.ended, self.version, self._now)

        def forget() -> None:
            self.token, self.ended, self.version, self._now = before

        return forget

    def note(self, receipt: Receipt[Any]) -> None:
        """What a move made of the lease."""
        leased = self.lease.leased
        if isinstance(receipt.state, leased) and not issubclass(receipt.from_state, leased):
            # The pause is over: the lease is a new one.
            assert receipt.seq is not None
            self.token = receipt.seq
        self.ended = not isinstance(receipt.state, (*leased, *self.lease.pauses))
        self.version = receipt.version
        self._now = receipt.state

    def __enter__(self) -> Self:
        self.keeper.keep_renewed(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.keeper.stop_renewing(self)

    def __repr__(self) -> str:
        return f"<lease {self.token} of {self.worker} on {self.lease.machine.__name__} {self.key!r}>"
