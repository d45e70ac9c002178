"""How is one instance changed from outside of a program?  `create`, `send`, `set-state`, `release`, `freeze`."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TextIO

import click
from attrs import frozen

from leverframe import Payload, Receipt, Send, Store
from leverframe.cli.bodies import state_fields
from leverframe.cli.databases import open_existing, open_scoped
from leverframe.cli.failures import Failure, Finding
from leverframe.cli.fields import Given, build, split_words
from leverframe.cli.output import Column, at_terminal, print_json, print_rows
from leverframe.cli.reads import find_state, key_of, not_found, unknown_state
from leverframe.cli.settling import initial_state
from leverframe.cli.statuses import CANNOT
from leverframe.cli.targets import AnyMachine
from leverframe.cli.text import show_key
from leverframe.coordination.policies import LeasePolicy
from leverframe.errors import Key, LeaseRequired, NotFound, NotLeased
from leverframe.persistence.codec import codec_of
from leverframe.typed.policy import declared_policies
from leverframe.wording import did_you_mean, join_names

__all__ = [
    "Where",
    "Who",
    "create_instance",
    "find_event",
    "find_leaf",
    "find_lease",
    "opened",
    "print_receipt",
    "release_instance",
    "repair_instance",
    "send_event",
    "send_to_gate",
]


@frozen
class Where:
    """Of which machine, in which database, of which tenant."""

    machine: AnyMachine
    url: str
    tenant: str | None

    def open(self, *, make: bool = False) -> Store:
        """The tenant's store; a database that is not there is made if `make` says so."""
        return open_scoped(self.url, self.tenant) if make else open_existing(self.url, self.tenant)


@frozen
class Who:
    """Who does it, and why."""

    by: str
    why: str | None

    @classmethod
    def of(cls, by: str | None, why: str | None) -> Who:
        """With the login name, where no name is given.  Raises `Failure` if there is none."""
        return cls(login_name() if by is None else by, why)


def login_name() -> str:
    try:
        return getpass.getuser()
    # A user without an entry in the list of users is told by different errors, by the version of Python.
    except (KeyError, OSError, ImportError) as error:
        raise Failure("nobody knows who you are; say it with --by") from error


@contextmanager
def opened(where: Where, key: Key, *, make: bool = False) -> Generator[Store]:
    """The tenant's store; that there is no such instance is told with what there is."""
    with where.open(make=make) as store:
        try:
            yield store
        except NotFound:
            raise not_found(store, where.machine, key) from None


# ---------------------------------------------------------------- create


def create_instance(where: Where, words: tuple[str, ...], body: str | None, who: Who, as_json: bool) -> None:
    """Create an instance, and print where it is."""
    front, fields = split_words(words)
    *key_words, name = front
    key = key_before(key_words, "STATE")
    state = read_state(where.machine, name, Given(fields, body))
    with opened(where, key, make=True) as store:
        stored = store.create(where.machine, key, state, by=who.by, why=who.why)
    if as_json:
        print_json(changed_object(where.machine, key, None, stored.path, stored.version, None, who, state))
    else:
        print_change(key, "-", stored.path, stored.version)


def key_before(words: list[str], behind: str) -> Key:
    if not words:
        raise click.UsageError(f"Missing argument 'KEY' or '{behind}'.")
    return key_of(tuple(words))


def read_state(machine: AnyMachine, name: str, given: Given) -> Payload:
    """The state of this path, or of the class of this name, with these fields.  Raises `Failure`."""
    state: Payload = build(codec_of(machine).states, find_leaf(machine, name), given)
    return state


def find_leaf(machine: AnyMachine, name: str) -> type[Any]:
    """The state class of this path, or of this name.  Raises `Failure`."""
    leaves: dict[str, type[Any]] = {machine.path(leaf): leaf for leaf in machine.leaves()}
    named: dict[str, type[Any]] = {leaf.__name__: leaf for leaf in machine.leaves()} | leaves
    if name not in named:
        inside = [path for path in leaves if path.startswith(f"{name}.")]
        if inside:
            raise Failure(f"{name} is a superstate of {machine.__name__}; give one of {join_names(inside)}")
        raise unknown_state(machine, name, named if name[:1].isupper() else leaves)
    return named[name]


# ---------------------------------------------------------------- send


def send_event(
    where: Where, words: tuple[str, ...], body: str | None, expect: str | None, who: Who, as_json: bool
) -> None:
    """Send an event, and print what it did."""
    front, fields = split_words(words)
    *key_words, name = front
    key = key_before(key_words, "EVENT")
    expected = find_state(where.machine, expect)
    with opened(where, key) as store:
        event = read_event(store, where.machine, key, name, Given(fields, body))
        try:
            receipt = store.send(where.machine, key, event, expect=expected, by=who.by, why=who.why)
        except LeaseRequired as error:
            raise owners_move(error) from error
    print_receipt(where.machine, key, receipt, who, as_json)


def owners_move(error: LeaseRequired) -> Finding:
    """That this is not for everybody to send, and what is."""
    problem = str(error).partition("; ")[0]
    if error.by_store:
        return Finding(f"{problem}; `leverframe work` claims it, `leverframe release` ends its lease")
    return Finding(f"{problem}; `leverframe release` ends that, `leverframe set-state` overrides it")


