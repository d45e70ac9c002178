"""Docstrings as the site shows them: an extension of griffe, which reads the package without importing it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe
from docstring_text import fenced, linked

__all__ = ["Shown"]

BY_HAND = {"State"}
"""Public names of other packages: the reference shows them by hand."""

PLAIN_WORDS = {"on", "state"}
"""Public names that mean something else in most docstrings: an argument, a field."""


class Shown(griffe.Extension):
    """Turns each docstring of the package into Markdown."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Called once, when all of the package is read."""
        exported = {str(name) for name in pkg.exports or ()} - BY_HAND - PLAIN_WORDS
        shown = list(_all_within(pkg))
        for each in shown:
            _complete(each)
        for each in shown:
            _turn(each, {name: f"{pkg.path}.{name}" for name in exported if name != each.name})


def _all_within(shown: griffe.Object) -> Iterator[griffe.Object]:
    yield shown
    for member in shown.members.values():
        if isinstance(member, griffe.Object):
            yield from _all_within(member)


def _complete(shown: griffe.Object) -> None:
    """Give a class what it has at run time, and griffe does not see."""
    if shown.docstring is None and "__doc__" in shown.members:
        shown.docstring = _borrowed(shown)
    if isinstance(shown, griffe.Class) and _is_of_fields(shown):
        shown.set_member("__init__", _made_by_attrs(shown))


def _turn(shown: griffe.Object, names: dict[str, str]) -> None:
    if shown.docstring is not None:
        shown.docstring.value = linked(fenced(shown.docstring.value), names)


def _is_of_fields(shown: griffe.Class) -> bool:
    made = any(re.match(r"(attrs\.)?(frozen|define)\b", str(decorator.value)) for decorator in shown.decorators)
    return made and "__init__" not in shown.members


def _made_by_attrs(shown: griffe.Class) -> griffe.Function:
    """The `__init__` that attrs makes of the fields, as griffe makes that of a dataclass."""
    keyword_only = any("kw_only=True" in str(decorator.value) for decorator in shown.decorators)
    itself = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
    fields = [
        _parameter(field, keyword_only=keyword_only)
        for field in shown.members.values()
        if isinstance(field, griffe.Attribute) and field.annotation is not None and "init=False" not in str(field.value)
    ]
    return griffe.Function("__init__", parameters=griffe.Parameters(itself, *fields), parent=shown)


def _parameter(field: griffe.Attribute, *, keyword_only: bool) -> griffe.Parameter:
    value = None if field.value is None else str(field.value)
    if value is not None and value.startswith("field("):
        given = re.search(r"\b(default|factory)=(\w+)", value)
        value = None if given is None else given[2] if given[1] == "default" else f"{given[2]}()"
        keyword_only |= "kw_only=True" in str(field.value)
    kind = griffe.ParameterKind.keyword_only if keyword_only else griffe.ParameterKind.positional_or_keyword
    return griffe.Parameter(field.name, annotation=field.annotation, kind=kind, default=value)


def _borrowed(shown: griffe.Object) -> griffe.Docstring | None:
    """What stands in a class as `__doc__ = Other.__doc__`, as it is written there."""
    written = shown.members["__doc__"]
    if not isinstance(written, griffe.Attribute):
        return None
    other = shown.modules_collection[shown.resolve(str(written.value).removesuffix(".__doc__"))]
    return None if other.docstring is None else griffe.Docstring(other.docstring.value, parent=shown)
