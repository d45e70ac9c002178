"""The states of one machine, or its events: typed values to text and back, by the name of their class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any, Generic, NoReturn, TypeGuard, cast

from attrs import frozen
from typing_extensions import TypeVar

from leverframe.errors import DecodeError, EncodeError
from leverframe.persistence.codec.converter import ClassForm, Forms
from leverframe.persistence.codec.explain import Problem, cut_name, find_unwritable, first_problems, text_of
from leverframe.persistence.codec.json_text import read_json, write_json, write_plain
from leverframe.persistence.codec.scalars import Form, misfit
from leverframe.persistence.codec.versions import Versions
from leverframe.typed.upcasting import Body
from leverframe.wording import did_you_mean, join_names, show_value

__all__ = ["Family"]

T = TypeVar("T")

MOST_LEVELS = 100

_ENVELOPE = frozenset({"type", "v", "body"})
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@frozen(eq=False)
class _Member:
    """One class: how it is stored, and the text that its bodies stand in.

    `only_nested` tells that its fields cannot stand beside its type, for one of them has such a name itself.
    """

    cls: type
    form: ClassForm
    version: int
    tail: str
    only_nested: bool

    @classmethod
    def of(cls, kind: type, form: ClassForm, version: int) -> _Member:
        tag = write_plain(kind.__name__)
        tail = f',"type":{tag}}}' if version == 1 else f',"type":{tag},"v":{version}}}'
        return cls(kind, form, version, tail, not _ENVELOPE.isdisjoint(form.fields))


class Family(Generic[T]):
    """The classes of one `kind` ("state" or "event") of machine `machine`.

    Raises `MachineDefinitionError` for a field that cannot be stored.
    """

    def __init__(self, machine: str, kind: str, classes: Iterable[type[T]], versions: Versions) -> None:
        self._whole = f"{machine} {kind}"
        self._versions = versions
        self._forms = Forms(machine)
        self._detailed = Forms(machine, detailed=True)
        self._by_tag: dict[str, _Member] = {}
        self._by_class: dict[type, _Member] = {}
        for cls in classes:
            self._add(cls)
        # A class without fields has one value and one text.
        self._texts: dict[type, str] = {}
        self._values: dict[str, T] = {}

    def _add(self, cls: type) -> None:
        tag = cls.__name__
        member = _Member.of(cls, self._forms.of_class(cls), self._versions.current(tag))
        # Now, and not at the first fault: two threads may find one at a time.
        self._detailed.of_class(cls)
        self._by_tag[tag] = self._by_class[cls] = member

    def field_forms(self, name: str) -> list[Form]:
        """How a field of this name is stored, for each class that has one."""
        return [member.form.fields[name] for member in self._by_tag.values() if name in member.form.fields]

    def field_names(self) -> set[str]:
        """The names of all fields."""
        return {name for member in self._by_tag.values() for name in member.form.fields}

    def names(self) -> list[str]:
        """The names of the classes, in order of declaration."""
        return list(self._by_tag)

    def class_named(self, tag: str) -> type[T] | None:
        """The class of this name; None if there is none."""
        member = self._by_tag.get(tag)
        return None if member is None else member.cls

    def fields_of(self, tag: str) -> Mapping[str, Form]:
        """How the fields of a class are stored."""
        return self._by_tag[tag].form.fields

    def build(self, tag: str, fields: Body) -> T:
        """A value of the class of this name, of today's fields as JSON has them.  Raises `DecodeError`."""
        member = self._by_tag.get(tag)
        if member is None:
            self._refuse_tag(tag)
        return self._read(tag, member.version, fields, said=True)

    # ------------------------------------------------------------ writing

    def encode(self, value: T) -> str:
        """The text of a value.  Raises `EncodeError`."""
        text = self._texts.get(type(value))
        if text is not None:
            return text
        member = self._by_class.get(type(value))
        if member is None:
            self._refuse_class(value)
        try:
            text = '{"body":' + write_plain(member.form.write_fields(value)) + member.tail
        except Exception as error:
            raise _encode_error(member, value, error) from None
        if self._forms.recursive:
            _check_depth(member, text)
        if not member.form.fields:
            self._remember(value, text)
        return text

    def _remember(self, value: T, text: str) -> None:
        self._values[text] = value
        self._texts[type(value)] = text

    def _refuse_class(self, value: object) -> NoReturn:
        name = type(value).__name__
        raise EncodeError(name, f"is no {self._whole}{did_you_mean(name, self._by_tag)}")

    # ------------------------------------------------------------ reading

    def decode(self, text: str) -> T:
        """The value that a text says.  Raises `DecodeError`."""
        known = self._values.get(text)
        if known is not None:
            return known
        tag, version, body = self._open(read_json(text))
        value = self._read(tag, version or 1, body, said=version is not None)
        if not self._by_class[type(value)].form.fields:
            # That keeps its canonical text; other spellings would fill the memory.
            self.encode(value)
        return value

    def parse(self, raw: object) -> T:
        """The value that an object says, its fields flat beside its type or in a body.  Raises `DecodeError`."""
        if _is_object(raw) and self._is_flat(raw):
            tag, version = self._tag(raw), self._version(raw)
            body = {name: part for name, part in raw.items() if name not in _ENVELOPE}
        else:
            tag, version, body = self._open(raw)
        return self._read(tag, version or 1, body, said=version is not None)

    def _is_flat(self, raw: dict[str, Any]) -> bool:
        tag = self._tag(raw)
        member = self._by_tag.get(tag)
        if member is None or not member.only_nested:
            return "body" not in raw
        if type(raw.get("body")) is not dict or not raw.keys() <= _ENVELOPE:
            name = min(_ENVELOPE & member.form.fields.keys())
            problem = f'has a field called "{name}"; write all of its fields inside of "body"'
            raise DecodeError(tag, (("", f'{tag} {problem}: {{"type": "{tag}", "body": {{...}}}}'),))
        return False

    def _open(self, raw: object) -> tuple[str, int | None, Body]:
        """Type, version as far as it is said, and body."""
        if not _is_object(raw):
            raise DecodeError(self._whole, (("", str(misfit('an object with a "type"', raw))),))
        tag, version = self._tag(raw), self._version(raw)
        body = raw.get("body")
        if not _is_object(body) or len(raw) != (2 if version is None else 3):
            raise DecodeError(tag, tuple(_envelope_problems(raw)))
        return tag, version, body

    def _tag(self, raw: dict[str, Any]) -> str:
        tag = raw.get("type")
        if type(tag) is str:
            return tag
        if "type" in raw:
            raise DecodeError(self._whole, (("type", str(misfit("a string", tag))),))
        raise DecodeError(self._whole, (("", f'missing "type"; one of {join_names(self._by_tag)}'),))

    def _version(self, raw: dict[str, Any]) -> int | None:
        if "v" not in raw:
            return None
        version = raw["v"]
        if type(version) is int and version >= 1:
            return version
        raise DecodeError(self._whole, (("v", str(misfit("an integer of at least 1", version))),))

    def _read(self, tag: str, version: int, body: Body, *, said: bool) -> T:
        member = self._by_tag.get(tag)
        if member is None or member.version != version:
            tag, version, body = self._versions.upgrade(tag, version, body, said=said)
            member = self._by_tag.get(tag)
            if member is None:
                self._refuse_tag(tag)
            if member.version != version:
                self._versions.refuse(tag, version)
        try:
            return cast(T, member.form.read_fields(body))
        except Exception as error:
            raise self._decode_error(member, body, error) from None

    def _refuse_tag(self, tag: str) -> NoReturn:
        hint = self._versions.other_versions(tag) or did_you_mean(tag, self._by_tag)
        raise DecodeError(self._whole, (("", f"unknown type {show_value(tag)}{hint}"),))

    def _decode_error(self, member: _Member, body: Body, error: Exception) -> DecodeError:
        """All that is wrong with the body, where the fast functions stopped at the first fault."""
        try:
            problems = self._problems(member, body, error)
        except RecursionError as too_deep:
            # Explaining goes deeper than reading did.
            problems = (("", text_of(too_deep)),)
        return DecodeError(member.cls.__name__, problems)

    def _problems(self, member: _Member, body: Body, error: Exception) -> tuple[Problem, ...]:
        if isinstance(error, RecursionError):
            raise error
        try:
            self._detailed.of_class(member.cls).read_fields(body)
        except Exception as detailed:
            return first_problems(detailed)
        return (("", text_of(error)),)


