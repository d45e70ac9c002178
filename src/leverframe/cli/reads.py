"""What is in the database?  `ls`, `show` and `history`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from leverframe import Entry, Payload, Store, Stored
from leverframe.cli.bodies import event_object, field_text, show_event, show_fields, state_fields
from leverframe.cli.databases import open_existing
from leverframe.cli.failures import Failure, Finding, complain
from leverframe.cli.output import Column, at_terminal, print_facts, print_json, print_note, print_rows, show_time
from leverframe.cli.statuses import FOUND
from leverframe.cli.targets import AnyMachine
from leverframe.cli.text import shorten, show_key, show_number, single_line
from leverframe.coordination.policies import LeasePolicy
from leverframe.errors import Key, NotFound, UnknownState, UnreadableRow
from leverframe.typed.policy import declared_policies
from leverframe.wording import did_you_mean, join_names

__all__ = ["list_rows", "show_history", "show_instance", "states_by_path", "unknown_state"]

AnyStored = Stored[Any, Any]
AnyEntry = Entry[Any, Any]

DEFAULT_LIMIT = 50
LONGEST_PAYLOAD = 80

UNREADABLE = "(unreadable)"
CREATED = "(created)"
REPAIRED = "(set by hand)"
REQUEUED = "(requeued)"


# ---------------------------------------------------------------- ls


@frozen
class Question:
    """Which instances of a machine are asked for."""

    machine: AnyMachine
    state: type[Payload] | None
    prefix: tuple[str, ...]
    limit: int | None


def list_rows(
    machine: AnyMachine,
    url: str,
    tenant: str | None,
    path: str | None,
    prefix: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> int:
    """Print instances, the newest change first; the exit status."""
    question = Question(machine, find_state(machine, path), prefix, limit or (None if as_json else DEFAULT_LIMIT))
    with open_existing(url, tenant) as store:
        found = find(store, question)
        shown = found[: question.limit]
        errors = unreadable(shown)
        if as_json:
            print_json([stored_object(machine, stored) for stored in shown])
        else:
            print_rows(LS_COLUMNS, [ls_row(machine, stored) for stored in shown])
            note_more(store, question, len(shown), len(found))
    for error in errors:
        complain(str(error))
    return FOUND if errors else 0


def find_state(machine: AnyMachine, path: str | None) -> type[Payload] | None:
    """The leaf or superstate of this path.  Raises `Failure`."""
    if path is None:
        return None
    known = states_by_path(machine)
    if path not in known:
        raise unknown_state(machine, path, known)
    return known[path]


def unknown_state(machine: AnyMachine, name: str, known: Iterable[str]) -> Failure:
    """That there is no such state; its path may have been meant by its last part."""
    paths = list(known)
    ends = [path for path in paths if folded(path.rpartition(".")[2]) == folded(name)]
    hint = f"; did you mean {ends[0]!r}?" if len(ends) == 1 else did_you_mean(name, paths)
    return Failure(f"{machine.__name__} has no state {name!r}{hint}")


def folded(name: str) -> str:
    """What the name of a state's class and its path have in common."""
    return name.replace("_", "").casefold()


def states_by_path(machine: AnyMachine) -> dict[str, type[Payload]]:
    """All leaves and superstates of a machine.

    >>> from leverframe.machines import Pipeline
    >>> list(states_by_path(Pipeline))[:3]
    ['active.backlog', 'active', 'active.coding']
    """
    found: dict[str, type[Payload]] = {}
    for leaf in machine.leaves():
        for cls in leaf.__mro__:
            try:
                found.setdefault(machine.path(cls), cls)
            except UnknownState:
                # A base that the leaf inherits for reasons of its own.
                continue
    return found


def find(store: Store, question: Question) -> list[AnyStored]:
    """The instances asked for, and one more where there are more."""
    limit = None if question.limit is None else question.limit + 1
    if not question.prefix:
        return store.find(question.machine, question.state, limit=limit)
    found = [
        each
        for part in key_prefixes(question.prefix)
        for each in store.find(question.machine, question.state, prefix=part, limit=limit)
    ]
    return sorted(found, key=changed_at, reverse=True)[:limit]


def key_prefixes(parts: tuple[str, ...]) -> list[Key]:
    """How keys begin that one word, or several, were given for: one word may be the first part of several."""
    return [parts] if parts[1:] else [parts[0], parts]


def changed_at(stored: AnyStored) -> Any:
    return stored.changed_at


