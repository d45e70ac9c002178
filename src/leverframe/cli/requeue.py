"""How does an instance come back to where it can be claimed?  `leverframe requeue`."""

from __future__ import annotations

from typing import Any

from attrs import fields

from leverframe import Payload, Store
from leverframe.cli.failures import Failure
from leverframe.cli.fields import Given, build, split_words
from leverframe.cli.operate import Where, Who, find_event, find_lease, opened, print_receipt
from leverframe.cli.reads import key_of
from leverframe.cli.targets import AnyMachine
from leverframe.coordination.by_hand import ways_back
from leverframe.errors import Key
from leverframe.persistence.codec import codec_of
from leverframe.wording import did_you_mean, join_names

__all__ = ["requeue_instance"]


def requeue_instance(
    where: Where, words: tuple[str, ...], name: str | None, priority: int | None, who: Who, as_json: bool
) -> None:
    """Bring an instance back, and print what that did."""
    machine = where.machine
    key_words, field_words = split_words(words)
    key, lease = key_of(tuple(key_words)), find_lease(machine)
    with opened(where, key) as store:
        event = choose_event(store, machine, lease, key, name, field_words)
        receipt = store.requeue(lease, key, event, priority=priority, by=who.by, why=who.why)
    print_receipt(machine, key, receipt, who, as_json)


def choose_event(
    store: Store, machine: AnyMachine, lease: Any, key: Key, name: str | None, field_words: list[str]
) -> Any:
    """The event that is named, or the one that can be made of the fields; None where the store finds it by itself."""
    if name is not None:
        cls = find_event(machine, name)
        if cls is None:
            hint = did_you_mean(name, codec_of(machine).events.names())
            raise Failure(f"{machine.__name__} has no event {name!r}{hint}")
        return build(codec_of(machine).events, cls, Given(field_words))
    return only_event(store, machine, lease, key, field_words) if field_words else None


def only_event(store: Store, machine: AnyMachine, lease: Any, key: Key, field_words: list[str]) -> Any:
    """The only event that leads back and can be made of the fields.  Raises `Failure`, which says which there are."""
    stored = store.get(machine, key)
    state: Payload = stored.state
    ways = list(ways_back(machine, lease, type(state)))
    made = [event for cls in ways if (event := try_to_build(machine, cls, field_words)) is not None]
    if len(made) == 1:
        return made[0]
    there = join_names(f"{cls.__name__}({', '.join(each.name for each in fields(cls))})" for cls in ways)
    number = "several events" if made else "no event"
    raise Failure(
        f"{number} that can be made of {' '.join(field_words)} would lead {machine.__name__} from {stored.path} to "
        f"where it can be claimed; there are: {there}"
    )


def try_to_build(machine: AnyMachine, cls: type[Any], field_words: list[str]) -> Any:
    try:
        return build(codec_of(machine).events, cls, Given(field_words))
    except Failure:
        return None
