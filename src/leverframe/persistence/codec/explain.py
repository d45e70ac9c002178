"""What is wrong with a value, for people: where it stands, and what should stand there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import attrs
from cattrs import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)

from leverframe.errors import LeverframeError
from leverframe.persistence.codec.json_text import SURROGATE, TOO_DEEP
from leverframe.persistence.codec.scalars import Form
from leverframe.wording import did_you_mean, show_value

__all__ = ["Problem", "cut_name", "find_unwritable", "first_problems", "problems_of", "text_of"]

Problem = tuple[str, str]
"""Where, and what is wrong there."""

LONGEST_TEXT = 400
LONGEST_NAME = 80
MOST_PROBLEMS = 100


def first_problems(error: BaseException) -> tuple[Problem, ...]:
    """All that an error of the detailed converter says, unless that is too much to read."""
    found = list(islice(problems_of(error), MOST_PROBLEMS + 1))
    if len(found) > MOST_PROBLEMS:
        found[MOST_PROBLEMS] = ("", "and more")
    return tuple(found)


def problems_of(error: BaseException, path: str = "") -> Iterator[Problem]:
    """All that an error of the detailed converter says, each with the path from the body's root.

    >>> list(problems_of(ValueError("must be even"), "items[2]"))
    [('items[2]', 'must be even')]
    """
    if isinstance(error, (ClassValidationError, IterableValidationError)):
        placed, others = error.group_exceptions()
        for inner, note in placed:
            yield from _placed_problems(inner, note, path)
        for inner in others:
            yield from problems_of(inner, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in attrs.fields(error.cl)]
        for name in sorted(map(str, error.extra_fields)):
            yield _join(path, f".{cut_name(name)}"), f"unknown field{did_you_mean(cut_name(name), known)}"
    else:
        yield path, text_of(error)


def _placed_problems(error: Exception, note: Any, path: str) -> Iterator[Problem]:
    if not isinstance(note, AttributeValidationNote):
        yield from problems_of(error, f"{path}[{show_value(note.index)}]")
    elif isinstance(error, KeyError) and error.args == (note.name,):
        yield _join(path, f".{note.name}"), "missing"
    else:
        yield from problems_of(error, _join(path, f".{note.name}"))


def _join(path: str, step: str) -> str:
    """A path and one more step; the first one has no dot before it."""
    return path + step if path else step.removeprefix(".")


def cut_name(name: str) -> str:
    """A name as a step in a path, cut where it is long."""
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."


def text_of(error: BaseException) -> str:
    """An error's own words, cut where they are long.

    >>> text_of(KeyError("branch"))
    "KeyError: 'branch'"
    """
    if isinstance(error, RecursionError):
        text = TOO_DEEP
    elif isinstance(error, UnicodeEncodeError):
        text = SURROGATE
    elif isinstance(error, LeverframeError):
        text = str(error)
    elif isinstance(error, (ValueError, TypeError)) and error.args and isinstance(error.args[0], str):
        # attrs' validators put more behind their text.
        text = error.args[0]
    else:
        text = f"{type(error).__name__}: {error}"
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}... ({len(text)} characters)"


def find_unwritable(form: Form, value: Any, path: str, error: Exception) -> Problem:
    """The innermost part of `value` that cannot be written, where writing the whole raised `error`."""
    for step, part_form, part in form.parts(value):
        try:
            part_form.write(part)
        except Exception as inner:
            return find_unwritable(part_form, part, _join(path, step), inner)
    return path, text_of(error)
