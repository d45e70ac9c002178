"""hypothesis strategies of a machine: its events, and its states."""

from __future__ import annotations

from typing import Any, cast, overload

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from typing_extensions import TypeVar

from leverframe.persistence.signatures import MachineClass
from leverframe.testing.values import made, made_near, values_in
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload
from leverframe.typed.table import accepted_events

__all__ = ["events", "states"]

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)
X = TypeVar("X", bound=Payload)
M = TypeVar("M", bound=Machine[Any, Any])


def events(machine: type[Machine[S, E]], state: type[Payload] | S | None = None) -> SearchStrategy[E]:
    """Events of a machine, their fields made from their types.

    With a leaf or superstate class, those that some handler takes there; with a state itself as well, and then their
    fields are often what the state's fields are.  Guards are not asked.  Raises `UnknownState`; `InvalidValue` for a
    field of a type that nobody knows how to make (see `register`), and where no event is taken.

    >>> from hypothesis import given
    >>> from leverframe import decide
    >>> from leverframe.machines.pipeline import *
    >>> @given(events(Pipeline, Merge), states(Pipeline, Merge))
    ... def test_a_merge_is_left(event, state):
    ...     assert not isinstance(decide(Pipeline, state, event, None).state, Active)
    >>> test_a_merge_is_left()
    """
    if state is None:
        kinds = cast("tuple[type[Any], ...]", machine._structure.events)  # pyright: ignore[reportPrivateUsage]  # what the machine is made of
        return st.one_of([made(kind) for kind in kinds])
    if isinstance(state, type):
        table = machine._table  # pyright: ignore[reportPrivateUsage]  # what the machine is made of
        kinds = tuple(dict.fromkeys(kind for leaf in machine.leaves(state) for kind in table.rows[leaf]))
        return st.one_of([made(kind) for kind in kinds])
    nearby = values_in(state)
    return st.one_of([made_near(kind, nearby) for kind in accepted_events(machine, state)])


@overload
def states(machine: MachineClass[M, S], state: type[X]) -> SearchStrategy[X]: ...
@overload
def states(machine: MachineClass[M, S], state: None = None) -> SearchStrategy[S]: ...
def states(machine: MachineClass[Any, Any], state: type[Payload] | None = None) -> SearchStrategy[Any]:
    """States of a machine, their fields made from their types: of one leaf, of a superstate's leaves, or of all.

    Not each of them can be reached.  Raises `UnknownState`, and `InvalidValue` as `events` does.

    >>> from hypothesis import given
    >>> from leverframe.machines.pipeline import *
    >>> @given(states(Pipeline, Active))
    ... def test_active(state):
    ...     assert isinstance(state, Active)
    >>> test_active()
    """
    leaves = cast("Any", machine).leaves(state)
    return st.one_of([made(leaf) for leaf in leaves])
