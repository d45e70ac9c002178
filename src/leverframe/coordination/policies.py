"""What does a machine declare about those who work on it?  A lease, and times at which it is woken up.

A policy is asked with each move, before that is written, what changes beside the instance; it reads no clock and no
database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeAlias, cast

from typing_extensions import TypeVar

from leverframe.coordination.agreement import lease_problem, second_problem, wake_up_problem
from leverframe.coordination.declared import lease_arguments_problem, several, wake_up_arguments_problem
from leverframe.coordination.gates import Gates, names
from leverframe.coordination.limits import Limit
from leverframe.errors import LeaseRequired, MachineDefinitionError
from leverframe.persistence.beside import Change, Sending
from leverframe.persistence.effects import Effect, Grant, Leave, Pause, Resume, Rouse, Stand, Vacate
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.keys import decode_key
from leverframe.persistence.leases import check_priority
from leverframe.typed.declare import Edge
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload
from leverframe.typed.policy import Policy

if TYPE_CHECKING:
    from leverframe.persistence.signatures import MachineClass

__all__ = ["BoundLease", "Lease", "LeaseOf", "LeasePolicy", "Over", "WakeUp"]

P = TypeVar("P", bound=Payload)
T = TypeVar("T", bound=Payload)
E0 = TypeVar("E0", bound=Event)
M = TypeVar("M", bound=Machine[Any, Any])
M_co = TypeVar("M_co", bound=Machine[Any, Any], covariant=True)
T_co = TypeVar("T_co", bound=Payload, covariant=True)
S = TypeVar("S", bound=Payload)
E_contra = TypeVar("E_contra", bound=Event, contravariant=True)
S_contra = TypeVar("S_contra", bound=Payload, contravariant=True, default=Any)

MICROSECOND = timedelta(microseconds=1)

LOOKED_AT = timedelta(seconds=20)
"""How often it is seen to that a lease is still there which lasts without being renewed."""

Ready = Callable[[Any, datetime], datetime | None]
"""From when on a state can be claimed; None: not at all."""


Reason = Callable[[Any, datetime], str | None]
"""Why a state cannot be claimed, in the machine's own words; None: it can."""


Over: TypeAlias = Literal["run_out", "process_gone", "released"]
"""Why a lease is over that its owner has not ended: its time, its process, or somebody by hand."""


class BoundLease(Protocol[M_co, T_co, S_contra]):
    """A machine's lease, as a type checker sees it: `BoundLease[Run, Running]`."""

    def machine_and_state(self) -> tuple[type[M_co], type[T_co]]: ...

    def begins_in(self, state: S_contra) -> None: ...

    def takes(self: BoundLease[Machine[Any, E0], Any], event: E0) -> None: ...


class LeaseOf(Protocol[M_co, T_co, E_contra, S_contra]):
    """A machine's lease, by which a call knows the machine's events too."""

    def machine_and_state(self) -> tuple[type[M_co], type[T_co]]: ...

    def begins_in(self, state: S_contra) -> None: ...

    def takes(self, event: E_contra) -> None: ...


