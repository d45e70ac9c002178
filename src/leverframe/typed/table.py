"""The driver: a machine's structure as a table, and `decide`, the pure function that runs one event on it.

    table.rows[leaf class][event class]  ->  the first candidate; the others follow in `otherwise`,
                                             the leaf's own before its superstates', in order of declaration

This is where a move is decided.  Nothing here knows python-statemachine, a clock or a store.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn

from attrs import evolve, frozen
from typing_extensions import TypeVar

from leverframe.errors import InvalidField, InvalidTime
from leverframe.typed.message import Message
from leverframe.typed.refusing import raise_refusal, raise_unknown_state, raise_wrong_target

__all__ = [
    "Candidate",
    "Chart",
    "Decision",
    "MoveHooks",
    "Table",
    "accepted_events",
    "can_take",
    "compile_table",
    "decide",
    "enter",
    "make_context",
    "possible_targets",
    "to_utc",
]

S = TypeVar("S")
T = TypeVar("T")
E = TypeVar("E")
Function = Callable[..., Any]


@frozen
class MoveHooks:
    """What one move runs besides its handler: exits from inner to outer, entries from outer to inner."""

    exits: tuple[Function, ...] = ()
    announce: Function | None = None
    entries: tuple[Function, ...] = ()

    def functions(self) -> list[Function]:
        return [*self.exits, *((self.announce,) if self.announce else ()), *self.entries]


@frozen(eq=False)
class Candidate:
    """One handler that may take an event in one leaf.

    `targets` maps each class that it may return to the hooks of that move, None where there are none.  `context`
    says whether any function of this cell of the table looks at `self`.
    """

    edge: Any
    guard: Function | None
    build: Function
    targets: Mapping[type, MoveHooks | None]
    context: bool = True
    otherwise: Candidate | None = None

    def functions(self) -> list[Function]:
        hooks = [f for hooks in self.targets.values() if hooks is not None for f in hooks.functions()]
        return [self.build, *((self.guard,) if self.guard else ()), *hooks]


@frozen(eq=False)
class Table:
    """A compiled machine.  `paths` spells each leaf (`active.merge`); `entries` is run where an instance starts."""

    machine: str
    paths: Mapping[type, str]
    rows: Mapping[type, Mapping[type, Candidate]]
    entries: Mapping[type, tuple[Function, ...]]
    context: type[Any]
    idle: Any


class Chart(Generic[S, E]):
    """What a handler, a guard or a hook may use of `self`."""

    _table: ClassVar[Table]
    _now: datetime | None

    def now(self) -> datetime:
        """The time of this decision, in UTC; asking twice gives the same answer.

        Raises `InvalidTime` if the decision was given a time without a zone.

        >>> from datetime import UTC, datetime
        >>> from leverframe import decide
        >>> from leverframe.machines.pipeline import *
        >>> decide(Pipeline, Backlog(), Abandon(), datetime(2026, 1, 2, tzinfo=UTC)).state.archived_at.year
        2026
        """
        now = self._now
        if now is None:
            now = self._now = datetime.now(UTC)
        elif now.tzinfo is not UTC:
            now = self._now = to_utc(now)
        return now

    def announce(self, before: S, event: E, after: S) -> Iterable[Message]:  # noqa: ARG002
        """What every move tells, updates in place included; override it.  Runs between exits and entries."""
        return ()

    def announce_creation(self, state: S) -> Iterable[Message]:  # noqa: ARG002
        """What is told when an instance begins, and never again, in whichever state; override it.  Runs before entries.

        >>> from datetime import UTC, datetime
        >>> from leverframe.machines.worker import *
        >>> now = datetime(2026, 1, 2, tzinfo=UTC)
        >>> of = {"task_id": TaskId("task-7"), "branch": BranchName("fix"), "worktree": Worktree("/trees/fix")}
        >>> assigned = Assigned(**of, created_at=now, state_changed_at=now)
        >>> [message.kind for message in Worker.start(assigned).messages]
        ['task_assign']
        """
        return ()


class Decision(Generic[S]):
    """What an event makes of a state: `state`, the next one; `edge`, the move taken; `messages` to be sent.

    >>> from leverframe import decide
    >>> from leverframe.machines.pipeline import *
    >>> decide(Pipeline, Backlog(), DepsMet(), None)
    Decision(state=Coding(), edge=<edge Pipeline.deps_met>, messages=())
    """

    if TYPE_CHECKING:  # To a type checker they cannot be set; forbidding it at run time would slow every decision.

        @property
        def state(self) -> S: ...
        @property
        def edge(self) -> Any: ...
        @property
        def messages(self) -> tuple[Message, ...]: ...

    else:
        __slots__ = ("edge", "messages", "state")

    @staticmethod
    def of(state: T, edge: Any, messages: tuple[Message, ...]) -> Decision[T]:
        """A decision with these fields."""
        # Field by field: half the price of an `__init__`.
        made: Any = _new()
        made.state = state
        made.edge = edge
        made.messages = messages
        return made  # type: ignore[no-any-return]  # it is the Decision made above

    def __repr__(self) -> str:
        return f"Decision(state={self.state!r}, edge={self.edge!r}, messages={self.messages!r})"


_new: Any = Decision


# ---------------------------------------------------------------- running


def decide(machine: type[Chart[S, E]], state: S, event: E, now: datetime | None, _make: Any = Decision) -> Decision[S]:
    """What `event` makes of `state`: pure, the same input gives the same output, and nothing else happens.

    `now` is the time of the decision, with a zone; with None the first handler that asks for it reads the clock.
    Raises `TransitionNotAllowed`, `UnknownState`, `WrongTarget`, and whatever a handler raises.

    >>> from leverframe import decide
    >>> from leverframe.machines.pipeline import *
    >>> decide(Pipeline, Coding(), GatesStarted(), None).state
    Qa()
    """
    table = machine._table  # pyright: ignore[reportPrivateUsage]  # Chart's own, two lines above
    candidate: Candidate | None
    try:
        candidate = table.rows[type(state)][type(event)]
    except KeyError:
        raise_refusal(table, state, event)
    if candidate.context:
        self = table.context()
        self._now = now
    else:
        self = table.idle
    while candidate is not None:
        if candidate.guard is None or candidate.guard(self, state, event):
            after = candidate.build(self, state, event)
            try:
                hooks = candidate.targets[type(after)]
            except KeyError:
                raise_wrong_target(table.machine, candidate.edge, after)
            # As in `Decision.of`, without the call.  A handle is made in its place, where it would only be unpacked.
            made: Any = _make()
            made.state = after
            made.edge = candidate.edge
            made.messages = () if hooks is None else _run_hooks(hooks, self, state, event, after)
            return made  # type: ignore[no-any-return]  # it is the Decision made above
        candidate = candidate.otherwise
    return raise_refusal(table, state, event)


def enter(machine: type[Chart[S, Any]], state: S, now: datetime | None) -> tuple[Message, ...]:
    """The messages of entering `state` as an instance's first one.  Raises `UnknownState`."""
    table = machine._table  # pyright: ignore[reportPrivateUsage]  # Chart's own
    entries = table.entries.get(state.__class__)
    if entries is None:
        raise_unknown_state(table, state.__class__)
    if not entries:
        return ()
    self = make_context(table, now)
    return tuple(message for hook in entries for message in hook(self, state))


