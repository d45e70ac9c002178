"""`simulate`: a machine's lease, tried by workers that are slow, stand still and are killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, overload

from attrs import frozen
from typing_extensions import TypeVar

from leverframe.coordination.held import Held
from leverframe.coordination.policies import BoundLease, LeasePolicy
from leverframe.errors import InvalidQuery, Key, SimulationFailed
from leverframe.persistence.arguments import check_integer
from leverframe.testing.chance import Chance
from leverframe.testing.running import Plan, Run, run
from leverframe.testing.shrinking import shrink
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Payload

__all__ = ["Simulated", "simulate"]

M = TypeVar("M", bound=Machine[Any, Any])
T = TypeVar("T", bound=Payload)

MICROSECOND = timedelta(microseconds=1)

LONGEST_PROBLEM = 200
"""Characters; all of it stands in the trace."""


@frozen
class Simulated:
    """What a simulation came to.

    Attributes: `seed`; `states`, how many instances ended in each leaf; `passed`, how long it took by the simulated
    clock; `trace`, all that happened, a line each.

    >>> from leverframe.machines.run import Run
    >>> simulated = simulate(Run.lease, seed=8)
    >>> simulated.seed, sum(simulated.states.values()), str(simulated) == "\\n".join(simulated.trace)
    (8, 5, True)
    """

    seed: int
    states: Counter[type[Payload]]
    passed: timedelta
    trace: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.trace)


@overload
def simulate(
    lease: type[M],
    *,
    seed: int = ...,
    workers: int = ...,
    instances: int = ...,
    steps: int = ...,
    create: Callable[[Chance], Payload] | None = ...,
    work: Callable[[Held[M, Any], Chance], Iterator[None]] | None = ...,
    key: Callable[[int], Key] = ...,
    at_most: int | None = ...,
    subject: Callable[[Key, Chance], Payload] | None = ...,
    within: timedelta = ...,
) -> Simulated: ...
@overload
def simulate(
    lease: BoundLease[M, T],
    *,
    seed: int = ...,
    workers: int = ...,
    instances: int = ...,
    steps: int = ...,
    create: Callable[[Chance], Payload] | None = ...,
    work: Callable[[Held[M, T], Chance], Iterator[None]] | None = ...,
    key: Callable[[int], Key] = ...,
    at_most: int | None = ...,
    subject: Callable[[Key, Chance], Payload] | None = ...,
    within: timedelta = ...,
) -> Simulated: ...
def simulate(
    lease: Any,
    *,
    seed: int = 0,
    workers: int = 3,
    instances: int = 5,
    steps: int = 200,
    create: Callable[[Chance], Payload] | None = None,
    work: Callable[[Any, Chance], Iterator[None]] | None = None,
    key: Callable[[int], Key] = "instance-{}".format,
    at_most: int | None = None,
    subject: Callable[[Key, Chance], Payload] | None = None,
    within: timedelta = timedelta(days=1),
) -> Simulated:
    """Let workers, reapers and others go on in an order that `seed` draws, and check the store behind each commit.

    The store is the real one, in memory, under a clock of the simulation.  `workers` claim, work and are renewed; they
    stand still for longer than their lease lasts, are killed between two statements, and start anew; answers are lost;
    and time passes.  After `steps` of that nothing fails any more, and all `instances` have to leave the states in
    which somebody works on them within `within`.  The same arguments give the same run, byte for byte.

    `lease` is a machine's lease, or the machine where it has one.  `create` makes the state that an instance begins in;
    without it that is the machine's initial state, its fields drawn from their types.  `work` is what a worker does
    with what it holds: a generator that yields where others may come in between; without it, events that are accepted.
    `key` names the instances, by their number from 1.  `at_most` is what workers say of a limit, where the declaration
    does not.  `subject` makes the state that what the work is about begins in, by its key, where the lease has gates:
    it is brought, moved, lets others wait for it, and comes to its end once nothing about it is left to do.

    Raises `SimulationFailed`, with a trace that is as short as could be found, and `InvalidQuery`.

    >>> from leverframe.machines.run import *
    >>> def work(held, chance):
    ...     yield
    ...     held.send(Succeeded())
    >>> simulated = simulate(Run.lease, seed=8, work=work)
    >>> set(simulated.states) <= {Completed, Failed, Cancelled}
    True
    """
    policy = lease_of(lease)
    check_integer("seed", seed)
    check_integer("steps", steps, at_least=0)
    check_integer("workers", workers, at_least=1)
    check_integer("instances", instances, at_least=1)
    if at_most is not None:
        check_integer("at_most", at_most, at_least=1)
    if at_most is not None and policy.limit is None:
        raise InvalidQuery(policy.machine.machine_name, f"{policy.name} has no limit= that at_most= could be for")
    plan = Plan(
        lease=policy,
        seed=seed,
        workers=workers,
        instances=instances,
        steps=steps,
        within=within // MICROSECOND,
        create=create or (lambda chance: chance.some(policy.machine.initial())),
        work=work,
        key=key,
        at_most=at_most,
        subject=subject,
    )
    return result_of(plan)


def result_of(plan: Plan) -> Simulated:
    """What the plan comes to.  Raises `SimulationFailed`."""
    actions = plan.schedule()
    first = run(plan, actions)
    if first.problem:
        raise failure(plan, shrink(plan, actions[: first.played], first))
    ended: list[Payload] = [known.state for known in first.world.ledger.known.values()]
    states = Counter[type[Payload]](type(state) for state in ended)
    passed = timedelta(microseconds=first.world.clock.passed)
    return Simulated(plan.seed, states, passed, first.trace)


def failure(plan: Plan, shortest: Run) -> SimulationFailed:
    problem = " ".join(shortest.problem.split())
    if len(problem) > LONGEST_PROBLEM:
        problem = f"{problem[:LONGEST_PROBLEM]}..."
    failed = SimulationFailed(plan.lease.machine.machine_name, plan.seed, problem, shortest.trace)
    failed.add_note("\n".join(shortest.trace))
    return failed


def lease_of(lease: Any) -> LeasePolicy:
    """The one lease of a machine, or the lease itself.  Raises `InvalidQuery`."""
    if isinstance(lease, LeasePolicy) and lease.machine is not None:
        return lease
    if isinstance(lease, type) and issubclass(lease, Machine):
        found = [policy for policy in lease._policies if isinstance(policy, LeasePolicy)]  # pyright: ignore[reportPrivateUsage]  # whoever runs a machine asks it for its policies
        if len(found) == 1:
            return found[0]
        raise InvalidQuery(lease.machine_name, f"has {len(found)} leases; give one, as in Run.lease")
    raise InvalidQuery("", f"{lease!r} is no lease of a machine; give one, as in Run.lease")
