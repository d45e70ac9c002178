"""`Machine`, the class that users inherit, and what happens when they do: read, check, compile."""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false
# python-statemachine leaves `send` without annotations; the metaclass sets the protected attributes of its classes.

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, Self, cast, get_args, get_origin

import attrs
from statemachine import State, StateChart
from statemachine.exceptions import InvalidDefinition
from statemachine.factory import StateMachineMetaclass
from typing_extensions import TypeVar

from leverframe.errors import MachineDefinitionError
from leverframe.typed import native
from leverframe.typed.checks import check_structure
from leverframe.typed.compilation import compile_structure
from leverframe.typed.declare import Edge, Hook, Lookup
from leverframe.typed.handle import Handle, make_handle
from leverframe.typed.message import Message
from leverframe.typed.payload import Event, Payload
from leverframe.typed.policy import Policy, policies_of
from leverframe.typed.reading import read_structure
from leverframe.typed.refusing import raise_refusal, raise_unknown_state
from leverframe.typed.reserved import MACHINE_NAMES
from leverframe.typed.signatures import refuse_async
from leverframe.typed.structure import Structure
from leverframe.typed.table import Chart, Decision, enter, make_context
from leverframe.typed.upcasting import Body, Upcaster, declare_upcaster

__all__ = ["Machine"]

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)

_DECLARATIONS = (State, Edge, Hook, Lookup, Policy)
_MAY_OVERRIDE = frozenset({"announce", "announce_creation", "machine_name"})


class _Body(dict[str, Any]):
    """A class body in which no state, move or hook can replace another one unseen."""

    def __init__(self, machine: str) -> None:
        super().__init__()
        self.machine = machine

    def __setitem__(self, name: str, member: Any) -> None:
        if isinstance(self.get(name), _DECLARATIONS) or (name in self and isinstance(member, _DECLARATIONS)):
            raise MachineDefinitionError(self.machine, name, "is declared twice; rename one")
        super().__setitem__(name, member)


