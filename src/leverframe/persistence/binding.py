"""One machine's values as rows, and back: what stands between typed states and a backend's plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import NoneType
from typing import Any, Generic, NoReturn, cast

from typing_extensions import TypeVar

from leverframe.errors import (
    DecodeError,
    InvalidQuery,
    Key,
    MachineDefinitionError,
    UnknownState,
    UnreadableRow,
)
from leverframe.persistence.arguments import check_integer, check_text
from leverframe.persistence.beside import Change, MovePolicy
from leverframe.persistence.codec import codec_of, read_json, write_json
from leverframe.persistence.effects import Effect, Grant
from leverframe.persistence.instants import from_microseconds
from leverframe.persistence.keys import decode_key, encode_key, prefix_ranges
from leverframe.persistence.records import Entry, Stored, StoredMessage
from leverframe.persistence.rows import (
    Creation,
    JournalRow,
    LookupValue,
    MessageRow,
    Move,
    NewMessage,
    Query,
    Snapshot,
    StateCount,
)
from leverframe.typed.annotations import type_name, union_members
from leverframe.typed.fields import field_hints
from leverframe.typed.machine import Machine
from leverframe.typed.message import Message
from leverframe.typed.payload import Event, Payload
from leverframe.typed.table import Decision
from leverframe.wording import did_you_mean, show_value

__all__ = ["Binding", "is_machine", "read_message"]

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)


class Binding(Generic[S, E]):
    """A machine as a store sees it.  `paths` spells its leaf classes, `classes` reads the spellings back."""

    def __init__(self, machine: type[Machine[S, E]]) -> None:
        self.machine: Any = machine
        self.name = machine.machine_name
        self.upcasters = machine._upcasters  # pyright: ignore[reportPrivateUsage]  # a store is the other half of it
        self.upcasters_read = len(self.upcasters)
        self.codec = codec_of(machine)
        self.paths: dict[type, str] = {leaf: machine.path(leaf) for leaf in machine.leaves()}
        self.classes: dict[str, type[S]] = {path: leaf for leaf, path in self.paths.items()}
        self.policies: tuple[MovePolicy, ...] = cast("Any", machine)._policies
        self.lookups = {leaf: machine.lookup_fields(leaf) for leaf in machine.leaves()}
        self.lookup_fields = {name: unique for fields in self.lookups.values() for name, unique in fields}
        self.lookup_parts = {name: (unique, part) for name, unique, part in machine.lookup_parts()}
        self.declared = self._describe_lookups()
        # The number under which the store keeps these look-ups, once it is known that it does.
        self.declaration: int | None = None
        self.confirmed = False
        self.learned = False

    def current(self) -> bool:
        """Whether this is how the machine reads today: an upcaster declared since makes it out of date."""
        return len(self.upcasters) == self.upcasters_read

    def _describe_lookups(self) -> str:
        """All that the values of look-ups, and what policies keep, are made of; empty if the machine has none."""
        policies = [[policy.name, kept] for policy in self.policies if (kept := policy.kept()) is not None]
        if not self.lookup_fields and not self.lookup_parts and not policies:
            return ""
        for name in self.lookup_fields:
            self._check_one_type(name)
        states = {leaf.__name__: [list(each) for each in fields] for leaf, fields in self.lookups.items() if fields}
        steps = [[u.tag, u.version, u.to.__name__, u.to_version] for u in self.upcasters.values()]
        told: dict[str, object] = {"states": states, "upcasters": sorted(steps)}
        if policies:
            told["policies"] = policies
        if self.lookup_parts:
            told["parts"] = [[name, *how] for name, how in self.lookup_parts.items()]
        return write_json(told)

    def _check_one_type(self, name: str) -> None:
        types = {
            type_name(member): leaf.__name__
            for leaf, fields in self.lookups.items()
            if any(field == name for field, _ in fields)
            for member in union_members(field_hints(leaf)[name])
            if member is not NoneType
        }
        if len(types) > 1:
            told = ", ".join(f"{kind} in {leaf}" for kind, leaf in types.items())
            problem = f"the look-up's field has several types ({told}), so that equal values differ; give it one"
            raise MachineDefinitionError(self.machine.__name__, name, problem)

    # ------------------------------------------------------------ spellings of older code

    def knows(self, path: str) -> bool:
        """Whether this path can be read, and the paths in use have been looked at once."""
        return self.learned and path in self.classes

    def learn_spellings(self, counts: list[StateCount]) -> None:
        """Read paths that today's code no longer has, through the upcasters of the classes that stood there."""
        self.learned = True
        known = self.classes
        learned: dict[str, type[S]] = {}
        for count in counts:
            current = self.codec.current_state(count.type_name)
            if current is not None and count.state not in known:
                learned[count.state] = current
            elif current is not None and count.number and known[count.state] is not current:
                self._refuse_used_path(count, current)
        if learned:
            # Another thread may be reading the old one.
            self.classes = {**known, **learned}

    def _refuse_used_path(self, count: StateCount, current: type[S]) -> NoReturn:
        given = self.classes[count.state].__name__
        hint = f" alone: instances of {current.__name__} are stored under it; give {given}'s state another name"
        raise UnknownState(self.name, count.state, hint)

    def paths_of(self, state: type[Payload] | None) -> tuple[str, ...] | None:
        """Every spelling of a leaf, or of the leaves of a superstate.  Raises `UnknownState`."""
        if state is None:
            return None
        leaves = set(self.machine.leaves(state))
        return tuple(path for path, leaf in self.classes.items() if leaf in leaves)

    def class_at(self, path: str) -> type[S]:
        """The leaf class that is spelled so.  Raises `UnknownState`."""
        try:
            return self.classes[path]
        except KeyError:
            hint = f"{did_you_mean(path, self.classes)}; declare with @{self.name}.upcast what it became"
            raise UnknownState(self.name, path, hint) from None

    def path_today(self, path: str) -> str:
        """How the state that was spelled so is spelled today; the same where nobody knows."""
        leaf = self.classes.get(path)
        return path if leaf is None else self.paths[leaf]

    def event_today(self, type_name: str) -> str:
        """What the event class that was called so is called today; the same where nobody knows."""
        event = self.codec.current_event(type_name)
        return type_name if event is None else event.__name__

    # ------------------------------------------------------------ rows to values

    def state_of(self, row: Snapshot) -> S:
        """The typed state of a snapshot.  Raises `UnreadableRow`."""
        try:
            state = self.codec.states.decode(row.body)
        except DecodeError as error:
            raise UnreadableRow(self.name, decode_key(row.key), "snapshot.body", error.problems) from error
        said = self.classes.get(row.state)
        if said is not None and said is not type(state):
            found = f"the body is a {type(state).__name__}, but column state says {row.state}"
            raise UnreadableRow(self.name, decode_key(row.key), "snapshot.body", (("type", found),))
        return state

    def stored(self, row: Snapshot) -> Stored[Any, Any]:
        """A snapshot, its state decoded when somebody asks."""
        return Stored(
            self.machine,
            decode_key(row.key),
            row.state,
            row.version,
            from_microseconds(row.created_at),
            from_microseconds(row.changed_at),
            partial(self.state_of, row),
        )

    def journal_state(self, key: str, row: JournalRow) -> S:
        """The typed state behind a line of the journal.  Raises `UnreadableRow`."""
        state: S = self._decode(key, f"journal.body of seq {row.seq}", row.body, self.codec.decode_state)
        return state

    def entries(self, key: str, rows: list[JournalRow]) -> list[Entry[S, E]]:
        """Lines of the journal, oldest first, decoded when somebody asks."""
        return [self._entry(key, row, rows[index - 1] if index else None) for index, row in enumerate(rows)]

    def _entry(self, key: str, row: JournalRow, previous: JournalRow | None) -> Entry[S, E]:
        return Entry(
            row.seq,
            row.version,
            row.from_state or "",
            row.to_state,
            from_microseconds(row.at),
            partial(self._left, key, row, previous),
            partial(self.journal_state, key, row),
            partial(self.journal_event, key, row),
            row.by or "",
            row.why or "",
            row.event is None and row.from_state is not None,
        )

    def _left(self, key: str, row: JournalRow, previous: JournalRow | None) -> type[S] | None:
        if row.from_state is None:
            return None
        # The body behind the line before says it through the upcasters, where a path may be out of use.
        return type(self.journal_state(key, previous)) if previous is not None else self.class_at(row.from_state)

    def journal_event(self, key: str, row: JournalRow) -> E | None:
        """The event of a line of the journal; None for a creation or a repair.  Raises `UnreadableRow`."""
        if row.event is None:
            return None
        event: E = self._decode(key, f"journal.event of seq {row.seq}", row.event, self.codec.decode_event)
        return event

    def _decode(self, key: str, column: str, text: str, decode: Any) -> Any:
        try:
            return decode(text)
        except DecodeError as error:
            raise UnreadableRow(self.name, decode_key(key), column, error.problems) from error

    # ------------------------------------------------------------ values to rows

    def creation(self, key: str, state: S, messages: tuple[Message, ...], at: int, recorded_at: int) -> Creation:
        """The row of a new instance.  Raises `EncodeError`."""
        leaf = type(state)
        body = self.codec.encode_state(state)
        found = self.lookup_values(state, key)
        told = _message_rows(messages)
        path, kept = self.paths[leaf], self.declaration
        effects = self.effects(Change(self.name, key, None, state, recorded_at)) if self.policies else ()
        return Creation(self.name, key, path, leaf.__name__, body, at, recorded_at, found, told, kept, effects)

    def move(
        self,
        row: Snapshot,
        before: S,
        event: E,
        decision: Decision[S],
        at: int,
        recorded_at: int,
        delivery_id: str | None,
        grant: Grant | None = None,
    ) -> Move:
        """The row of a decision; `grant` is the lease that it gives.  Raises `EncodeError`."""
        after = decision.state
        leaf = type(after)
        return Move(
            self.name,
            row.instance,
            row.version,
            row.state,
            self.paths[leaf],
            leaf.__name__,
            self.codec.states.encode(after),
            self.codec.events.encode(event),
            at,
            recorded_at,
            self._changed_lookups(row.key, before, after) if self.lookups[leaf] or self.lookups[type(before)] else None,
            _message_rows(decision.messages) if decision.messages else (),
            delivery_id,
            self.declaration,
            self.effects(Change(self.name, row.key, before, after, recorded_at, grant)) if self.policies else (),
            row.key,
        )

    def repair(self, row: Snapshot, before: S | None, after: S, recorded_at: int) -> Move:
        """The row of a state that is set by hand; `before` is None where it cannot be read.  Raises `EncodeError`."""
        leaf = type(after)
        change = Change(self.name, row.key, before, after, recorded_at, repaired=True)
        return Move(
            self.name,
            row.instance,
            row.version,
            row.state,
            self.paths[leaf],
            leaf.__name__,
            self.codec.encode_state(after),
            None,
            recorded_at,
            recorded_at,
            self.lookup_values(after, row.key) if self.lookup_fields else None,
            declaration=self.declaration,
            effects=self.effects(change),
            key=row.key,
        )

    def effects(self, change: Change) -> tuple[Effect, ...]:
        """What a move changes beside its instance."""
        if len(self.policies) == 1:
            return tuple(self.policies[0].effects(change))
        return tuple([effect for policy in self.policies for effect in policy.effects(change)])

    def _changed_lookups(self, key: str, before: S, after: S) -> tuple[LookupValue, ...] | None:
        if self._field_values(after) == self._field_values(before):
            return None
        return self.lookup_values(after, key)

    def lookup_values(self, state: S, key: str) -> tuple[LookupValue, ...]:
        """The values under which an instance in this state can be found; `key` as text."""
        values = self._field_values(state)
        return (*values, *self._part_values(key)) if self.lookup_parts else values

    def _part_values(self, key: str) -> Iterator[LookupValue]:
        parts = decode_key(key)
        for name, (unique, part) in self.lookup_parts.items():
            if isinstance(parts, tuple) and part < len(parts):
                yield LookupValue(name, write_json(parts[part]), unique)

    def _field_values(self, state: S) -> tuple[LookupValue, ...]:
        return tuple(self._lookup_value(state, name, unique) for name, unique in self.lookups[type(state)])

    def _lookup_value(self, state: S, name: str, unique: bool) -> LookupValue:
        value = getattr(state, name)
        return LookupValue(name, self.codec.encode_field(name, value), unique and value is not None)

    # ------------------------------------------------------------ questions

    def query(
        self,
        state: type[Payload] | None,
        prefix: Key | None,
        where: Mapping[str, object] | None,
        limit: int | None,
        keys: Iterable[Key] | None = None,
    ) -> Query:
        """What `Store.find` was asked.  Raises `UnknownState`, `InvalidKey`, `InvalidQuery`."""
        if limit is not None:
            check_integer("limit", limit, at_least=1)
        if state is not None and not isinstance(state, type):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            self.refuse_query(f"{show_value(state)} is no class of states; give a leaf or superstate class")
        if keys is not None and prefix is not None:
            self.refuse_query("keys= and prefix= are two ways to say which; give one of them")
        ranges = () if prefix is None else prefix_ranges(prefix)
        texts = None if keys is None else tuple(dict.fromkeys(map(encode_key, keys)))
        lookups = tuple(self._condition(name, value) for name, value in (where or {}).items())
        return Query(self.name, self.paths_of(state), ranges, lookups, limit, texts)

    def _condition(self, name: str, value: object) -> tuple[str, str]:
        if name in self.lookup_parts:
            return name, write_json(check_text(name, value))
        if not isinstance(name, str) or name not in self.lookup_fields:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            hint = did_you_mean(str(name), {**self.lookup_fields, **self.lookup_parts})
            self.refuse_query(f"{name!r} is no look-up{hint}; declare it in the machine: {name} = lookup()")
        return name, self.codec.encode_field(name, value)

    def refuse_query(self, problem: str) -> NoReturn:
        raise InvalidQuery(self.name, problem)


def _message_rows(messages: tuple[Message, ...]) -> tuple[NewMessage, ...]:
    if not messages:
        return ()
    return tuple(NewMessage(m.topic, m.kind, m.correlation_id, write_json(m.body, "body")) for m in messages)


def read_message(row: MessageRow) -> StoredMessage:
    """A message as it was told."""
    return StoredMessage(
        row.position,
        row.machine,
        decode_key(row.key),
        row.version,
        row.topic,
        row.kind,
        row.correlation_id,
        cast("dict[str, Any]", read_json(row.body)),
        from_microseconds(row.at),
    )


def is_machine(machine: object) -> bool:
    """Whether this is a class that inherits `Machine` and declares states."""
    return isinstance(machine, type) and issubclass(machine, Machine) and machine is not Machine
