"""The shortest path to every move and every state of a machine: breadth-first, through `decide`, with real events."""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# States and events of any machine are looked at here.

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Generic

import attrs
from attrs import frozen
from hypothesis.strategies import SearchStrategy
from typing_extensions import TypeVar

from leverframe.errors import InvalidQuery, TransitionNotAllowed
from leverframe.persistence.arguments import check_integer
from leverframe.persistence.signatures import MachineClass
from leverframe.testing.chance import START
from leverframe.testing.move_report import stays_or_goes
from leverframe.testing.noticing import unnoticed
from leverframe.testing.path import Goal, Path, Step, Unreached
from leverframe.testing.samples import Samples, drawn
from leverframe.testing.strategies import states
from leverframe.typed.declare import Edge
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Payload
from leverframe.typed.table import Candidate, decide, possible_targets
from leverframe.wording import show_value

__all__ = ["Paths", "as_paths", "paths"]

S = TypeVar("S", bound=Payload)
M = TypeVar("M", bound=Machine[Any, Any])

BEGINNINGS = 40
"""How many states are drawn to begin in."""

ALWAYS = 4
"""How many events are tried where nothing is left to find, for the states that they lead to."""

LIKELY = 16
"""How many are tried in each state where something is, however many were tried before: what the state itself says."""

KEPT = 40
"""How many states of one leaf are gone on from."""

DRAWN = 60
"""How many events of a class are drawn."""

AS_ONE = 12
"""From here on numbers are all alike."""


@frozen
class Paths(Generic[S]):
    """All that could be reached: `reached`, a path for each goal, and `unreached`, with reasons.

    Goals are the leaves; the moves, out of each leaf, by each event, into each target; and that a guard says no.  To
    iterate it gives the paths.  `elsewhere` has the targets that a move may return by its signature, and returns from
    other leaves only: of a move that says `-> Open | Closed` because it leaves each as it is.

    >>> from leverframe.machines.pipeline import *
    >>> from leverframe.testing import paths
    >>> found = paths(Pipeline)
    >>> print(found)
    Pipeline: 38 paths, to 11 of 11 states and 27 of 27 moves
    """

    machine: Any
    reached: Mapping[Goal, Path[S]]
    unreached: tuple[Unreached, ...]
    elsewhere: tuple[Unreached, ...] = ()

    def to(self, wanted: type[Payload] | Edge[Any, Any, Any]) -> Path[S]:
        """The shortest path to a leaf, to some leaf of a superstate, or to a move.

        Raises `InvalidQuery` where there is none, with the reason.
        """
        found = [path for goal, path in self.reached.items() if leads_to(goal, wanted)]
        if found:
            return min(found, key=lambda path: len(path.steps))
        why = next((each.reason for each in self.unreached if leads_to(each.goal, wanted)), "is none of its goals")
        raise InvalidQuery(self.machine.machine_name, f"no path leads to {named(wanted)}: {why}")

    @property
    def states(self) -> dict[type[Payload], Path[S]]:
        """The path to each leaf that was reached."""
        return {goal.leaf: path for goal, path in self.reached.items() if goal.kind == "state"}

    @property
    def moves(self) -> tuple[Path[S], ...]:
        """The paths to the moves."""
        return tuple(path for goal, path in self.reached.items() if goal.kind == "move")

    @property
    def refusals(self) -> tuple[Path[S], ...]:
        """The paths at the end of which a guard says no."""
        return tuple(path for goal, path in self.reached.items() if goal.kind == "guard")

    def __iter__(self) -> Iterator[Path[S]]:
        return iter(self.reached.values())

    def __len__(self) -> int:
        return len(self.reached)

    def __str__(self) -> str:
        reached, unreached = (
            Counter(goal.kind for goal in self.reached),
            Counter(each.goal.kind for each in self.unreached),
        )
        words: dict[Any, str] = {"state": "states", "move": "moves", "guard": "guards that say no"}
        told = [
            f"{reached[kind]} of {reached[kind] + unreached[kind]} {word}"
            for kind, word in words.items()
            if reached[kind] + unreached[kind]
        ]
        head = f"{self.machine.machine_name}: {len(self)} paths, to {', '.join(told[:-1])} and {told[-1]}"
        more = f"  {len(self.elsewhere)} more targets are returned from other states only"
        return "\n".join([head, *(f"  {each}" for each in self.unreached), *([more] if self.elsewhere else [])])


def leads_to(goal: Goal, wanted: Any) -> bool:
    if isinstance(wanted, Edge):
        return goal.kind == "move" and goal.edge is wanted
    return goal.kind == "state" and issubclass(goal.leaf, wanted)


def named(wanted: Any) -> str:
    return str(wanted.name if isinstance(wanted, Edge) else getattr(wanted, "__name__", show_value(wanted)))


