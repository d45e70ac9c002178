"""The words a machine is written in: states, moves, hooks and look-ups, with the types that a checker sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, cast, overload

from statemachine import State
from typing_extensions import TypeVar

from leverframe.typed.message import Message
from leverframe.typed.payload import Event, Payload
from leverframe.typed.reserved import refuse_name_in_compound

__all__ = ["Edge", "Hook", "Leaf", "Lookup", "entering", "leaf_payload", "leaving", "lookup", "on", "state"]

M = TypeVar("M")
P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Event)
T = TypeVar("T", bound=Payload)
P_contra = TypeVar("P_contra", bound=Payload, contravariant=True)
T_co = TypeVar("T_co", bound=Payload, covariant=True)


# ---------------------------------------------------------------- states


class Leaf(State, Generic[P]):
    """A python-statemachine state that knows the class of its payload."""

    payload: type[P]

    def __setattr__(self, name: str, value: object) -> None:
        if name == "parent" and value is not None:
            # A compound is about to write this state over its own attribute of the same name.
            refuse_name_in_compound(self.id)
        super().__setattr__(name, value)


def state(payload: type[P], *, initial: bool = False, final: bool = False) -> Leaf[P]:
    """Declare a leaf state in a machine's body, or in a `State.Compound` inside it.

    `payload` is the frozen attrs class whose objects are the state.  On each level at most one state is `initial`; if
    none is, the first one is.  Nothing leaves a `final` state.

    >>> from leverframe import Machine, Payload, Event, on, state
    >>> from attrs import frozen
    >>> @frozen
    ... class Locked(Payload): ...
    >>> @frozen
    ... class Open(Payload): ...
    >>> @frozen
    ... class Coin(Event): ...
    >>> class Door(Machine[Locked | Open, Coin]):
    ...     locked = state(Locked, initial=True)
    ...     open = state(Open, final=True)
    ...     @on
    ...     def coin(self, s: Locked, e: Coin) -> Open:
    ...         return Open()
    """
    leaf: Leaf[P] = Leaf(getattr(payload, "__name__", repr(payload)), initial=initial, final=final)
    leaf.payload = payload
    return leaf


def leaf_payload(native: State) -> type | None:
    """The payload class of a leaf state, None for any other state."""
    payload: Any = getattr(native, "payload", None)
    return payload if isinstance(native, Leaf) else None


# ---------------------------------------------------------------- moves


class Edge(Generic[P_contra, Q, T_co]):
    """A typed move, made by `@on`.

    To a type checker it is contravariant in its source (a move out of a superstate fires from each of its leaves)
    and exact in its event.  Attributes: `name`; `cond`, the guard or None; and, once its machine is made, `sources`,
    `events` and `targets`, tuples of classes as its signature names them.
    """

    def __init__(self, function: Callable[..., Any], cond: Callable[..., bool] | None) -> None:
        self.function = function
        self.cond = cond
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.machine = ""
        self.sources: tuple[type, ...] = ()
        self.events: tuple[type, ...] = ()
        self.targets: tuple[type, ...] = ()

    def __call__(self, machine: Any, source: P_contra, event: Q) -> T_co:
        """The handler itself: what it makes of this state and event, with nothing checked."""
        return cast(T_co, self.function(machine, source, event))

    def guard_name(self) -> str:
        """What messages and diagrams call the guard; empty where there is none."""
        return "" if self.cond is None else getattr(self.cond, "__name__", repr(self.cond))

    def __repr__(self) -> str:
        return f"<edge {self.machine}.{self.name}>"


@overload
def on(function: Callable[[M, P, Q], T], /) -> Edge[P, Q, T]: ...
@overload
def on(*, cond: Callable[[M, P, Q], bool]) -> Callable[[Callable[[M, P, Q], T]], Edge[P, Q, T]]: ...
def on(function: Any = None, /, *, cond: Any = None) -> Any:
    """Declare a move; the method's signature `(self, s: Source, e: Event) -> Target` is the transition.

    The source is a leaf, a superstate or a union of them; the target a leaf, or a union of leaves: the class returned
    selects.  Returning the class one is in updates in place: nothing is left or entered.  `cond` is a guard; when it
    says False the next candidate is asked: the leaf's own moves before its superstates', in order of declaration.
    A handler returns the next state and does nothing else; `self.now()` is the time of the decision.

    >>> from leverframe.machines import Pipeline
    >>> Pipeline.deps_met
    <edge Pipeline.deps_met>
    """

    def declare(decorated: Any) -> Edge[Any, Any, Any]:
        return Edge(decorated, cond)

    return declare if function is None else declare(function)


# ---------------------------------------------------------------- hooks


class Hook(Generic[P]):
    """A hook, made by `@entering` or `@leaving`."""

    def __init__(self, function: Callable[..., Iterable[Message]], kind: Literal["enter", "exit"]) -> None:
        self.function = function
        self.kind = kind
        self.name = function.__name__
        self.__doc__ = function.__doc__


def entering(function: Callable[[M, P], Iterable[Message]], /) -> Hook[P]:
    """Declare what is told when a state is entered: a method `(self, s: State) -> list[Message]`.

    `State` is a leaf or a superstate.  Outer states are entered before inner ones.  The hook gets the new state,
    returns messages and does nothing else; `self.now()` is the time of the decision.

    >>> from leverframe import Message, entering
    >>> from leverframe.machines.pipeline import Blocked
    >>> @entering
    ... def tell(self: object, s: Blocked) -> list[Message]:
    ...     return [Message("stories", "blocked", body={"reason": s.reason})]
    """
    return Hook(function, "enter")


def leaving(function: Callable[[M, P], Iterable[Message]], /) -> Hook[P]:
    """Declare what is told when a state is left: as `entering`, inner states before outer ones, with the old state.

    >>> from leverframe import Message, leaving
    >>> from leverframe.machines.pipeline import Blocked
    >>> @leaving
    ... def tell(self: object, s: Blocked) -> list[Message]:
    ...     return [Message("stories", "unblocked")]
    """
    return Hook(function, "exit")


# ---------------------------------------------------------------- look-ups


class Lookup:
    """A payload field, or a part of the key, by which a store can find instances, made by `lookup`."""

    def __init__(self, unique: bool, part: int | None = None) -> None:
        self.unique = unique
        self.part = part


def lookup(*, unique: bool = False, part: int | None = None) -> Lookup:
    """Declare that a store finds instances by the payload field of this name, through an index.

    An instance is found by the value that its present state has; in a state without the field it is not found.
    With `unique`, no two instances have the same value at one time: the second is refused with `AlreadyExists`.
    None never counts as taken.

    With `part`, it is that part of a key that is a tuple, counted from 0: `work_item = lookup(part=1)`.

    >>> from leverframe import lookup, open_store
    >>> from leverframe.machines.pipeline import *
    >>> Pipeline.feature_branch.unique
    False
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Pipeline, "story-7", Merge(BranchName("fix"), Positive(1)))
    ...     [found.key for found in store.find(Pipeline, where={"feature_branch": "fix"})]
    ['story-7']
    """
    return Lookup(unique, part)
