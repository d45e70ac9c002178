"""From annotations to forms, and from the forms of a class's fields to code, which cattrs writes."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from enum import Enum, Flag
from typing import Any, Literal, Tuple, Union, cast, get_args, get_origin  # noqa: UP035

import attrs
from attrs import define
from cattrs import Converter, gen

from leverframe.errors import MachineDefinitionError
from leverframe.persistence.codec.containers import (
    DictForm,
    FixedTupleForm,
    OptionalForm,
    SequenceForm,
    SetForm,
    TaggedForm,
    check_object,
)
from leverframe.persistence.codec.scalars import SCALARS, Form, Part, choice_form, enum_form, misfit, refined_form
from leverframe.typed.annotations import resolve_hints, type_name, union_members
from leverframe.typed.fields import field_hints

__all__ = ["ClassForm", "Forms", "bare"]


# cattrs leaves part of their types open.
_make_reader: Callable[..., Callable[..., Any]] = getattr(gen, "make_dict_structure_fn_from_attrs")  # noqa: B009
_make_writer: Callable[..., Callable[[Any], dict[str, Any]]] = getattr(gen, "make_dict_unstructure_fn_from_attrs")  # noqa: B009


class _Unstorable(Exception):
    """An annotation has no form; the text says what to write instead."""


@define(eq=False)
class ClassForm(Form):
    """An attrs class: an object of its fields.  Its two functions are written by cattrs when they are first needed.

    `fields` has the form of each field.
    """

    cls: type
    converter: Converter
    fields: dict[str, Form] = attrs.field(factory=dict[str, Form])
    read_fields: Callable[..., Any] = attrs.field(init=False)
    write_fields: Callable[[Any], dict[str, Any]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.read_fields, self.write_fields = self._read_first, self._write_first

    def read(self, raw: Any, _: Any = None) -> Any:
        check_object(raw)
        return self.read_fields(raw)

    def write(self, value: Any) -> dict[str, Any]:
        # Of a subclass, the fields that it adds would be lost.
        if type(value) is not self.cls:
            raise misfit(self.cls.__name__, value)
        return self.write_fields(value)

    def parts(self, value: Any) -> Iterator[Part]:
        if type(value) is self.cls:
            for name, form in self.fields.items():
                yield f".{name}", form, getattr(value, name)

    def _read_first(self, raw: Any, _: Any = None) -> Any:
        self.read_fields = _make_reader(self._attributes(), self.cls, self.converter)
        return self.read_fields(raw)

    def _write_first(self, value: Any) -> dict[str, Any]:
        self.write_fields = _make_writer(self._attributes(), self.cls, self.converter)
        return self.write_fields(value)

    def _attributes(self) -> list[Any]:
        """The fields as attrs describes them, with forms for types: that is what the converter has hooks for."""
        return [field.evolve(type=self.fields[field.name]) for field in attrs.fields(self.cls)]


def _make_converter(detailed: bool) -> Converter:
    converter = Converter(detailed_validation=detailed, forbid_extra_keys=True)
    converter.register_structure_hook_factory(_is_form, _reader)
    converter.register_unstructure_hook_factory(_is_form, _writer)
    return converter


def _is_form(hint: Any) -> bool:
    return isinstance(hint, Form)


def _reader(form: Form) -> Callable[..., Any]:
    return form.read


def _writer(form: Form) -> Callable[[Any], Any]:
    return form.write


class Forms:
    """The forms of one machine's classes: fast ones, or `detailed` ones that collect what is wrong.

    `recursive` tells whether a class among them has parts of itself, so that there is no end to how deep it goes.
    Raises `MachineDefinitionError` for a field that cannot be stored and read back the same.
    """

    def __init__(self, machine: str, *, detailed: bool = False) -> None:
        self._machine = machine
        self._detailed = detailed
        self._converter = _make_converter(detailed)
        self._classes: dict[type, ClassForm] = {}
        self._unfinished: set[type] = set()
        self.recursive = False

    def of_class(self, cls: Any) -> ClassForm:
        """The form of an attrs class."""
        if cls not in self._classes:
            self._check_made_by_attrs(cls)
            # Known before its fields are, for one of them may be of this class again.
            self._classes[cls] = ClassForm(cls, self._converter)
            self._add_fields(self._classes[cls])
        self.recursive |= cls in self._unfinished
        return self._classes[cls]

    def _add_fields(self, form: ClassForm) -> None:
        cls: Any = form.cls
        hints = self._hints(cls)
        self._unfinished.add(cls)
        for field in attrs.fields(cls):
            form.fields[field.name] = self._of_field(cls, field, hints.get(field.name, field.type))
        self._unfinished.remove(cls)

    def _hints(self, cls: type) -> dict[str, Any]:
        try:
            return field_hints(cls)
        except NameError:
            # A class made inside a function may have been given its annotations as objects.
            if not any(isinstance(field.type, str) for field in attrs.fields(cls)):
                return {}
        try:
            return resolve_hints(cls, cls.__name__)
        except MachineDefinitionError as error:
            raise MachineDefinitionError(self._machine, cls.__name__, error.problem) from None

    def _of_field(self, cls: type, field: Any, hint: Any) -> Form:
        try:
            if not field.init:
                raise _Unstorable("has init=False, so that nothing read back can be put there; make it a property")
            return self._of(hint)
        except _Unstorable as problem:
            raise MachineDefinitionError(self._machine, f"{cls.__name__}.{field.name}", str(problem)) from None

    # ------------------------------------------------------------ annotations

    def _of(self, hint: Any) -> Form:
        hint = bare(hint)
        if get_origin(hint) is not None:
            return self._of_generic(hint)
        if isinstance(hint, type):
            return self._of_type(hint)
        raise _unstorable(hint)

    def _of_type(self, hint: type[Any]) -> Form:
        if hint in SCALARS:
            return SCALARS[hint]
        if hint is types.NoneType:
            return choice_form([None])
        if issubclass(hint, Enum):
            return _of_enum(hint)
        if issubclass(hint, (str, int)):
            return refined_form(hint)
        if _is_attrs(hint):
            return self._of_attrs(hint)
        raise _unstorable(hint)

    def _of_attrs(self, hint: type) -> Form:
        if getattr(hint, "__parameters__", ()):
            raise _Unstorable(f"is {hint.__name__}, which is generic; write a class for each use")
        return self.of_class(hint)

    def _check_made_by_attrs(self, cls: type) -> None:
        if not attrs.inspect(cls).added_init:
            problem = "has an __init__ of its own, which nobody can call with what is stored; write a classmethod"
            raise MachineDefinitionError(self._machine, cls.__name__, problem)

    def _of_generic(self, hint: Any) -> Form:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Literal:
            return _of_literal(hint)
        if origin in (Union, types.UnionType):
            return self._of_union(hint)
        if origin is tuple and hint is not Tuple:  # noqa: UP006  # the bare name says nothing of what is inside
            return self._of_tuple(arguments)
        if not arguments:
            raise _unstorable(hint)
        if origin is list:
            return SequenceForm(list, self._of(arguments[0]), self._detailed)
        if origin in (set, frozenset):
            return SetForm(origin, self._of(arguments[0]), self._detailed)
        if origin is dict:
            return self._of_dict(arguments)
        raise _unstorable(hint)

    def _of_tuple(self, arguments: tuple[Any, ...]) -> Form:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return SequenceForm(tuple, self._of(arguments[0]), self._detailed)
        return FixedTupleForm(tuple(self._of(argument) for argument in arguments), self._detailed)

    def _of_dict(self, arguments: tuple[Any, ...]) -> Form:
        key = bare(arguments[0])
        if not (isinstance(key, type) and issubclass(key, str)) or issubclass(key, Enum):
            raise _Unstorable(f"is a dict with keys of {type_name(key)}; JSON has keys of str only")
        return DictForm(self._of(key), self._of(arguments[1]), self._detailed)

    def _of_union(self, hint: Any) -> Form:
        members = [member for member in union_members(hint) if member is not types.NoneType]
        form = self._of(members[0]) if len(members) == 1 else self._of_tagged(hint, members)
        return form if len(members) == len(union_members(hint)) else OptionalForm(form)

    def _of_tagged(self, hint: Any, members: list[Any]) -> Form:
        if not all(_is_attrs(member) for member in members):
            reason = "and JSON would not tell which; write attrs classes, or one type and None"
            raise _Unstorable(f"is {type_name(hint)}, {reason}")
        tags = {cast("type", member): cast("str", member.__name__) for member in members}
        if len(set(tags.values())) < len(tags):
            raise _Unstorable(f"is {type_name(hint)}, and two of these have one name; rename one")
        return TaggedForm({tag: self._of_attrs(member) for member, tag in tags.items()}, tags)


_INSTEAD = (
    "use str, int, float, bool, bytes, datetime, date, timedelta, Decimal, UUID, an Enum, a Literal, an attrs class, "
    "or list, tuple, set, frozenset and dict of these"
)


def _unstorable(hint: Any) -> _Unstorable:
    return _Unstorable(f"is {'not annotated' if hint is None else type_name(hint)}, which cannot be stored; {_INSTEAD}")


def _is_attrs(hint: Any) -> bool:
    return isinstance(hint, type) and attrs.has(cast("type[Any]", hint))


def bare(hint: Any) -> Any:
    """The annotation without `NewType`, and without a name that `type X = ...` gave it."""
    while True:
        if hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif hasattr(hint, "__value__"):
            hint = hint.__value__
        else:
            return hint


def _of_enum(hint: type[Enum]) -> Form:
    if issubclass(hint, Flag):
        raise _Unstorable(f"is {hint.__name__}, a Flag; write a frozenset of an Enum")
    for member in hint:
        if type(member.value) not in (str, int, bool, types.NoneType):
            raise _Unstorable(f"is {hint.__name__}, whose {member.name} has a value that is no string or integer")
    return enum_form(hint)


def _of_literal(hint: Any) -> Form:
    choices = get_args(hint)
    if any(type(choice) not in (str, int, bool, types.NoneType) for choice in choices):
        raise _Unstorable(f"is {type_name(hint)}; only strings, integers, booleans and None are read back the same")
    return choice_form(choices)
