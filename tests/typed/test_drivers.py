"""Two drivers of one definition: the compiled table, and python-statemachine's own engine as the reference.

Random machines get random events on both.  Compared after every event: the state and its payload, the edge, the
messages, the order in which guards, handlers and hooks ran, and errors word for word.
"""

# python-statemachine, and classes made at run time, are partly unknown to pyright.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import operator
import random
import types
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial, reduce
from typing import Any

import pytest
from attrs import frozen
from statemachine.exceptions import TransitionNotAllowed as NativeTransitionNotAllowed
from statemachine.state import InstanceState

from leverframe import (
    Event,
    Handle,
    LeverframeError,
    Machine,
    Message,
    Payload,
    State,
    TransitionNotAllowed,
    decide,
    entering,
    leaving,
    state,
)
from leverframe.machines.pipeline import Abandon, Abandoned, Backlog, Blocked, Coding, DepsMet, Pipeline, Unblock
from leverframe.typed.declare import Edge, Hook, leaf_payload
from leverframe.typed.reserved import MACHINE_NAMES
from leverframe.typed.table import accepted_events

MACHINES, AT_ONCE, EVENTS = 320, 20, 40
START = datetime(2030, 1, 1, tzinfo=UTC)
ZONES = [UTC, UTC, timezone(timedelta(hours=2)), None]

Calls = list[tuple[str, object]]
CALLS: Calls = []
"""Every guard, handler and hook writes down that it ran."""


@frozen
class Foreign(Event):
    number: int


class GuardFailed(Exception): ...


class HandlerFailed(Exception): ...


# ---------------------------------------------------------------- random machines


def new_class(name: str, base: type, field: str) -> Any:
    space = {"__annotations__": {field: int}, "__module__": __name__}
    return frozen(types.new_class(name, (base,), {}, lambda body: body.update(space)))


def union(classes: list[Any]) -> Any:
    return reduce(operator.or_, classes)


class Tree:
    """A random tree of states, at most three superstates deep; the first leaf is the initial one."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.leaves: list[Any] = []
        self.inside: dict[Any, list[Any]] = {}
        self.finals: set[Any] = set()
        self.tops: dict[str, Any] = dict(self._node(Payload, 0) for _ in range(rng.randint(2, 4)))

    def _node(self, base: type, depth: int) -> tuple[str, Any]:
        return self._leaf(base, depth) if depth == 3 or self.rng.random() < 0.4 else self._superstate(base, depth)

    def _leaf(self, base: type, depth: int) -> tuple[str, Any]:
        number = len(self.leaves)
        leaf = new_class(f"Leaf{number}", base, "number" if depth == 0 else f"n{depth}")
        if depth:
            leaf = new_class(f"Leaf{number}", base, f"own{number}")
        self.leaves.append(leaf)
        self.inside[leaf] = [leaf]
        final = number > 0 and self.rng.random() < 0.15
        self.finals |= {leaf} if final else set()
        return f"leaf{number}", state(leaf, final=final)

    def _superstate(self, base: type, depth: int) -> tuple[str, Any]:
        number = len(self.inside)
        superstate = new_class(f"Super{number}", base, "number" if depth == 0 else f"s{number}")
        first = len(self.leaves)
        self.inside[superstate] = []
        children = dict(self._node(superstate, depth + 1) for _ in range(self.rng.randint(1, 3)))
        self.inside[superstate] = self.leaves[first:]
        compound: Any = types.new_class(f"super{number}", (State.Compound,), {}, lambda body: body.update(children))
        return f"super{number}", compound

    def sources(self) -> list[Any]:
        """The states that something may leave, superstates twice as often."""
        free = [kind for kind, leaves in self.inside.items() if not self.finals & set(leaves)]
        return [kind for kind in free for _ in range(1 if kind in self.leaves else 2)]


def make_payload(kind: Any, number: int) -> Any:
    """A state: its first field says its number, the others hold it too."""
    return kind(*[number] * len(kind.__attrs_attrs__))


def number_of(payload: Any) -> int:
    return int(getattr(payload, type(payload).__attrs_attrs__[0].name))


@frozen
class Plan:
    """One move as it will be written: the classes of its signature, and whether it has a guard."""

    sources: list[Any]
    events: list[Any]
    targets: set[Any]
    guarded: bool

    def cells(self) -> set[tuple[Any, Any]]:
        return {(source, event) for source in self.sources for event in self.events}


def make_plans(rng: random.Random, tree: Tree, events: list[Any]) -> list[Plan]:
    living = [leaf for leaf in tree.leaves if leaf not in tree.finals]
    following = [*living[1:], living[0]]
    plans = [
        Plan([leaf], [events[i % len(events)]], {after}, rng.random() < 0.5)
        for i, (leaf, after) in enumerate(zip(living, following, strict=True))
    ]
    plans += [Plan([living[-1]], [events[-1]], set(tree.finals), True)] if tree.finals else []
    pool = tree.sources()
    for _ in range(rng.randint(4, 14)):
        sources = list(dict.fromkeys(rng.sample(pool, min(len(pool), rng.choice([1, 1, 1, 2])))))
        targets = set(rng.choices(tree.leaves, k=rng.choice([1, 1, 2, 3])))
        plans.append(Plan(sources, rng.sample(events, rng.choice([1, 1, 1, 2])), targets, rng.random() < 0.5))
    widen_overridden(plans)
    rng.shuffle(plans)
    return plans


def widen_overridden(plans: list[Plan]) -> None:
    """A superstate's move has to name whatever the moves that override it return."""
    before: list[int] = []
    while before != [len(plan.targets) for plan in plans]:
        before = [len(plan.targets) for plan in plans]
        for inner in plans:
            for outer in plans:
                if any(e is f and s is not t and issubclass(s, t) for s, e in inner.cells() for t, f in outer.cells()):
                    outer.targets.update(inner.targets)


