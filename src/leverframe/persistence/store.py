"""The store: typed verbs over a backend.  `sending.py` is an event's path, `binding.py` the way from and to rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, cast, overload

from typing_extensions import TypeVar

from leverframe.errors import InvalidQuery, Key, NotFound
from leverframe.persistence.arguments import check_choice, check_tenant
from leverframe.persistence.backend import Backend
from leverframe.persistence.binding import Binding
from leverframe.persistence.bindings import Bindings
from leverframe.persistence.instants import from_microseconds, to_microseconds
from leverframe.persistence.keys import encode_key
from leverframe.persistence.listening import Listening
from leverframe.persistence.listing import Listing
from leverframe.persistence.lookups import check_declaration
from leverframe.persistence.notes import make_note
from leverframe.persistence.past import Remembering
from leverframe.persistence.records import Receipt, Send, Stored
from leverframe.persistence.rows import Snapshot
from leverframe.persistence.sending import Request, create_one, make_request, send_many, send_one
from leverframe.persistence.signatures import MachineClass, OnRefused
from leverframe.persistence.tidying import Housekeeping, Wiping
from leverframe.persistence.undoing import Undoing
from leverframe.typed.inference import Settled
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload
from leverframe.typed.table import enter
from leverframe.wording import show_value

__all__ = ["SnapshotStore"]

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)
X = TypeVar("X", bound=Payload)
M = TypeVar("M", bound=Machine[Any, Any])


class SnapshotStore(Housekeeping, Listening, Listing, Remembering):
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
        self._undoing = Undoing()
        self._bindings = Bindings(backend, clock)
        self._wiping = Wiping()

    def scoped(self, tenant: str) -> Self:
        """The same open database for one tenant: a store that sees its instances, and nothing else.

        Keys, unique look-ups, delivery ids, counts, messages and cursors are each tenant's own.  This store is for what
        belongs to no tenant.  A scoped store can be made for each call; inside of `transaction()` it joins, whichever
        store that was called on; and to close one closes all.  `prune`, `compact` and `examine` are for the database
        as a whole, and refused on a scoped one.

        `tenant` is a text of at most 200 bytes.  Raises `InvalidQuery` for any other, and on a scoped store.

        >>> from leverframe import open_store
        >>> from leverframe.machines.pipeline import *
        >>> with open_store("sqlite://") as store:
        ...     ours = store.scoped("project-a")
        ...     _ = ours.create(Pipeline, "story-7", Backlog())
        ...     [stored.key for stored in ours.find(Pipeline)], store.find(Pipeline)
        (['story-7'], [])
        """
        if self._backend.tenant:
            raise InvalidQuery("", "this store is scoped already; call scoped() on the store that it was made of")
        store = copy(self)
        store._backend = self._backend.scoped(check_tenant(tenant))
        return store

    @property
    def location(self) -> str:
        """Where the database is, for messages; never with a password."""
        return self._backend.location

    @property
    def tenant(self) -> str:
        """The tenant that `scoped` was called with; empty for the store of what belongs to none."""
        return self._backend.tenant

    def now(self) -> datetime:
        """The time by the store's clock, in UTC: the one by which moves are dated and leases run.

        >>> from datetime import UTC, datetime
        >>> from leverframe import open_store
        >>> with open_store("sqlite://", clock=lambda: datetime(2026, 1, 2, tzinfo=UTC)) as store:
        ...     print(store.now())
        2026-01-02 00:00:00+00:00
        """
        return self._now()

    # ------------------------------------------------------------ writing

    def create(
        self,
        machine: MachineClass[M, S],
        key: Key,
        state: Settled[S],
        *,
        at: datetime | None = None,
        by: str | None = None,
        why: str | None = None,
    ) -> Stored[M, S]:
        """Store a new instance, in `state`, at version 1.

        `at` is the time for entry hooks and `created_at`; the store's clock without it.  `by` and `why` are as in
        `send`.  Raises `AlreadyExists`, `UnknownState`, `InvalidKey`, `InvalidTime`, `InvalidQuery`, `EncodeError`,
        `LookupsChanged`.

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
        if (note := make_note(by, why)) is not None:
            creation.effects = (*creation.effects, note)
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
        by: str | None = None,
        why: str | None = None,
    ) -> Receipt[S]:
        """Send an event: snapshot, journal line, messages and counts are written in one transaction.

        `at` sets the decision's `now()` and `changed_at`, and nothing else; any time is taken as given.  `expect`, a
        leaf or superstate, refuses the event where the stored state is another.  The same `delivery_id` again for
        this key changes nothing and is answered as the first time, marked `duplicate`, a refusal included.  With
        `on_refused="return"` a refusal is a receipt, and not raised.  `by` and `why` are who sends it and for what
        reason, in words of at most 200 and 4,000 bytes: `history` tells them.

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
        if by is not None or why is not None:
            request.note = make_note(by, why)
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
        try:
            with self._backend.transaction() as connection:
                try:
                    yield connection
                finally:
                    self._bindings.leave_transaction()
        except BaseException:
            if not self._backend.is_joined():
                self._undoing.undo()
            raise
        self._undoing.keep()
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
        keys: Iterable[Key] | None = None,
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
        keys: Iterable[Key] | None = None,
        prefix: Key | None = None,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
    ) -> list[Stored[M, S]]: ...
    def find(
        self,
        machine: MachineClass[Any, Any],
        state: type[Payload] | None = None,
        *,
        keys: Iterable[Key] | None = None,
        prefix: Key | None = None,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
    ) -> list[Stored[Any, Any]]:
        """The instances in a leaf or superstate, newest change first, by index.

        `keys` are the instances that are looked for, as far as they are there.  `prefix` keeps keys that begin so: a
        tuple's first parts, or a string's first characters.  `where` keeps those with these values in fields that the
        machine declares as look-ups.  `limit` None means all: they are read at once.  A row that cannot be read raises
        when its `state` is asked for.  Raises `UnknownState`, `InvalidQuery`, `InvalidKey`, `EncodeError`,
        `LookupsChanged`.

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
        return [binding.stored(row) for row in reader.find(binding.query(state, prefix, where, limit, keys))]

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
        return f"<store {self.location}, tenant {self.tenant}>" if self.tenant else f"<store {self.location}>"

    def _now(self) -> datetime:
        return from_microseconds(self._backend.now()) if self._clock is None else self._clock()

    def _microseconds(self) -> int | None:
        """The time by the store's clock; None where the database has one of its own."""
        return None if self._clock is None else to_microseconds(self._clock())

    def _load(self, binding: Binding[Any, Any], key: Key) -> Snapshot:
        loaded = self._backend.read().load(binding.name, encode_key(key))
        if loaded is None:
            raise NotFound(binding.name, key)
        return loaded.snapshot


def _request(clock: datetime, item: tuple[Key, E] | Send[E]) -> Request[E]:
    if isinstance(item, Send):
        request = make_request(clock, item.key, item.event, item.at, item.expect, item.delivery_id)
        request.note = make_note(item.by, item.why)
        return request
    if not (isinstance(item, tuple) and len(item) == 2):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise InvalidQuery("", f"{show_value(item)} is no pair of key and event, and no Send; give one of these")
    return make_request(clock, *item)