def _encode_error(member: _Member, value: Any, error: Exception) -> EncodeError:
    tag = member.cls.__name__
    try:
        if not isinstance(error, RecursionError):
            # Where the parts have a form, it is their text that has none; that knows its own paths.
            write_json(member.form.write_fields(value), tag)
    except EncodeError as unfit:
        return unfit
    except Exception:
        return EncodeError(*find_unwritable(member.form, value, tag, error))
    return EncodeError(tag, text_of(error))


def _check_depth(member: _Member, text: str) -> None:
    """Refuse what could be written here and not be read where the stack is deeper."""
    steps = ((mark in "[{") - (mark in "]}") for mark in _STRING.sub("", text))
    if max(accumulate(steps)) > MOST_LEVELS:
        raise EncodeError(
            member.cls.__name__, f"is nested more than {MOST_LEVELS} levels deep; store the parts by name"
        )


def _is_object(raw: object) -> TypeGuard[dict[str, Any]]:
    return type(raw) is dict


def _envelope_problems(raw: dict[str, Any]) -> Iterable[Problem]:
    if "body" not in raw:
        yield "body", "missing"
    elif not _is_object(raw["body"]):
        yield "body", str(misfit("an object", raw["body"]))
    for name in sorted(map(str, raw.keys() - _ENVELOPE)):
        yield cut_name(name), 'unknown field beside "type" and "body"'
