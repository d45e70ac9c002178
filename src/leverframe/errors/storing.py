"""Why a store cannot do what it was asked."""

from __future__ import annotations

from attrs import define

from leverframe.errors.bodies import tell_problems
from leverframe.errors.root import Key, LeverframeError
from leverframe.wording import show_value

__all__ = [
    "AlreadyExists",
    "CannotCopy",
    "Conflict",
    "InvalidKey",
    "InvalidQuery",
    "LookupsChanged",
    "NotFound",
    "PoolExhausted",
    "StoreClosed",
    "StoreError",
    "StoreFailure",
    "StoreFull",
    "StoreTimeout",
    "StoreUnreachable",
    "StoreVanished",
    "UnreadableRow",
]


class StoreError(LeverframeError):
    """The store cannot do what it was asked."""


@define(slots=False, repr=False)
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


@define(slots=False, repr=False)
class NotFound(StoreError, LookupError):
    """No instance of `machine` has this `key`; or, where `when` is not empty, none is kept for that version or time."""

    machine: str
    key: Key
    when: str = ""

    def __str__(self) -> str:
        if self.when:
            return f"no state of {self.machine} {self.key!r} is kept for {self.when}; history() lists what there is"
        return f"there is no {self.machine} {self.key!r}; create() it first"


@define(slots=False, repr=False)
class InvalidKey(StoreError, ValueError):
    """`key` cannot name an instance; `problem` says why."""

    key: object
    problem: str

    def __str__(self) -> str:
        return f"key {show_value(self.key)} {self.problem}; give a string or a tuple of strings, none of them empty"


@define(slots=False, repr=False)
class InvalidQuery(StoreError, ValueError):
    """A call's arguments ask for what cannot be answered; `problem` says what to give instead."""

    machine: str
    problem: str

    def __str__(self) -> str:
        return f"{self.machine}: {self.problem}" if self.machine else self.problem


@define(slots=False, repr=False)
class UnreadableRow(StoreError):
    """A stored row no longer decodes under today's code; other rows are not touched by that.

    Attributes: `machine`, `key`; `column`, where the body stands; `problems`, as in `DecodeError`.
    """

    machine: str
    key: Key
    column: str
    problems: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        told = tell_problems(self.problems)
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


@define(slots=False, repr=False)
class LookupsChanged(StoreError):
    """Another program declared other look-ups of `machine` since this one began; nothing of this call was done."""

    machine: str

    def __str__(self) -> str:
        return (
            f"another program keeps other look-ups of {self.machine} by now; nothing written. "
            "Run one version of the program at a time, and start this one again"
        )


@define(slots=False, repr=False)
class Conflict(StoreError):
    """`attempts` times in a row somebody else moved the instance first; nothing of this call was written."""

    machine: str
    key: Key
    attempts: int

    def __str__(self) -> str:
        times = f"{self.attempts} times in a row"
        return f"{self.machine} {self.key!r} was moved by others {times}; nothing written, send again"


@define(slots=False, repr=False)
class StoreTimeout(StoreError, TimeoutError):
    """Others held the store, or what was to be written, for longer than `seconds`; nothing of this call was written."""

    location: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.location}: waited {self.seconds:g} s for its turn to write; nothing written. "
            "Look for a program that keeps a transaction open, or open the store with a longer timeout="
        )


@define(slots=False, repr=False)
class PoolExhausted(StoreTimeout):
    """All `size` connections to the server were in use for longer than `seconds`; nothing of this call was done."""

    size: int

    def __str__(self) -> str:
        return (
            f"{self.location}: all {self.size} connections were in use for {self.seconds:g} s; nothing done. "
            "Open the store with a larger pool_size=, or look for a transaction that is kept open"
        )


@define(slots=False, repr=False)
class StoreUnreachable(StoreError, ConnectionError):
    """The connection to the server was lost, or could not be made; the next call tries anew.

    Attributes: `location`; `problem`, as the server or the system said it; `may_have_happened`, whether what the
    call was to write may have been written all the same, because the answer to its commit was lost.
    """

    location: str
    problem: str
    may_have_happened: bool

    def __str__(self) -> str:
        if self.may_have_happened:
            told = "what was sent may have been written or not: send it again with the same delivery_id, or look"
        else:
            told = "nothing written; call again"
        return f"{self.location}: {self.problem}; {told}"


@define(slots=False, repr=False)
class StoreFull(StoreError):
    """There is no room left; nothing of this call was written."""

    location: str

    def __str__(self) -> str:
        return f"{self.location}: no room left on the device; nothing written. Free some and send again"


@define(slots=False, repr=False)
class CannotCopy(StoreError):
    """Nothing can be copied to `target`, or what was copied there is not the same; `problem` says what to do."""

    target: str
    problem: str

    def __str__(self) -> str:
        return f"{self.target}: {self.problem}"


@define(slots=False, repr=False)
class StoreVanished(StoreError):
    """The file, or the tables of the schema, went away while the store was open; nothing was written.

    Attributes: `location`; `problem`, which of the two it was.
    """

    location: str
    problem: str

    def __str__(self) -> str:
        return f"{self.location}: {self.problem}; nothing written. Open the store again"


@define(slots=False, repr=False)
class StoreClosed(StoreError):
    """The store can no longer be used; `problem` says why."""

    location: str
    problem: str

    def __str__(self) -> str:
        return f"{self.location}: {self.problem}; open_store() a new one"


@define(slots=False, repr=False)
class StoreFailure(StoreError):
    """The database reports `problem`.

    Nothing of the call is written; but where it failed while committing, `may_have_happened` is set: then what it was
    to write may be there after a crash of the program.
    """

    location: str
    problem: str
    may_have_happened: bool = False

    def __str__(self) -> str:
        if self.may_have_happened:
            return f"{self.location}: {self.problem}; send it again with the same delivery_id, or look what is written"
        return f"{self.location}: {self.problem}; nothing written"
