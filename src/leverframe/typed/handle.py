"""Handles: a machine known to be in a state, as a value with a type."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, NoReturn, cast

from typing_extensions import TypeIs, TypeVar

from leverframe.errors import NotInState, TransitionNotAllowed
from leverframe.typed.declare import Edge
from leverframe.typed.inference import Settled
from leverframe.typed.message import Message
from leverframe.typed.payload import Event, Payload
from leverframe.typed.table import accepted_events, can_take, decide

if TYPE_CHECKING:
    from leverframe.typed.machine import Machine

__all__ = ["Handle", "in_state", "make_handle"]

Q = TypeVar("Q", bound=Event)
T = TypeVar("T", bound=Payload)
X = TypeVar("X", bound=Payload)
S0 = TypeVar("S0", bound=Payload)
E0 = TypeVar("E0", bound=Event)
S_co = TypeVar("S_co", bound=Payload, covariant=True)
M_co = TypeVar("M_co", bound="Machine[Any, Any]", covariant=True)


class _HandleFields(Generic[M_co, S_co]):
    """What a Handle holds, while it can still be set."""

    if TYPE_CHECKING:  # To a type checker, as at run time, they cannot be set.

        @property
        def _machine(self) -> Any: ...
        @property
        def state(self) -> S_co: ...
        @property
        def messages(self) -> tuple[Message, ...]: ...
        @property
        def edge(self) -> Edge[Any, Any, Any] | None: ...

    else:
        __slots__ = ("_machine", "edge", "messages", "state")


_Fields: Any = _HandleFields


class Handle(_HandleFields[M_co, S_co]):
    """Machine `M` known to be in state `S`: `Handle[Pipeline, Qa]`.  A value: it never changes.

    `state` is the typed state; `messages` is what the event that led here told, and `edge` its move, None where there
    was none; it is not compared.  Made by `Machine.start`, and by `send` and `fire`, which return the next handle and
    leave this one as it was.

    >>> from leverframe.machines.pipeline import *
    >>> handle = Pipeline.start(Backlog())
    >>> handle.send(DepsMet()).state, handle.state
    (Coding(), Backlog())
    """

    __slots__ = ()

    def send(self: Handle[Machine[S0, E0], Any], event: E0, now: datetime | None = None) -> Handle[M_co, S0]:
        """The handle after `event`, an event of this machine.

        `now` is the time of the decision, with a zone; without it a handler that asks reads the clock.  Raises
        `TransitionNotAllowed`, `WrongTarget`, and whatever the handler raises.

        >>> from leverframe.machines.pipeline import *
        >>> Pipeline.start(Backlog()).send(Block("waiting")).state.reason
        'waiting'
        """
        machine: Any = self._machine
        made: Any = decide(machine, self.state, event, now, _Fields)
        made._machine = machine
        made.__class__ = Handle
        return made  # type: ignore[no-any-return]  # it is a Handle since the line above

    def fire(self, edge: Edge[S_co, Q, T], event: Settled[Q], now: datetime | None = None) -> Handle[M_co, T]:
        """As `send`, by exactly this move, whose type the result has.

        Raises `TransitionNotAllowed` also where the machine would take the event by another move: because a guard
        said no, or because a leaf has a move of its own in place of its superstate's.

        >>> from leverframe.machines.pipeline import *
        >>> Pipeline.start(Coding()).as_(Coding).fire(Pipeline.gates_started, GatesStarted()).state
        Qa()
        """
        made: Any = self.send(cast("Any", event), now)
        if made.edge is not edge:
            self._refuse_other_edge(edge, cast("Q", event), made.edge)
        return cast("Handle[M_co, T]", made)

    def can(self: Handle[Machine[Any, E0], Any], event: E0 | type[E0], now: datetime | None = None) -> bool:
        """Whether `send` would take this event.  Of an event class: whether a handler takes it, guards not asked.

        >>> from leverframe.machines.pipeline import *
        >>> Pipeline.start(Backlog()).can(DepsMet), Pipeline.start(Backlog()).can(Unblock())
        (True, False)
        """
        if isinstance(event, type):
            return event in accepted_events(self._machine, self.state)
        return can_take(self._machine, self.state, event, now)

    def accepts(self: Handle[Machine[Any, E0], Any]) -> tuple[type[E0], ...]:
        """The event classes that a handler takes here, guards not asked, the leaf's own first.

        >>> from leverframe.machines.pipeline import *
        >>> [event.__name__ for event in Pipeline.start(Backlog()).accepts()]
        ['DepsMet', 'Block', 'ReviewHold', 'Abandon', 'Supersede']
        """
        return cast("tuple[type[E0], ...]", accepted_events(self._machine, self.state))

    def as_(self, state: type[X]) -> Handle[M_co, X]:
        """The same handle, typed: known to be in a leaf or superstate.  Raises `NotInState`, `UnknownState`.

        >>> from leverframe.machines.pipeline import *
        >>> Pipeline.start(Backlog()).as_(Done)
        Traceback (most recent call last):
        leverframe.errors.NotInState: Pipeline is in active.backlog, not in Done; match on the state first
        """
        if not isinstance(self.state, state):
            self._machine.path(state)  # raises `UnknownState` for a class that it never is in
            raise NotInState(self._machine.__name__, state.__name__, self._machine.path(type(self.state)))
        return cast("Handle[M_co, X]", self)

    def _refuse_other_edge(self, edge: Edge[Any, Any, Any], event: Event, taken: Edge[Any, Any, Any]) -> NoReturn:
        machine = self._machine
        accepted = tuple(kind.__name__ for kind in accepted_events(machine, self.state))
        reason = f"{edge.name} was asked for, but here {taken.name} takes it"
        path = machine.path(type(self.state))
        raise TransitionNotAllowed(machine.__name__, type(event).__name__, path, accepted, reason)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Handle does not change; {name} was not set, send() returns the next one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Handle does not change; {name} was not deleted")

    def __eq__(self, other: object) -> bool:
        that: Any = other
        if not isinstance(other, Handle):
            return NotImplemented
        return bool(self._machine is that._machine and self.state == that.state and self.messages == that.messages)

    def __hash__(self) -> int:
        return hash((self._machine, self.state))

    def __reduce__(self) -> tuple[Any, ...]:
        return make_handle, (self._machine, self.state, self.messages)

    def __repr__(self) -> str:
        return f"<{self._machine.__name__} in {self.state!r}>"


def make_handle(machine: Any, state: Any, messages: tuple[Message, ...]) -> Handle[Any, Any]:
    """A handle with these fields, nothing checked."""
    # Filled while it can be, then closed by changing its class: half the price of an `__init__`.
    made: Any = _Fields()
    made._machine = machine
    made.state = state
    made.messages = messages
    made.edge = None
    made.__class__ = Handle
    return made  # type: ignore[no-any-return]  # it is a Handle since the line above


def in_state(handle: Handle[M_co, Any], state: type[X]) -> TypeIs[Handle[M_co, X]]:
    """Whether the handle's machine is in a leaf or superstate; a type checker narrows the handle by it.

    >>> from leverframe import in_state
    >>> from leverframe.machines.pipeline import *
    >>> in_state(Pipeline.start(Qa()), Active)
    True
    """
    return isinstance(handle.state, state)