def read_event(store: Store, machine: AnyMachine, key: Key, name: str, given: Given) -> Any:
    """The event of this name, with these fields.  Raises `Failure`, `NotFound`."""
    cls = find_event(machine, name)
    if cls is None:
        stored = store.get(machine, key)
        accepted = join_names(each.__name__ for each in stored.handle.accepts())
        hint = did_you_mean(name, codec_of(machine).events.names())
        raise Failure(f"{machine.__name__} has no event {name!r}{hint}; accepted in {stored.path}: {accepted}")
    return build(codec_of(machine).events, cls, given)


def find_event(machine: AnyMachine, name: str) -> type[Any] | None:
    """The event class of this name."""
    return codec_of(machine).events.class_named(name)


def send_to_gate(where: Where, name: str, words: tuple[str, ...], body: str | None, who: Who, as_json: bool) -> None:
    """Send an event to a gate, which is created where it is not there, and print what that did."""
    machine = where.machine
    key_words, fields = split_words(words)
    key = key_of(tuple(key_words))
    cls = find_event(machine, name)
    if cls is None:
        raise Failure(f"{machine.__name__} has no event {name}; this is for gates, such as repo-gate")
    event = build(codec_of(machine).events, cls, Given(fields, body))
    first = initial_state(machine)
    with opened(where, key) as store:
        send = Send(key, event, by=who.by, why=who.why)
        receipt = store.send_many(machine, [send], create=first)[0]
    print_receipt(machine, key, receipt, who, as_json)


# ---------------------------------------------------------------- set-state and release


def repair_instance(
    where: Where,
    words: tuple[str, ...],
    body: str | None,
    expect: str | None,
    who: Who,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Put an instance into a state, and print what that did."""
    machine = where.machine
    front, fields = split_words(words)
    *key_words, name = front
    key = key_before(key_words, "STATE")
    state = read_state(machine, name, Given(fields, body))
    expected = find_state(machine, expect)
    with opened(where, key) as store:
        path = machine.path(type(state))
        confirm(f"Put {machine.__name__} {show_key(key)} into {path}, without an event?", yes)
        receipt = store.set_state(machine, key, state, by=who.by, why=who.why or "", expect=expected)
    print_receipt(machine, key, receipt, who, as_json)


def release_instance(where: Where, words: tuple[str, ...], who: Who, *, yes: bool, as_json: bool) -> None:
    """End a lease, and print what that did."""
    key, machine = key_of(words), where.machine
    lease = find_lease(machine)
    with opened(where, key) as store:
        confirm(f"End the lease on {machine.__name__} {show_key(key)}?", yes)
        try:
            receipt = store.release(lease, key, by=who.by, why=who.why)
        except NotLeased as error:
            problem = f"nobody has a lease on {machine.__name__} {show_key(key)}, which is in {error.path}"
            raise Finding(f"{problem}; `leverframe top` shows who has one") from error
    print_receipt(machine, key, receipt, who, as_json)


def find_lease(machine: AnyMachine) -> Any:
    """The machine's lease.  Raises `Failure` if it declares none."""
    found = [policy for policy in declared_policies(machine) if isinstance(policy, LeasePolicy)]
    if not found:
        raise Failure(f"{machine.__name__} declares no lease, so that nobody claims its instances")
    return found[0]


def confirm(question: str, yes: bool) -> None:
    """Ask whoever sits at a terminal whether it is meant; in a script it is."""
    if not yes and person_is_there() and not click.confirm(question, err=True):
        click.echo("nothing is changed", err=True)
        raise click.exceptions.Exit(CANNOT)


def person_is_there() -> bool:
    # A program that was started with the stream closed has none.
    stdin: TextIO | None = sys.stdin
    return at_terminal() and stdin is not None and stdin.isatty()


# ---------------------------------------------------------------- output


def print_receipt(machine: AnyMachine, key: Key, receipt: Receipt[Any], who: Who, as_json: bool) -> None:
    """Print what a move did."""
    left = path_of(machine, receipt.from_state)
    path = machine.path(receipt.to_state)
    if as_json:
        print_json(changed_object(machine, key, left, path, receipt.version, receipt.seq, who, receipt.state))
    else:
        print_change(key, left or "?", path, receipt.version)


def path_of(machine: AnyMachine, state: type[Any]) -> str | None:
    """How a state is spelled; None for what today's code does not know, which a repair may have left."""
    return None if state is Payload else machine.path(state)


def print_change(key: Key, left: str, path: str, version: int) -> None:
    columns = [Column("key", elastic=True), Column("from"), Column("to"), Column("version", right=True)]
    print_rows(columns, [[show_key(key), left, path, str(version)]])


def changed_object(
    machine: AnyMachine, key: Key, left: str | None, path: str, version: int, seq: int | None, who: Who, state: Any
) -> dict[str, Any]:
    """A change for programs; what was created comes from no state, and its journal line is not told."""
    return {
        "key": key,
        "from": left,
        "to": path,
        "version": version,
        "seq": seq,
        "by": who.by,
        "why": who.why,
        "fields": state_fields(machine, state),
    }