def can_take(machine: type[Chart[S, E]], state: S, event: E, now: datetime | None) -> bool:
    """Whether some handler would take `event`.  Asks the guards, builds nothing."""
    table = machine._table  # pyright: ignore[reportPrivateUsage]  # Chart's own
    candidate = table.rows.get(state.__class__, {}).get(event.__class__)
    self = make_context(table, now)
    while candidate is not None and candidate.guard is not None and not candidate.guard(self, state, event):
        candidate = candidate.otherwise
    return candidate is not None


def make_context(table: Table, now: datetime | None) -> Any:
    """The `self` of the handlers, guards and hooks of one event."""
    context = table.context()
    context._now = now
    return context


def accepted_events(machine: type[Chart[Any, Any]], state: object) -> tuple[type, ...]:
    """The event classes that some handler takes in this state, guards not asked, in order of declaration."""
    return tuple(machine._table.rows.get(state.__class__, ()))  # pyright: ignore[reportPrivateUsage]  # Chart's own


def possible_targets(machine: type[Chart[Any, Any]], leaf: type) -> dict[type, frozenset[type]]:
    """Where each event may lead from a leaf, guards not asked."""
    found: dict[type, frozenset[type]] = {}
    for kind, first in machine._table.rows.get(leaf, {}).items():  # pyright: ignore[reportPrivateUsage]  # Chart's own
        candidate: Candidate | None = first
        while candidate is not None:
            found[kind] = found.get(kind, frozenset()) | frozenset(candidate.targets)
            candidate = candidate.otherwise
    return found


