"""Declaring how stored bodies of older code become bodies of today's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from leverframe.errors import MachineDefinitionError
from leverframe.wording import did_you_mean

__all__ = ["Body", "Upcaster", "declare_upcaster"]

Body = dict[str, Any]
"""A stored body: field names to JSON values."""


@frozen
class Upcaster:
    """`change` turns a body of `tag` at `version` into one of class `to` at `to_version`."""

    tag: str
    version: int
    to: type
    to_version: int
    change: Callable[[Body], Body]


def declare_upcaster(
    machine: Any, tag: str, version: int, to: type | None, to_version: int | None
) -> Callable[[Callable[[Body], Body]], Callable[[Body], Body]]:
    """What `Machine.upcast` does."""
    became = _class_now(machine, tag, to)
    same = became.__name__ == tag
    new_version = (version + 1 if same else 1) if to_version is None else to_version
    if version < 1 or new_version < 1 or (same and new_version <= version):
        problem = f"version {version} to {new_version} leads nowhere; versions count up from 1"
        raise MachineDefinitionError(machine.__name__, tag, problem)

    def declare(change: Callable[[Body], Body]) -> Callable[[Body], Body]:
        declared: dict[tuple[str, int], Upcaster] = machine._upcasters
        if (tag, version) in declared:
            problem = f"version {version} has an upcaster already; declare one for each version"
            raise MachineDefinitionError(machine.__name__, tag, problem)
        declared[tag, version] = Upcaster(tag, version, became, new_version, change)
        return change

    return declare


def _class_now(machine: Any, tag: str, to: type | None) -> type:
    """The state or event class that bodies of this tag are of today."""
    known: dict[str, type] = {kind.__name__: kind for kind in (*machine.leaves(), *machine._structure.events)}
    if to is None and tag not in known:
        problem = f"{tag!r} is no state or event now; name the class that it became with to="
        raise MachineDefinitionError(machine.__name__, tag, problem + did_you_mean(tag, known))
    became = known[tag] if to is None else to
    if became not in known.values():
        problem = f"to={became.__name__} is no state or event{did_you_mean(became.__name__, known)}"
        raise MachineDefinitionError(machine.__name__, tag, problem)
    return became
