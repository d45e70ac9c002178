"""Annotations as objects, and as one writes them."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from leverframe.errors import MachineDefinitionError
from leverframe.wording import did_you_mean

__all__ = ["foreign_hint", "resolve_hints", "type_name", "union_members"]


def resolve_hints(owner: Any, name: str, names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The annotations of a class or function as objects.

    Raises `MachineDefinitionError` for a name that does not exist when the program runs.
    """
    try:
        return get_type_hints(owner, localns=dict(names) if names is not None else None)
    except NameError as error:
        remedy = "import it outside of `if TYPE_CHECKING:`, above this class"
        problem = f"annotation {error.name!r} does not exist at run time; {remedy}"
    except (AttributeError, SyntaxError, TypeError) as error:
        problem = f"an annotation cannot be evaluated: {error}; name classes that exist when the program runs"
    raise MachineDefinitionError(name, "", problem)


def foreign_hint(kind: Any, known: Iterable[type]) -> str:
    """A tail for a message about a class that is not one of the known ones, though it may be called as one is.

    >>> foreign_hint(int, [str])
    '; known: str'
    """
    name, names = getattr(kind, "__name__", str(kind)), [each.__name__ for each in known]
    if name in names:
        return f"; this is {kind.__module__}.{name}, another class of that name"
    return did_you_mean(name, names)


def type_name(annotation: Any) -> str:
    """An annotation as one writes it.

    >>> type_name(int | None), type_name(tuple[int, ...])
    ('int | None', 'tuple[int, ...]')
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is types.NoneType:
        return "None"
    if annotation is Ellipsis:
        return "..."
    if origin in (Union, types.UnionType):
        return " | ".join(type_name(member) for member in arguments)
    if isinstance(origin, type):
        return f"{origin.__name__}[{', '.join(type_name(argument) for argument in arguments)}]"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).removeprefix("typing.")


def union_members(annotation: Any) -> list[Any]:
    """The members of a union, or the one thing that is none.

    >>> union_members(int | str)
    [<class 'int'>, <class 'str'>]
    """
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for argument in get_args(annotation) for member in union_members(argument)]
    if hasattr(annotation, "__value__"):  # `type X = A | B`, from Python 3.12 on
        return union_members(annotation.__value__)
    return [annotation]
