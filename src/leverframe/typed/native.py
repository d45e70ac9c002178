"""The adapter to python-statemachine: the only place that touches its private parts.

The same moves are put on the genuine class, so that its engine, listeners and diagrams work on it.  A guard and a
choice of targets become conditions; the payload is built before any state is left.
"""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false
# Private parts are touched here and nowhere else; python-statemachine leaves parameters of State, TransitionList and
# SpecListGrouper without annotations.

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from statemachine import State
from statemachine.event import Event as NativeEvent
from statemachine.exceptions import TransitionNotAllowed as NativeTransitionNotAllowed
from statemachine.states import States
from statemachine.transition import Transition
from statemachine.transition_list import TransitionList

from leverframe.typed.declare import Edge, Hook, leaf_payload
from leverframe.typed.refusing import raise_wrong_target
from leverframe.typed.structure import Node, Structure

__all__ = [
    "NativeTransitionNotAllowed",
    "add_native_hooks",
    "add_native_moves",
    "callback_names",
    "foreign_members",
    "foreign_parts",
    "leaf_value",
]


# ---------------------------------------------------------------- what a class body must not hold


def foreign_members(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Members of a class body that only python-statemachine's engine would run: name and what to write instead."""
    for name, member in body.items():
        if isinstance(member, NativeEvent):
            kind = "a delayed send is" if member.delay else "an Event of python-statemachine is"
            yield name, f"{kind} not supported; write an @on method, and send its event when it is due"
        elif isinstance(member, States | Transition | TransitionList):
            yield name, "states and moves carry their types here; write state(Payload) and @on methods"
        elif getattr(member, "attr_name", None):
            yield name, "is a callback of python-statemachine's own engine; write an @on, @entering or @leaving method"


def foreign_parts(native: State) -> Iterator[str]:
    """What is declared on a state that only python-statemachine's engine would run, and what to write instead."""
    if native.parallel:
        instead = "write one leaf class for each combination, or two machines under one key"
        yield f"parallel regions are not supported; {instead}"
    if native.history or native.is_history:
        yield "history states are not supported; keep what to come back to in a payload field"
    if list(native.invoke):
        yield "invoke is not supported; return a message from an @entering hook and let a worker do it"
    if list(native.enter) or list(native.exit):
        yield "enter= and exit= are not supported; write @entering and @leaving methods"
    for transition in native.transitions:
        if not transition.initial:
            yield _foreign_transition(transition)
    for name in native._callbacks or ():
        yield f"{name} stands inside the compound; write methods in the machine's own body"


def _foreign_transition(transition: Transition) -> str:
    if any(event.delay for event in transition.events):
        return "a delayed send is not supported; write an @on method, and send its event when it is due"
    if transition.is_eventless:
        return "a move without an event is not supported; write an @on method for the event that makes it due"
    return "a move written with .to() has no types; write an @on method (self, s: Source, e: Event) -> Target"


def callback_names(structure: Structure) -> set[str]:
    """Method names that python-statemachine's engine would call by convention."""
    generic = {"prepare_event", "before_transition", "on_transition", "after_transition"}
    states = ["state", *(node.name for node in structure.nodes())]
    of_states = {f"on_{kind}_{state}" for kind in ("enter", "exit", "invoke") for state in states}
    of_events = {f"{kind}_{event.__name__}" for kind in ("before", "on", "after") for event in structure.events}
    return generic | {"listeners", "listeners_inherit"} | of_states | of_events


# ---------------------------------------------------------------- moves


def leaf_value(machine: Any, payload: type) -> Any:
    """What python-statemachine calls the leaf state of this payload class."""
    return next(state.value for state in machine.states_map.values() if leaf_payload(state) is payload)


def add_native_moves(structure: Structure) -> None:
    """Put every move on the states' own transitions, in order of declaration."""
    for edge in structure.edges.values():
        for source in edge.sources:
            for event in edge.events:
                for target in edge.targets:
                    _add_move(edge, structure.node(source), event, structure.leaves[target])


def _add_move(edge: Edge[Any, Any, Any], source: Node, event: type, target: Node) -> None:
    if target is source:
        _add_transition(edge, source, event, target, stay=True, cond=_condition(edge, source, target, None))
    elif target.inside(source):
        # A superstate's move to a leaf of its own: in place for the leaf one is in already.
        _add_transition(edge, source, event, target, stay=True, cond=_condition(edge, source, target, True))
        _add_transition(edge, source, event, target, stay=False, cond=_condition(edge, source, target, False))
    else:
        _add_transition(edge, source, event, target, stay=False, cond=_condition(edge, source, target, None))


def _add_transition(
    edge: Edge[Any, Any, Any], source: Node, event: type, target: Node, *, stay: bool, cond: Callable[..., bool] | None
) -> None:
    transition = Transition(
        source.native,
        None if stay else target.native,
        event=NativeEvent(id=event.__name__, name=event.__name__),
        cond=cond,
        internal=not stay and target.inside(source),
        before=_builder(edge),
        on=_committer(edge),
    )
    source.native.transitions.add_transitions(transition)


def _condition(
    edge: Edge[Any, Any, Any], source: Node, target: Node, already_there: bool | None
) -> Callable[..., bool] | None:
    """Whether this transition is the one: the guard's answer, asked once an event; and the class that is returned."""
    choice = len(edge.targets) > 1
    if edge.cond is None and not choice and already_there is None:
        return None

    def condition(machine: Any, event_data: Any) -> bool:
        if already_there is not None and (type(machine.payload) is target.payload) is not already_there:
            return False
        memory = event_data.trigger_data.kwargs
        passed = _guard_once(machine, edge, source, memory)
        return passed and (not choice or type(_build_once(machine, edge, memory)) is target.payload)

    condition.__name__ = _condition_name(edge, target, choice, already_there)
    return condition


def _condition_name(edge: Edge[Any, Any, Any], target: Node, choice: bool, already_there: bool | None) -> str:
    """What diagrams show."""
    parts = [edge.guard_name(), f"-> {target.payload.__name__}" if choice else ""]
    parts += [] if already_there is None else ["in place" if already_there else "elsewhere"]
    return " and ".join(part for part in parts if part)


def _builder(edge: Edge[Any, Any, Any]) -> Callable[..., None]:
    def build(machine: Any, event_data: Any) -> None:
        _build_once(machine, edge, event_data.trigger_data.kwargs)

    build.__name__ = f"build_{edge.name}"
    return build


def _committer(edge: Edge[Any, Any, Any]) -> Callable[..., None]:
    def commit(machine: Any, event_data: Any) -> None:
        memory = event_data.trigger_data.kwargs
        machine._commit_move(edge, memory["payload"], _build_once(machine, edge, memory))

    commit.__name__ = edge.name
    return commit


def _guard_once(machine: Any, edge: Edge[Any, Any, Any], source: Node, memory: dict[str, Any]) -> bool:
    """The guard's answer, asked once an event and source: each target has a transition of its own."""
    passed = memory.setdefault("_passed", {})
    if (edge, source) not in passed:
        passed[edge, source] = edge.cond is None or edge.cond(machine._context, machine.payload, memory["payload"])
    return bool(passed[edge, source])


def _build_once(machine: Any, edge: Edge[Any, Any, Any], memory: dict[str, Any]) -> Any:
    """The next payload, built once an event and checked against the signature."""
    built = memory.setdefault("_built", {})
    if edge not in built:
        after = edge.function(machine._context, machine.payload, memory["payload"])
        if type(after) not in edge.targets:
            raise_wrong_target(type(machine).__name__, edge, after)
        built[edge] = after
    return built[edge]


# ---------------------------------------------------------------- hooks


def add_native_hooks(structure: Structure) -> None:
    """Let the states' own enter and exit actions run the hooks."""
    for hook, node in structure.hooks:
        actions = node.native.enter if hook.kind == "enter" else node.native.exit
        actions.add(_runner(hook))


def _runner(hook: Hook[Any]) -> Callable[..., None]:
    def run(machine: Any) -> None:
        machine._collect_messages(hook.function(machine._context, machine.payload))

    run.__name__ = hook.name
    return run
