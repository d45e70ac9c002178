"""What holds work back although it is ready?  Gates: of the subject that it is about, and of that subject's group.

    Gates(subject=...)       a job has a subject, such as its task, and that has gates to pass
    Prerequisites(met=...)   a subject may wait for others
    OneAtATime(group=...)    one subject of a group at a time: the next starts when it has ended
    Freeze(by=...)           no subject of a group starts while that group's gate is in a state

A machine declares them; `gatekeeping.py` is who lets through, and `dependencies.py` has the verbs for what waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from attrs import field, frozen

from leverframe.errors import Key, MachineDefinitionError
from leverframe.persistence.beside import Change, Sending
from leverframe.persistence.effects import Effect, EndTurn, Meet
from leverframe.persistence.keys import encode_key
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Payload
from leverframe.typed.policy import Policy

__all__ = ["Freeze", "Gates", "OneAtATime", "Prerequisites", "ended_states"]

P = TypeVar("P", bound=Policy)


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
        machine.path(self.met)

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

    >>> from leverframe.machines.orchestrator.repository_gate import Frozen, RepoGate
    >>> Freeze(by=RepoGate, state=Frozen, why=lambda gate: gate.reason).by.__name__
    'RepoGate'
    """

    by: type[Machine[Any, Any]]
    state: type[Payload]
    why: Callable[[Any], str] = field(default=repr)


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
        if self.freeze is not None and self.serial is None:
            return f"freezes groups, but {self.of.__name__} has none; declare OneAtATime(group=...) there"
        return ""

    @property
    def serial(self) -> OneAtATime | None:
        return policy_of(self.of, OneAtATime)

    @property
    def prerequisites(self) -> Prerequisites | None:
        return policy_of(self.of, Prerequisites)

    def place(self, state: Any) -> tuple[str | None, str | None]:
        """The subject's key, and its group's, as text; None where there is none."""
        subject = self.subject(state)
        if subject is None:
            return None, None
        return encode_key(subject), None if self.serial is None else encode_key(self.serial.group(subject))


def policy_of(machine: Any, kind: type[P]) -> P | None:
    return next((policy for policy in machine._policies if isinstance(policy, kind)), None)


def ended_states(machine: Any) -> tuple[type, ...]:
    """The leaf classes that take no event."""
    return tuple(leaf for leaf in machine.leaves() if not machine._table.rows.get(leaf))
