"""A path through a machine: what it leads to, its steps, and how it is gone again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias

from attrs import frozen
from typing_extensions import TypeVar

from leverframe.errors import Key, PathFailed, TransitionNotAllowed
from leverframe.testing.noticing import unnoticed
from leverframe.testing.walking import Walk
from leverframe.typed.declare import Edge
from leverframe.typed.payload import Event, Payload
from leverframe.typed.table import decide, enter
from leverframe.wording import show_value

if TYPE_CHECKING:
    from leverframe.coordination.store import Store

__all__ = ["Goal", "Path", "Step", "Unreached"]

S = TypeVar("S", bound=Payload)

Kind: TypeAlias = Literal["state", "move", "guard"]


@frozen
class Goal:
    """What a path leads to: a leaf; a move out of a leaf, by an event, into one of its targets; a guard that says no.

    `kind` is "state", "move" or "guard"; `leaf` is the leaf itself, or the one that is left; the others are None where
    they say nothing.
    """

    machine: Any
    kind: Kind
    leaf: type[Payload]
    edge: Edge[Any, Any, Any] | None = None
    event: type[Event] | None = None
    target: type[Payload] | None = None

    @property
    def name(self) -> str:
        """It in one word: `active.backlog-deps_met-active.coding`."""
        here = str(self.machine.path(self.leaf))
        if self.edge is None:
            return here
        move = self.edge.name
        if len(self.edge.events) > 1 and self.event is not None:
            move = f"{move}-{self.event.__name__}"
        if self.target is None:
            return f"{here}-{move}-not-{self.edge.guard_name()}"
        return f"{here}-{move}-{self.machine.path(self.target)}"


@frozen
class Step(Generic[S]):
    """One event of a path, at a time: `state` is the next one, `edge` the move; None where the event is refused."""

    event: Event
    at: datetime
    state: S
    edge: Edge[Any, Any, Any] | None


@frozen
class Path(Generic[S]):
    """The shortest way found to `goal`: from the state `begin`, at the time `at`, event by event.

    >>> from leverframe.machines.pipeline import *
    >>> from leverframe.testing import paths
    >>> path = paths(Pipeline).to(Qa)
    >>> print(path)
    Backlog() -> DepsMet() -> Coding() -> GatesStarted() -> Qa()
    >>> path.run()
    Qa()
    """

    goal: Goal
    begin: S
    at: datetime
    steps: tuple[Step[S], ...] = ()

    @property
    def name(self) -> str:
        """What it leads to, in one word."""
        return self.goal.name

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(step.event for step in self.steps)

    @property
    def state(self) -> S:
        """Where it ends."""
        return self.steps[-1].state if self.steps else self.begin

    def run(self, store: Store | None = None, key: Key | None = None) -> S:
        """Go the path, and be where it ends: by `decide` alone, or as the instance `key` of a store.

        The key is the path's name unless one is given.  A move that only the owner of a lease may make, or the store
        itself, is written without its lease.  Raises `PathFailed` where it goes another way than when it was found,
        which a handler does that is not pure, or where the store has not kept what was decided; and what a handler
        raises.
        """
        if store is None:
            return self._decide()
        with unnoticed():
            self._decide()
        walk = Walk(store, self.goal.machine, self.name if key is None else key, self.name)
        walk.create(self.begin, self.at)
        for step in self.steps:
            walk.send(step.event, step.at)
        walk.check()
        return self.state

    def _decide(self) -> S:
        enter(self.goal.machine, self.begin, self.at)
        state = self.begin
        for number, step in enumerate(self.steps, 1):
            state = self._take(number, state, step)
        return state

    def _take(self, number: int, state: S, step: Step[S]) -> S:
        machine = self.goal.machine
        try:
            decision = decide(machine, state, step.event, step.at)
        except TransitionNotAllowed as refusal:
            if step.edge is None:
                return state
            raise PathFailed(machine.machine_name, self.name, f"step {number} was taken before: {refusal}") from refusal
        if (decision.edge, decision.state) != (step.edge, step.state):
            found = "a refusal" if step.edge is None else f"{step.edge.name} to {show_value(step.state)}"
            problem = f"step {number} is {decision.edge.name} to {show_value(decision.state)}, and was {found}"
            raise PathFailed(machine.machine_name, self.name, f"{problem}; let handlers and guards be pure")
        made: S = decision.state
        return made

    def __str__(self) -> str:
        told = [repr(self.begin)]
        for step in self.steps:
            told += [repr(step.event), "refused" if step.edge is None else repr(step.state)]
        return " -> ".join(told)


@frozen
class Unreached:
    """What no path was found to, and why.  To run it is to fail: `PathFailed`.

    >>> from leverframe.machines.pipeline import Pipeline
    >>> from leverframe.testing import paths
    >>> [str(unreached) for unreached in paths(Pipeline).unreached]
    []
    """

    goal: Goal
    reason: str

    @property
    def name(self) -> str:
        return self.goal.name

    def run(self, store: Store | None = None, key: Key | None = None) -> Any:  # noqa: ARG002  # as a path's
        """Raises `PathFailed`."""
        raise PathFailed(self.goal.machine.machine_name, self.name, self.reason)

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"
