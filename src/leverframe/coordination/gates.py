"""What holds work back although it is ready?  Gates: of the subject that it is about, and of that subject's group.

    Gates(subject=...)       a job has a subject, such as its task, and that has gates to pass
    Prerequisites(met=...)   a subject may wait for others
    OneAtATime(group=...)    one subject of a group at a time: the next starts when it has ended
    Freeze(by=...)           no subject of a group starts while that group's gate is in a state

A machine declares them; `gatekeeping.py` is who lets through, and `dependencies.py` has the verbs for what waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import field, frozen

from leverframe.coordination.agreement import second_problem
from leverframe.errors import Key, MachineDefinitionError
from leverframe.persistence.beside import Change, Sending
from leverframe.persistence.effects import Effect, EndTurn, Meet
from leverframe.persistence.keys import encode_key
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Payload
from leverframe.typed.policy import Policy, policy_of
from leverframe.wording import show_value

__all__ = ["Freeze", "Gates", "OneAtATime", "Prerequisites", "ended_states"]


# ---------------------------------------------------------------- what a machine declares


class Prerequisites(Policy):
    """Instances of the machine may wait for others of it, until these are in `met`, a leaf or superstate.

    >>> from leverframe.machines.orchestrator import Task
    >>> Task.prerequisites.met.__name__
    'Done'
    """

    def __init__(self, *, met: type[Payload]) -> None:
        self.met = met

    def attach(self, machine: Any) -> None:
        super().attach(machine)
        if not has_state(machine, self.met):
            problem = f"met={show_value(self.met)} is no state of it; give a leaf or superstate class"
            raise MachineDefinitionError(machine.__name__, self.name, problem)
        refuse_second(self, Prerequisites, "is not the only Prerequisites, and what others wait for is one thing")

    def kept(self) -> object:
        """In which states nobody has to wait for it."""
        return {"met": names(leaf for leaf in self.machine.leaves() if issubclass(leaf, self.met))}

    def check(self, sending: Sending) -> None:
        """Anybody may make any move."""

    def effects(self, change: Change) -> Sequence[Effect]:
        """Whoever waits for it has to no longer; or has to again."""
        before, after = isinstance(change.before, self.met), isinstance(change.after, self.met)
        return (Meet(change.machine, change.key, after),) if before != after or change.repaired else ()


class OneAtATime(Policy):
    """Of each group of instances, one at a time is worked on from its start to its end.

    `group` says of a key which group it is in, as a key.  An instance starts when the first work that is about it is
    claimed, and takes its group's turn with that; it has the turn until it is in a state that takes no event.  Work
    about others of the group, which have not started, waits; work about what has started does not.

    >>> from leverframe.machines.orchestrator import Task
    >>> Task.one_at_a_time.group(("shop", "SHOP-001"))
    'shop'
    """

    def __init__(self, *, group: Callable[[Any], Key]) -> None:
        self.group = group
        self.ended: tuple[type, ...] = ()

    def attach(self, machine: Any) -> None:
        super().attach(machine)
        self.ended = ended_states(machine)
        if not self.ended:
            problem = "is of a machine that never ends: every state takes some event; let one take none"
            raise MachineDefinitionError(machine.__name__, self.name, problem)
        refuse_second(self, OneAtATime, "is not the only OneAtATime, and an instance is in one group")

    def kept(self) -> object:
        """In which states its turn is over."""
        return {"ended": names(self.ended)}

    def check(self, sending: Sending) -> None:
        """Anybody may make any move."""

    def effects(self, change: Change) -> Sequence[Effect]:
        """The turn is over when the instance comes to its end."""
        ends = isinstance(change.after, self.ended) and not isinstance(change.before, self.ended)
        return (EndTurn(),) if ends and (change.before is not None or change.repaired) else ()


@frozen(kw_only=True)
class Freeze:
    """While the gate of a group is in `state`, a leaf or superstate of the machine `by`, none of the group starts.

    The gate's key is the group's; a gate that is not there is open.  `why` says of that state why it is so.

    The groups are those of the subject's `OneAtATime`.  Where it declares none, `group` says of the subject's key which
    group it is in, as a key: then nothing of it is claimed while the gate is shut, also about what was at work before.

    >>> from leverframe.machines.orchestrator.repository_gate import Frozen, RepoGate
    >>> Freeze(by=RepoGate, state=Frozen, why=lambda gate: gate.reason).by.__name__
    'RepoGate'
    """

    by: type[Machine[Any, Any]]
    state: type[Payload]
    why: Callable[[Any], str] = field(default=repr)
    group: Callable[[Any], Key] | None = None


@frozen(kw_only=True)
class Gates:
    """What work has to pass before it is claimed.

    `subject` says of a state whose gates they are, by its key in the machine `of`; None: nobody's.  The machine's own
    policies say which gates there are: `Prerequisites`, `OneAtATime`; and `freeze` adds one.  Nothing is held back for
    a subject that is not in the store, or is in a state that takes no event.

    >>> from leverframe.machines.orchestrator import AgentJob
    >>> AgentJob.lease.gates.freeze.state.__name__
    'Frozen'
    """

    subject: Callable[[Any], Any]
    of: type[Machine[Any, Any]]
    freeze: Freeze | None = None

    def problem(self) -> str:
        """What is wrong with the declaration; empty if nothing is."""
        return "" if self.freeze is None else freeze_problem(self.freeze, self.of, self.serial)

    @property
    def serial(self) -> OneAtATime | None:
        return policy_of(self.of, OneAtATime)

    @property
    def prerequisites(self) -> Prerequisites | None:
        return policy_of(self.of, Prerequisites)

    @property
    def group(self) -> Callable[[Any], Key] | None:
        """Which group a subject is in, by its key; None where there are no groups."""
        if self.serial is not None:
            return self.serial.group
        return None if self.freeze is None else self.freeze.group

    def place(self, state: Any) -> tuple[str | None, str | None]:
        """The subject's key, and its group's, as text; None where there is none."""
        subject = self.subject(state)
        if subject is None:
            return None, None
        return encode_key(subject), None if self.group is None else encode_key(self.group(subject))


def freeze_problem(freeze: Freeze, of: type[Machine[Any, Any]], serial: OneAtATime | None) -> str:
    if serial is None and freeze.group is None:
        problem = f"freezes groups, but {of.__name__} has none"
        return f"{problem}; give Freeze(group=...), or declare OneAtATime(group=...) in {of.__name__}"
    if serial is not None and freeze.group is not None:
        return f"says which groups are frozen, but those of {of.__name__} are its OneAtATime's; leave group= out"
    if not has_state(freeze.by, freeze.state):
        problem = f"freezes while a {freeze.by.__name__} is in {show_value(freeze.state)}, which is no state of it"
        return f"{problem}; give a leaf or superstate class"
    return ""


def refuse_second(policy: Policy, kind: type[Policy], problem: str) -> None:
    """Raises `MachineDefinitionError` where a machine declares two of a kind."""
    if problem := second_problem(policy.machine, policy, kind, problem):
        raise MachineDefinitionError(policy.machine.__name__, policy.name, problem)


def has_state(machine: Any, state: Any) -> bool:
    """Whether this is a leaf or superstate of the machine."""
    structure = machine._structure
    return state in structure.leaves or state in structure.superstates


def names(states: Iterable[type]) -> list[str]:
    return sorted(state.__name__ for state in states)


def ended_states(machine: Any) -> tuple[type, ...]:
    """The leaf classes that take no event."""
    return tuple(leaf for leaf in machine.leaves() if not machine._table.rows.get(leaf))
