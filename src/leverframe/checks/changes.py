"""What is another than it was when a machine was locked, in words; and what of it makes stored rows unreadable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from attrs import frozen

from leverframe.checks.fields import field_changes
from leverframe.checks.loading import has_upcaster, value_loads
from leverframe.checks.locked import Locked, StoredClass
from leverframe.checks.said import Change, arrow, show_argument, users_of
from leverframe.checks.values import Value
from leverframe.diagrams.picture import Move, Picture, State

__all__ = ["Change", "changes_between"]


def changes_between(old: Locked, new: Locked) -> tuple[Change, ...]:
    """What became of a machine.

    >>> from leverframe.checks.locked import lock_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> locked = lock_of(Pipeline, "pipeline")
    >>> changes_between(locked, locked)
    ()
    """
    parts = (state_changes, field_changes, value_changes, move_changes, order_changes, version_changes)
    found = [change for part in parts for change in part(old, new)]
    found += declared_changes("look-up", old.lookups, new.lookups)
    found += declared_changes("policy", old.policies, new.policies)
    return tuple(found)


@frozen
class Compared:
    """What two mappings of the same kind have, in the order of the newer one."""

    gone: tuple[str, ...]
    new: tuple[str, ...]
    both: tuple[str, ...]


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Compared:
    gone = tuple(name for name in old if name not in new)
    return Compared(gone, tuple(name for name in new if name not in old), tuple(name for name in new if name in old))


# ---------------------------------------------------------------- states


def state_changes(old: Locked, new: Locked) -> Iterator[Change]:
    """By their classes: that is what stands in the store."""
    before, after = by_payload(old.picture), by_payload(new.picture)
    compared = compare(before, after)
    for name in compared.gone:
        yield gone_state(before[name], old, new)
    for name in compared.new:
        yield Change("+", f"state {name} is new: {after[name].path}", (name,))
    for name in compared.both:
        yield from changed_state(before[name], after[name])


def by_payload(picture: Picture) -> dict[str, State]:
    return {state.payload: state for state in picture.states}


def gone_state(state: State, old: Locked, new: Locked) -> Change:
    kind = "state" if state.is_leaf else "superstate"
    text = f"{kind} {state.payload} is gone: {state.path}"
    stored = old.classes.get(state.payload)
    if stored is None or not state.is_leaf:
        return Change("-", text)
    if has_upcaster(stored, new):
        return Change("-", f"{text}; an upcaster reads it")
    return Change("-", text, (), ("snapshot", "journal"))


def changed_state(old: State, new: State) -> Iterator[Change]:
    about = (new.payload,)
    if old.path != new.path:
        yield Change("~", f"state {new.payload} is {new.path} now, was {old.path}", about)
    for mark in ("initial", "final"):
        was, became = getattr(old, mark), getattr(new, mark)
        if was != became:
            yield Change("~", f"state {new.payload} is {'' if became else 'not '}{mark} now", about)
    hooks, others = {hook.name: hook.kind for hook in old.hooks}, {hook.name: hook.kind for hook in new.hooks}
    compared = compare(hooks, others)
    for name in compared.gone:
        yield Change("-", f"hook {name} of {new.payload} is gone", about)
    for name in compared.new:
        yield Change("+", f"hook {name} of {new.payload} is new, at {others[name]}", about)


# ---------------------------------------------------------------- values in fields


def value_changes(old: Locked, new: Locked) -> Iterator[Change]:
    before, after = {each.name: each for each in old.values}, {each.name: each for each in new.values}
    for name in compare(before, after).both:
        was, became = before[name], after[name]
        # The fields of a class are told with those of states.
        if was != became and not was.kind == became.kind == "class":
            unreadable = () if value_loads(was, became) else users_of(name, old, new)
            yield Change("~", f"{name} is {said_value(became)} now, was {said_value(was)}", (name,), unreadable)


def said_value(value: Value) -> str:
    if value.kind == "enum":
        return f"one of {', '.join(value.members)}"
    if value.kind == "class":
        return "a class"
    return f"{value.base}{''.join(f' {pattern!r}' for pattern in value.patterns)}"


# ---------------------------------------------------------------- events and moves


def move_changes(old: Locked, new: Locked) -> Iterator[Change]:
    yield from event_changes(old, new)
    before, after = by_event(old.picture), by_event(new.picture)
    compared = compare(before, after)
    for name in compared.gone:
        yield Change("-", f"move {before[name].name} is gone: {arrow(before[name])}")
    for name in compared.new:
        yield Change("+", f"move {after[name].name} is new: {arrow(after[name])}")
    for name in compared.both:
        yield from changed_move(before[name], after[name])


def event_changes(old: Locked, new: Locked) -> Iterator[Change]:
    before, after = events_of(old), events_of(new)
    compared = compare(before, after)
    for name in compared.gone:
        readable = has_upcaster(before[name], new)
        text = f"event {name} is gone"
        yield Change("-", f"{text}; an upcaster reads it") if readable else Change("-", text, (), ("journal",))
    for name in compared.new:
        yield Change("+", f"event {name} is new", (name,))


def events_of(locked: Locked) -> dict[str, StoredClass]:
    return {name: each for name, each in locked.classes.items() if each.is_event}


def by_event(picture: Picture) -> dict[str, Move]:
    return {f"{move.name}:{move.event}": move for move in picture.moves}


def changed_move(old: Move, new: Move) -> Iterator[Change]:
    about = (new.name,)
    if set(old.sources) != set(new.sources) or set(old.targets) != set(new.targets):
        yield Change("~", f"move {new.name} is {arrow(new)} now, was {arrow(old)}", about)
    if old.guard != new.guard:
        was, became = (move.guard or "none" for move in (old, new))
        yield Change("~", f"move {new.name} for {new.event} has the guard {became} now, was {was}", about)


def order_changes(old: Locked, new: Locked) -> Iterator[Change]:
    """Two moves that the same states have for one event, asked the other way round."""
    place = {key: number for number, key in enumerate(by_event(old.picture))}
    for first, second in combinations(new.picture.moves, 2):
        keys = f"{first.name}:{first.event}", f"{second.name}:{second.event}"
        if first.event != second.event or not set(first.sources) & set(second.sources):
            continue
        if all(key in place for key in keys) and place[keys[0]] > place[keys[1]]:
            text = f"move {first.name} is asked before {second.name} for {first.event} now"
            yield Change("~", text, (first.name,))


# ---------------------------------------------------------------- versions


def version_changes(old: Locked, new: Locked) -> Iterator[Change]:
    for name in compare(old.classes, new.classes).both:
        was, became = old.classes[name].version, new.classes[name].version
        if was != became:
            unreadable = stored_of(new.classes[name]) if became < was else ()
            yield Change("~", f"{name} is at version {became} now, was {was}", (name,), unreadable)
    for name, version in sorted(old.upcasters - new.upcasters):
        text = f"the upcaster of {name} version {version} is gone"
        yield Change("-", text, (), ("snapshot", "journal"))
    for name, version in sorted(new.upcasters - old.upcasters):
        yield Change("+", f"an upcaster of {name} version {version} is new")


def stored_of(stored: StoredClass) -> tuple[str, ...]:
    return ("journal",) if stored.is_event else ("snapshot", "journal")


# ---------------------------------------------------------------- look-ups and policies


def declared_changes(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    compared = compare(old, new)
    for name in compared.gone:
        yield Change("-", f"{kind} {name} is gone")
    for name in compared.new:
        yield Change("+", f"{kind} {name} is new", (name,))
    for name in compared.both:
        arguments = {**dict.fromkeys(old[name]), **dict.fromkeys(new[name])}
        for argument in arguments:
            was, became = old[name].get(argument), new[name].get(argument)
            if was != became:
                text = f"{argument} of {kind} {name} is {show_argument(became)} now, was {show_argument(was)}"
                yield Change("~", text, (name,))