def _run_hooks(hooks: MoveHooks, self: object, before: object, event: object, after: object) -> tuple[Message, ...]:
    messages: list[Message] = []
    for hook in hooks.exits:
        messages += hook(self, before)
    if hooks.announce is not None:
        messages += hooks.announce(self, before, event, after)
    for hook in hooks.entries:
        messages += hook(self, after)
    if not all(isinstance(message, Message) for message in messages):  # pyright: ignore[reportUnnecessaryIsInstance]  # handlers without a type checker
        _refuse_messages(self, messages)
    return tuple(messages)


def _refuse_messages(self: object, messages: list[Any]) -> NoReturn:
    wrong = next(message for message in messages if not isinstance(message, Message))
    raise InvalidField(type(self).__name__, "a hook's messages", "Message", wrong)


def to_utc(now: datetime) -> datetime:
    if now.utcoffset() is None:
        raise InvalidTime(now, "has no zone; give an aware one, such as datetime.now(UTC)")
    try:
        return now.astimezone(UTC)
    except OverflowError:
        raise InvalidTime(now, "is out of range in UTC; give one between the years 1 and 9999") from None


# ---------------------------------------------------------------- compiling


def compile_table(
    machine: type[Chart[Any, Any]],
    paths: Mapping[type, str],
    rows: Mapping[type, Mapping[type, tuple[Candidate, ...]]],
    entries: Mapping[type, tuple[Function, ...]],
) -> Table:
    """Cut what an unguarded candidate shadows, link the rest, note which cells look at `self`."""
    linked = {leaf: {event: _link(candidates) for event, candidates in row.items()} for leaf, row in rows.items()}
    context = _context_class(machine)
    return Table(machine.__name__, dict(paths), linked, dict(entries), context, context())


def _link(candidates: tuple[Candidate, ...]) -> Candidate:
    unguarded = next((i for i, c in enumerate(candidates) if c.guard is None), len(candidates) - 1)
    kept = candidates[: unguarded + 1]
    context = any(_looks_at_self(function) for c in kept for function in c.functions())
    first: Candidate | None = None
    for candidate in reversed(kept):
        first = evolve(candidate, context=context, otherwise=first)
    assert first is not None
    return first


def _context_class(machine: type) -> type[Any]:
    """A subclass with the machine's methods and without its engine."""
    space: dict[str, Any] = {
        "__slots__": ("_now",),
        "__init__": object.__init__,
        "__setattr__": object.__setattr__,
        "__module__": machine.__module__,
        **{name: _not_for_handlers(name) for name in _ENGINE_NAMES},
    }
    # `type.__new__` alone: the metaclass would register a second machine.
    return type.__new__(type(machine), machine.__name__, (machine,), space)


_ENGINE_NAMES = ("configuration", "current_state_value", "deliver", "messages", "payload", "raise_", "send")


def _not_for_handlers(name: str) -> property:
    def refuse(self: object) -> NoReturn:
        problem = f"a handler, guard or hook has no self.{name}; it gets state and event, and returns what comes next"
        raise AttributeError(f"{type(self).__name__}: {problem}")

    return property(refuse)


_SEES_EVERYTHING = frozenset({"super", "locals", "vars", "eval", "exec"})


def _looks_at_self(function: Function) -> bool:
    """From its bytecode; wrong only towards True: a callable without code or parameters counts as looking."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_argcount == 0 or _SEES_EVERYTHING & set(code.co_names):
        return True
    first = code.co_varnames[0]
    return any(_names(instruction.argval, first) for instruction in dis.get_instructions(code))


def _names(argument: object, name: str) -> bool:
    # From Python 3.12 on one instruction may load two variables.
    return name in argument if isinstance(argument, tuple) else name == argument