class LeasePolicy(Policy):
    """What `Lease` declares, for those who go by it."""

    claim: Edge[Any, Any, Any]
    expiry: Edge[Any, Any, Any] | None
    expired: Callable[[Over], Event] | None
    takeover: Edge[Any, Any, Any] | None
    release: Edge[Any, Any, Any] | None
    ttl: timedelta | None
    heartbeat: timedelta
    max_runtime: timedelta | None
    free: tuple[Edge[Any, Any, Any], ...]
    pauses: tuple[type, ...]
    ready: Ready | None
    priority: Callable[[Any], int] | None
    reason: Reason | None
    limit: Limit | None
    gates: Gates | None
    leased: tuple[type, ...] = ()
    claimable: tuple[type, ...] = ()

    def attach(self, machine: Any) -> None:
        super().attach(machine)
        if problem := lease_arguments_problem(self):
            self._fail(problem)
        self.leased = self.claim.targets
        self.claimable = self.claim.sources
        self._check()

    def _check(self) -> None:
        second = "is not the only Lease, and an instance has one owner at a time"
        if problem := second_problem(self.machine, self, LeasePolicy, second):
            self._fail(problem)
        if any(issubclass(leaf, self.leased) for leaf in self.machine.leaves() if issubclass(leaf, self.claimable)):
            self._fail(f"{self.claim.name} leads back to where it comes from; let a claim lead into a state of its own")
        if self.ttl is not None and self.heartbeat >= self.ttl:
            self._fail(f"heartbeat {self.heartbeat} is no shorter than ttl {self.ttl}; renew before the lease runs out")
        if self.expired is not None and self.expiry is None:
            self._fail("makes an event of a lease that is over, but names no move for it; give expiry= too")
        if self.gates is not None and (problem := self.gates.problem()):
            self._fail(problem)
        if problem := lease_problem(self):
            self._fail(problem)
        self._check_events()

    def _check_events(self) -> None:
        """What the store makes by itself is made once now, so that it is known that it can be."""
        if self.expiry is not None and self.expired is None:
            self.expiry_event("run_out")
        if self.release is not None:
            self.release_event()

    def _fail(self, problem: str) -> None:
        raise MachineDefinitionError(self.machine.__name__, self.name, problem)

    # ------------------------------------------------------------ how long

    def ends_at(self, now: int) -> int | None:
        """When a lease that is given at `now` runs out, in microseconds; None: never."""
        spans = [span for span in (self.ttl, self.max_runtime) if span is not None]
        return now + min(spans) // MICROSECOND if spans else None

    def lasts(self) -> tuple[int, int | None]:
        """How long a renewed lease lasts, and at most in all, in microseconds; one without ttl= is not renewed."""
        most = None if self.max_runtime is None else self.max_runtime // MICROSECOND
        return 0 if self.ttl is None else self.ttl // MICROSECOND, most

    # ------------------------------------------------------------ which events

    def claim_event(self) -> Any:
        """The event of a claim that says nothing more."""
        return make_event(self.claim, self.machine, self.name)

    def takeover_event(self) -> Any:
        """The event of a claim of what somebody has had."""
        return make_event(cast("Edge[Any, Any, Any]", self.takeover), self.machine, self.name)

    def expiry_event(self, why: Over) -> Any:
        """The event of a lease that is over, and that its owner has not ended."""
        if self.expired is not None:
            return self.expired(why)
        return make_event(cast("Edge[Any, Any, Any]", self.expiry), self.machine, self.name)

    def release_event(self) -> Any:
        """The event of a lease that is given back."""
        return make_event(cast("Edge[Any, Any, Any]", self.release), self.machine, self.name)

    # ------------------------------------------------------------ what a move changes

    def kept(self) -> object:
        """From which states what is kept of an instance follows."""
        gates = None if self.gates is None else [self.gates.of.machine_name, self.gates.group is not None]
        named = {"claimable": names(self.claimable), "leased": names(self.leased), "pauses": names(self.pauses)}
        waits = {"ready": self.ready is not None, "priority": self.priority is not None}
        return {**named, **waits, "limit": self.limit is not None, "gates": gates}

    def check(self, sending: Sending) -> None:
        """Raise `LeaseRequired` for a move that only the lease's owner, or the store itself, may make."""
        own = sending.edge in (self.claim, self.expiry, self.takeover)
        if own or (isinstance(sending.before, self.leased) and not sending.fenced and sending.edge not in self.free):
            path = self.machine.path(type(sending.before))
            key = decode_key(sending.key)
            raise LeaseRequired(self.machine.__name__, key, path, type(sending.event).__name__, by_store=own)

    def effects(self, change: Change) -> Sequence[Effect]:
        """What a move changes for those who work on the instance, or want to."""
        return (*self._changed(change), *((Vacate(),) if self._vacates(change) else ()))

    def _vacates(self, change: Change) -> bool:
        """Whether nobody works on it from here on."""
        if self.limit is None or change.grant is not None:
            return False
        held = (*self.leased, *self.pauses)
        return change.repaired or (isinstance(change.before, held) and not isinstance(change.after, held))

    def _changed(self, change: Change) -> Sequence[Effect]:
        after = change.after
        if change.grant is not None:
            return (self._stand(change, None, change.grant),)
        if change.begins:
            return self._begin(change)
        if isinstance(after, self.leased):
            return self._stay_leased(change)
        if isinstance(after, self.pauses):
            return () if isinstance(change.before, self.pauses) else (Pause(),)
        if isinstance(after, self.claimable):
            return (self._stand(change, self._ready_at(change), None),)
        return (Leave(),) if isinstance(change.before, (*self.leased, *self.claimable, *self.pauses)) else ()

    def _begin(self, change: Change) -> Sequence[Effect]:
        """It was created so, or brought here by hand: whoever had it has it no longer."""
        after = change.after
        if isinstance(after, self.claimable):
            return (self._stand(change, self._ready_at(change), None),)
        if isinstance(after, self.leased):
            return (self._stand_without_owner(change),)
        if isinstance(after, self.pauses):
            return (self._stand(change, None, None),)
        return (Leave(),) if change.repaired else ()

    def _stay_leased(self, change: Change) -> Sequence[Effect]:
        if isinstance(change.before, self.leased):
            return ()
        if isinstance(change.before, self.pauses):
            return (Resume(self.ends_at(change.at)),)
        return (self._stand_without_owner(change),)

    def _stand_without_owner(self, change: Change) -> Stand:
        """Nobody has it, and that runs out as any lease does."""
        return self._stand(change, None, Grant("", self.ends_at(change.at)))

    def _ready_at(self, change: Change) -> int | None:
        if self.ready is None:
            return change.at
        ready = self.ready(change.after, change.now)
        return None if ready is None else max(change.at, to_microseconds(ready))

    def _priority_of(self, state: Payload) -> int:
        if self.priority is None:
            return 0
        return check_priority(f"{self.machine.__name__}.{self.name}: priority", self.priority(state))

    def _stand(self, change: Change, ready_at: int | None, grant: Grant | None) -> Stand:
        waits = grant is None and isinstance(change.after, self.claimable)
        priority = self._priority_of(change.after) if waits else 0
        subject, serial = (None, None) if self.gates is None else self.gates.place(change.after)
        scope = None if self.limit is None else self.limit.scope_of(change.after, change.key)
        return Stand(change.machine, ready_at, priority, subject, serial, scope, grant)


