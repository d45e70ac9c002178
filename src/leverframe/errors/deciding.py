"""What can be wrong with a machine, with a value, or with an event for a state."""

from __future__ import annotations

from attrs import define

from leverframe.errors.root import Key, LeverframeError
from leverframe.wording import join_names, show_value

__all__ = [
    "InvalidField",
    "InvalidTime",
    "InvalidValue",
    "MachineDefinitionError",
    "NotInState",
    "StaleState",
    "TransitionNotAllowed",
    "UnknownState",
    "WrongTarget",
]


@define(slots=False, repr=False)
class MachineDefinitionError(LeverframeError):
    """A machine class is wrong.

    Attributes: `machine`, the class's name; `member`, the state, method or event at fault (empty if it
    is the class as a whole); `problem`, what is wrong and what to write instead.
    """

    machine: str
    member: str
    problem: str

    def __str__(self) -> str:
        where = f"{self.machine}.{self.member}" if self.member else self.machine
        return f"{where}: {self.problem}"


@define(slots=False, repr=False)
class InvalidValue(LeverframeError, ValueError):
    """A refined value cannot be made of `value`: `type_name` must be what `rule` says."""

    type_name: str
    rule: str
    value: object

    def __str__(self) -> str:
        return f"{self.type_name} must {self.rule}, got {show_value(self.value)}"


@define(slots=False, repr=False)
class InvalidField(LeverframeError, TypeError):
    """Field `field` of class `owner` takes `expected`, and was given `value`."""

    owner: str
    field: str
    expected: str
    value: object

    def __str__(self) -> str:
        given = f"{type(self.value).__name__} {show_value(self.value)}"
        remedy = f"make one with {self.expected}(...)" if self.expected.isidentifier() else "give it one of these"
        return f"{self.owner}.{self.field} must be {self.expected}, got {given}; {remedy}"


@define(slots=False, repr=False)
class InvalidTime(LeverframeError, ValueError):
    """`value` is no time that can be used; `problem` says why and what to give."""

    value: object
    problem: str

    def __str__(self) -> str:
        return f"time {show_value(self.value)} {self.problem}"


@define(slots=False, repr=False)
class TransitionNotAllowed(LeverframeError):
    """The event is not accepted in this state; nothing changed.

    Attributes: `machine` and `event`, names; `state`, the path of the leaf (`active.merge`); `accepted`,
    names of the events with a handler there; `reason`, why this one was refused; `key`, of a stored instance.
    """

    machine: str
    event: str
    state: str
    accepted: tuple[str, ...]
    reason: str
    key: Key | None = None

    def __str__(self) -> str:
        there = join_names(self.accepted)
        who = self.machine if self.key is None else f"{self.machine} {self.key!r}"
        return f"{who} in {self.state} refuses {self.event}: {self.reason}; accepted there: {there}"


@define(slots=False, repr=False)
class NotInState(LeverframeError):
    """The machine is in `state` (a path), and the caller named `expected` (a class's name)."""

    machine: str
    expected: str
    state: str

    def __str__(self) -> str:
        return f"{self.machine} is in {self.state}, not in {self.expected}; match on the state first"


@define(slots=False, repr=False)
class StaleState(NotInState):
    """The stored instance `key` is in another state than the one expected; nothing changed."""

    key: Key

    def __str__(self) -> str:
        return (
            f"{self.machine} {self.key!r} is in {self.state}, expected {self.expected}; "
            "somebody moved it: read it again and decide anew"
        )


@define(slots=False, repr=False)
class UnknownState(LeverframeError):
    """`state`, a class's name, is no state of `machine`; `hint` names what is."""

    machine: str
    state: str
    hint: str

    def __str__(self) -> str:
        return f"{self.state} is no state of {self.machine}{self.hint}"


@define(slots=False, repr=False)
class WrongTarget(LeverframeError, TypeError):
    """Handler `handler` returned `value`, and its signature names only `targets`; nothing changed."""

    machine: str
    handler: str
    targets: tuple[str, ...]
    value: object

    def __str__(self) -> str:
        named = " | ".join(self.targets)
        return (
            f"{self.machine}.{self.handler} returned {show_value(self.value)}, but its signature says {named}; "
            "return one of these, or name the class in the annotation"
        )
