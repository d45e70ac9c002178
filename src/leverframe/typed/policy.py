"""What a machine declares beside its states and moves, for those who run it: the base of all policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

__all__ = ["Policy", "declared_policies", "policies_of", "policy_of"]

P = TypeVar("P")


class Policy:
    """Something declared in a machine's body that says which of its moves others may make, and when.

    `name` is what it is called there, `machine` the class, once that is made.
    """

    name = ""
    machine: Any = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def attach(self, machine: Any) -> None:
        """The machine is made.  Raises `MachineDefinitionError` where the policy does not fit it."""
        self.machine = machine

    def kept(self) -> object:
        """What a store keeps of each instance because of this, in JSON; it is made anew for all where that changes.

        None: nothing that follows from an instance's state.
        """
        return None


def policies_of(body: Mapping[str, Any]) -> tuple[Policy, ...]:
    """The policies in a class body, in order of declaration."""
    return tuple(member for member in body.values() if isinstance(member, Policy))


def policy_of(machine: Any, kind: type[P]) -> P | None:
    """The first policy of this kind that the machine declares; None if it declares none."""
    return next((policy for policy in declared_policies(machine) if isinstance(policy, kind)), None)


def declared_policies(machine: Any) -> tuple[Policy, ...]:
    """The policies of a machine class, in order of declaration."""
    declared: tuple[Policy, ...] = machine._policies
    return declared
