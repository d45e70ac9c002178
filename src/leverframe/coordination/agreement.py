"""Do a machine's policies agree with its moves, and with each other?  What could only fail later is refused.

Each function returns what is wrong and what to do, empty if nothing is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, get_type_hints

from leverframe.coordination.retrying import Retry
from leverframe.typed.annotations import union_members
from leverframe.typed.declare import Edge
from leverframe.typed.payload import Event
from leverframe.typed.policy import Policy, declared_policies

if TYPE_CHECKING:
    from leverframe.coordination.policies import LeasePolicy, WakeUp

__all__ = ["lease_problem", "made_by", "second_problem", "wake_up_problem"]

AnyEdge = Edge[Any, Any, Any]


def second_problem(machine: Any, policy: Policy, kind: type[Policy], problem: str) -> str:
    """That a machine has two policies of a kind, of which it can have one."""
    others = [each for each in declared_policies(machine) if isinstance(each, kind) and each is not policy]
    return f"{problem}; keep one of them" if others else ""


# ---------------------------------------------------------------- leases


def lease_problem(lease: LeasePolicy) -> str:
    """What is wrong with the moves that a lease names, and with the other policies that go by it."""
    return (
        foreign_problem(lease.machine, named_edges(lease))
        or own_move_problem(lease)
        or states_problem(lease)
        or source_problem(lease)
        or target_problem(lease)
        or expired_problem(lease)
        or retry_problem(lease)
    )


def named_edges(lease: LeasePolicy) -> list[tuple[str, AnyEdge]]:
    moves = ((name, getattr(lease, name)) for name in ("claim", "expiry", "takeover", "release"))
    return [*((name, edge) for name, edge in moves if edge is not None), *(("free", edge) for edge in lease.free)]


def foreign_problem(machine: Any, edges: Iterable[tuple[str, AnyEdge]]) -> str:
    own = machine._structure.edges.values()
    for name, edge in edges:
        if not any(edge is each for each in own):
            return f"{name}= names {edge!r}, which is no move of this machine; name one of its own"
    return ""


def own_moves(lease: LeasePolicy) -> tuple[AnyEdge | None, ...]:
    """The moves that nobody sends."""
    return lease.claim, lease.expiry, lease.takeover


def own_move_problem(lease: LeasePolicy) -> str:
    if lease.release is not None and lease.release in own_moves(lease):
        return f"release={lease.release.name} is the lease's own move, which nobody sends; name another one"
    for edge in lease.free:
        if edge in own_moves(lease):
            return f"free names {edge.name}, which is the lease's own move, and nobody sends; leave it out"
    return ""


def states_problem(lease: LeasePolicy) -> str:
    for state in lease.pauses:
        leaves = [leaf for leaf in lease.machine.leaves() if issubclass(leaf, state)]
        if not leaves:
            return f"pauses names {state.__name__}, which is the class of none of its states; name one that is"
        for leaf in leaves:
            if issubclass(leaf, (*lease.leased, *lease.claimable)):
                return f"pauses in {leaf.__name__}, where it is held or can be claimed; give pauses states of their own"
    return ""


def source_problem(lease: LeasePolicy) -> str:
    for name in ("expiry", "takeover", "release"):
        edge: AnyEdge | None = getattr(lease, name)
        for leaf in held_leaves(lease):
            if edge is not None and not issubclass(leaf, edge.sources):
                return f"{name}={edge.name} is no move out of {leaf.__name__}, where it is held; name one that is"
    return ""


def target_problem(lease: LeasePolicy) -> str:
    for name in ("expiry", "release"):
        edge: AnyEdge | None = getattr(lease, name)
        for target in () if edge is None else edge.targets:
            if issubclass(target, lease.leased):
                problem = f"{name} may lead to {target.__name__}, where it is held still, by nobody"
                return f"{problem}; let it lead elsewhere"
    return takeover_problem(lease)


def takeover_problem(lease: LeasePolicy) -> str:
    if lease.takeover is None:
        return ""
    for target in lease.takeover.targets:
        if target not in lease.leased:
            return (
                f"takeover={lease.takeover.name} leads to {target.__name__}, where nobody holds it; let it lead to"
                f" where {lease.claim.name} does"
            )
    return ""


def expired_problem(lease: LeasePolicy) -> str:
    if lease.expired is None or lease.expiry is None:
        return ""
    kinds = made_by(lease.expired)
    if kinds and not any(issubclass(kind, lease.expiry.events) for kind in kinds):
        wanted = listed(lease.expiry.events)
        return f"expired makes {listed(kinds)}, which {lease.expiry.name} does not take; make {wanted}"
    return ""


# ---------------------------------------------------------------- what a handler's failure becomes


def retry_problem(lease: LeasePolicy) -> str:
    for policy in declared_policies(lease.machine):
        if isinstance(policy, Retry):
            problem = f"{policy.name} is not the only Retry, and a failure becomes one event"
            return second_problem(lease.machine, policy, Retry, problem) or refused_failure(lease, policy)
    return ""


def refused_failure(lease: LeasePolicy, retry: Retry) -> str:
    for name in ("fault", "permanent", "transient"):
        function: Callable[..., Any] | None = getattr(retry, name)
        kinds = () if function is None else made_by(function)
        if kinds and not any(owner_sends(lease, kind) for kind in kinds):
            return (
                f"{retry.name} makes {listed(kinds)} of a failure ({name}=), which whoever has the lease cannot send;"
                f" give it an event that a move out of {listed(held_leaves(lease))} takes, other than the lease's own"
            )
    return ""


def owner_sends(lease: LeasePolicy, kind: type) -> bool:
    """Whether an event has a move that the lease's owner may make."""
    leaves = [leaf for leaf in lease.machine.leaves() if issubclass(leaf, (*lease.leased, *lease.pauses))]
    return any(edge not in own_moves(lease) for leaf in leaves for edge in edges_of(lease.machine, leaf, kind))