def paths(
    machine: MachineClass[M, S],
    *,
    begin: S | SearchStrategy[S] | Iterable[S] | None = None,
    samples: int = 400,
    seed: int = 0,
    at: datetime = START,
) -> Paths[S]:
    """The shortest path to every move and every state that could be found, by events that are made from their types.

    It begins in the machine's initial state, its fields made from their types, or in `begin`: a state, several, or a
    strategy for them.  Guards and handlers run for real, through `decide`; `samples` is about how many events are tried
    for a move out of a leaf before it is given up.  The same `seed` gives the same paths.  Time begins at `at`
    and goes on with each event: by a second, or to where something in the state may be due.

    Raises `InvalidValue` for a field of a type that nobody knows how to make (see `register`), and `InvalidQuery`.

    >>> from leverframe.machines.pipeline import *
    >>> from leverframe.testing import paths
    >>> for path in paths(Pipeline).moves[:2]:
    ...     print(path.name, "|", path)
    active.backlog-deps_met-active.coding | Backlog() -> DepsMet() -> Coding()
    active.backlog-block-archived.blocked | Backlog() -> Block(reason='a') -> Blocked(archived_at=...
    """
    check_integer("samples", samples, at_least=1)
    check_integer("seed", seed)
    search = Search(machine, samples, seed)
    with unnoticed():
        for state in beginnings(machine, begin, seed):
            search.begin(state, at)
        search.run()
    missed = search.missed()
    elsewhere = tuple(each for each in missed if search.is_elsewhere(each.goal))
    return Paths(machine, search.found(), tuple(each for each in missed if each not in elsewhere), elsewhere)


def as_paths(machine: Any, options: Mapping[str, Any]) -> Paths[Any]:
    """The paths of a machine; or those that were found already."""
    found: Any = machine if isinstance(machine, Paths) else paths(machine, **options)
    return found  # type: ignore[no-any-return]  # both are


def beginnings(machine: Any, begin: Any, seed: int) -> list[Any]:
    """The states to begin in.  Raises `InvalidQuery` for anything else."""
    if begin is None:
        begin = states(machine, machine.initial())
    if isinstance(begin, SearchStrategy):
        return drawn(begin, BEGINNINGS, seed)
    given = [begin] if isinstance(begin, Payload) else list(begin)
    for state in given:
        if type(state) not in machine.leaves():
            raise InvalidQuery(machine.machine_name, f"begin= is {show_value(state)}, which is no state of it")
    return given


@frozen
class Node:
    """A state that was reached, when, and how."""

    state: Any
    at: datetime
    begin: Any
    steps: tuple[Step[Any], ...] = ()