def make_edge(rng: random.Random, name: str, plan: Plan, guarded: bool, tree: Tree) -> Edge[Any, Any, Any]:
    targets = sorted(plan.targets, key=tree.leaves.index)
    salt, wrong = rng.randrange(100), rng.choice(tree.leaves) if rng.random() < 0.1 else None

    def make(s: Any, e: Any, more: int) -> Any:
        CALLS.append((name, s))
        if (number_of(s) + e.number + salt) % 23 == 0:
            raise HandlerFailed(name)
        number = (number_of(s) * 3 + e.number + salt + more) % 60
        return make_payload(wrong if wrong and number % 5 == 0 else targets[number % len(targets)], number)

    def timed(self: Any, s: Any, e: Any) -> Any:
        return make(s, e, self.now().second)

    def untimed(self: Any, s: Any, e: Any) -> Any:
        return make(s, e, 0)

    def guard(self: Any, s: Any, e: Any) -> bool:
        CALLS.append((f"guard of {name}", s))
        if (number_of(s) + e.number + salt) % 29 == 0:
            raise GuardFailed(name)
        return bool((number_of(s) + e.number + salt) % 2)

    handler = timed if rng.random() < 0.3 else untimed
    handler.__name__, guard.__name__ = name, f"guard_of_{name}"
    handler.__annotations__ = {"s": union(plan.sources), "e": union(plan.events), "return": union(targets)}
    return Edge(handler, guard if guarded else None)


def make_hook(rng: random.Random, name: str, kind: Any) -> Hook[Any]:
    fails, timed = rng.random() < 0.1, rng.random() < 0.3

    def run(self: Any, s: Any) -> list[Message]:
        CALLS.append((name, s))
        if fails and number_of(s) % 7 == 0:
            raise HandlerFailed(name)
        return [Message(name, str(number_of(s)), body={"at": self.now() if timed else None})]

    run.__name__, run.__annotations__ = name, {"s": kind, "return": list}
    return rng.choice([entering, leaving])(run)


def announce(self: Any, before: Any, event: Any, after: Any) -> list[Message]:
    CALLS.append(("announce", (before, after)))
    return [Message("announced", type(event).__name__, body={"before": before, "after": after, "at": self.now()})]


def make_machine(rng: random.Random) -> tuple[Any, Tree, list[Any]]:
    tree = Tree(rng)
    events = [new_class(f"Event{i}", Event, "number") for i in range(rng.randint(3, 6))]
    plans = make_plans(rng, tree, events)
    used = [event for event in events if any(event in plan.events for plan in plans)]
    space: dict[str, Any] = {"__module__": __name__, **tree.tops}
    taken: set[tuple[Any, Any]] = set()
    for i, plan in enumerate(plans):
        guarded = plan.guarded or bool(plan.cells() & taken)
        taken |= set() if guarded else plan.cells()
        space[f"edge{i}"] = make_edge(rng, f"edge{i}", plan, guarded, tree)
    for i in range(rng.randint(0, 8)):
        space[f"hook{i}"] = make_hook(rng, f"hook{i}", rng.choice([*tree.inside]))
    if rng.random() < 0.5:
        space["announce"] = announce
    generic: Any = Machine
    bases: Any = (generic[union(tree.leaves), union(used)],)
    return types.new_class("Random", bases, {}, lambda body: body.update(space)), tree, used


# ---------------------------------------------------------------- comparing


@frozen
class Outcome:
    """What one driver made of one event."""

    kind: str
    result: tuple[object, ...]
    calls: Calls


def outcome(run: Callable[[], tuple[object, ...]]) -> Outcome:
    CALLS.clear()
    try:
        return Outcome("moved", run(), CALLS[:])
    except TransitionNotAllowed as refusal:
        return Outcome("refused", (str(refusal),), CALLS[:])
    except (GuardFailed, HandlerFailed, LeverframeError) as error:
        return Outcome("failed", (type(error), str(error)), CALLS[:])


