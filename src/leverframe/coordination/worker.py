"""Who works on what can be claimed?  What a program says of its worker; `working.py` is what that does all day."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic

from typing_extensions import TypeVar

from leverframe.coordination.back_off import BackOff
from leverframe.coordination.claiming import as_lease
from leverframe.coordination.held import Held
from leverframe.coordination.policies import LeaseOf, LeasePolicy
from leverframe.coordination.working import Terms, WorkerEnded, Working
from leverframe.coordination.working_children import check_importable
from leverframe.coordination.working_telling import WorkerHooks
from leverframe.errors import InvalidQuery, MachineDefinitionError
from leverframe.persistence.arguments import check_integer, check_text
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload
from leverframe.wording import show_value

if TYPE_CHECKING:
    from leverframe.coordination.store import Store

__all__ = ["Handler", "Worker"]

E = TypeVar("E", bound=Event)
M = TypeVar("M", bound=Machine[Any, Any])
T = TypeVar("T", bound=Payload)

NOTHING = timedelta()

GRACE = timedelta(seconds=30)
POLL = BackOff(base=timedelta(milliseconds=25), cap=timedelta(seconds=2), jitter=0.25)
REAP_EVERY = timedelta(seconds=5)
WAKE_EVERY = timedelta(seconds=1)


class Handler(Generic[M, T]):
    """What a worker does with a lease: `Handler(Run.lease, build)`.

    `function` gets the lease, a `Held[Run, Running]`, which is renewed while it runs.  What it returns is sent under
    that lease: an event of the machine, or None if the function has sent all that there is to send.  What it raises
    becomes an event too, as the machine's `Retry` says.

    `claim` makes the event of a claim, where that takes arguments: it is called for each.  Raises `InvalidQuery` for
    what is no lease or no function, and where `claim` is missing.

    >>> from leverframe.machines.run import *
    >>> from leverframe.coordination.held import Held
    >>> def build(held: Held[Run, Running]) -> Succeeded:
    ...     return Succeeded()
    >>> Handler(Run.lease, build)
    <handler build of Run.lease>
    """

    def __init__(
        self,
        lease: LeaseOf[M, T, E],
        function: Callable[[Held[M, T]], E | None],
        *,
        claim: Callable[[], Event] | None = None,
    ) -> None:
        self.lease = as_lease(lease)
        if not callable(function):
            raise InvalidQuery("", f"{show_value(function)} is no function; give one that takes what was claimed")
        if claim is not None and not callable(claim):
            raise InvalidQuery(
                "", f"claim={show_value(claim)} is no function; give one that makes the event of a claim"
            )
        self.function: Callable[[Any], Any] = function
        self.claim = claim
        if claim is None:
            check_claim(self.lease)

    def claim_event(self) -> Event | None:
        """The event of the next claim; None for the one without arguments.  Raises `InvalidQuery`."""
        if self.claim is None:
            return None
        event, kinds = self.claim(), self.lease.claim.events
        if not isinstance(event, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            problem = f"claim= has made {show_value(event)}, which claims nothing; let it make {wanted}"
            raise InvalidQuery(self.lease.machine.machine_name, problem)
        return event

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", repr(self.function))
        return f"<handler {name} of {self.lease.machine.__name__}.{self.lease.name}>"


class Worker:
    """Claims what is ready, and has it handled, until it is told to stop.

    The machine of that name is another: `from leverframe.machines import Worker as WorkerMachine` beside this one.

    `name` is what leases and errors call it: a fresh one for each start of a process, unless it is given.  No two
    workers that are at work may have the same one: what has its name and is not in its hands, a worker takes for a
    claim of its own whose answer was lost.  At most
    `concurrency` pieces of work are under way at a time, each in a thread, or with `processes` in a process of its own,
    and one is claimed when there is a place for it.

    `poll` is how long it waits after so many looks in a row that found nothing; it looks at once where the database
    tells that something has changed.  Every `reap_every` it sees to leases that have run out, and every `wake_every` to
    wake-ups that are due.  When it has to stop, it waits for what is under way, for `grace` at most.  `hooks` are
    called as it goes.

    Raises `InvalidQuery` for what is no handler, two of one lease, and numbers that cannot be.

    >>> from datetime import UTC, datetime
    >>> from leverframe import open_store
    >>> from leverframe.machines.run import *
    >>> with open_store("sqlite://") as store:
    ...     pending = Pending(project_id=ProjectId("shop"), created_at=datetime.now(UTC))
    ...     _ = store.create(Run, "run-1", pending)
    ...     worker = Worker(store, [Handler(Run.lease, lambda held: Succeeded())])
    ...     ended = worker.run(once=True)
    ...     store.count(Run)[Completed]
    1
    """

    def __init__(
        self,
        store: Store,
        handlers: Sequence[Handler[Any, Any]],
        *,
        name: str | None = None,
        concurrency: int = 4,
        processes: bool = False,
        grace: timedelta = GRACE,
        poll: BackOff = POLL,
        reap_every: timedelta = REAP_EVERY,
        wake_every: timedelta = WAKE_EVERY,
        hooks: WorkerHooks | None = None,
    ) -> None:
        self.store = store
        self.handlers = check_handlers(handlers)
        self.name = str(uuid.uuid4()) if name is None else check_text("a worker's name", name)
        self.concurrency = concurrency
        self.processes = processes
        if processes:
            for each in self.handlers:
                check_importable(each.function)
        check_integer("concurrency", concurrency, at_least=1)
        check_spans(grace=grace, reap_every=reap_every, wake_every=wake_every)
        self.hooks = WorkerHooks() if hooks is None else hooks
        self.terms = Terms(grace, poll, reap_every, wake_every)
        self._working: Working | None = None
        self._stopped = False
        self._lock = Lock()

    def run(self, *, once: bool = False) -> WorkerEnded:
        """Work until `stop()`, or until nothing is ready with `once`; how it ended.

        In the main thread SIGTERM and SIGINT stop it, and a second one lets it wait for nothing more.  While the store
        is away, busy or full it waits.  What no waiting mends is raised, once what is under way has come to its end:
        `StoreClosed`, `StoreVanished`, `AccessDenied`, `LookupsChanged` and the like; `Conflict` and `StoreFailure`
        when they have come ten times in a row; and whatever the machine's own code raises in a claim.
        """
        check_integer("concurrency", self.concurrency, at_least=1)
        working = Working(self, once=once)
        with self._lock:
            if self._working is not None:
                raise InvalidQuery("", f"worker {self.name} is at work; make another one")
            self._working = working
            if self._stopped:
                working.stop()
        try:
            return working.run()
        finally:
            with self._lock:
                self._working, self._stopped = None, False

    def stop(self) -> None:
        """Claim nothing more, and have `run` return when what is under way is done; from any thread."""
        with self._lock:
            if self._working is None:
                self._stopped = True
            else:
                self._working.stop()

    def __repr__(self) -> str:
        return f"<worker {self.name} on {self.store.location}>"


def check_claim(lease: LeasePolicy) -> None:
    """Raise `InvalidQuery` for a claim that has to be told more than nothing."""
    try:
        lease.claim_event()
    except MachineDefinitionError as error:
        kind = lease.claim.events[0].__name__
        problem = f"a claim of {lease.name} takes {kind}, which is not made without arguments; make it with claim="
        raise InvalidQuery(lease.machine.machine_name, problem) from error


def check_handlers(handlers: Any) -> tuple[Handler[Any, Any], ...]:
    """The handlers, each of a lease of its own.  Raises `InvalidQuery`."""
    given: tuple[Any, ...] = tuple(handlers)
    for each in given:
        if not isinstance(each, Handler):
            raise InvalidQuery("", f"{show_value(each)} is no handler; give Handler(Run.lease, function)")
    leases = [each.lease for each in given]
    if not leases or len(set(map(id, leases))) < len(leases):
        raise InvalidQuery("", "a worker needs handlers, one for each lease; give some, and none twice")
    return given


def check_spans(**spans: object) -> None:
    for name, span in spans.items():
        if not isinstance(span, timedelta) or span < NOTHING:
            raise InvalidQuery("", f"{name}={show_value(span)} is no span of time; give a timedelta")
