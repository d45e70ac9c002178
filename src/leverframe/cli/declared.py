"""What does a machine declare beside its states and moves?  Policies, messages and look-ups, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from attrs import asdict, frozen

from leverframe import Machine
from leverframe.cli.spans import UNITS
from leverframe.cli.targets import AnyMachine
from leverframe.coordination.failing import Failures
from leverframe.coordination.gates import Gates, OneAtATime, Prerequisites
from leverframe.coordination.limits import Limit
from leverframe.coordination.policies import LeasePolicy, WakeUp
from leverframe.coordination.retrying import Retry
from leverframe.coordination.staleness import Staleness
from leverframe.diagrams.picture import Picture
from leverframe.typed.declare import Edge
from leverframe.typed.policy import Policy, declared_policies
from leverframe.wording import join_names

__all__ = ["Declared", "declared_of", "made_by_others", "show_exactly"]

AnyEdge = Edge[Any, Any, Any]


@frozen
class Declared:
    """Something declared under a `name` of the class body; `says` are lines of words."""

    name: str
    kind: str
    says: tuple[str, ...]

    def as_object(self) -> dict[str, Any]:
        """The same for programs."""
        return asdict(self)


def declared_of(machine: AnyMachine, picture: Picture) -> list[Declared]:
    """All of it: policies, hooks, look-ups."""
    policies = [
        Declared(policy.name, kind_of(policy), tuple(policy_words(policy))) for policy in declared_policies(machine)
    ]
    return [*policies, *announced(machine, picture), *lookups(machine)]


def kind_of(policy: Policy) -> str:
    return type(policy).__name__


def policy_words(policy: Policy) -> Iterable[str]:
    match policy:
        case LeasePolicy():
            return lease_words(policy)
        case WakeUp():
            return [wake_up_words(policy)]
        case Retry():
            return retry_words(policy)
        case Failures():
            return [f"work has failed in {join_or(leaf_paths(policy.machine, policy.states))}"]
        case Staleness():
            return [staleness_words(policy)]
        case Prerequisites():
            where = join_or(leaf_paths(policy.machine, (policy.met,)))
            return [f"may wait for others of its machine until they are in {where}"]
        case OneAtATime():
            until = join_or(leaf_paths(policy.machine, policy.ended))
            return [f"one at a time of each {name_of(policy.group)}, until it is in {until}"]
        case _:
            return []


# ---------------------------------------------------------------- leases


def lease_words(lease: LeasePolicy) -> Iterator[str]:
    machine = lease.machine
    yield f"claimed by {move_words(machine, lease.claim)}"
    yield length_words(lease)
    if lease.expiry is not None:
        yield f"when it has run out, the store makes {move_words(machine, lease.expiry)}"
    if lease.takeover is not None:
        yield f"taken over, when it has run out, by {move_words(machine, lease.takeover)}"
    if lease.release is not None:
        yield f"given back by {move_words(machine, lease.release)}"
    if lease.free:
        yield f"open to anybody meanwhile: {join_names(event for edge in lease.free for event in events_of(edge))}"
    if lease.pauses:
        yield f"paused in {join_or(leaf_paths(machine, lease.pauses))}"
    yield from order_words(lease)


def length_words(lease: LeasePolicy) -> str:
    beat = show_exactly(lease.heartbeat)
    most = "" if lease.max_runtime is None else f", at most {show_exactly(lease.max_runtime)} in all"
    if lease.ttl is None:
        return f"lasts until it is ended{most}; looked after every {beat}"
    return f"lasts {show_exactly(lease.ttl)} unless renewed, which is done every {beat}{most}"


def order_words(lease: LeasePolicy) -> Iterator[str]:
    if lease.ready is not None:
        yield f"can be claimed from the time on that {name_of(lease.ready)} gives"
    if lease.priority is not None:
        yield f"the largest {name_of(lease.priority)} is claimed first"
    if lease.limit is not None:
        yield limit_words(lease.limit)
    if lease.gates is not None:
        yield gate_words(lease.gates)


def limit_words(limit: Limit) -> str:
    number = "as many as a claim says" if limit.at_most is None else f"at most {limit.at_most}"
    return f"held at one time, for each {name_of(limit.per)}: {number}"


def gate_words(gates: Gates) -> str:
    held = f"held back by the gates of its {gates.of.__name__}"
    freeze = gates.freeze
    if freeze is None:
        return held
    frozen_in = join_or(leaf_paths(freeze.by, (freeze.state,)))
    return f"{held}, and while its {freeze.by.__name__} is in {frozen_in}"


# ---------------------------------------------------------------- other policies


def wake_up_words(policy: WakeUp) -> str:
    where = join_or(leaf_paths(policy.machine, policy.states))
    when = f"in {where}, at the time that {name_of(policy.at)} gives"
    if policy.move is None:
        return f"{when}, it is listed as due; nothing is sent"
    return f"{when}, the store makes {move_words(policy.machine, policy.move)}"


def retry_words(policy: Retry) -> Iterator[str]:
    yield f"a handler's error becomes {made_by(policy.fault)}"
    if policy.transient is not None:
        yield f"Transient becomes {made_by(policy.transient)}"
    yield f"Permanent becomes {made_by(policy.permanent)}"


def staleness_words(policy: Staleness) -> str:
    where = join_or(leaf_paths(policy.machine, policy.watched))
    ages = ", ".join(f"{name} after {show_exactly(getattr(policy, name))}" for name in ("warn", "stale", "dead"))
    return f"watched in {where}; silent: {ages}"


# ---------------------------------------------------------------- messages and look-ups


def announced(machine: AnyMachine, picture: Picture) -> Iterator[Declared]:
    """What tells messages: hooks of states, and those of every move and of the creation."""
    usual: Any = Machine
    if machine.announce_creation is not usual.announce_creation:
        yield Declared("announce_creation", "messages", ("told when an instance is created",))
    if machine.announce is not usual.announce:
        yield Declared("announce", "messages", ("told with every move",))
    for state in picture.states:
        for hook in state.hooks:
            when = "entered" if hook.kind == "enter" else "left"
            yield Declared(hook.name, "messages", (f"told when {state.path} is {when}",))


def lookups(machine: AnyMachine) -> Iterator[Declared]:
    """By what instances are found."""
    found: dict[str, tuple[bool, list[str]]] = {}
    for leaf in machine.leaves():
        for name, unique in machine.lookup_fields(leaf):
            found.setdefault(name, (unique, []))[1].append(machine.path(leaf))
    for name, (unique, paths) in found.items():
        where = "every state" if len(paths) == len(machine.leaves()) else join_or(paths)
        yield Declared(name, "look-up", (f"the field in {where}{unique_words(unique)}",))
    for name, unique, part in machine.lookup_parts():
        yield Declared(name, "look-up", (f"part {part} of the key{unique_words(unique)}",))


def unique_words(unique: bool) -> str:
    return "; no two have the same" if unique else ""


# ---------------------------------------------------------------- whose moves they are


def made_by_others(machine: AnyMachine) -> dict[str, str]:
    """Moves, by their names, that a store makes or lets only some make: who makes them.

    >>> from leverframe.machines.run import Run
    >>> made_by_others(Run)["lease_acquired"]
    'made by a claim'
    """
    return dict(pair for policy in declared_policies(machine) for pair in moves_of(policy))


def moves_of(policy: Policy) -> Iterator[tuple[str, str]]:
    match policy:
        case WakeUp(move=Edge() as move):
            yield move.name, "made by the store when the time has come"
        case LeasePolicy():
            yield policy.claim.name, "made by a claim"
            if policy.takeover is not None:
                yield policy.takeover.name, "made by a claim, of a lease that has run out"
            if policy.expiry is not None:
                yield policy.expiry.name, "made by the store when a lease has run out"
        case _:
            pass


# ---------------------------------------------------------------- parts of sentences


def move_words(machine: AnyMachine, edge: AnyEdge) -> str:
    """A move by its event, and where it leads.

    >>> from leverframe.machines.run import Run
    >>> move_words(Run, Run.lease_acquired)
    'LeaseAcquired (pending → running)'
    """
    sources, targets = (join_or(machine.path(each) for each in ends) for ends in (edge.sources, edge.targets))
    return f"{' or '.join(events_of(edge))} ({sources} → {targets})"


def events_of(edge: AnyEdge) -> list[str]:
    return [event.__name__ for event in edge.events]


def leaf_paths(machine: AnyMachine, classes: Iterable[type]) -> list[str]:
    """The leaves of some classes, each superstate in place of its leaves."""
    wanted = tuple(classes)
    known = machine.leaves()
    inside = [leaf for leaf in known if issubclass(leaf, wanted)]
    structure = machine._structure  # pyright: ignore[reportPrivateUsage]  # it knows which class is a superstate
    return list(dict.fromkeys(_outermost(structure.node(leaf).chain, wanted) for leaf in inside))


def _outermost(chain: Iterable[Any], wanted: tuple[type, ...]) -> str:
    paths: list[str] = [node.path for node in chain if issubclass(node.payload, wanted)]
    return paths[-1]


def join_or(names: Iterable[str]) -> str:
    """Names in a sentence.

    >>> join_or(["a", "b", "c"])
    'a, b or c'
    """
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def name_of(function: Any) -> str:
    """What a function is called in words; a lambda has no name of its own."""
    name: str = getattr(function, "__name__", repr(function))
    return "a function of its own" if name == "<lambda>" else name


def made_by(function: Any) -> str:
    """The event that a function says it returns, else the function."""
    returned: Any = getattr(function, "__annotations__", {}).get("return")
    name = returned if isinstance(returned, str) else getattr(returned, "__name__", None)
    return str(name) if name else f"what {name_of(function)} returns"


def show_exactly(span: timedelta) -> str:
    """A span of time in the largest unit that it is a whole number of.

    >>> [show_exactly(timedelta(seconds=seconds)) for seconds in (60, 90, 7200, 0.5)]
    ['1m', '90s', '2h', '0.5s']
    """
    for unit in ("d", "h", "m", "s"):
        if span and not span % UNITS[unit]:
            return f"{span // UNITS[unit]}{unit}"
    return f"{span.total_seconds():g}s"
