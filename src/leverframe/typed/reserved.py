"""Names that python-statemachine or `Machine` uses itself: a state, move or hook of that name would break it."""

from __future__ import annotations

import inspect

from statemachine import State

from leverframe.errors import MachineDefinitionError

__all__ = ["MACHINE_NAMES", "STATE_NAMES", "refuse_name_in_compound"]

STATE_NAMES = frozenset(name for name in dir(State()) if not name.startswith("__"))
"""Attributes of a state.  A compound sets each of its children as an attribute, and would lose its own."""

MACHINE_NAMES = frozenset(
    {
        "_context",
        "_engine",
        "_config",
        "_callbacks",
        "_listeners",
        "_messages",
        "_now",
        "_payload",
        "_policies",
        "_structure",
        "_table",
        "_codec",
        "_upcasters",
        "_taken",
        "final_states",
        "history_values",
        "initial_state",
        "model",
        "start_value",
        "state_field",
    }
)
"""Attributes that a machine or its instances get besides those that `Machine` shows as a class."""


def refuse_name_in_compound(name: str) -> None:
    """Raise `MachineDefinitionError` if a compound cannot have a child of this name."""
    if name in STATE_NAMES:
        problem = "is a reserved name inside a compound; choose another"
        raise MachineDefinitionError(_machine_being_written(), name, problem)


def _machine_being_written() -> str:
    """The outermost class statement that is running; python-statemachine does not say whom a compound is for."""
    frame = inspect.currentframe()
    while frame is not None and "__qualname__" not in frame.f_locals:
        frame = frame.f_back
    name = ""
    while frame is not None and "__qualname__" in frame.f_locals:
        name = str(frame.f_locals["__qualname__"]).rpartition(".")[2]
        frame = frame.f_back
    return name
