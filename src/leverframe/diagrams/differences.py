"""Two pictures of one machine as one: what a change adds, removes and changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from attrs import evolve, frozen

from leverframe.diagrams.drawing import field_words
from leverframe.diagrams.looks import Arrow, ArrowMark, Marks, StateMark, arrows_of
from leverframe.diagrams.picture import Field, HookMark, Move, Picture, State

__all__ = ["Difference", "both_pictures", "differences"]

MOST_TOLD = 30
"""How many differences the legend tells."""

Sign = Literal["added", "removed", "changed"]

SIGNS: dict[Sign, str] = {"added": "+", "removed": "-", "changed": "~"}


@frozen
class Difference:
    """One thing that is another: `what` in words, `sign` whether it is new, gone or not the same."""

    sign: Sign
    what: str

    def __str__(self) -> str:
        return f"{SIGNS[self.sign]} {self.what}"


def differences(old: Picture, new: Picture) -> tuple[Difference, ...]:
    """Every difference between two pictures, of states first; where things are written makes none.

    >>> from attrs import evolve
    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> new = picture_of(Pipeline)
    >>> print(*differences(evolve(new, moves=new.moves[1:]), new))
    + deps_met: active.backlog to active.coding by DepsMet
    """
    return (*state_differences(old, new), *move_differences(old, new))


def both_pictures(old: Picture, new: Picture, names: tuple[str, str]) -> tuple[Picture, Marks]:
    """One picture of all that either has, and the marks on it; `names` are what the two are called.

    >>> from attrs import evolve
    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> old = picture_of(Pipeline)
    >>> both, marks = both_pictures(old, evolve(old, moves=old.moves[1:]), ("v1", "now"))
    >>> len(both.moves) == len(old.moves), marks.legend
    (True, ('Pipeline: v1 to now', 'removed: deps_met: active.backlog to active.coding by DepsMet'))
    """
    found = differences(old, new)
    legend = [f"{each.sign}: {each.what}" for each in found[:MOST_TOLD]]
    if found[MOST_TOLD:]:
        legend.append(f"and {len(found) - MOST_TOLD} more")
    states, moves = all_states(old, new), all_moves(old, new)
    marks = Marks(
        states=dict(state_marks(old, new)),
        arrows=dict(arrow_marks(old, new)),
        legend=(f"{new.machine}: {names[0]} to {names[1]}", *(legend or ["no difference"])),
    )
    return evolve(new, states=states, moves=moves), marks


# ---------------------------------------------------------------- states


def state_differences(old: Picture, new: Picture) -> Iterator[Difference]:
    before, after = by_path(old), by_path(new)
    yield from (Difference("added", f"state {path}") for path in after if path not in before)
    yield from (Difference("removed", f"state {path}") for path in before if path not in after)
    for path, state in after.items():
        if path in before:
            yield from (Difference(sign, f"{path}: {words}") for sign, words, _ in changes_of(before[path], state))


Change = tuple[Sign, str, str]
"""A difference of one state: its sign, in words, and as a note in the state, empty where none is needed."""


def changes_of(old: State, new: State) -> Iterator[Change]:
    """What is another in a state that both have."""
    if old.payload != new.payload:
        yield "changed", f"class {old.payload} is now {new.payload}", ""
    for name in ("initial", "final"):
        if getattr(old, name) != getattr(new, name):
            yield "changed", f"is {'now' if getattr(new, name) else 'no longer'} {name}", ""
    for sign, field, was in field_changes(old.fields, new.fields):
        note = "" if field.inherited else f"{SIGNS[sign]} {field_words(field)}"
        yield sign, f"field {told_field(field, was)}", note
    before, after = hook_words(old.hooks), hook_words(new.hooks)
    for hook in after:
        if hook not in before:
            yield "added", f"hook {hook}", ""
    for hook in before:
        if hook not in after:
            yield "removed", f"hook {hook}", f"- {hook}"


def field_changes(old: Iterable[Field], new: Iterable[Field]) -> Iterator[tuple[Sign, Field, Field | None]]:
    """Of each field that is not the same: its sign, the field, and what it was before where it is changed."""
    before = {field.name: field for field in old}
    after = {field.name: field for field in new}
    for name, field in after.items():
        was = before.get(name)
        if was is None:
            yield "added", field, None
        elif field_type(was) != field_type(field):
            yield "changed", field, was
    for name, field in before.items():
        if name not in after:
            yield "removed", field, None


def told_field(field: Field, was: Field | None) -> str:
    return f"{field.name}: {field_type(field)}{f' (was {field_type(was)})' if was else ''}"


def hook_words(hooks: Iterable[HookMark]) -> list[str]:
    return [f"{hook.kind} / {hook.name}" for hook in hooks]


def field_type(field: Field) -> str:
    return f"{field.type}{', may be left out' if field.optional else ''}"


def state_marks(old: Picture, new: Picture) -> Iterator[tuple[str, StateMark]]:
    before, after = by_path(old), by_path(new)
    for path, state in (before | after).items():
        if path not in before:
            yield path, StateMark("added")
        elif path not in after:
            yield path, StateMark("removed")
        elif found := list(changes_of(before[path], state)):
            yield path, StateMark("changed", tuple(note for _, _, note in found if note))


def all_states(old: Picture, new: Picture) -> tuple[State, ...]:
    """The states of both, each superstate before what is in it, and with the children of both."""
    before, after = by_path(old), by_path(new)
    children: dict[str, list[str]] = {path: [] for path in ("", *after, *before)}
    for path, state in (after | before).items():
        children[after.get(path, state).parent].append(path)

    def below(parent: str) -> Iterator[State]:
        for path in children[parent]:
            state = after.get(path) or before[path]
            yield evolve(state, children=tuple(children[path]))
            yield from below(path)

    return tuple(below(""))


def by_path(picture: Picture) -> dict[str, State]:
    return {state.path: state for state in picture.states}


# ---------------------------------------------------------------- moves


def move_differences(old: Picture, new: Picture) -> Iterator[Difference]:
    before, after = by_name(old), by_name(new)
    yield from (Difference("added", way_of(arrow)) for name, arrow in after.items() if name not in before)
    yield from (Difference("removed", way_of(arrow)) for name, arrow in before.items() if name not in after)
    guards = {(move.name, move.event): move.guard for move in old.moves}
    for move in new.moves:
        guard = guards.get((move.name, move.event), move.guard)
        if guard != move.guard:
            words = f"{move.name}: guard {guard or 'none'} is now {move.guard or 'none'}"
            yield Difference("changed", words)
    for event, changes in event_changes(old, new).items():
        yield from (Difference(sign, f"{event}: field {told_field(field, was)}") for sign, field, was in changes)


def event_changes(old: Picture, new: Picture) -> dict[str, list[tuple[Sign, Field, Field | None]]]:
    """The fields that are not the same, of each event that both have."""
    before = {move.event: move.fields for move in old.moves}
    after = {move.event: move.fields for move in new.moves if move.event in before}
    found = {event: list(field_changes(before[event], fields)) for event, fields in after.items()}
    return {event: changes for event, changes in found.items() if changes}


def arrow_marks(old: Picture, new: Picture) -> Iterator[tuple[str, ArrowMark]]:
    before, after, changed = by_name(old), by_name(new), event_changes(old, new)
    for name, arrow in (before | after).items():
        if name not in before:
            yield name, ArrowMark("added")
        elif name not in after:
            yield name, ArrowMark("removed")
        elif arrow.move.event in changed or arrow.move.guard != before[name].move.guard:
            yield name, ArrowMark("changed")


def all_moves(old: Picture, new: Picture) -> tuple[Move, ...]:
    """The moves of the new picture, and behind them each way that only the old one has."""
    kept = by_name(new)
    gone = [arrow for name, arrow in by_name(old).items() if name not in kept]
    return (*new.moves, *(evolve(arrow.move, sources=(arrow.source,), targets=(arrow.target,)) for arrow in gone))


def by_name(picture: Picture) -> dict[str, Arrow]:
    return {arrow.name: arrow for arrow in arrows_of(picture)}


def way_of(arrow: Arrow) -> str:
    return f"{arrow.move.name}: {arrow.source} to {arrow.target} by {arrow.move.event}"