def by_table(machine: Any, before: Any, event: Any, now: datetime) -> Outcome:
    def run() -> tuple[object, ...]:
        decision = decide(machine, before, event, now)
        return decision.state, decision.edge, decision.messages

    return outcome(run)


def by_engine(native: Any, event: Any, now: datetime) -> Outcome:
    def run() -> tuple[object, ...]:
        decision = native.deliver(event, now)
        return decision.state, decision.edge, decision.messages

    return outcome(run)


def standing(native: Any) -> tuple[object, ...]:
    leaf = [kind for active in native.configuration if (kind := leaf_of(native, active)) is not None]
    return native.payload, native.messages, leaf


def leaf_of(native: Any, active: Any) -> type | None:
    return leaf_payload(type(native).states_map[active.value])


def start_both(machine: Any, tree: Tree, rng: random.Random) -> tuple[Handle[Any, Any], Any]:
    """Start on both drivers; where a hook says no, try the next number."""
    kind, now = rng.choice(tree.leaves), START + timedelta(seconds=rng.randrange(60))
    for number in range(60):
        first = make_payload(kind, number)
        table, engine = (outcome(partial(start_one, start, first, now)) for start in (machine.start, machine.native))
        assert table == engine
        if table.kind == "moved":
            return machine.start(first, now), machine.native(first, now)
    raise AssertionError("every start fails")


def start_one(start: Callable[[Any, datetime], Any], first: Any, now: datetime) -> tuple[object, ...]:
    return (start(first, now).messages,)


def compare(seed: int, count: Counter[str]) -> None:
    rng = random.Random(seed)
    machine, tree, events = make_machine(rng)
    handle, native = start_both(machine, tree, rng)
    for step in range(EVENTS):
        kind = Foreign if rng.random() < 0.02 else rng.choice(events)
        event, now = kind(rng.randrange(60)), START.replace(tzinfo=rng.choice(ZONES)) + timedelta(seconds=step)
        before = standing(native)
        table, engine = by_table(machine, handle.state, event, now), by_engine(native, event, now)
        where = f"seed {seed}, step {step}, {event!r} in {handle.state!r}"
        assert table == engine, where
        after = table.result if table.kind == "moved" else (before[0], None, before[1])
        assert standing(native) == (after[0], after[2], [type(after[0])]), where
        check_handle(handle, event, now, table, where)
        note(count, machine, handle.state, table)
        if table.kind == "moved":
            handle = handle.send(event, now)
            assert (handle.state, handle.messages) == (table.result[0], table.result[2]), where


def check_handle(handle: Handle[Any, Any], event: Any, now: datetime, expected: Outcome, where: str) -> None:
    """`can` and `accepts` say what the drivers did."""
    could = outcome(lambda: (handle.can(event, now),))
    guard_failed = could.kind == "failed" and could.result == expected.result
    assert guard_failed or could.result == (expected.kind != "refused",), where
    assert handle.can(type(event)) == (type(event) in handle.accepts()), where
    assert handle.can(type(event)) or expected.kind == "refused", where


def note(count: Counter[str], machine: Any, before: Any, seen: Outcome) -> None:
    count[seen.kind] += 1
    if seen.kind == "failed":
        count[str(seen.result[0])] += 1
    if seen.kind != "moved":
        return
    after, edge, messages = seen.result
    assert isinstance(edge, Edge)
    guards = sum(name.startswith("guard") for name, _ in seen.calls)
    count["in place"] += type(after) is type(before)
    count["by a superstate"] += type(before) not in edge.sources
    count["inside a superstate"] += any(issubclass(type(after), s) for s in edge.sources) and after != before
    count["a choice"] += len(edge.targets) > 1
    count["messages"] += bool(messages)
    count["fell through"] += guards > 1
    count["into a nested final leaf"] += "." in machine.path(type(after)) and not accepted_events(machine, after)


@pytest.mark.parametrize("first", range(0, MACHINES, AT_ONCE))
def test_same_outcome_on_both_drivers(first: int) -> None:
    """Whatever one driver makes of an event, the other makes of it too, word for word and call for call."""
    for seed in range(first, first + AT_ONCE):
        compare(seed, Counter())


def test_random_machines_go_everywhere() -> None:
    """The random machines do every kind of thing that is compared, and not by chance: the seeds are fixed."""
    count: Counter[str] = Counter()
    for seed in range(40):
        compare(seed, count)
    kinds = ["moved", "refused", "failed", "in place", "by a superstate", "inside a superstate", "a choice", "messages"]
    kinds += ["fell through", "into a nested final leaf"]
    kinds += [str(kind) for kind in (GuardFailed, HandlerFailed)]
    assert {kind: count[kind] for kind in kinds if count[kind] < 5} == {}, count


# ---------------------------------------------------------------- what is relied on in python-statemachine


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
