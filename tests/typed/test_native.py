"""What is relied on in python-statemachine, and what its users find in a machine of ours."""

# python-statemachine is partly unknown to pyright.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false

from __future__ import annotations

import types
from datetime import UTC, datetime
from typing import Any

import pytest
from statemachine.exceptions import TransitionNotAllowed as NativeTransitionNotAllowed
from statemachine.state import InstanceState

from leverframe import Machine, State, state
from leverframe.machines.pipeline import Abandon, Abandoned, Backlog, Blocked, Coding, DepsMet, Pipeline, Unblock
from leverframe.typed.declare import leaf_payload
from leverframe.typed.reserved import MACHINE_NAMES

START = datetime(2030, 1, 1, tzinfo=UTC)


def test_native_event_that_nothing_takes() -> None:
    """python-statemachine refuses an event that no transition takes, in any state and in a final one too."""
    for first in (Backlog(), Abandoned(START)):
        native = Pipeline.native(first)
        with pytest.raises(NativeTransitionNotAllowed):
            native.send("Unblock", payload=Unblock())


def test_native_instance_names() -> None:
    """Whatever python-statemachine sets on an instance is a name that no state or move may have."""
    native = Pipeline.native(Backlog())
    own = {name for name, value in vars(native).items() if not isinstance(value, InstanceState)}
    assert {name for name in own if name not in MACHINE_NAMES and not hasattr(Machine, name)} == set()


def test_native_class_names() -> None:
    """Whatever python-statemachine sets on a machine class is a name that no state or move may have."""
    body = {*Pipeline._structure.edges, *Pipeline._structure.lookups, "active", "done", "archived"}  # pyright: ignore[reportPrivateUsage]
    events = {event.__name__ for event in Pipeline._structure.events}  # pyright: ignore[reportPrivateUsage]
    own = {name for name in vars(Pipeline) if not name.startswith("__")} - body - events
    assert {name for name in own if name not in MACHINE_NAMES and not hasattr(Machine, name)} == set()


def test_configuration_can_be_set_back() -> None:
    """The configuration of a native instance can be read, and set to what it was."""
    native: Any = Pipeline.native(Backlog())
    before = native.configuration
    native.deliver(DepsMet())
    native.configuration = before
    assert native.backlog.is_active
    assert not native.coding.is_active


def test_states_are_numbered_when_a_machine_is_made() -> None:
    """python-statemachine numbers the states of a machine that it makes, and no others: that tells the used ones."""
    assert state(Backlog).document_order == 0
    assert all(native.document_order > 0 for native in Pipeline.states_map.values())


def test_start_value_enters_superstates() -> None:
    """A native instance that starts in a nested leaf is in its superstates too."""
    native = Pipeline.native(Coding())
    assert {active.id for active in native.configuration} == {"active", "coding"}


def test_callbacks_get_what_the_event_came_with() -> None:
    """A condition and the actions after it share the keywords that the event was sent with."""
    seen: list[Any] = []
    native: Any = Pipeline.native(Backlog())
    transition = next(t for t in Pipeline.states_map["backlog"].transitions if t.match("DepsMet"))
    assert not transition.internal
    native.add_listener(
        type("Listener", (), {"on_transition": lambda self, event_data: seen.append(event_data.trigger_data.kwargs)})()
    )
    native.deliver(DepsMet())
    assert seen[0]["payload"] == DepsMet()


def test_listener_on_a_native_instance() -> None:
    """Listeners of python-statemachine attach to a native instance, and are told of its moves."""

    class Listener:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def after_transition(self, event: str, source: State, target: State) -> None:
            self.seen.append(f"{source.id} {event} {target.id}")

        def on_enter_coding(self) -> None:
            self.seen.append("entered coding")

    listener = Listener()
    native = Pipeline.native(Backlog(), listeners=[listener])
    native.deliver(DepsMet())
    native.deliver(Abandon(), START)
    assert listener.seen == ["entered coding", "backlog DepsMet coding", "active Abandon abandoned"]


def test_model_of_a_native_instance() -> None:
    """A native instance keeps its configuration on the caller's model."""
    model = types.SimpleNamespace(state=None)
    Pipeline.native(Coding(), model=model).deliver(Abandon(), START)
    assert set(model.state) == {"archived", "abandoned"}


def test_mermaid_picture() -> None:
    """`format(machine, "mermaid")` is a diagram of the states and moves."""
    picture = format(Pipeline, "mermaid")
    assert "backlog --> coding : DepsMet" in picture
    assert "state active {" in picture or 'state "Active" as active' in picture


def test_native_states_have_types() -> None:
    """The states of a native machine know their payload classes."""
    assert leaf_payload(Pipeline.states_map["blocked"]) is Blocked
    assert leaf_payload(Pipeline.states_map["archived"]) is None
