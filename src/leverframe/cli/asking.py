"""How is somebody asked for the fields of a state or event?  One after the other, until what is said fits its type."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, Protocol, get_args, get_origin
from uuid import UUID

import attrs
from attrs import frozen

from leverframe import NonEmpty, Positive
from leverframe.cli.bodies import field_text
from leverframe.cli.fields import Given, fit_one, list_of
from leverframe.cli.spans import parse_span
from leverframe.cli.text import shorten, single_line
from leverframe.errors import DecodeError
from leverframe.persistence.codec.containers import DictForm, FixedTupleForm, OptionalForm, SequenceForm, TaggedForm
from leverframe.persistence.codec.converter import ClassForm, bare
from leverframe.persistence.codec.explain import problems_of
from leverframe.persistence.codec.family import Family
from leverframe.persistence.codec.scalars import Form
from leverframe.typed.annotations import type_name, union_members
from leverframe.typed.fields import field_hints

__all__ = ["Asker", "Person"]

YES, NO = ("yes", "y", "true"), ("no", "n", "false")

LEFT_OUT = object()
"""What was left empty, where that is allowed."""

FEW = 2
"""So many fields that may be left out are asked for one by one; for more, it is asked first whether any is given."""


class Person(Protocol):
    """Whoever is asked."""

    def ask(self, question: str, choices: Sequence[str] = ()) -> str:
        """What they say, without blanks around it.  Raises `EOFError` if there is nobody any more."""
        ...

    def tell(self, text: str) -> None:
        """Tell them what is wrong."""
        ...


@frozen
class Asker:
    """Asks a person; `now` is the time that "now" means."""

    person: Person
    now: Callable[[], datetime]

    def build(self, family: Family[Any], cls: type, given: Mapping[str, Any]) -> Any:
        """The state or event of a class: what is given, and what is said of the other fields.

        Where the class itself refuses what is said, the fields that are wrong are asked for again.
        """
        name, again = cls.__name__, set[str]()
        forms = family.fields_of(name)
        while True:
            found = self.ask_fields(cls, forms, given, again=again)
            try:
                return family.build(name, found)
            except DecodeError as error:
                self.person.tell(str(error))
                named = {path.partition(".")[0].partition("[")[0] for path, _ in error.problems}
                again = named & forms.keys() or self._which(forms)
                given = {field: value for field, value in found.items() if field not in again}

    def _which(self, names: Collection[str]) -> set[str]:
        """The fields that are to be given anew."""
        while True:
            said = set(self.person.ask(f"which is to be given anew? ({', '.join(names)}): ", tuple(names)).split())
            if said and said <= set(names):
                return said
            self.person.tell(f"must be one of {', '.join(names)}, or several of them")

    def ask_fields(
        self,
        cls: type,
        forms: Mapping[str, Form],
        given: Mapping[str, Any],
        front: str = "",
        again: Collection[str] = (),
    ) -> dict[str, Any]:
        """The fields of a class as JSON has them: those that are given, and fit, and what is said of the others.

        Where something is given, what may be left out is not asked for, unless it is one of those asked for `again`.
        """
        hints = field_hints(cls)
        fitting = {name: value for name, value in given.items() if self._fits(f"{front}{name}", forms[name], value)}
        fields = [field for field in attrs.fields(cls) if field.name not in fitting]
        asked = {*given, *again}
        needed = [field for field in fields if field.default is attrs.NOTHING or field.name in asked]
        found = {each.name: self._ask(f"{front}{each.name}", forms[each.name], hints[each.name]) for each in needed}
        others = [field for field in fields if field not in needed]
        if not given and others and self._wants(front, [field.name for field in others]):
            found |= self._ask_others(others, forms, hints, front)
        return {name: (fitting | found)[name] for name in forms if name in fitting or name in found}

    def _wants(self, front: str, names: Sequence[str]) -> bool:
        """Whether any of some fields are to be given that may be left out; few are asked for at once."""
        if len(names) <= FEW:
            return True
        question = f"any of {', '.join(f'{front}{name}' for name in names)}? [y/N]: "
        return self.person.ask(question, ("yes", "no")).casefold() in YES

    def _ask_others(
        self, fields: Sequence[Any], forms: Mapping[str, Form], hints: Mapping[str, Any], front: str
    ) -> dict[str, Any]:
        said = {
            field.name: self._ask_optional(
                f"{front}{field.name}", forms[field.name], hints[field.name], told_default(forms[field.name], field)
            )
            for field in fields
        }
        return {name: value for name, value in said.items() if value is not LEFT_OUT}

    def read_given(self, cls: type, forms: Mapping[str, Form], given: Given) -> dict[str, Any]:
        """Fields that were written as FIELD=VALUE, as JSON has them."""
        hints = field_hints(cls)
        for name, texts in given.texts.items():
            given.texts[name] = [self._meant(without_none(bare(hints.get(name))), text) for text in texts]
        return given.read(forms)

    def _fits(self, name: str, form: Form, value: Any) -> bool:
        problem = problem_of(form, value)
        if problem:
            self.person.tell(f"{name}: {problem}")
        return not problem

    # ------------------------------------------------------------ one field

    def _ask(self, name: str, form: Form, hint: Any) -> Any:
        """A value that fits."""
        hint = bare(hint)
        match form:
            case OptionalForm(item=item):
                value = self._ask_optional(name, item, without_none(hint), "None")
                return None if value is LEFT_OUT else value
            case ClassForm():
                return self.ask_fields(form.cls, form.fields, {}, f"{name}.")
            case TaggedForm():
                return self._ask_tagged(name, form)
            case FixedTupleForm():
                hints = get_args(hint)
                pairs = zip(form.items, hints, strict=True)
                return [self._ask(f"{name}[{number}]", item, each) for number, (item, each) in enumerate(pairs)]
            case SequenceForm():
                return self._ask_items(name, form, hint)
            case _:
                return self._ask_value(name, form, hint)

    def _ask_optional(self, name: str, form: Form, hint: Any, default: str) -> Any:
        """A value that fits, or that it is left out."""
        hint = bare(hint)
        if isinstance(form, OptionalForm):
            return self._ask_optional(name, form.item, without_none(hint), default)
        if isinstance(form, ClassForm | TaggedForm | FixedTupleForm):
            question = f"{name} ({type_name(hint)}), give it? [y/N, else {default}]: "
            said = self.person.ask(question, ("yes", "no")).casefold()
            return self._ask(name, form, hint) if said in YES else LEFT_OUT
        if isinstance(form, SequenceForm):
            return self._ask_items(name, form, hint) or LEFT_OUT
        return self._ask_value(name, form, hint, default)

    def _ask_value(self, name: str, form: Form, hint: Any, default: str | None = None) -> Any:
        left = "" if default is None else f" [{default}]"
        while True:
            said = self.person.ask(f"{name} ({described(form, hint)}){left}: ", choices_of(hint))
            if not said and default is not None:
                return LEFT_OUT
            value = fit_one(form, self._meant(hint, said))
            problem = problem_of(form, value)
            if not problem:
                return value
            self.person.tell(problem)

    def _ask_tagged(self, name: str, form: TaggedForm) -> Any:
        known = {tag.casefold(): tag for tag in form.members}
        while True:
            said = self.person.ask(f"{name} (one of {', '.join(form.members)}): ", tuple(form.members))
            tag = known.get(said.casefold())
            if tag is not None:
                return {"type": tag, "body": self._ask(name, form.members[tag], None)}
            self.person.tell(f"must be one of {', '.join(form.members)}")

    def _ask_items(self, name: str, form: SequenceForm, hint: Any) -> list[Any]:
        """Items until an empty line; the first answer may be all of them, as JSON."""
        found: list[Any] = []
        item_hint = bare(get_args(hint)[0])
        while True:
            value = self._ask_item(f"{name}[{len(found)}]", form, item_hint, first=not found)
            if value is LEFT_OUT:
                problem = problem_of(form, found)
                if not problem:
                    return found
                self.person.tell(problem)
                found.clear()
            elif isinstance(value, Whole):
                return value.items
            else:
                found.append(value)

    def _ask_item(self, name: str, form: SequenceForm, hint: Any, *, first: bool) -> Any:
        if isinstance(form.item, ClassForm | TaggedForm | FixedTupleForm | SequenceForm):
            return self._ask_optional(name, form.item, hint, "no more")
        while True:
            said = self.person.ask(f"{name} ({described(form.item, hint)}) [no more]: ", choices_of(hint))
            if not said:
                return LEFT_OUT
            whole = list_of(said) if first else None
            if whole is not None and not problem_of(form, whole):
                return Whole(whole)
            value = fit_one(form.item, self._meant(hint, said))
            problem = problem_of(form.item, value)
            if not problem:
                return value
            self.person.tell(problem)

    def _meant(self, hint: Any, said: str) -> str:
        """What is meant by words that a type has, and its stored form has not."""
        if hint is datetime:
            return self._meant_time(said)
        if hint is bool:
            return "true" if said.casefold() in YES else "false" if said.casefold() in NO else said
        if isinstance(hint, type) and issubclass(hint, Enum):
            return next((str(member.value) for member in hint if member.name.casefold() == said.casefold()), said)
        return said

    def _meant_time(self, said: str) -> str:
        span = parse_span(said[1:]) if said[:1] in ("+", "-") else None
        if span is not None:
            return (self.now() + (span if said[0] == "+" else -span)).isoformat()
        return self.now().isoformat() if said == "now" else said


@frozen
class Whole:
    """All items, given at once."""

    items: list[Any]


# ---------------------------------------------------------------- words


def problem_of(form: Form, value: Any) -> str:
    """Why a value does not fit; empty if it does."""
    try:
        form.read(value, None)
    except Exception as error:  # also what a class's own checks raise
        told = (f"{path}: {text}" if path else text for path, text in problems_of(error))
        return single_line("; ".join(told))
    return ""


def told_default(form: Form, field: Any) -> str:
    """What a field has that is left out."""
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # it is a class
        return "made anew"
    value = form.write(field.default)
    return "None" if value is None else shorten(field_text(value) or '""', LONGEST_DEFAULT)


LONGEST_DEFAULT = 30

WRITTEN: dict[Any, str] = {
    datetime: "now, +90s or 2026-01-02T12:00:00Z",
    date: "2026-01-02",
    timedelta: "90s, 5m or PT90.5S",
    bool: "yes or no",
    bytes: "base64",
    Decimal: "12.50",
    UUID: "12345678-1234-5678-1234-567812345678",
}
"""How values are written whose type does not say so."""


def described(form: Form, hint: Any) -> str:
    """A type, and how its values are written.

    >>> from leverframe.persistence.codec.scalars import SCALARS
    >>> described(SCALARS[bool], bool)
    'bool: yes or no'
    """
    name = type_name(hint)
    if isinstance(form, DictForm):
        return f"{name}: a JSON object"
    how = WRITTEN.get(hint, "") or of_class(hint)
    return f"{name}: {how}" if how else name


def of_class(hint: Any) -> str:
    if not isinstance(hint, type):
        return ""
    if issubclass(hint, Enum):
        return ", ".join(str(member.value) for member in hint)
    if issubclass(hint, Positive):
        return "1 or more"
    pattern = hint.pattern if issubclass(hint, NonEmpty) else None
    return f"matches {pattern}" if pattern else ""


def choices_of(hint: Any) -> Sequence[str]:
    """What can be said, where there is only so much."""
    if hint is bool:
        return ("yes", "no")
    if get_origin(hint) is Literal:
        return tuple(str(choice) for choice in get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return tuple(str(member.value) for member in hint)
    return ()


def without_none(hint: Any) -> Any:
    """The type that an optional one has, if it is not None."""
    members = [member for member in union_members(hint) if member is not type(None)]
    return members[0] if len(members) == 1 else hint
