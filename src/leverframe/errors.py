"""Every error of leverframe, in one tree.  Each carries its data as attributes and says what to do.

    LeverframeError
    ├── MachineDefinitionError          a machine class is wrong; said when the class is made
    ├── InvalidValue (ValueError)       a refined value cannot be made of this
    ├── InvalidField (TypeError)        a field of a state or event was given another type
    ├── InvalidTime (ValueError)        a time without a zone, or out of range
    ├── TransitionNotAllowed            the event is not accepted in this state
    ├── NotInState                      the machine is in another state than the caller named
    │   └── StaleState                  ... and that was found in the store
    ├── UnknownState                    a class that is no state of this machine
    ├── WrongTarget (TypeError)         a handler returned what its signature does not name
    ├── CodecError
    │   ├── EncodeError                 a value cannot be written as JSON and read back the same
    │   └── DecodeError (ValueError)    a body does not have the shape of its class
    └── StoreError
        ├── AlreadyExists               the key, or a unique look-up's value, is taken
        ├── NotFound (LookupError)      no instance has this key, or not at that version or time
        ├── InvalidKey (ValueError)     a key is empty, or not made of strings
        ├── InvalidQuery (ValueError)   a look-up that is not declared, a limit below 1, ...
        ├── UnreadableRow               a stored row no longer decodes under today's code
        ├── LookupsChanged              another program declared other look-ups meanwhile
        ├── Conflict                    others kept moving the instance; tried a bounded number of times
        ├── StoreTimeout (TimeoutError) others held the store for longer than the timeout
        ├── StoreFull                   no room left; nothing was written
        ├── StoreVanished               the database's file was deleted or replaced while open
        ├── StoreClosed                 the store was closed, or belongs to another process
        ├── StoreFailure                anything else the database reports
        └── CannotOpen
            ├── InvalidURL (ValueError) not a store's URL
            ├── MissingFolder           the folder of the database's file is not there
            ├── NotADatabase            the file is no leverframe database
            ├── NewerSchema             the file was written by a newer leverframe
            └── ReadOnly                the file, or its folder, may not be written

Catch `LeverframeError` for all of them.  Errors compare by identity and can be pickled.

>>> from leverframe import LeverframeError, Positive
>>> try:
...     Positive(int("-3"))
... except LeverframeError as error:
...     print(error)
Positive must be an integer of at least 1, got -3
"""

from __future__ import annotations

from attrs import define

from leverframe.wording import join_names, show_value

Key = str | tuple[str, ...]


class LeverframeError(Exception):
    """The root of the tree."""


# ---------------------------------------------------------------- declaring and deciding


@define(slots=False)
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


@define(slots=False)
class InvalidValue(LeverframeError, ValueError):
    """A refined value cannot be made of `value`: `type_name` must be what `rule` says."""

    type_name: str
    rule: str
    value: object

    def __str__(self) -> str:
        return f"{self.type_name} must {self.rule}, got {show_value(self.value)}"


@define(slots=False)
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


@define(slots=False)
class InvalidTime(LeverframeError, ValueError):
    """`value` is no time that can be used; `problem` says why and what to give."""

    value: object
    problem: str

    def __str__(self) -> str:
        return f"time {show_value(self.value)} {self.problem}"


@define(slots=False)
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


@define(slots=False)
class NotInState(LeverframeError):
    """The machine is in `state` (a path), and the caller named `expected` (a class's name)."""

    machine: str
    expected: str
    state: str

    def __str__(self) -> str:
        return f"{self.machine} is in {self.state}, not in {self.expected}; match on the state first"


@define(slots=False)
class StaleState(NotInState):
    """The stored instance `key` is in another state than the one expected; nothing changed."""

    key: Key

    def __str__(self) -> str:
        return (
            f"{self.machine} {self.key!r} is in {self.state}, expected {self.expected}; "
            "somebody moved it: read it again and decide anew"
        )


@define(slots=False)
class UnknownState(LeverframeError):
    """`state`, a class's name, is no state of `machine`; `hint` names what is."""

    machine: str
    state: str
    hint: str

    def __str__(self) -> str:
        return f"{self.state} is no state of {self.machine}{self.hint}"


@define(slots=False)
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


# ---------------------------------------------------------------- bodies


class CodecError(LeverframeError):
    """A value and its JSON do not fit each other."""