class Search:
    """What is looked for, and what was found so far."""

    def __init__(self, machine: Any, samples: int, seed: int) -> None:
        self.machine = machine
        self.goals = list(goals_of(machine))
        self.paths: dict[Goal, Path[Any]] = {}
        self._samples = Samples(DRAWN, seed)
        self._most = samples
        self._wanted: dict[tuple[type, type], set[Goal]] = {}
        for goal in self.goals:
            if goal.event is not None:
                self._wanted.setdefault((goal.leaf, goal.event), set()).add(goal)
        self._tried: Counter[tuple[type, type]] = Counter()
        self._raised: dict[tuple[type, type], str] = {}
        self._queue: deque[Node] = deque()
        self._shapes: dict[type, set[object]] = {leaf: set() for leaf in machine.leaves()}
        self._started = False
        self._at = START

    # ------------------------------------------------------------ going

    def begin(self, state: Any, at: datetime) -> None:
        """Begin here too."""
        self._at = at
        self._arrive(Node(state, at, state))

    def run(self) -> None:
        """Go on until all is found, or nothing new comes."""
        while self._queue and len(self.paths) < len(self.goals):
            node = self._queue.popleft()
            for kind in self.machine._table.rows[type(node.state)]:
                self._try_all(node, kind)

    def _try_all(self, node: Node, kind: type) -> None:
        cell = (type(node.state), kind)
        wanted = self._wanted[cell]
        for number, (event, at) in enumerate(self._samples.of(kind, node.state, node.at)):
            if number >= (LIKELY if wanted else ALWAYS) and (not wanted or self._tried[cell] >= self._most):
                return
            self._tried[cell] += 1
            self._try(node, event, at)

    def _try(self, node: Node, event: Any, at: datetime) -> None:
        cell = (type(node.state), type(event))
        try:
            decision = decide(self.machine, node.state, event, at)
        except TransitionNotAllowed:
            self._note_guards(node, Step(event, at, node.state, None))
            return
        except Exception as error:
            self._raised.setdefault(cell, f"{type(error).__name__}: {error}")
            return
        step = Step(event, at, decision.state, decision.edge)
        self._note_guards(node, step)
        after = type(decision.state)
        self._reach(Goal(self.machine, "move", cell[0], decision.edge, cell[1], after), node, step)
        self._arrive(Node(decision.state, at, node.begin, (*node.steps, step)))

    def _note_guards(self, node: Node, step: Step[Any]) -> None:
        """The guards that were asked before the move that is taken have said no."""
        leaf, kind = type(node.state), type(step.event)
        for candidate in candidates(self.machine, leaf, kind):
            if candidate.edge is step.edge:
                return
            self._reach(Goal(self.machine, "guard", leaf, candidate.edge, kind), node, step)

    def _reach(self, goal: Goal, node: Node, *more: Step[Any]) -> None:
        if goal not in self.paths:
            self.paths[goal] = Path(goal, node.begin, self._at, (*node.steps, *more))
            if goal.event is not None:
                self._wanted[goal.leaf, goal.event].discard(goal)

    def _arrive(self, node: Node) -> None:
        leaf = type(node.state)
        self._reach(Goal(self.machine, "state", leaf), node)
        shape = shape_of(node.state, node.at)
        known = self._shapes[leaf]
        if shape not in known and len(known) < KEPT:
            known.add(shape)
            self._queue.append(node)

    # ------------------------------------------------------------ telling

    def found(self) -> dict[Goal, Path[Any]]:
        return {goal: self.paths[goal] for goal in self.goals if goal in self.paths}

    def missed(self) -> list[Unreached]:
        return [Unreached(goal, self._reason(goal)) for goal in self.goals if goal not in self.paths]

    def is_elsewhere(self, goal: Goal) -> bool:
        """Whether a move that may stay where it is leads into another target from here, and there from elsewhere."""
        if goal.kind != "move" or not stays_or_goes(self.machine, goal.edge):
            return False
        alike = [each for each in self.paths if (each.kind, each.edge, each.event) == ("move", goal.edge, goal.event)]
        return any(each.leaf is goal.leaf for each in alike) and any(each.target is goal.target for each in alike)

    def _reason(self, goal: Goal) -> str:
        if Goal(self.machine, "state", goal.leaf) not in self.paths:
            return self._reason_of_leaf(goal.leaf)
        assert goal.edge is not None
        assert goal.event is not None
        cell = (goal.leaf, goal.event)
        tried = f"{self._tried[cell]:,} events"
        if goal.target is None:
            return f"{goal.edge.guard_name()} never said no to {tried}"
        raised = self._raised.get(cell)
        if self._was_taken(goal):
            return f"{goal.edge.name} never returned {goal.target.__name__}, of {tried}{said(raised)}"
        if goal.edge.cond is not None and raised is None:
            remedy = "give states to begin in with begin=, or say with register() what events are made of"
            return f"{goal.edge.guard_name()} said no to all of {tried}; {remedy}"
        return f"{goal.edge.name} was not taken by any of {tried}{said(raised)}"

    def _reason_of_leaf(self, leaf: type) -> str:
        begun = {type(path.begin) for path in self.paths.values()}
        path = self.machine.path(leaf)
        if leaf not in reachable(self.machine, begun):
            names = ", ".join(sorted(self.machine.path(each) for each in begun))
            return f"no moves lead from {names} to {path}; begin there too, with begin="
        return f"{path} was not reached"

    def _was_taken(self, goal: Goal) -> bool:
        same = (goal.kind, goal.leaf, goal.edge, goal.event)
        return any((each.kind, each.leaf, each.edge, each.event) == same for each in self.paths)


def said(raised: str | None) -> str:
    return "" if raised is None else f"; it raised {raised}"


# ---------------------------------------------------------------- what there is


def goals_of(machine: Any) -> Iterator[Goal]:
    """All leaves, and what can happen in each."""
    for leaf in machine.leaves():
        yield Goal(machine, "state", leaf)
    for leaf, row in machine._table.rows.items():
        for kind in row:
            yield from dict.fromkeys(goals_of_cell(machine, leaf, kind))


def goals_of_cell(machine: Any, leaf: type, kind: type) -> Iterator[Goal]:
    for candidate in candidates(machine, leaf, kind):
        for target in candidate.targets:
            yield Goal(machine, "move", leaf, candidate.edge, kind, target)
        if candidate.guard is not None:
            yield Goal(machine, "guard", leaf, candidate.edge, kind)


def candidates(machine: Any, leaf: type, kind: type) -> Iterator[Candidate]:
    candidate: Candidate | None = machine._table.rows[leaf][kind]
    while candidate is not None:
        yield candidate
        candidate = candidate.otherwise


def reachable(machine: Any, begun: set[type]) -> set[type]:
    """The leaves that moves lead to, guards not asked."""
    reached, frontier = set(begun), list(begun)
    while frontier:
        for targets in possible_targets(machine, frontier.pop()).values():
            frontier += targets - reached
            reached |= targets
    return reached


# ---------------------------------------------------------------- which states are alike


def shape_of(value: Any, at: datetime) -> object:
    """What is the same of states that behave alike: how many, how far, which one; not what somebody has called it."""
    if value is None or isinstance(value, bool | Enum):
        return value
    if isinstance(value, int):
        return type(value), max(-1, min(int(value), AS_ONE))
    if isinstance(value, datetime):
        return value.utcoffset() is not None and value > at
    if attrs.has(type(value)):
        return type(value), tuple(shape_of(getattr(value, each.name), at) for each in attrs.fields(type(value)))
    if isinstance(value, Mapping):
        return len(value)
    if isinstance(value, tuple | list | set | frozenset):
        items = sorted(repr(shape_of(item, at)) for item in value)
        return len(items), tuple(items[:3])
    return type(value), bool(value)
