"""Machines made at random: a tree of states, and moves and hooks that write down that they ran."""

# Classes made at run time are partly unknown to pyright.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import operator
import random
import types
from functools import reduce
from typing import Any

from attrs import frozen

from leverframe import Event, Machine, Message, Payload, State, entering, leaving, state
from leverframe.typed.declare import Edge, Hook

__all__ = ["CALLS", "Calls", "GuardFailed", "HandlerFailed", "Tree", "make_machine", "make_payload"]

Calls = list[tuple[str, object]]
CALLS: Calls = []
"""Every guard, handler and hook writes down that it ran."""


class GuardFailed(Exception): ...


class HandlerFailed(Exception): ...


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


def announce_creation(self: Any, state: Any) -> list[Message]:
    CALLS.append(("announce_creation", state))
    if number_of(state) % 11 == 0:
        raise HandlerFailed("announce_creation")
    return [Message("created", str(number_of(state)), body={"at": self.now()})]


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
    if rng.random() < 0.5:
        space["announce_creation"] = announce_creation
    generic: Any = Machine
    bases: Any = (generic[union(tree.leaves), union(used)],)
    return types.new_class("Random", bases, {}, lambda body: body.update(space)), tree, used