@define(slots=False)
class EncodeError(CodecError):
    """A field's value cannot be stored: `path` says where it is, `problem` what to give instead."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@define(slots=False)
class DecodeError(CodecError, ValueError):
    """A body does not have the shape of `type_name`; `problems` holds a (path, what is wrong) each."""

    type_name: str
    problems: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return _told(self.problems)


def _told(problems: tuple[tuple[str, str], ...]) -> str:
    return "; ".join(f"{path}: {text}" if path else text for path, text in problems)


# ---------------------------------------------------------------- the store


class StoreError(LeverframeError):
    """The store cannot do what it was asked."""


@define(slots=False)
class AlreadyExists(StoreError):
    """The key is taken; or, where `field` is not empty, another instance holds `value` in a unique look-up."""

    machine: str
    key: Key
    field: str = ""
    value: object = None

    def __str__(self) -> str:
        if self.field:
            taken = f"another {self.machine} has {self.field} = {show_value(self.value)}, which is unique"
            return f"{self.machine} {self.key!r} not written: {taken}; find it with where="
        return f"{self.machine} {self.key!r} exists already; send it events, or choose another key"


@define(slots=False)
class NotFound(StoreError, LookupError):
    """No instance of `machine` has this `key`; or, where `when` is not empty, not at that version or time."""

    machine: str
    key: Key
    when: str = ""

    def __str__(self) -> str:
        if self.when:
            return f"{self.machine} {self.key!r} had no state at {self.when}; history() lists what there is"
        return f"there is no {self.machine} {self.key!r}; create() it first"


@define(slots=False)
class InvalidKey(StoreError, ValueError):
    """`key` cannot name an instance; `problem` says why."""

    key: object
    problem: str

    def __str__(self) -> str:
        return f"key {show_value(self.key)} {self.problem}; give a string or a tuple of strings, none of them empty"


@define(slots=False)
class InvalidQuery(StoreError, ValueError):
    """A call's arguments ask for what cannot be answered; `problem` says what to give instead."""

    machine: str
    problem: str

    def __str__(self) -> str:
        return f"{self.machine}: {self.problem}" if self.machine else self.problem


@define(slots=False)
class UnreadableRow(StoreError):
    """A stored row no longer decodes under today's code; other rows are not touched by that.

    Attributes: `machine`, `key`; `column`, where the body stands; `problems`, as in `DecodeError`.
    """

    machine: str
    key: Key
    column: str
    problems: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        told = _told(self.problems)
        return f"{self.machine} {self.key!r}: column {self.column} does not decode: {told}; {self.remedy}"

    @property
    def remedy(self) -> str:
        """What to do, by what is wrong."""
        told = " ".join(text for _, text in self.problems)
        if "no JSON" in told:
            return "repair it, or restore it from a backup"
        if "older than the data" in told:
            return "run the program that wrote it"
        return f"declare an upcaster with @{self.machine}.upcast, or run the program that wrote it"


@define(slots=False)
class LookupsChanged(StoreError):
    """Another program declared other look-ups of `machine` since this one began; nothing of this call was done."""

    machine: str

    def __str__(self) -> str:
        return (
            f"another program keeps other look-ups of {self.machine} by now; nothing written. "
            "Run one version of the program at a time, and start this one again"
        )


@define(slots=False)
class Conflict(StoreError):
    """`attempts` times in a row somebody else moved the instance first; nothing of this call was written."""

    machine: str
    key: Key
    attempts: int

    def __str__(self) -> str:
        times = f"{self.attempts} times in a row"
        return f"{self.machine} {self.key!r} was moved by others {times}; nothing written, send again"


@define(slots=False)
class StoreTimeout(StoreError, TimeoutError):
    """Others held the store for longer than `seconds`; nothing of this call was written."""

    location: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.location}: waited {self.seconds:g} s for its turn to write; nothing written. "
            "Look for a program that keeps a transaction open, or open the store with a longer timeout="
        )


@define(slots=False)
class StoreFull(StoreError):
    """There is no room left; nothing of this call was written."""

    location: str

    def __str__(self) -> str:
        return f"{self.location}: no room left on the device; nothing written. Free some and send again"


@define(slots=False)
class StoreVanished(StoreError):
    """The database's file was deleted or replaced while it was open; nothing was written."""

    location: str

    def __str__(self) -> str:
        return f"{self.location}: the file was deleted or replaced while open; nothing written. Open the store again"


@define(slots=False)
class StoreClosed(StoreError):
    """The store can no longer be used; `problem` says why."""

    location: str
    problem: str

    def __str__(self) -> str:
        return f"{self.location}: {self.problem}; open_store() a new one"


@define(slots=False)
class StoreFailure(StoreError):
    """The database reports `problem`; the call that raises this wrote nothing, unless it failed while committing."""

    location: str
    problem: str

    def __str__(self) -> str:
        return f"{self.location}: {self.problem}; nothing written"


@define(slots=False)
class CannotOpen(StoreError):
    """The store cannot be opened, and nothing was changed; `problem` says why and what to do."""

    location: str
    problem: str

    def __str__(self) -> str:
        return f"{self.location}: {self.problem}"


class InvalidURL(CannotOpen, ValueError):
    """The URL names no store."""


class MissingFolder(CannotOpen):
    """The folder that the file should be in is not there."""


class NotADatabase(CannotOpen):
    """The file is no leverframe database."""


class NewerSchema(CannotOpen):
    """The file was written by a newer leverframe than this one."""


class ReadOnly(CannotOpen):
    """The file, or its folder, may not be written."""
