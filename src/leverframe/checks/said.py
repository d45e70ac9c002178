"""One change of a machine, and how its parts are put into words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from attrs import frozen

from leverframe.checks.loading import has_upcaster, names_in
from leverframe.checks.locked import Locked
from leverframe.diagrams.picture import Move

__all__ = ["Change", "arrow", "holders_of", "show_argument", "unreadable_in", "users_of"]


@frozen
class Change:
    """One thing that is another than before: `sign` is "+", "-" or "~", `text` says it.

    `about` names the classes, moves or policies that it is about, as far as they are there still; `unreadable` is what
    of the stored rows does not load any more, "snapshot", "journal" or both.
    """

    sign: str
    text: str
    about: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{'!' if self.unreadable else ' '} {self.sign} {self.text}"


def arrow(move: Move) -> str:
    """A move as it is drawn in one line.

    >>> arrow(Move("unblock", "Unblock", ("archived.blocked",), ("active.backlog",)))
    'archived.blocked -Unblock-> active.backlog'
    """
    guard = f" if {move.guard}" if move.guard else ""
    return f"{' | '.join(move.sources)} -{move.event}-> {' | '.join(move.targets)}{guard}"


def show_argument(value: Any) -> str:
    """A policy's argument, as it stands in a lock file."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(str(each) for each in cast("list[object]", value))
    return str(value)


# ---------------------------------------------------------------- what is stored with which class in it


def holders_of(value: str, locked: Locked) -> list[str]:
    """The states and events that have a value of this class in them, at whatever depth."""
    wanted = {value}
    while True:
        grown = wanted | {each.name for each in locked.values if mentions(each.fields, wanted)}
        if grown == wanted:
            return [name for name, each in locked.classes.items() if mentions(each.fields, wanted)]
        wanted = grown


def mentions(fields: Iterable[Any], names: set[str]) -> bool:
    return any(names_in(field.type) & names for field in fields)


def users_of(value: str, old: Locked, new: Locked) -> tuple[str, ...]:
    """What of the stored rows has such a value in it, and no upcaster."""
    return unreadable_in(holders_of(value, old), old, new)


def unreadable_in(names: Iterable[str], old: Locked, new: Locked) -> tuple[str, ...]:
    """Where bodies of these classes are stored, but for those that an upcaster reads."""
    stored = [old.classes[name] for name in names if not has_upcaster(old.classes[name], new)]
    if any(not each.is_event for each in stored):
        return ("snapshot", "journal")
    return ("journal",) if stored else ()
