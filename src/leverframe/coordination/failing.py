"""In which states has work failed?  The machine says, for those who look at what goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leverframe.coordination.agreement import second_problem
from leverframe.coordination.gates import has_state
from leverframe.errors import MachineDefinitionError
from leverframe.persistence.beside import Change, Sending
from leverframe.persistence.effects import Effect
from leverframe.typed.payload import Payload
from leverframe.typed.policy import Policy, policy_of
from leverframe.wording import show_value

__all__ = ["Failures", "failures_of"]


class Failures(Policy):
    """In which states, leaves or superstates, the work on an instance has failed; `overview` lists the last of these.

    They need not be its end: who looks at failures wants to see one that may be tried again, too.

    >>> from leverframe.machines.job import Job
    >>> [state.__name__ for state in Job.failures.states]
    ['Error']
    """

    def __init__(self, *states: type[Payload]) -> None:
        self.states = states

    def attach(self, machine: Any) -> None:
        super().attach(machine)
        problem = ""
        if not self.states:
            problem = "names no state; write Failures(Failed)"
        for state in self.states:
            if not has_state(machine, state):
                problem = f"{show_value(state)} is no state of it; give leaf or superstate classes"
        problem = problem or second_problem(machine, self, Failures, "is not the only Failures; name all states in one")
        if problem:
            raise MachineDefinitionError(machine.__name__, self.name, problem)

    def check(self, sending: Sending) -> None:
        """Anybody may make any move."""

    def effects(self, change: Change) -> Sequence[Effect]:  # noqa: ARG002  # every policy is asked so
        """Nothing: a state tells by itself."""
        return ()


def failures_of(machine: Any) -> tuple[type, ...]:
    """The leaves in which work has failed, as the machine declares; none if it does not."""
    failures = policy_of(machine, Failures)
    return () if failures is None else tuple(leaf for leaf in machine.leaves() if issubclass(leaf, failures.states))
