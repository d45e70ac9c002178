"""What does `field=value` say?  What the field's type makes of it; `field:=value` is JSON.

commits_ahead=3  feature_branch=fix  until=2026-01-02T12:00:00Z  wait=90s  label=a label=b  retry:=null
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeGuard, cast

from leverframe.cli.failures import Failure
from leverframe.cli.spans import parse_span
from leverframe.errors import DecodeError
from leverframe.persistence.codec import read_json
from leverframe.persistence.codec.containers import FixedTupleForm, OptionalForm, SequenceForm
from leverframe.persistence.codec.family import Family
from leverframe.persistence.codec.scalars import SCALARS, Form, Misfit
from leverframe.typed.annotations import type_name
from leverframe.typed.fields import field_hints

__all__ = ["Given", "build", "fit_one", "list_of", "split_words"]

GIVEN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:?)=(.*)", re.DOTALL)

ROOT = re.compile(r"\w+")


class Given:
    """The fields that were given: texts by their names, JSON by their names."""

    def __init__(self, words: Sequence[str] = (), body: str | None = None) -> None:
        self.texts: dict[str, list[str]] = {}
        self.values: dict[str, Any] = {} if body is None else read_body(body)
        if body is not None and words:
            raise Failure(f"{words[0]} is given beside --body; write all fields in one of the two")
        for word in words:
            self._add(word)

    def _add(self, word: str) -> None:
        found = cast("re.Match[str]", GIVEN.fullmatch(word))
        name, is_json, text = found.groups()
        if name in self.values or (is_json and name in self.texts):
            raise Failure(f"{name} is given twice; a list is written {name}:=[...], or {name}=... for each part")
        if is_json:
            self.values[name] = read_value(f"{name}:", text)
        else:
            self.texts.setdefault(name, []).append(text)

    def read(self, forms: Mapping[str, Form]) -> dict[str, Any]:
        """The fields as JSON has them, where their types are known."""
        return {name: fit(name, forms.get(name), texts) for name, texts in self.texts.items()} | self.values


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words in front, of which there is one at least, and the fields behind them.

    >>> split_words(["story-7", "Block", "reason=waits for a=b"])
    (['story-7', 'Block'], ['reason=waits for a=b'])
    """
    end = len(words)
    while end > 1 and GIVEN.fullmatch(words[end - 1]):
        end -= 1
    return list(words[:end]), list(words[end:])


def build(family: Family[Any], cls: type[Any], given: Given) -> Any:
    """The state or event of a class, of the given fields.  Raises `Failure`."""
    name = cls.__name__
    try:
        return family.build(name, given.read(family.fields_of(name)))
    except DecodeError as error:
        problems = [*explained(cls, error), *wanted(error, family.fields_of(name))]
        raise Failure(f"{name}: {'; '.join(problems)}") from error


def wanted(error: DecodeError, forms: Mapping[str, Form]) -> Iterator[str]:
    """How the fields are written that are missing."""
    missing = [path for path, problem in error.problems if problem == "missing" and path in forms]
    if missing:
        yield f"give {' '.join(word for name in missing for word in written(name, forms[name]))}"


def written(name: str, form: Form) -> Sequence[str]:
    """A field as it is given: once, or once for each part.

    >>> written("reason", SCALARS[timedelta])
    ['reason=...']
    """
    return [f"{name}=..."] * (len(form.items) if isinstance(form, FixedTupleForm) else 1)


def explained(cls: type[Any], error: DecodeError) -> Iterator[str]:
    """What is wrong with each field, and of which type it is."""
    hints = field_hints(cls)
    for path, problem in error.problems:
        root = ROOT.match(path)
        hint = hints.get(root[0]) if root else None
        of_type = "" if hint is None else f" ({type_name(hint)})"
        yield f"{path}{of_type}: {problem}" if path else problem


# ---------------------------------------------------------------- values


def fit(name: str, form: Form | None, texts: Sequence[str]) -> Any:
    """What is meant by the texts of a field; where nothing fits, what the error is best told of."""
    inner = form.item if isinstance(form, OptionalForm) else form
    if isinstance(inner, SequenceForm | FixedTupleForm):
        return fit_parts(inner, texts)
    if len(texts) > 1:
        raise Failure(f"{name} is given {len(texts)} times, and takes one value")
    return texts[0] if form is None else fit_one(form, texts[0])


def fit_parts(form: SequenceForm | FixedTupleForm, texts: Sequence[str]) -> list[Any]:
    whole = list_of(texts[0]) if len(texts) == 1 else None
    if whole is not None:
        return whole
    items = form.items if isinstance(form, FixedTupleForm) else (form.item,) * len(texts)
    if len(items) != len(texts):
        return list(texts)
    return [fit_one(item, text) for item, text in zip(items, texts, strict=True)]


def fit_one(form: Form, text: str) -> Any:
    """The text itself, the JSON that it is, or a span of time, whichever the type takes."""
    closest: Any = text
    for candidate in candidates(text):
        try:
            form.read(candidate, None)
        except Misfit:
            continue
        except Exception:
            # Of the right type, and refused for what it says: the error is told of this one.
            closest = candidate
        else:
            return candidate
    return closest


def candidates(text: str) -> Iterator[Any]:
    yield text
    value = json_of(text)
    if isinstance(value, bool | int | float | dict | list):
        yield value
    span = parse_span(text)
    if span is not None:
        yield SPANS.write(span)


SPANS = SCALARS[timedelta]


def list_of(text: str) -> list[Any] | None:
    value = json_of(text)
    return value if is_list(value) else None


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def json_of(text: str) -> Any:
    try:
        return read_json(text)
    except DecodeError:
        return None


def read_value(name: str, text: str) -> Any:
    try:
        return read_json(text)
    except DecodeError as error:
        raise Failure(f"{name}={text}: {error}") from error


def read_body(body: str) -> dict[str, Any]:
    found = read_value("--body", body)
    if not isinstance(found, dict):
        raise Failure(f"--body {body}: is no JSON object of fields")
    return cast("dict[str, Any]", found)
