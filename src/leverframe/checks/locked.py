"""What of a machine is locked: all that others rely on, and that is written down in its class.

Where it is written, and what its comments say, is not; nor is what handlers and guards do, but for their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, cast

import attrs
from attrs import frozen

from leverframe.checks.values import Value, fields_of, values_in
from leverframe.diagrams.objects import picture_object, read_picture
from leverframe.diagrams.picture import Field, Picture, picture_of
from leverframe.persistence.codec.versions import Versions
from leverframe.typed.declare import Edge
from leverframe.typed.machine import Machine
from leverframe.typed.policy import Policy, declared_policies

__all__ = ["Locked", "StoredClass", "lock_of"]

Object = dict[str, Any]
AnyMachine = type[Machine[Any, Any]]

DERIVED = ("parent", "children")
"""What a state's path says already."""


@frozen
class StoredClass:
    """A leaf state or an event, as bodies of it are stored: `version` is that of today's."""

    name: str
    fields: tuple[Field, ...]
    version: int
    is_event: bool


@frozen
class Locked:
    """A machine as a lock file has it.

    `target` is how the command line finds it; `classes` are its leaf states and events by name, `values` what stands
    in their fields; `upcasters` are pairs of a name and a version that can be read; `lookups` and `policies` are
    objects as they stand in the file, by name.
    """

    target: str
    picture: Picture
    classes: Mapping[str, StoredClass]
    values: tuple[Value, ...]
    upcasters: frozenset[tuple[str, int]]
    lookups: Mapping[str, Object]
    policies: Mapping[str, Object]

    def as_object(self) -> Object:
        """It as JSON values, without its target."""
        picture = picture_object(self.picture, notes=False)
        return {
            "machine": self.picture.machine,
            "states": [self._with_version(without(state, DERIVED)) for state in picture["states"]],
            "events": [event_object(each) for each in self.classes.values() if each.is_event],
            "moves": [without(move, ("fields",)) for move in picture["moves"]],
            "values": [value_object(value) for value in self.values],
            "upcasters": [{"of": name, "version": version} for name, version in sorted(self.upcasters)],
            "lookups": list(self.lookups.values()),
            "policies": list(self.policies.values()),
        }

    def _with_version(self, state: Object) -> Object:
        stored = self.classes.get(state["payload"])
        return state if stored is None else without(state, ("fields",)) | version_object(stored) | fields_in(state)

    @classmethod
    def of_object(cls, said: Mapping[str, Any]) -> Locked:
        """What JSON values say.  Raises `KeyError` and `TypeError` for what is no lock."""
        events = {each["name"]: each for each in said["events"]}
        moves = [{**move, "fields": events[move["event"]].get("fields", [])} for move in said["moves"]]
        states = [read_class(each["payload"], each, is_event=False) for each in leaves_in(said["states"])]
        taken = [read_class(name, each, is_event=True) for name, each in events.items()]
        return cls(
            target=said["target"],
            picture=read_picture({**said, "moves": moves}),
            classes={each.name: each for each in (*states, *taken)},
            values=tuple(map(read_value, said["values"])),
            upcasters=frozenset((each["of"], each["version"]) for each in said["upcasters"]),
            lookups={each["name"]: each for each in said["lookups"]},
            policies={each["name"]: each for each in said["policies"]},
        )