def note_more(store: Store, question: Question, shown: int, found: int) -> None:
    """Say on stderr that there are more than were shown, and how many where that is known."""
    if found > shown:
        number = None if question.prefix else count(store, question)
        more = "more" if number is None else f"{show_number(number - shown)} more"
        print_note(f"... {more}; --limit shows them")


def count(store: Store, question: Question) -> int | None:
    try:
        counts = store.count(question.machine)
    except UnknownState:
        return None
    leaves = question.machine.leaves(question.state)
    return sum(counts[leaf] for leaf in leaves)


LS_COLUMNS = [
    Column("key", elastic=True),
    Column("state"),
    Column("version", right=True),
    Column("changed (UTC)"),
    Column("payload", elastic=True),
]


def ls_row(machine: AnyMachine, stored: AnyStored) -> list[str]:
    changed = show_time(stored.changed_at)
    return [show_key(stored.key), stored.path, str(stored.version), changed, payload_text(machine, stored)]


def payload_text(machine: AnyMachine, stored: AnyStored) -> str:
    try:
        fields = state_fields(machine, stored.state)
    except UnreadableRow:
        return UNREADABLE
    # The time of the change stands in a column of its own.
    changed = stored.changed_at.isoformat()
    return shorten(show_fields({name: value for name, value in fields.items() if value != changed}), LONGEST_PAYLOAD)


def unreadable(rows: Sequence[AnyStored]) -> list[UnreadableRow]:
    """What is wrong with the rows that cannot be read."""
    errors: list[UnreadableRow] = []
    for stored in rows:
        try:
            _ = stored.state
        except UnreadableRow as error:
            errors.append(error)
    return errors


def stored_object(machine: AnyMachine, stored: AnyStored) -> dict[str, Any]:
    """An instance for programs; `fields` is null, and `error` says why, where it cannot be read."""
    found: dict[str, Any] = {
        "key": stored.key,
        "state": stored.path,
        "version": stored.version,
        "created_at": stored.created_at.isoformat(),
        "changed_at": stored.changed_at.isoformat(),
    }
    try:
        return found | {"fields": state_fields(machine, stored.state)}
    except UnreadableRow as error:
        return found | {"fields": None, "error": str(error)}


# ---------------------------------------------------------------- show


def show_instance(machine: AnyMachine, url: str, tenant: str | None, words: tuple[str, ...], as_json: bool) -> None:
    """Print all that there is about one instance."""
    with open_existing(url, tenant) as store:
        stored = get(store, machine, key_of(words))
        last = last_entry(store, machine, stored)
    accepted = [event.__name__ for event in stored.handle.accepts()]
    if as_json:
        print_json(stored_object(machine, stored) | said_of(last) | {"accepts": accepted})
        return
    rows = [
        ["key", show_key(stored.key)],
        ["state", stored.path],
        *([name, field_text(value)] for name, value in state_fields(machine, stored.state).items()),
        ["version", str(stored.version)],
        ["created", stored.created_at.isoformat()],
        ["changed", stored.changed_at.isoformat()],
        *([name, single_line(text)] for name, text in said_of(last).items() if text),
        ["accepts", join_names(accepted)],
    ]
    print_facts(rows)


def last_entry(store: Store, machine: AnyMachine, stored: AnyStored) -> AnyEntry | None:
    """The line of the journal by which the instance came to be as it is; None if it was moved since it was read."""
    last = store.history(machine, stored.key, limit=1)[-1]
    return last if last.version == stored.version else None


def said_of(entry: AnyEntry | None) -> dict[str, Any]:
    """Who made a move and why, for programs; null where nobody has said so."""
    return {"by": (entry and entry.by) or None, "why": (entry and entry.why) or None}


def key_of(words: tuple[str, ...]) -> Key:
    """The key that was given as words: one is a plain key, more are the parts of one."""
    return words[0] if len(words) == 1 else words


def get(store: Store, machine: AnyMachine, key: Key) -> AnyStored:
    try:
        return store.get(machine, key)
    except NotFound:
        raise not_found(store, machine, key) from None


def not_found(store: Store, machine: AnyMachine, key: Key) -> Failure:
    """That there is no such instance; a plain key may have been meant as the first part of longer ones."""
    hint = "`leverframe ls` lists what there is"
    longer = store.find(machine, prefix=(key,), limit=1) if isinstance(key, str) else []
    if longer:
        hint = f"there is {show_key(longer[0].key)}: give all parts of a key"
    return Finding(f"there is no {machine.__name__} {show_key(key)} in {place_of(store)}; {hint}")