def edges_of(machine: Any, leaf: type, kind: type) -> list[AnyEdge]:
    candidate = machine._table.rows.get(leaf, {}).get(kind)
    edges: list[AnyEdge] = []
    while candidate is not None:
        edges.append(candidate.edge)
        candidate = candidate.otherwise
    return edges


def made_by(function: Callable[..., Any]) -> tuple[type[Event], ...]:
    """The classes of events that a function makes, as far as it says so; none where it does not.

    A class makes its own, a function says it in its signature, and a lambda by the only events that it names.

    >>> from leverframe.machines.run import LeaseExpired, Run
    >>> made_by(LeaseExpired) == made_by(lambda error: LeaseExpired()) == (LeaseExpired,)
    True
    """
    if isinstance(function, type):
        return events_among([function])
    try:
        said = get_type_hints(function).get("return")
        if said is not None:
            return events_among(union_members(said))
    except (NameError, TypeError, AttributeError):
        return ()  # Names that are not there yet, or nothing that has a signature.
    return events_named(function) if getattr(function, "__name__", "") == "<lambda>" else ()


def events_named(function: Callable[..., Any]) -> tuple[type[Event], ...]:
    assert isinstance(function, FunctionType)
    try:
        found = inspect.getclosurevars(function)
    except ValueError:
        return ()  # A name of the enclosing function that has no value yet.
    values: list[Mapping[str, Any]] = [found.globals, found.nonlocals]
    return events_among([value for each in values for value in each.values()])


def events_among(found: Sequence[object]) -> tuple[type[Event], ...]:
    return tuple(each for each in found if isinstance(each, type) and issubclass(each, Event) and each is not Event)


# ---------------------------------------------------------------- wake-ups


def wake_up_problem(wake_up: WakeUp, leases: Sequence[LeasePolicy]) -> str:
    """What is wrong with the move of a wake-up."""
    move = wake_up.move
    if move is None:
        return ""
    foreign = foreign_problem(wake_up.machine, [("move", move)])
    if foreign:
        return foreign
    for leaf in wake_up.machine.leaves():
        if issubclass(leaf, wake_up.states) and not issubclass(leaf, move.sources):
            return f"names a time in {leaf.__name__}, out of which {move.name} does not lead; leave that state out"
    if any(move in (lease.claim, lease.takeover) for lease in leases):
        return f"{move.name} gives a lease, and nobody would have it; name another move, and let workers claim"
    return ""


# ---------------------------------------------------------------- parts


def held_leaves(lease: LeasePolicy) -> list[type]:
    return [leaf for leaf in lease.machine.leaves() if issubclass(leaf, lease.leased)]


def listed(kinds: Iterable[type]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)
