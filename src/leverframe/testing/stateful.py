"""A machine driven by hypothesis: any events in any order, and what must hold behind each of them."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, get_args
from uuid import uuid4

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.strategies import SearchStrategy
from typing_extensions import TypeVar

from leverframe.errors import MachineDefinitionError, TransitionNotAllowed
from leverframe.testing.chance import START
from leverframe.testing.noticing import unnoticed
from leverframe.testing.strategies import events, states
from leverframe.testing.values import made, values_in
from leverframe.testing.walking import Walk
from leverframe.typed.declare import Edge
from leverframe.typed.machine import Machine
from leverframe.typed.message import Message
from leverframe.typed.table import Decision, accepted_events, decide, enter

if TYPE_CHECKING:
    from leverframe.coordination.store import Store

__all__ = ["MachineRules"]

M = TypeVar("M", bound=Machine[Any, Any])

STEPS = 20
"""How many rules an example runs at most: a hundred examples then take a second or two."""

SPANS = st.sampled_from([timedelta(seconds=1), timedelta(hours=1), timedelta(days=1), timedelta(days=400)])


def drawn_from(make: Callable[[Any], SearchStrategy[Any]]) -> SearchStrategy[Any]:
    """What a strategy draws that is made of how the rules stand."""
    return st.runner().flatmap(make)


class MachineRules(RuleBasedStateMachine, Generic[M]):
    """Subclass it for a machine, and pytest runs it: instances begin, events are sent, time passes.

    Write what must hold behind each step as a method with hypothesis's `@invariant()`, and more that can be done as
    one with `@rule(...)`.  These have `self.state`, the present state; `self.before`, `self.edge` and `self.messages`,
    of the last move; and `self.now`.  Events are mostly those that some handler takes; those that none takes have to
    be refused.

    An example has 20 steps; `TestOrders.TestCase.settings` says so, and takes other `hypothesis.settings`.

    Override `beginning` for where instances begin, and `events` for what is sent.  With `url`, a store is behind it:
    each example goes on in a tenant of its own there, and behind each step the store has to hold what `decide` said.

    >>> from hypothesis.stateful import invariant
    >>> from leverframe.machines.pipeline import *
    >>> from leverframe.testing import MachineRules
    >>> class TestStories(MachineRules[Pipeline]):
    ...     @invariant()
    ...     def a_merge_has_commits(self):
    ...         assert not isinstance(self.state, Merge) or self.state.commits_ahead >= 1
    >>> TestStories.TestCase().runTest()
    """

    machine: ClassVar[Any] = None
    url: ClassVar[str | None] = None
    """A store's URL, such as "sqlite://"; None: `decide` alone."""
    _opened: ClassVar[Store | None] = None

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for base in vars(cls).get("__orig_bases__", ()):
            named: list[Any] = [kind for kind in get_args(base) if isinstance(kind, type) and issubclass(kind, Machine)]
            if named:
                cls.machine = named[0]
        cls._opened = None
        case: Any = cls.TestCase
        case.settings = usual_settings()
        case.tearDown = cls._tear_down

    def __init__(self) -> None:
        super().__init__()
        if self.machine is None:
            problem = "names no machine; write class TestOrders(MachineRules[Order])"
            raise MachineDefinitionError(type(self).__name__, "", problem)
        self.now: datetime = START
        self.state: Any = None
        self.before: Any = None
        self.edge: Edge[Any, Any, Any] | None = None
        self.messages: tuple[Message, ...] = ()
        self._walk: Walk | None = None

    # ------------------------------------------------------------ for users

    def beginning(self) -> SearchStrategy[Any]:
        """The states that an instance may begin in: the initial one, unless you say otherwise."""
        return states(self.machine, self.machine.initial())

    def events(self) -> SearchStrategy[Any]:
        """The events that may be sent now; some handler takes each of them, unless its guard says no."""
        return events(self.machine, self.state)

    # ------------------------------------------------------------ rules

    @initialize(state=drawn_from(lambda rules: rules.beginning()))
    def begin(self, state: Any) -> None:
        """An instance begins."""
        self.state, self.before, self.edge = state, None, None
        self.messages = enter(self.machine, state, self.now)
        if self.url is not None:
            store = self._open_store(self.url).scoped(f"rules-{uuid4()}")
            self._walk = Walk(store, self.machine, "instance", "of rules")
            self._walk.create(state, self.now)

    @precondition(lambda self: self.accepts())
    @rule(event=drawn_from(lambda rules: rules.events()))
    def send(self, event: Any) -> None:
        """An event that some handler takes, unless its guard says no."""
        self._go_on(event)

    @precondition(lambda self: self.refuses())
    @rule(event=drawn_from(lambda rules: st.one_of([made(kind) for kind in rules.refuses()])))
    def send_unasked(self, event: Any) -> None:
        """An event that no handler takes here."""
        if self._go_on(event) is not None:
            raise AssertionError(f"{self.machine.machine_name} takes {event!r}, which no handler of this state takes")

    @rule(span=drawn_from(lambda rules: st.one_of(SPANS, rules.until())))
    def wait(self, span: timedelta) -> None:
        """Time passes: a while, or until something in the state is due."""
        self.now += span

    @precondition(lambda self: not self.accepts())
    @rule(state=drawn_from(lambda rules: rules.beginning()))
    def begin_anew(self, state: Any) -> None:
        """Nothing leaves a final state: another instance begins."""
        self.begin(state)

    # ------------------------------------------------------------ parts

    def accepts(self) -> tuple[type, ...]:
        """The event classes that some handler takes now."""
        return accepted_events(self.machine, self.state)

    def refuses(self) -> list[type]:
        """The event classes that none does."""
        accepted = self.accepts()
        return [kind for kind in self.machine._structure.events if kind not in accepted]

    def until(self) -> SearchStrategy[timedelta]:
        """How long it is to the times that the state names, as far as they lie ahead."""
        said = [time for time in values_in(self.state).get(datetime, []) if time.utcoffset() is not None]
        return st.sampled_from([time - self.now for time in said if time > self.now] or [timedelta(seconds=1)])

    def _go_on(self, event: Any) -> Decision[Any] | None:
        try:
            decision = decide(self.machine, self.state, event, self.now)
        except TransitionNotAllowed:
            decision = None
        if self._walk is not None:
            with unnoticed():
                self._walk.send(event, self.now)
                self._walk.check()
        if decision is not None:
            self.before, self.state = self.state, decision.state
            self.edge, self.messages = decision.edge, decision.messages
        return decision

    def teardown(self) -> None:
        """The store is compared as a whole."""
        if self._walk is not None:
            self._walk.check_alone()

    @classmethod
    def _open_store(cls, url: str) -> Store:
        """One store for all examples, for to open one takes longer than an example."""
        if cls._opened is None:
            from leverframe.coordination.opening import open_store

            cls._opened = open_store(url)
            # For those who run the rules without their test case.
            atexit.register(cls._close_store)
        return cls._opened

    @classmethod
    def _tear_down(cls, *_: Any) -> None:
        """All examples are done."""
        cls._close_store()

    @classmethod
    def _close_store(cls) -> None:
        if cls._opened is not None:
            cls._opened.close()
            cls._opened = None


def usual_settings() -> settings:
    """Hypothesis's own, but for what takes long here: to explain a failure takes longer than to find it."""
    phases = [phase for phase in settings().phases if phase is not Phase.explain]
    checks: Any = list(HealthCheck)
    return settings(deadline=None, stateful_step_count=STEPS, suppress_health_check=checks, phases=phases)
