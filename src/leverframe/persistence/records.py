"""What a store answers: stored instances, receipts, journal entries and messages, typed by their machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, cast

from attrs import define, field, frozen
from typing_extensions import TypeVar

from leverframe.errors import Key, LeverframeError
from leverframe.typed.handle import Handle, make_handle
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload

__all__ = ["Entry", "Receipt", "Send", "Stored", "StoredMessage"]

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)
S_co = TypeVar("S_co", bound=Payload, covariant=True)
E_co = TypeVar("E_co", bound=Event, covariant=True)
M_co = TypeVar("M_co", bound=Machine[Any, Any], covariant=True)


class _Unread:
    """In place of a value that is decoded when somebody asks for it."""


_UNREAD = _Unread()


class Stored(Generic[M_co, S_co]):
    """One stored instance, as it was when it was read: `Stored[Pipeline, Merge]`.

    Attributes: `key`; `path`, how its state is spelled (`active.merge`); `version`, 1 when created and one more with
    each move; `created_at` and `changed_at`, in UTC.

    >>> from leverframe import open_store
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite://") as store:
    ...     stored = store.create(Pipeline, "story-7", Backlog())
    >>> stored.key, stored.path, stored.version, stored.state
    ('story-7', 'active.backlog', 1, Backlog())
    """

    __slots__ = ("_decode", "_machine", "_state", "changed_at", "created_at", "key", "path", "version")

    def __init__(
        self,
        machine: type[Machine[Any, Any]],
        key: Key,
        path: str,
        version: int,
        created_at: datetime,
        changed_at: datetime,
        decode: Callable[[], Any],
    ) -> None:
        self._machine = machine
        self.key = key
        self.path = path
        self.version = version
        self.created_at = created_at
        self.changed_at = changed_at
        self._decode = decode
        self._state: Any = _UNREAD

    @property
    def state(self) -> S_co:
        """The typed state.  Raises `UnreadableRow` if the stored body no longer decodes; other rows still do."""
        if self._state is _UNREAD:
            self._state = self._decode()
        return cast("S_co", self._state)

    @property
    def handle(self) -> Handle[M_co, S_co]:
        """The instance as a value to try events on; the store learns nothing of it."""
        return cast("Handle[M_co, S_co]", make_handle(self._machine, self.state, ()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stored):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[Any, ...]:
        return self._machine, self.key, self.path, self.version, self.created_at, self.changed_at

    def __repr__(self) -> str:
        return f"<{self._machine.__name__} {self.key!r} in {self.path}, version {self.version}>"


@define  # Not frozen: one is made for every event, and a frozen one takes four times as long to make.
class Receipt(Generic[S]):
    """What became of one event that was sent to a store.

    Attributes: `moved`, whether it was accepted, also as an update in place; `duplicate`, whether its delivery id had
    been settled before, and this is what was answered then; `from_state` and `to_state`, leaf classes, the same one
    if it was refused; `version`, of the instance behind this event; `seq`, the journal's number of the move, None if
    it was refused; `state`, the typed state behind this event; `error`, why it was refused, or None.

    >>> from leverframe import open_store
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Pipeline, "story-7", Backlog())
    ...     receipt = store.send(Pipeline, "story-7", DepsMet())
    >>> receipt.moved, receipt.from_state.__name__, receipt.to_state.__name__, receipt.version
    (True, 'Backlog', 'Coding', 2)
    """

    moved: bool
    duplicate: bool
    from_state: type[S]
    to_state: type[S]
    version: int
    seq: int | None
    state: S
    error: LeverframeError | None = field(default=None, eq=str)

    @property
    def refused(self) -> bool:
        """Whether the event was refused, which `on_refused="return"` lets a caller see."""
        return not self.moved

    @property
    def reason(self) -> str:
        """Why it was refused, for people; empty if it was not."""
        return str(self.error) if self.error is not None else ""


class Entry(Generic[S_co, E_co]):
    """One line of an instance's journal: `Entry[PipelineState, PipelineEvent]`.

    Attributes: `seq`, its number among all lines of the store, in order of arrival; `version`, of the instance behind
    it; `from_path` and `to_path`, how the states were spelled then (`from_path` is empty for a creation); `at`, the
    time of the decision, in UTC; `by` and `why`, who made the move, and for what reason, as the call said, empty where
    it did not; `repaired`, whether the state was set by hand (`Store.set_state`), or left as it is for
    somebody to claim it now (`Store.requeue`): such a line has no event.

    >>> from leverframe import open_store
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Pipeline, "story-7", Backlog())
    ...     _ = store.send(Pipeline, "story-7", DepsMet())
    ...     for entry in store.history(Pipeline, "story-7"):
    ...         print(entry.version, entry.event, entry.from_path, entry.to_path)
    1 None  active.backlog
    2 DepsMet() active.backlog active.coding
    """

    __slots__ = (
        "_decode_event", "_decode_from", "_decode_state", "at", "by", "from_path", "repaired", "seq", "to_path",
        "version", "why",
    )  # fmt: skip

    def __init__(
        self,
        seq: int,
        version: int,
        from_path: str,
        to_path: str,
        at: datetime,
        decode_from: Callable[[], Any],
        decode_state: Callable[[], Any],
        decode_event: Callable[[], Any],
        by: str = "",
        why: str = "",
        repaired: bool = False,
    ) -> None:
        self.seq = seq
        self.version = version
        self.from_path = from_path
        self.to_path = to_path
        self.at = at
        self._decode_from = decode_from
        self._decode_state = decode_state
        self._decode_event = decode_event
        self.by = by
        self.why = why
        self.repaired = repaired

    @property
    def event(self) -> E_co | None:
        """The typed event; None for the creation, and for a repair.  Raises `UnreadableRow`."""
        return cast("E_co | None", self._decode_event())

    @property
    def state(self) -> S_co:
        """The typed state behind this line.  Raises `UnreadableRow`."""
        return cast("S_co", self._decode_state())

    @property
    def from_state(self) -> type[S_co] | None:
        """The leaf class that was left; None for the creation.  Raises `UnreadableRow`."""
        return cast("type[S_co] | None", self._decode_from())

    @property
    def to_state(self) -> type[S_co]:
        """The leaf class that was entered, or stayed in.  Raises `UnreadableRow`."""
        return type(self.state)

    def __repr__(self) -> str:
        return f"<entry {self.seq}: version {self.version}, {self.from_path or 'created'} -> {self.to_path}>"


@frozen
class StoredMessage:
    """A message as a hook returned it, and where it stands.

    Attributes: `position`, which grows in the order in which messages can be read: the next read goes on behind it;
    `machine`, `key` and `version`, the instance and the move that told it; `topic`, `kind`, `correlation_id`, `body`,
    as in `Message`; `at`, the time of the decision, in UTC.

    >>> from datetime import UTC, datetime
    >>> from leverframe import StoredMessage
    >>> now = datetime(2026, 1, 2, tzinfo=UTC)
    >>> message = StoredMessage(1, "Order", "order-1", 5, "customers", "shipped", "", {"tracking": "1Z-999"}, now)
    >>> message.key, message.kind, message.body["tracking"]
    ('order-1', 'shipped', '1Z-999')
    """

    position: int
    machine: str
    key: Key
    version: int
    topic: str
    kind: str
    correlation_id: str
    body: Mapping[str, Any]
    at: datetime


@frozen
class Send(Generic[E_co]):
    """One event of `Store.send_many` with more to say than a pair of key and event; as the arguments of `Store.send`.

    >>> from leverframe import Send
    >>> from leverframe.machines.pipeline import *
    >>> Send("story-7", DepsMet(), delivery_id="webhook-981").key
    'story-7'
    """

    key: Key
    event: E_co
    at: datetime | None = None
    expect: type[Payload] | None = None
    delivery_id: str | None = None
    by: str | None = None
    why: str | None = None
