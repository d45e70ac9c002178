"""The store: typed verbs over a backend.  `sending.py` is an event's path, `binding.py` the way from and to rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, cast, overload

from typing_extensions import TypeVar

from leverframe.errors import InvalidQuery, Key, NotFound
from leverframe.persistence.arguments import check_choice, check_integer
from leverframe.persistence.backend import Backend, Snapshot
from leverframe.persistence.binding import Binding
from leverframe.persistence.bindings import Bindings
from leverframe.persistence.instants import from_microseconds, to_microseconds
from leverframe.persistence.keys import encode_key
from leverframe.persistence.listening import Listening
from leverframe.persistence.lookups import check_declaration
from leverframe.persistence.records import Entry, Receipt, Send, Stored
from leverframe.persistence.sending import Request, create_one, make_request, send_many, send_one
from leverframe.persistence.signatures import MachineClass, OnRefused
from leverframe.persistence.tidying import Housekeeping
from leverframe.typed.inference import Settled
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload
from leverframe.typed.table import enter
from leverframe.wording import show_value

__all__ = ["Store"]

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)
X = TypeVar("X", bound=Payload)
M = TypeVar("M", bound=Machine[Any, Any])


class Store(Housekeeping, Listening):
    """Instances of machines, in a database.  Made by `open_store`; a context manager; for any number of threads.

    What a call writes it writes in one transaction, whole or not at all, and what has returned is durable.  Any call
    may raise `StoreTimeout`, `StoreFull`, `StoreVanished`, `StoreClosed` or `StoreFailure`; then nothing of it is
    written.  (`prune` works in batches, each a transaction.)

    >>> from leverframe import open_store
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite://") as store:
    ...     _ = store.create(Pipeline, "story-7", Backlog())
    ...     _ = store.send(Pipeline, "story-7", DepsMet())
    ...     store.get(Pipeline, "story-7").state
    Coding()
    """

    def __init__(self, backend: Backend, clock: Callable[[], datetime] | None) -> None:
        self._backend = backend
        self._clock = clock
        self._bindings = Bindings(backend)

    @property
    def location(self) -> str:
        """Where the database is, for messages; never with a password."""
        return self._backend.location

    # ------------------------------------------------------------ writing

    def create(
        self, machine: MachineClass[M, S], key: Key, state: Settled[S], *, at: datetime | None = None
    ) -> Stored[M, S]:
        """Store a new instance, in `state`, at version 1.

        `at` is the time for entry hooks and `created_at`; the store's clock without it.  Raises `AlreadyExists`,
        `UnknownState`, `InvalidKey`, `InvalidTime`, `EncodeError`, `LookupsChanged`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     store.create(Pipeline, "story-7", Backlog())
        <Pipeline 'story-7' in active.backlog, version 1>
        """
        binding = self._bindings.keeping_lookups(machine)
        key_text = encode_key(key)
        clock = self._now()
        messages = enter(binding.machine, state, at or clock)
        written_at = to_microseconds(at or clock)
        creation = binding.creation(key_text, state, messages, written_at, to_microseconds(clock))
        instance = self._backend.commit(partial(create_one, binding, key, creation))
        return binding.stored(Snapshot(instance, key_text, creation.state, creation.body, 1, written_at, written_at))

    def send(
        self,
        machine: type[Machine[S, E]],
        key: Key,
        event: Settled[E],
        *,
        at: datetime | None = None,
        expect: type[Payload] | None = None,
        delivery_id: str | None = None,
        on_refused: OnRefused = "raise",
    ) -> Receipt[S]:
        """Send an event: snapshot, journal line, messages and counts are written in one transaction.

        `at` sets the decision's `now()` and `changed_at`, and nothing else; any time is taken as given.  `expect`, a
        leaf or superstate, refuses the event where the stored state is another.  The same `delivery_id` again for
        this key changes nothing and is answered as the first time, marked `duplicate`, a refusal included.  With
        `on_refused="return"` a refusal is a receipt, and not raised.

        Raises `TransitionNotAllowed`, `StaleState`, `NotFound`, `AlreadyExists` (a unique look-up's value is taken),
        `UnreadableRow`, `InvalidTime`, `InvalidQuery`, `EncodeError`, `LookupsChanged`, `WrongTarget`, `Conflict`, and
        what a handler raises: nothing is written then, but for the delivery id of a refusal.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     first = store.send(Pipeline, "story-7", DepsMet(), delivery_id="webhook-981")
        ...     again = store.send(Pipeline, "story-7", DepsMet(), delivery_id="webhook-981")
        >>> first.duplicate, again.duplicate, again.version
        (False, True, 2)
        """
        binding = self._bindings.keeping_lookups(machine)
        if on_refused != "raise":
            check_choice(on_refused)
        clock = None if self._clock is None else self._clock()
        request: Request[Any] = make_request(clock, key, event, at, expect, delivery_id)
        receipt: Receipt[S] = send_one(self._backend, binding, request)
        if receipt.error is not None and on_refused == "raise":
            raise receipt.error
        return receipt

    def send_many(
        self,
        machine: type[Machine[S, E]],
        events: Settled[Iterable[tuple[Key, E] | Send[E]]],
        *,
        create: Settled[S] | None = None,
        on_refused: OnRefused = "raise",
    ) -> list[Receipt[S]]:
        """Send events in their order, in one transaction; a receipt each.

        An item is a pair of key and event, or a `Send`.  With `create`, an instance that is missing is created first
        in that state, at the time of its first event.  A refusal is raised, and then nothing of the whole call is
        written; with `on_refused="return"` it is a receipt, and the others are written.  Raises as `send` does, and
        `AlreadyExists` where a missing instance cannot be created.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     receipts = store.send_many(Pipeline, [("a", DepsMet()), ("b", DepsMet())], create=Backlog())
        >>> [receipt.version for receipt in receipts]
        [2, 2]
        """
        binding = self._bindings.keeping_lookups(machine)
        clock = self._now()
        check_choice(on_refused)
        items = cast("Iterable[tuple[Key, E] | Send[E]]", events)
        requests = [_request(clock, item) for item in items]
        return send_many(self._backend, binding, requests, create, raise_refused=on_refused == "raise")

    @contextmanager
    def transaction(self) -> Generator[Any]:
        """A transaction that every call of this thread on this store joins; it gives the database's own connection.

        Several calls, and statements of your own on that connection, are committed together at the block's end, or
        taken back together if the block raises.  A call that raises and is caught has written nothing, and the rest
        goes on.  Others wait meanwhile: keep it short.  Raises `StoreFailure` inside of another.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     with store.transaction() as connection:
        ...         _ = connection.execute("CREATE TABLE invoice (story TEXT)")
        ...         _ = connection.execute("INSERT INTO invoice VALUES ('story-7')")
        ...         _ = store.create(Pipeline, "story-7", Backlog())
        """
        with self._backend.transaction() as connection:
            try:
                yield connection
            finally:
                self._bindings.leave_transaction()
        self._wipe()

    # ------------------------------------------------------------ reading

    def get(self, machine: MachineClass[M, S], key: Key) -> Stored[M, S]:
        """The instance as it is now.  Raises `NotFound`, `UnreadableRow`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     store.get(Pipeline, "story-7").state
        Backlog()
        """
        binding = self._bindings.of(machine)
        stored: Stored[M, S] = binding.stored(self._load(binding, key))
        _ = stored.state  # says now, not later, that the row cannot be read
        return stored

    @overload
    def find(
        self,
        machine: MachineClass[M, S],
        state: type[X],
        *,
        prefix: Key | None = None,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
    ) -> list[Stored[M, X]]: ...
    @overload
    def find(
        self,
        machine: MachineClass[M, S],
        state: None = None,
        *,
        prefix: Key | None = None,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
    ) -> list[Stored[M, S]]: ...
    def find(
        self,
        machine: MachineClass[Any, Any],
        state: type[Payload] | None = None,
        *,
        prefix: Key | None = None,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
    ) -> list[Stored[Any, Any]]:
        """The instances in a leaf or superstate, newest change first, by index.

        `prefix` keeps keys that begin so: a tuple's first parts, or a string's first characters.  `where` keeps those
        with these values in fields that the machine declares as look-ups.  `limit` None means all: they are read at
        once.  A row that cannot be read raises when its `state` is asked for.  Raises `UnknownState`, `InvalidQuery`,
        `InvalidKey`, `EncodeError`, `LookupsChanged`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Merge(BranchName("fix"), Positive(2)))
        ...     [(found.key, found.state.commits_ahead) for found in store.find(Pipeline, Merge)]
        [('story-7', 2)]
        """
        binding = self._bindings.keeping_lookups(machine) if where else self._bindings.of(machine)
        reader = self._backend.read()
        if state is not None:
            binding.learn_spellings(reader.count(binding.name))
        if where:
            check_declaration(reader, binding)
        return [binding.stored(row) for row in reader.find(binding.query(state, prefix, where, limit))]

    def count(self, machine: type[Machine[S, E]]) -> Counter[type[S]]:
        """How many instances are in each leaf; exact, kept by the transactions that move them, not scanned.

        Raises `UnknownState` if some are in a state that today's code does not know.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     store.count(Pipeline)[Backlog]
        1
        """
        binding = self._bindings.of(machine)
        rows = self._backend.read().count(binding.name)
        binding.learn_spellings(rows)
        counts: Counter[type[S]] = Counter()
        for row in rows:
            if row.number:
                counts[binding.class_at(row.state)] += row.number
        return counts

    def history(self, machine: type[Machine[S, E]], key: Key) -> list[Entry[S, E]]:
        """The journal of one instance, oldest first, its creation included.  Raises `NotFound`.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     _ = store.send(Pipeline, "story-7", Block("waiting"))
        ...     [entry.event for entry in store.history(Pipeline, "story-7")]
        [None, Block(reason='waiting')]
        """
        binding = self._bindings.of(machine)
        row = self._load(binding, key)
        reader = self._backend.read()
        lines = reader.journal(row.instance)
        if not lines:  # deleted since
            raise NotFound(binding.name, key)
        if lines[0].event is not None:  # what was left stood in the line before it
            binding.learn_spellings(reader.count(binding.name))
        return binding.entries(row.key, lines)

    def at(
        self, machine: type[Machine[S, E]], key: Key, *, version: int | None = None, at: datetime | None = None
    ) -> S:
        """The typed state that an instance had at a version, or at a time.

        At a time, it is the state behind the last move, in order of arrival, whose time is not after `at`.  Raises
        `NotFound`, also where it did not exist then; `InvalidQuery` unless exactly one of the two is given.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     _ = store.create(Pipeline, "story-7", Backlog())
        ...     _ = store.send(Pipeline, "story-7", DepsMet())
        ...     store.at(Pipeline, "story-7", version=1)
        Backlog()
        """
        binding = self._bindings.of(machine)
        if (version is None) == (at is None):
            binding.refuse_query("give at() either version= or at=")
        row = self._load(binding, key)
        reader = self._backend.read()
        if version is not None:
            check_integer("version", version)
            line = next(iter(reader.journal(row.instance, version, version)), None)
        else:
            line = reader.journal_at(row.instance, to_microseconds(cast("datetime", at)))
        if line is None:
            raise NotFound(binding.name, key, f"version {version}" if version is not None else f"{at}")
        return cast("S", binding.journal_state(row.key, line))

    # ------------------------------------------------------------ the end

    def close(self) -> None:
        """Give back files and connections.  Closing twice does no harm; every other call raises `StoreClosed` then."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<store {self.location}>"

    def _now(self) -> datetime:
        return from_microseconds(self._backend.now()) if self._clock is None else self._clock()

    def _load(self, binding: Binding[Any, Any], key: Key) -> Snapshot:
        loaded = self._backend.read().load(binding.name, encode_key(key))
        if loaded is None:
            raise NotFound(binding.name, key)
        return loaded.snapshot


def _request(clock: datetime, item: tuple[Key, E] | Send[E]) -> Request[E]:
    if isinstance(item, Send):
        return make_request(clock, item.key, item.event, item.at, item.expect, item.delivery_id)
    if not (isinstance(item, tuple) and len(item) == 2):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise InvalidQuery("", f"{show_value(item)} is no pair of key and event, and no Send; give one of these")
    return make_request(clock, *item)