def lock_of(machine: AnyMachine, target: str) -> Locked:
    """What is locked of a machine class.

    >>> from leverframe.machines.pipeline import Pipeline
    >>> [field.type for field in lock_of(Pipeline, "pipeline").classes["Merge"].fields]
    ['BranchName', 'Positive']
    """
    structure = machine._structure  # pyright: ignore[reportPrivateUsage]  # it is what is locked
    upcasters = machine._upcasters.values()  # pyright: ignore[reportPrivateUsage]  # as above
    classes: list[StoredClass] = []
    for group, is_event in ((machine.leaves(), False), (structure.events, True)):
        versions = Versions(machine.__name__, group, upcasters)
        classes += (
            StoredClass(each.__name__, fields_of(each), versions.current(each.__name__), is_event) for each in group
        )
    return Locked(
        target=target,
        # Through JSON, so that one that is made and one that is read are the same.
        picture=read_picture(picture_object(picture_of(machine), notes=False)),
        classes={each.name: each for each in classes},
        values=values_in([*machine.leaves(), *structure.events]),
        upcasters=frozenset((each.tag, each.version) for each in upcasters),
        lookups={name: lookup_object(name, each) for name, each in structure.lookups.items()},
        policies={each.name: policy_object(each) for each in declared_policies(machine)},
    )


# ---------------------------------------------------------------- parts as JSON values


def without(said: Object, names: Iterable[str]) -> Object:
    return {name: value for name, value in said.items() if name not in names}


def leaves_in(states: list[Object]) -> list[Object]:
    outer = {each["path"].rpartition(".")[0] for each in states}
    return [each for each in states if each["path"] not in outer]


def version_object(stored: StoredClass) -> Object:
    return {"version": stored.version} if stored.version > 1 else {}


def fields_in(state: Object) -> Object:
    """Last, for they take more than the one line."""
    return {"fields": state["fields"]} if "fields" in state else {}


def event_object(stored: StoredClass) -> Object:
    return {"name": stored.name} | version_object(stored) | fields_object(stored.fields)


def read_class(name: str, said: Mapping[str, Any], *, is_event: bool) -> StoredClass:
    return StoredClass(name, read_fields(said), said.get("version", 1), is_event)


def fields_object(fields: Iterable[Field]) -> Object:
    said = [
        {"name": field.name, "type": field.type} | ({"optional": True} if field.optional else {}) for field in fields
    ]
    return {"fields": said} if said else {}


def read_fields(said: Mapping[str, Any]) -> tuple[Field, ...]:
    return tuple(Field(each["name"], each["type"], each.get("optional", False)) for each in said.get("fields", ()))


def value_object(value: Value) -> Object:
    said: Object = {"name": value.name, "kind": value.kind} | fields_object(value.fields)
    if value.kind == "enum":
        said["members"] = list(value.members)
    if value.kind == "refined":
        said |= {"base": value.base} | ({"patterns": list(value.patterns)} if value.patterns else {})
    return said


def read_value(said: Mapping[str, Any]) -> Value:
    return Value(
        said["name"],
        said["kind"],
        read_fields(said),
        tuple(said.get("members", ())),
        said.get("base", ""),
        tuple(said.get("patterns", ())),
    )


def lookup_object(name: str, lookup: Any) -> Object:
    said: Object = {"name": name}
    if lookup.unique:
        said["unique"] = True
    if lookup.part is not None:
        said["part"] = lookup.part
    return said


# ---------------------------------------------------------------- policies


def policy_object(policy: Policy) -> Object:
    """A policy by its arguments, as its class keeps them: moves, states and functions by their names."""
    arguments = {name: shown(value) for name, value in vars(policy).items() if not name.startswith("_")}
    arguments = without(arguments, ("name", "machine"))
    said = {name: value for name, value in arguments.items() if value not in (None, [])}
    return {"name": policy.name, "kind": type(policy).__name__} | said


def shown(value: Any) -> Any:
    """A policy's argument as a JSON value, the same on each run."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, tuple | list):
        return [shown(each) for each in cast("list[object]", value)]
    if isinstance(value, Edge):
        return value.name
    kind = cast("Any", type(value))
    if attrs.has(kind):
        parts = {each.name: shown(getattr(value, each.name)) for each in attrs.fields(kind)}
        return {name: part for name, part in parts.items() if part is not None}
    name = getattr(value, "machine_name", None) or getattr(value, "__name__", None)
    return name if isinstance(name, str) else type(value).__name__
