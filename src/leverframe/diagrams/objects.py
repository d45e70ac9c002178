"""A picture as plain JSON values, and back: what is said of a machine outside of the program that has it.

Nothing that is empty or false is written, so that it reads well, and that an older file can still be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from leverframe.diagrams.picture import Field, HookMark, Move, Picture, Place, State

__all__ = ["move_object", "picture_object", "read_picture", "state_object"]

Object = dict[str, Any]


# ---------------------------------------------------------------- writing


def picture_object(picture: Picture, *, notes: bool = True) -> Object:
    """The picture as JSON values; `notes` are what changes nothing of a machine: documents, and where it is written.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> picture_object(picture_of(Pipeline), notes=False)["moves"][0]
    {'name': 'deps_met', 'event': 'DepsMet', 'sources': ['active.backlog'], 'targets': ['active.coding']}
    """
    said = {
        "machine": picture.machine,
        "document": picture.document if notes else "",
        "states": [state_object(state, notes=notes) for state in picture.states],
        "moves": [move_object(move, notes=notes) for move in picture.moves],
    }
    return _filled(said)


def state_object(state: State, *, notes: bool = True) -> Object:
    """A state as JSON values."""
    said = {
        "path": state.path,
        "payload": state.payload,
        "parent": state.parent,
        "children": list(state.children),
        "initial": state.initial,
        "final": state.final,
        "fields": [_field_object(each) for each in state.fields],
        "hooks": [_hook_object(each, notes) for each in state.hooks],
        "document": state.document if notes else "",
        "place": _place_object(state.place, notes),
    }
    return _filled(said)


def move_object(move: Move, *, notes: bool = True) -> Object:
    """A move as JSON values."""
    said = {
        "name": move.name,
        "event": move.event,
        "sources": list(move.sources),
        "targets": list(move.targets),
        "guard": move.guard,
        "fields": [_field_object(each) for each in move.fields],
        "document": move.document if notes else "",
        "place": _place_object(move.place, notes),
    }
    return _filled(said)


def _field_object(field: Field) -> Object:
    said = {"name": field.name, "type": field.type, "optional": field.optional, "inherited": field.inherited}
    return _filled(said)


def _hook_object(hook: HookMark, notes: bool) -> Object:
    return _filled({"name": hook.name, "kind": hook.kind, "place": _place_object(hook.place, notes)})


def _place_object(place: Place | None, notes: bool) -> Object | None:
    return {"file": place.file, "line": place.line} if place is not None and notes else None


def _filled(said: Object) -> Object:
    return {name: value for name, value in said.items() if value}


# ---------------------------------------------------------------- reading


def read_picture(said: Mapping[str, Any]) -> Picture:
    """The picture that JSON values say.  Raises `KeyError` and `TypeError` for what is none.

    >>> from leverframe.diagrams.picture import picture_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> read_picture(picture_object(picture_of(Pipeline))) == picture_of(Pipeline)
    True
    """
    children: dict[str, list[str]] = {}
    for state in said.get("states", ()):
        children.setdefault(_parent(state), []).append(state["path"])
    return Picture(
        machine=said["machine"],
        document=said.get("document", ""),
        states=tuple(_read_state(state, children.get(state["path"], ())) for state in said.get("states", ())),
        moves=_each(said, "moves", _read_move),
    )


def _each(said: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], Any]) -> tuple[Any, ...]:
    return tuple(read(each) for each in said.get(name, ()))


def _parent(state: Mapping[str, Any]) -> str:
    return str(state["path"]).rpartition(".")[0]


def _read_state(said: Mapping[str, Any], children: Sequence[str]) -> State:
    return State(
        path=said["path"],
        payload=said["payload"],
        parent=_parent(said),
        children=tuple(children),
        initial=said.get("initial", False),
        final=said.get("final", False),
        fields=_each(said, "fields", _read_field),
        hooks=_each(said, "hooks", _read_hook),
        document=said.get("document", ""),
        place=_read_place(said),
    )


def _read_move(said: Mapping[str, Any]) -> Move:
    return Move(
        name=said["name"],
        event=said["event"],
        sources=tuple(said["sources"]),
        targets=tuple(said["targets"]),
        guard=said.get("guard", ""),
        fields=_each(said, "fields", _read_field),
        document=said.get("document", ""),
        place=_read_place(said),
    )


def _read_field(said: Mapping[str, Any]) -> Field:
    return Field(said["name"], said["type"], said.get("optional", False), said.get("inherited", False))


def _read_hook(said: Mapping[str, Any]) -> HookMark:
    return HookMark(said["name"], said["kind"], _read_place(said))


def _read_place(said: Mapping[str, Any]) -> Place | None:
    place = said.get("place")
    return None if place is None else Place(place["file"], place["line"])