class Lease(LeasePolicy, Generic[T]):
    """Whoever works on an instance has a lease on it: the moves out of the leased state are then its own.

    `claim` is the move by which somebody gets it, out of each of its sources, into the leased state; its event is made
    without arguments unless the call gives one.  `expiry` is the move that the machine makes when a lease has run out;
    `takeover` the one by which somebody else gets the lease of an instance whose lease has run out, in one step.
    `release` is the one by which its owner gives it back with the work not done, as a worker does that has to stop.
    `expired` makes the event of `expiry` where that takes arguments: it is told whether the lease has "run_out", or its
    owner's process is gone ("process_gone"), or somebody has "released" it by hand.

    `ttl` is how long a lease lasts unless it is renewed, None for as long as it takes; `heartbeat` how often it is
    renewed, a third of that unless said otherwise; without a `ttl`, how often it is seen to that the lease is still
    there, 20 seconds unless said otherwise.  `max_runtime` is how long it can be renewed, or lasts, at all.

    `free` are moves out of the leased state that anybody may make; they end the lease if they leave it.  In the states
    `pauses` no lease runs: anybody may send, and a move back into the leased state gives whoever had it a new lease.

    `ready` says from when on a state can be claimed (None: not at all), at once without it; `priority`, an
    integer of 32 bits, is larger for what is claimed first.  Otherwise whatever has waited longest, from its creation
    or from the time it had to wait for, comes first.  `reason` says why a state cannot be claimed, for those who ask
    for one by its key; None: it can.

    `limit` is how many may be held at one time, and `gates` what holds back what is ready.

    >>> from leverframe.machines.run import Run
    >>> Run.lease.ttl.seconds
    60
    """

    def __init__(
        self,
        *,
        claim: Edge[P, Any, T],
        expiry: Edge[T, Any, Any] | None = None,
        expired: Callable[[Over], Event] | None = None,
        takeover: Edge[T, Any, T] | None = None,
        release: Edge[T, Any, Any] | None = None,
        ttl: timedelta | None = timedelta(seconds=60),
        heartbeat: timedelta | None = None,
        max_runtime: timedelta | None = None,
        free: Sequence[Edge[Any, Any, Any]] = (),
        pauses: Sequence[type[Payload]] = (),
        ready: Callable[[P, datetime], datetime | None] | None = None,
        priority: Callable[[P], int] | None = None,
        reason: Callable[[Any, datetime], str | None] | None = None,
        limit: Limit | None = None,
        gates: Gates | None = None,
    ) -> None:
        self.claim = claim
        self.expiry = expiry
        self.expired = expired
        self.takeover = takeover
        self.release = release
        self.ttl = ttl
        self.heartbeat = usual_heartbeat(ttl) if heartbeat is None else heartbeat
        self.max_runtime = max_runtime
        self.free = several(free)
        self.pauses = several(pauses)
        self.ready = ready
        self.priority = priority
        self.reason = reason
        self.limit = limit
        self.gates = gates

    if TYPE_CHECKING:

        def __get__(self, instance: object, owner: MachineClass[M, S]) -> BoundLease[M, T, S]: ...


