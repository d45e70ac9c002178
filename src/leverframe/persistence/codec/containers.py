"""How values made of other values are stored: lists, tuples, sets, dictionaries, optional and tagged ones.

With `detailed`, reading goes on behind a fault and raises cattrs' groups of errors, which `explain.py` reads; without,
it stops at the first one and is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from attrs import frozen
from cattrs import IterableValidationError, IterableValidationNote

from leverframe.persistence.codec.json_text import write_plain
from leverframe.persistence.codec.scalars import Form, Misfit, Part, misfit
from leverframe.wording import did_you_mean, show_value

__all__ = ["DictForm", "FixedTupleForm", "OptionalForm", "SequenceForm", "SetForm", "TaggedForm", "check_object"]


# pyright takes them to be made as their builtin bases are, of fewer arguments.
_make_note: Callable[[str, int | str, Any], str] = cast("Any", IterableValidationNote)
_make_group: Callable[[str, list[Exception], Any], Exception] = cast("Any", IterableValidationError)


def _read_all(kind: Any, steps: Iterable[tuple[int | str, Form, Any]]) -> list[Any]:
    """Every part read, or one group of all that went wrong, each error with a note where."""
    made: list[Any] = []
    errors: list[Exception] = []
    for index, form, raw in steps:
        try:
            made.append(form.read(raw, None))
        except Exception as error:
            error.add_note(_make_note(f"at {index!r}", index, form))
            errors.append(error)
    if errors:
        raise _make_group("some parts do not fit", errors, kind)
    return made


def _check_list(raw: Any) -> None:
    if type(raw) is not list:
        raise misfit("a list", cast("object", raw))


def check_object(raw: Any) -> None:
    """Raise `Misfit` for anything but a JSON object."""
    if type(raw) is not dict:
        raise misfit("an object", cast("object", raw))


def _check_kind(kind: Any, value: Any) -> None:
    if not isinstance(value, kind):
        raise misfit(f"a {kind.__name__}", value)


@frozen(eq=False)
class SequenceForm(Form):
    """`list[X]` and `tuple[X, ...]`: an array."""

    kind: Callable[[Iterable[Any]], Any]
    item: Form
    detailed: bool

    def read(self, raw: Any, _: Any = None) -> Any:
        _check_list(raw)
        if self.detailed:
            return self.kind(_read_all(self.kind, ((index, self.item, part) for index, part in enumerate(raw))))
        read = self.item.read
        return self.kind([read(part, None) for part in raw])

    def write(self, value: Any) -> list[Any]:
        _check_kind(self.kind, value)
        write = self.item.write
        return [write(part) for part in value]

    def parts(self, value: Any) -> Iterator[Part]:
        for index, part in enumerate(_items(value)):
            yield f"[{index}]", self.item, part


def _items(value: Any) -> Iterable[Any]:
    return cast("Iterable[Any]", value) if isinstance(value, (list, tuple, set, frozenset)) else ()


@frozen(eq=False)
class SetForm(SequenceForm):
    """`set[X]` and `frozenset[X]`: an array in an order that depends on the items alone."""

    def read(self, raw: Any, _: Any = None) -> Any:
        found = SequenceForm.read(self, raw)
        if len(found) != len(raw):
            raise Misfit("holds an item twice, and a set does not")
        return found

    def write(self, value: Any) -> list[Any]:
        items = SequenceForm.write(self, value)
        # Texts in alphabetical order, numbers in theirs; what has no order of its own by how it is written.
        ordered = all(isinstance(item, str) for item in items) or all(isinstance(item, int) for item in items)
        return sorted(items) if ordered else sorted(items, key=write_plain)


@frozen(eq=False)
class FixedTupleForm(Form):
    """`tuple[X, Y]`: an array of that many."""

    items: tuple[Form, ...]
    detailed: bool

    def read(self, raw: Any, _: Any = None) -> tuple[Any, ...]:
        _check_list(raw)
        self._check_length(raw)
        if self.detailed:
            return tuple(_read_all(tuple, ((i, *pair) for i, pair in enumerate(zip(self.items, raw, strict=True)))))
        return tuple([form.read(part, None) for form, part in zip(self.items, raw, strict=True)])

    def write(self, value: Any) -> list[Any]:
        _check_kind(tuple, value)
        self._check_length(value)
        return [form.write(part) for form, part in zip(self.items, value, strict=True)]

    def parts(self, value: Any) -> Iterator[Part]:
        for index, (form, part) in enumerate(zip(self.items, _items(value), strict=False)):
            yield f"[{index}]", form, part

    def _check_length(self, value: Any) -> None:
        if len(value) != len(self.items):
            raise Misfit(f"must have {len(self.items)} items, got {len(value)}")


@frozen(eq=False)
class DictForm(Form):
    """`dict[str, X]`: an object.  The keys are strings, or refined ones."""

    key: Form
    item: Form
    detailed: bool

    def read(self, raw: Any, _: Any = None) -> dict[Any, Any]:
        check_object(raw)
        if self.detailed:
            keys = _read_all(dict, ((key, self.key, key) for key in raw))
            items = _read_all(dict, ((key, self.item, part) for key, part in raw.items()))
            return dict(zip(keys, items, strict=True))
        read_key, read = self.key.read, self.item.read
        return {read_key(key, None): read(part, None) for key, part in raw.items()}

    def write(self, value: Any) -> dict[str, Any]:
        _check_kind(dict, value)
        write_key, write = self.key.write, self.item.write
        return {write_key(key): write(part) for key, part in value.items()}

    def parts(self, value: Any) -> Iterator[Part]:
        for key, part in _pairs(value):
            yield f"[{key!r}]", self.key, key
            yield f"[{key!r}]", self.item, part


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    return cast("Any", value).items() if isinstance(value, dict) else ()


@frozen(eq=False)
class OptionalForm(Form):
    """`X | None`: null, or X."""

    item: Form

    def read(self, raw: Any, _: Any = None) -> Any:
        return None if raw is None else self.item.read(raw, None)

    def write(self, value: Any) -> Any:
        return None if value is None else self.item.write(value)

    def parts(self, value: Any) -> Iterator[Part]:
        return iter(()) if value is None else self.item.parts(value)


@frozen(eq=False)
class TaggedForm(Form):
    """`A | B` of attrs classes: `{"body": {...}, "type": "A"}`."""

    members: dict[str, Form]
    tags: dict[type, str]

    def read(self, raw: Any, _: Any = None) -> Any:
        check_object(raw)
        if raw.keys() != {"type", "body"}:
            raise misfit('an object with "type" and "body"', raw)
        tag = raw["type"]
        member = self.members.get(tag) if isinstance(tag, str) else None
        if member is None:
            raise Misfit(f"unknown type {show_value(tag)}{did_you_mean(str(tag), self.members)}")
        return member.read(raw["body"], None)

    def write(self, value: Any) -> dict[str, Any]:
        tag = self._find_tag(value)
        if tag is None:
            raise misfit(" or ".join(self.members), value)
        return {"type": tag, "body": self.members[tag].write(value)}

    def parts(self, value: Any) -> Iterator[Part]:
        tag = self._find_tag(value)
        return iter(()) if tag is None else self.members[tag].parts(value)

    def _find_tag(self, value: object) -> str | None:
        return self.tags.get(type(value))
