"""A lease that somebody has: the way to make the moves that are its owner's own."""

# pyright: reportPrivateUsage=false
# What the store notes of a lease stands behind the class: those who work have no use for it.

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Event as Signal
from threading import Lock
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

__all__ = ["Held", "Keeper", "forgetting", "known_by", "lease_key", "lose", "note_move", "sending_under"]

E0 = TypeVar("E0", bound=Event)
S0 = TypeVar("S0", bound=Payload)
M_co = TypeVar("M_co", bound=Machine[Any, Any], covariant=True)
S_co = TypeVar("S_co", bound=Payload, covariant=True)


MAKING = Lock()

COUNTING = Lock()

NO_VERSION = 0
"""Before the first one."""


class Keeper(Protocol):
    """What a lease needs of its store."""

    def send(self, held: Held[Any, Any], event: Any, at: datetime | None) -> Receipt[Any]:
        """Send an event under the lease."""
        ...

    def send_and_claim(
        self, held: Held[Any, Any], event: Any, at: datetime | None, at_most: int | None
    ) -> tuple[Receipt[Any], Held[Any, Any] | None]:
        """As `send`, and claim what is next."""
        ...

    def renew(self, held: Held[Any, Any]) -> bool:
        """Let the lease last for its whole time from now on; False if it is over."""
        ...

    def keep(self, held: Held[Any, Any]) -> None:
        """Renew the lease in the background from now on, and set `lost` when it is over."""
        ...

    def leave(self, held: Held[Any, Any]) -> None:
        """Do so no longer."""
        ...


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
        self._lost: Signal | None = None
        self._depth = 0
        self.ended = False
        self.sending = False
        self.process: Process | None = None
        self.era: int | None = None
        self._state = state
        self._now: Any = state
        self._next: Held[Any, Any] | None = None

    @property
    def lost(self) -> Signal:
        """Set when the lease is over though the block is not."""
        if self._lost is None:
            # Most leases are over before anybody waits for this, and it takes longer to make than all the rest.
            with MAKING:
                self._lost = self._lost or Signal()
        return self._lost

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

    def send(self: Held[Machine[S0, E0], Any], event: Settled[E0], *, at: datetime | None = None) -> Receipt[S0]:
        """Send an event as the lease's owner; a move out of the leased state ends the lease.

        Raises `LeaseLost` if it is over, and then nothing is written; else as `Store.send`.
        """
        self.check()
        self.sending = True
        try:
            receipt: Receipt[Any] = self.keeper.send(self, event, at)
            note_move(self, receipt)
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
            receipt, self._next = self.keeper.send_and_claim(self, event, at, at_most)
            note_move(self, receipt)
        finally:
            self.sending = False
        return receipt

    @property
    def next(self) -> Held[M_co, S_co] | None:
        """What was claimed with the last move that was made here by `send_and_claim`."""
        return self._next

    def renew(self) -> bool:
        """Let the lease last for its whole time from now on; False if it is over.  `with` does so by itself.

        One that has lasted for its `max_runtime` is over.  A lease without `ttl` has no end that could be put off: this
        asks whether it is still there.
        """
        return not self.ended and self.keeper.renew(self)

    def check(self) -> None:
        """Raise `LeaseLost` if the lease is known to be over."""
        if self.ended or (self._lost is not None and self._lost.is_set()):
            raise LeaseLost(self.lease.machine.machine_name, self.key, self.token, self.worker)

    def __enter__(self) -> Self:
        if self._deepen(1) == 1:
            self.keeper.keep(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._deepen(-1) == 0:
            self.keeper.leave(self)

    def _deepen(self, by: int) -> int:
        """How many blocks there are inside of one another."""
        with COUNTING:
            self._depth += by
            return self._depth

    def __repr__(self) -> str:
        return f"<lease {self.token} of {self.worker} on {self.lease.machine.__name__} {self.key!r}>"


# ---------------------------------------------------------------- what the store notes of a lease


def known_by(held: Held[Any, Any]) -> Known:
    """The instance as its owner left it."""
    return Known(held.instance, held.key_text, held.version, held._now)


def lease_key(held: Held[Any, Any], era: int) -> LeaseKey:
    """What a move is sent under; what was known in another era than this one is not relied on."""
    version = held.version if era == held.era else NO_VERSION
    return LeaseKey(held.instance, held.token, held.worker, version, held.runs)


@contextmanager
def sending_under(several: Sequence[Held[Any, Any]]) -> Generator[None]:
    """While a move may be written that is not noted yet, nothing that is seen of the lease says that it is over."""
    for held in several:
        held.sending = True
    try:
        yield
    finally:
        for held in several:
            held.sending = False


def note_move(held: Held[Any, Any], receipt: Receipt[Any]) -> None:
    """What a move made of the lease."""
    leased = held.lease.leased
    if isinstance(receipt.state, leased) and not issubclass(receipt.from_state, leased):
        # The pause is over: the lease is a new one.
        assert receipt.seq is not None
        held.token = receipt.seq
    held.ended = not isinstance(receipt.state, (*leased, *held.lease.pauses))
    held.version = receipt.version
    held._now = receipt.state


def forgetting(held: Held[Any, Any]) -> Callable[[], None]:
    """What takes back all that is noted from now on."""
    before = (held.token, held.ended, held.version, held._now)

    def forget() -> None:
        held.token, held.ended, held.version, held._now = before

    return forget


def lose(held: Held[Any, Any]) -> None:
    """The lease is over: tell whoever works."""
    held.lost.set()
