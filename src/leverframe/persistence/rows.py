"""What a store and a database hand each other: plain text and integers.

Rows are not frozen: made for every event, a frozen one takes four times as long to make.
"""

from __future__ import annotations

from attrs import define

from leverframe.persistence.effects import Effect

__all__ = [
    "Creation",
    "Declaration",
    "Delivery",
    "JournalRow",
    "KeyRange",
    "Loaded",
    "LookupValue",
    "MessageRow",
    "Move",
    "NewMessage",
    "Query",
    "Refusal",
    "Snapshot",
    "StateCount",
    "UniqueTaken",
]


# ---------------------------------------------------------------- rows read


@define
class Snapshot:
    """The present of one instance."""

    instance: int
    key: str
    state: str
    body: str
    version: int
    created_at: int
    changed_at: int


@define
class Delivery:
    """How a delivery id was settled the first time: as the move that the journal numbers `seq`, or refused."""

    seq: int | None
    refusal: str | None


@define
class Loaded:
    """What a decision starts from.

    `declaration` numbers the look-ups that are kept for the machine; `clock` is the database's own time, where it has
    one; `era` is when it was recalled from, as `Backend.era` counts.
    """

    snapshot: Snapshot
    delivery: Delivery | None
    declaration: int | None = None
    clock: int | None = None
    era: int = 0


@define
class Declaration:
    """Which look-ups are kept for a machine: `text` describes them, and `number` grows with each change."""

    number: int
    text: str


@define
class JournalRow:
    """One line of the journal.

    The line of a creation has no event and no `from_state`, that of a repair no event.  `by` and `why` are who made the
    move, and for what reason, where somebody has said so.
    """

    seq: int
    version: int
    event: str | None
    from_state: str | None
    to_state: str
    body: str
    at: int
    by: str | None = None
    why: str | None = None


@define
class MessageRow:
    """One message as it was committed; `position` grows in the order in which messages can be read."""

    position: int
    machine: str
    key: str
    version: int
    topic: str
    kind: str
    correlation_id: str
    body: str
    at: int


@define
class StateCount:
    """How many instances are in a state; `type_name` is the class that the state had when it was first entered."""

    state: str
    type_name: str
    number: int


# ---------------------------------------------------------------- what is written


@define
class NewMessage:
    topic: str
    kind: str
    correlation_id: str
    body: str


@define
class LookupValue:
    """A field's value under which the instance can be found; among unique ones of a machine no two are equal."""

    field: str
    value: str
    unique: bool


@define
class Creation:
    """A new instance, at version 1.  It holds only while the look-ups kept for the machine are `declaration`."""

    machine: str
    key: str
    state: str
    type_name: str
    body: str
    at: int
    recorded_at: int
    lookups: tuple[LookupValue, ...] = ()
    messages: tuple[NewMessage, ...] = ()
    declaration: int | None = None
    effects: tuple[Effect, ...] = ()


@define
class Move:
    """A decision to be committed: it holds only while the instance is at version `seen`.  A repair has no event.

    It also holds only while the look-ups kept for the machine are `declaration`.  `lookups` are those of the new state,
    or None where they are the same as before.  `effects` are what changes beside the instance.
    """

    machine: str
    instance: int
    seen: int
    from_state: str
    to_state: str
    type_name: str
    body: str
    event: str | None
    at: int
    recorded_at: int
    lookups: tuple[LookupValue, ...] | None = None
    messages: tuple[NewMessage, ...] = ()
    delivery_id: str | None = None
    declaration: int | None = None
    effects: tuple[Effect, ...] = ()
    key: str = ""


@define
class Refusal:
    """A refused event that came with a delivery id: it stays refused, though a later state might take it."""

    instance: int
    seen: int
    delivery_id: str
    refusal: str
    recorded_at: int


# ---------------------------------------------------------------- questions


@define
class KeyRange:
    """Keys from `first` on, below `stop` (None: no end), compared by code point."""

    first: str
    stop: str | None


@define
class Query:
    """Which instances: in any of `states` (None: all), keys in any of `ranges` (empty: all), with all of `lookups`.

    `keys` names them one by one (None: whichever).

    The newest change comes first; `limit` None means all of them.
    """

    machine: str
    states: tuple[str, ...] | None = None
    ranges: tuple[KeyRange, ...] = ()
    lookups: tuple[tuple[str, str], ...] = ()
    limit: int | None = None
    keys: tuple[str, ...] | None = None


class UniqueTaken(Exception):
    """Another instance holds this value of a unique look-up (`field` is empty: this key)."""

    def __init__(self, field: str = "", value: str = "") -> None:
        super().__init__(field, value)
        self.field = field
        self.value = value