def usual_heartbeat(ttl: timedelta | None) -> timedelta:
    return ttl / 3 if isinstance(ttl, timedelta) else LOOKED_AT


class WakeUp(Policy):
    """At a time that a state names, the machine wants an event.

    `move` is made then, out of each of its sources that names a time; `at` reads that time from the state, None for no
    time at all.  Without a move, `states` are those that name one: they are listed when they are due, and nothing is
    sent.

    >>> from leverframe.machines.run import Run
    >>> Run.deadline.move
    <edge Run.deadline_passed>
    """

    def __init__(
        self,
        move: Edge[Any, Any, Any] | None = None,
        *,
        at: Callable[[Any], datetime | None],
        states: Sequence[type[Payload]] = (),
    ) -> None:
        self.move = move
        self.at = at
        self.states = several(states)

    def attach(self, machine: Any) -> None:
        super().attach(machine)
        if problem := wake_up_arguments_problem(self):
            raise MachineDefinitionError(machine.__name__, self.name, problem)
        if self.move is None and not self.states:
            problem = "names neither a move nor states; write WakeUp(move, at=...) or WakeUp(states=[...], at=...)"
            raise MachineDefinitionError(machine.__name__, self.name, problem)
        self.states = self.states or (() if self.move is None else self.move.sources)
        leases = [each for each in machine._policies if isinstance(each, LeasePolicy)]
        if problem := wake_up_problem(self, leases):
            raise MachineDefinitionError(machine.__name__, self.name, problem)
        if self.move is not None:
            self.wake_event()

    def kept(self) -> object:
        """In which states it may have a time."""
        return {"wakes": names(self.states)}

    def wake_event(self) -> Any:
        """The event that is sent when the time has come."""
        return make_event(cast("Edge[Any, Any, Any]", self.move), self.machine, self.name)

    def check(self, sending: Sending) -> None:
        """Anybody may make the move at any time."""

    def effects(self, change: Change) -> Sequence[Effect]:
        """When it is to be woken up from here on, where that changes."""
        before, after = self.due_at(change.before), self.due_at(change.after)
        if change.repaired:
            return (Rouse(change.machine, self.name, after),)
        if before == after and change.before is not None:
            return ()
        return (Rouse(change.machine, self.name, after),) if (before, after) != (None, None) else ()

    def due_at(self, state: Payload | None) -> int | None:
        """When it is to be woken up in this state, in microseconds; None: never."""
        if not isinstance(state, self.states):
            return None
        due = self.at(state)
        return None if due is None else to_microseconds(due)


def make_event(edge: Edge[Any, Any, Any], machine: Any, policy: str) -> Any:
    """The event of a move that is made without anybody who could say more."""
    kind = edge.events[0]
    try:
        return kind()
    except TypeError as error:
        problem = f"{edge.name} takes {kind.__name__}, which is not made without arguments; give each field a default"
        raise MachineDefinitionError(machine.__name__, policy, problem) from error