def place_of(store: Store) -> str:
    return f"tenant {store.tenant} of {store.location}" if store.tenant else store.location


# ---------------------------------------------------------------- history


def show_history(machine: AnyMachine, url: str, tenant: str | None, words: tuple[str, ...], as_json: bool) -> int:
    """Print the journal of one instance, the oldest line first; the exit status."""
    key = key_of(words)
    with open_existing(url, tenant) as store:
        try:
            entries = store.history(machine, key)
        except NotFound:
            raise not_found(store, machine, key) from None
    errors = [error for error in (entry_error(entry) for entry in entries) if error is not None]
    if as_json:
        print_json([entry_object(machine, entry) for entry in entries])
    else:
        print_entries(machine, entries)
    for error in errors:
        complain(str(error))
    return FOUND if errors else 0


def print_entries(machine: AnyMachine, entries: Sequence[AnyEntry]) -> None:
    if at_terminal():
        # Two lines each: a terminal has no room for both states and the event beside one another.
        columns, row = HISTORY_COLUMNS_AT_TERMINAL, entry_row_at_terminal
    else:
        columns, row = HISTORY_COLUMNS, entry_row
    events = [event_text(machine, entry, before) for before, entry in zip([None, *entries], entries, strict=False)]
    print_rows(columns, [row(entry, event) for entry, event in zip(entries, events, strict=True)])


HISTORY_COLUMNS_AT_TERMINAL = [
    Column("seq", right=True),
    Column("version", right=True),
    Column("at (UTC)"),
    Column("what happened", wrapped=True),
]


def entry_row_at_terminal(entry: AnyEntry, event: str) -> list[str]:
    move = f"{entry.from_path} → {entry.to_path}" if entry.from_path else entry.to_path
    what = "\n".join([event, move, *who_and_why(entry)])
    return [str(entry.seq), str(entry.version), show_time(entry.at), what]


def who_and_why(entry: AnyEntry) -> list[str]:
    """Who made the move and why, in one line if somebody has said so."""
    said = ": ".join(part for part in (f"by {entry.by}" if entry.by else "", entry.why) if part)
    return [single_line(said)] if said else []


HISTORY_COLUMNS = [
    Column("seq", right=True),
    Column("version", right=True),
    Column("at"),
    Column("from"),
    Column("event"),
    Column("to"),
    Column("by"),
    Column("why"),
]


def entry_row(entry: AnyEntry, event: str) -> list[str]:
    from_path = entry.from_path or "-"
    said = [single_line(entry.by), single_line(entry.why)]
    return [str(entry.seq), str(entry.version), show_time(entry.at), from_path, event, entry.to_path, *said]


def event_text(machine: AnyMachine, entry: AnyEntry, before: AnyEntry | None) -> str:
    """What happened, `before` being the line of the journal before it."""
    try:
        event = entry.event
    except UnreadableRow:
        return UNREADABLE
    if event is not None:
        return show_event(machine, event)
    if before is None or not entry.repaired:
        return CREATED
    return REQUEUED if is_leased(machine) and is_same_state(before, entry) else REPAIRED


def is_leased(machine: AnyMachine) -> bool:
    return any(isinstance(policy, LeasePolicy) for policy in declared_policies(machine))


def is_same_state(before: AnyEntry, entry: AnyEntry) -> bool:
    """Whether a repair has left the state as it was: then only who may claim it, and when, is another."""
    try:
        return bool(before.state == entry.state)
    except UnreadableRow:
        return False


def entry_error(entry: AnyEntry) -> UnreadableRow | None:
    try:
        _ = entry.event
    except UnreadableRow as error:
        return error
    return None


def entry_object(machine: AnyMachine, entry: AnyEntry) -> dict[str, Any]:
    """A line of the journal for programs: a creation has no event and comes from no state, a repair has no event."""
    found: dict[str, Any] = {
        "seq": entry.seq,
        "version": entry.version,
        "at": entry.at.isoformat(),
        "from": entry.from_path or None,
        "to": entry.to_path,
        "repaired": entry.repaired,
        **said_of(entry),
    }
    try:
        return found | {"event": None if entry.event is None else event_object(machine, entry.event)}
    except UnreadableRow as error:
        return found | {"event": None, "error": str(error)}