class MachineMeta(StateMachineMetaclass):
    """Makes a machine class: python-statemachine's own work, and ours before and after it."""

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **_: Any) -> _Body:
        return _Body(name)

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> None:
        arguments = _type_arguments(body)
        if arguments is None:
            _refuse_subclass(name, bases)
            cls._make_native(name, bases, body)
            return
        structure = cls._read(name, arguments, body)
        native.add_native_moves(structure)
        native.add_native_hooks(structure)
        cls._make_native(name, bases, body)
        cls._bind(name, structure, policies_of(body))

    def _read(cls, name: str, arguments: tuple[Any, ...], body: dict[str, Any]) -> Structure:
        _check_body(name, cls.__mro__[1:], body)
        # Two frames up stands the class statement: its local classes may be named in annotations.
        names = sys._getframe(2).f_locals
        structure = read_structure(name, arguments, body, names)
        _check_names(structure, cls.__mro__)
        check_structure(structure, body)
        return structure

    def _make_native(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> None:
        try:
            super().__init__(name, cast("Any", bases), body)
        except InvalidDefinition as error:
            raise MachineDefinitionError(name, "", f"python-statemachine refuses it: {error}") from error

    def _bind(cls, name: str, structure: Structure, policies: tuple[Policy, ...]) -> None:
        """The last step: a definition that failed before it leaves its moves free for the next one."""
        machine = cast("type[Machine[Any, Any]]", cls)
        machine.machine_name = machine.machine_name or name
        machine._structure = structure
        machine._upcasters = {}
        machine._table = compile_structure(machine, structure)
        for edge in structure.edges.values():
            edge.machine = name
        machine._policies = policies
        for policy in policies:
            policy.attach(machine)


def _type_arguments(body: Mapping[str, Any]) -> tuple[Any, ...] | None:
    for base in body.get("__orig_bases__", ()):
        if isinstance(get_origin(base), MachineMeta) and not isinstance(get_args(base)[0], TypeVar):
            return get_args(base)
    return None


def _refuse_subclass(name: str, bases: tuple[type, ...]) -> None:
    for base in bases:
        if not isinstance(base, MachineMeta):
            continue
        if base.__module__ == __name__:
            raise MachineDefinitionError(name, "", "says no types; write class X(Machine[StateUnion, EventUnion])")
        problem = f"inherits {base.__name__}, which python-statemachine would change; write a machine of its own"
        raise MachineDefinitionError(name, "", problem)


# ---------------------------------------------------------------- what a body may hold


def _check_body(name: str, bases: Iterable[type], body: Mapping[str, Any]) -> None:
    for key, problem in native.foreign_members(body):
        raise MachineDefinitionError(name, key, problem)
    if not any(isinstance(member, State) for member in body.values()):
        raise MachineDefinitionError(name, "", "declares no states; write name = state(Payload, initial=True)")
    for base in bases:
        for key, member in vars(base).items():
            if isinstance(member, _DECLARATIONS):
                problem = f"is declared in {base.__name__}; write it in the machine's own body"
                raise MachineDefinitionError(name, key, problem)
    for key in body:
        if _is_reserved(key) and not key.startswith("__") and key not in _MAY_OVERRIDE:
            raise MachineDefinitionError(name, key, "is a reserved name; choose another")


def _is_reserved(name: str) -> bool:
    return name in MACHINE_NAMES or hasattr(Machine, name)


def _check_names(structure: Structure, classes: Iterable[type]) -> None:
    for node in structure.nodes():
        if node.parents and _is_reserved(node.name):
            raise structure.fail(node.path, f"{node.name} is a reserved name; choose another")
    for event in structure.events:
        if _is_reserved(event.__name__):
            raise structure.fail(event.__name__, "the event class has a reserved name; choose another")
    written = {key: member for cls in classes if cls not in Machine.__mro__ for key, member in vars(cls).items()}
    for key in sorted(native.callback_names(structure) & set(written)):
        problem = "runs by its name on python-statemachine's engine only; write an @on, @entering or @leaving method"
        raise structure.fail(key, problem)
    for key in ("announce", "announce_creation"):
        refuse_async(structure, key, written.get(key), "hook")


class Machine(Chart[S, E], StateChart[Any], Generic[S, E], metaclass=MachineMeta):
    """Inherit `Machine[StateUnion, EventUnion]` and declare states and moves: that is a typed statechart.

    The class is a genuine python-statemachine class too: `native` gives a running instance, and
    `format(Pipeline, "mermaid")` a diagram.  What is wrong is said when the class is made (`MachineDefinitionError`).

    `machine_name` is the name that stores keep instances under, the class's own name unless the body sets it.

    >>> from leverframe.machines.pipeline import *
    >>> Pipeline.start(Backlog()).send(DepsMet()).state
    Coding()
    """

    allow_event_without_transition = False
    catch_errors_as_events = False
    atomic_configuration_update = True
    validate_disconnected_states = False
    validate_trap_states = False
    validate_final_reachability = False

    machine_name: ClassVar[str] = ""
    _structure: ClassVar[Structure]
    _upcasters: ClassVar[dict[tuple[str, int], Upcaster]]
    _policies: ClassVar[tuple[Policy, ...]]

    # ------------------------------------------------------------ values

    @classmethod
    def start(cls, payload: S, now: datetime | None = None) -> Handle[Self, S]:
        """A handle on a machine that begins in `payload`; its `messages` are those of entering that state.

        `now` is the time for entry hooks that ask.  Raises `UnknownState`.

        >>> from leverframe.machines.pipeline import *
        >>> Pipeline.start(Backlog())
        <Pipeline in Backlog()>
        """
        return make_handle(cls, payload, enter(cls, payload, now))

    @classmethod
    def path(cls, state: type[Payload]) -> str:
        """How a leaf or superstate is spelled in the store, on the command line and in JSON.  Raises `UnknownState`.

        >>> from leverframe.machines.pipeline import *
        >>> Pipeline.path(Merge), Pipeline.path(Active)
        ('active.merge', 'active')
        """
        structure = cls._structure
        if state not in structure.leaves and state not in structure.superstates:
            raise_unknown_state(cls._table, state)
        return structure.node(state).path

    @classmethod
    def leaves(cls, state: type[Payload] | None = None) -> tuple[type[S], ...]:
        """The leaf classes, in order of declaration: all of them, or those of one superstate.  Raises `UnknownState`.

        >>> from leverframe.machines.pipeline import *
        >>> Pipeline.leaves(Active)
        (<class 'leverframe.machines.pipeline.Backlog'>, <class 'leverframe.machines.pipeline.Coding'>, \
<class 'leverframe.machines.pipeline.Qa'>, <class 'leverframe.machines.pipeline.Merge'>)
        """
        structure = cls._structure
        if state is not None:
            cls.path(state)
            wanted = structure.node(state)
            return tuple(leaf for leaf, node in structure.leaves.items() if wanted in node.chain)
        return tuple(structure.leaves)

    @classmethod
    def lookup_fields(cls, state: type[S]) -> tuple[tuple[str, bool], ...]:
        """The declared look-ups that a leaf class has a field for: name, and whether it is unique.

        >>> from leverframe.machines.pipeline import *
        >>> Pipeline.lookup_fields(Merge), Pipeline.lookup_fields(Qa)
        ((('feature_branch', False),), ())
        """
        fields = {field.name for field in attrs.fields(cast("Any", state))}
        return tuple((name, declared.unique) for name, declared in cls._structure.lookups.items() if name in fields)

    @classmethod
    def lookup_parts(cls) -> tuple[tuple[str, bool, int], ...]:
        """The declared look-ups of parts of the key: name, whether it is unique, and which part.

        >>> from leverframe.machines.orchestrator import Task
        >>> Task.lookup_parts()
        (('work_item', False, 1),)
        """
        declared = cls._structure.lookups.items()
        return tuple((name, each.unique, each.part) for name, each in declared if each.part is not None)

    @classmethod
    def initial(cls) -> type[S]:
        """The leaf class that an instance starts in unless told otherwise.

        >>> from leverframe.machines.pipeline import *
        >>> Pipeline.initial()
        <class 'leverframe.machines.pipeline.Backlog'>
        """
        assert cls._structure.initial is not None
        return cast("type[S]", cls._structure.initial.payload)

    # ------------------------------------------------------------ stored bodies

    @classmethod
    def upcast(
        cls, tag: str, *, version: int, to: type | None = None, to_version: int | None = None
    ) -> Callable[[Callable[[Body], Body]], Callable[[Body], Body]]:
        """Declare how bodies stored as `tag` at `version` are read today.

        The function gets the stored body, a dictionary of JSON values, and returns the newer one.  A body's version
        counts from 1, and grows by one with each upcaster that its class gets: nobody writes it by hand.  `to` is the
        state or event class that the body is one of now, where that was renamed; `to_version` the version of `to`
        that the function makes: one more than `version`, or 1 where `to` is another class.  Upcasters follow one
        another, and run when a row is read: nothing stored is changed.

        Raises `MachineDefinitionError` for an unknown class, or a second upcaster from one version.

        >>> from leverframe.machines.pipeline import *
        >>> def merge_ready(body):
        ...     return {"feature_branch": body["branch"], "commits_ahead": max(1, body["ahead"])}
        >>> _ = Pipeline.upcast("MergeReady", version=1, to=Merge)
        """
        return declare_upcaster(cls, tag, version, to, to_version)

    # ------------------------------------------------------------ python-statemachine's own engine

    def __init__(self, payload: S, now: datetime | None = None, **keywords: Any) -> None:
        if type(payload) not in type(self)._table.paths:
            raise_unknown_state(type(self)._table, type(payload))
        self._payload: S = payload
        self._taken: Any = None
        self._messages: list[Message] = []
        self._begin(now)
        self._messages += self._context.announce_creation(payload)
        super().__init__(start_value=native.leaf_value(self, type(payload)), **keywords)

    @classmethod
    def native(cls, payload: S, now: datetime | None = None, **keywords: Any) -> Self:
        """A running python-statemachine instance of this machine; `keywords` are its own (`listeners=`, `model=`).

        It holds the same promises as a handle and is hundreds of times slower: use it for what python-statemachine's
        listeners and tools give.  Raises `UnknownState`.

        >>> from leverframe.machines.pipeline import *
        >>> running = Pipeline.native(Backlog())
        >>> running.deliver(DepsMet()).state, running.coding.is_active
        (Coding(), True)
        """
        return cls(payload, now, **keywords)

    @property
    def payload(self) -> S:
        """The present state of a native instance."""
        return self._payload

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the last event, or the start, of a native instance told."""
        return tuple(self._messages)

    def deliver(self, event: E, now: datetime | None = None) -> Decision[S]:
        """Send one event to a native instance, with the promises of `decide`: refused or failed, nothing changed.

        >>> from leverframe.machines.pipeline import *
        >>> Pipeline.native(Backlog()).deliver(Abandon()).edge
        <edge Pipeline.abandon>
        """
        if type(event) not in type(self)._structure.events:
            # The engine goes by the name of the event alone.
            raise_refusal(type(self)._table, self._payload, event)
        before, configuration, told = self._payload, self.configuration, self._messages
        self._begin(now)
        self._messages = []
        try:
            self.send(type(event).__name__, payload=event)
        except BaseException as error:
            self._payload, self.configuration, self._messages = before, configuration, told
            if isinstance(error, native.NativeTransitionNotAllowed):
                raise_refusal(type(self)._table, before, event)
            raise
        return Decision.of(self._payload, self._taken, self.messages)

    def _begin(self, now: datetime | None) -> None:
        """Handlers, guards and hooks get the same `self` as in `decide`: it tells the time and cannot send."""
        self._now = now
        self._context: Any = make_context(type(self)._table, now)

    def _commit_move(self, edge: Edge[Any, Any, Any], event: E, after: S) -> None:
        """Called by the native engine between exits and entries; not for users."""
        self._messages += self._context.announce(self._payload, event, after)
        self._payload, self._taken = after, edge

    def _collect_messages(self, messages: Iterable[Message]) -> None:
        """Called by the native engine at entries and exits; not for users."""
        self._messages += messages
