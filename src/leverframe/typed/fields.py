"""The run-time check of refined fields: code written for each class that has such fields, and for no other."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from leverframe.errors import InvalidField, MachineDefinitionError
from leverframe.typed.annotations import type_name
from leverframe.typed.values import NonEmpty, Positive

__all__ = ["field_hints", "install_check"]

_REFINED = (Positive, NonEmpty)
_COLLECTIONS = (tuple, frozenset, list, set)
_Test = Callable[[object], bool]
_Check = Callable[[Any], None]


def install_check(cls: Any, names: Mapping[str, Any]) -> None:
    """Give `cls` an `__attrs_post_init__` that checks its refined fields and then does what it did before.

    `names` are what its annotations may use besides its module's.
    """
    if "__attrs_attrs__" in vars(cls):
        return  # The slotted class that attrs makes of one that has been here: the check has come along.
    _keep_own_post_init(cls)
    try:
        cls._own_hints = _resolve(cls, names)
        tests = _tests_of(field_hints(cls))
    except NameError:
        cls.__attrs_post_init__ = _check_at_first_use()
        return
    if tests:
        cls.__attrs_post_init__ = _write_check(tests, getattr(cls, "_after_check", None))


def _keep_own_post_init(cls: Any) -> None:
    # In the class's own namespace, so that attrs mends `super()` in it when it makes the slotted class.
    own = getattr(cls, "__attrs_post_init__", None)
    if own is not None and not hasattr(own, "checks_fields"):
        cls._after_check = own


def field_hints(cls: type) -> dict[str, Any]:
    """The annotations of a class as objects: those of a state or event also where it was made inside a function.

    Raises `NameError` for a name that does not exist.
    """
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        own = vars(base).get("_own_hints")
        hints.update(_resolve(base, {}) if own is None else own)
    return hints


def _resolve(cls: type, names: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations of the class itself: those of its bases may name what only they can see."""
    if cls.__module__ == "builtins":
        return {}
    own = types.SimpleNamespace(__annotations__=inspect.get_annotations(cls))
    module = sys.modules.get(cls.__module__)
    return get_type_hints(own, vars(module) if module else {}, dict(names))


def _check_at_first_use() -> _Check:
    """For a class whose annotations name something that does not exist yet."""

    def check(self: Any) -> None:
        owner: Any = next(base for base in type(self).__mro__ if vars(base).get("__attrs_post_init__") is check)
        try:
            tests = _tests_of(field_hints(owner))
        except NameError as error:
            problem = f"annotation {error.name!r} does not exist at run time; import or define it in the class's module"
            raise MachineDefinitionError(owner.__name__, "", problem) from None
        owner.__attrs_post_init__ = _write_check(tests, getattr(owner, "_after_check", None))
        owner.__attrs_post_init__(self)

    return _marked(check)


def _tests_of(hints: Mapping[str, Any]) -> dict[str, tuple[Any, _Test]]:
    return {name: (hint, test) for name, hint in hints.items() if (test := _test_for(hint)) is not None}


def _write_check(tests: Mapping[str, tuple[Any, _Test]], after: _Check | None) -> _Check:
    """The check as code written for these fields: an `isinstance` a field, and no loop."""
    lines = ["def check(self):"]
    space: dict[str, Any] = {"refuse": _refuse, "after": after}
    for number, (name, (hint, test)) in enumerate(tests.items()):
        space[f"hint_{number}"], space[f"test_{number}"] = hint, test
        simple = isinstance(hint, type) and get_origin(hint) is None
        passed = f"isinstance(self.{name}, hint_{number})" if simple else f"test_{number}(self.{name})"
        lines.append(f"    if not {passed}: refuse(self, {name!r}, hint_{number})")
    lines.append("    after(self)" if after else "    return None")
    exec("\n".join(lines), space)
    return _marked(space["check"])


def _marked(function: Any) -> _Check:
    function.checks_fields = True
    return cast("_Check", function)


def _refuse(self: object, field: str, hint: Any) -> None:
    raise InvalidField(type(self).__name__, field, type_name(hint), getattr(self, field))


# ---------------------------------------------------------------- what fits an annotation


def _test_for(hint: Any) -> _Test | None:
    """What tells whether a value fits, for annotations with a refined class in them; None for all others."""
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and origin is None:
        return _instance_of(hint) if issubclass(hint, _REFINED) else None
    if origin in (Union, types.UnionType):
        return _any_of(arguments)
    if origin in _COLLECTIONS:
        return _items_of(origin, [argument for argument in arguments if argument is not Ellipsis])
    return None


def _instance_of(kind: type) -> _Test:
    return lambda value: isinstance(value, kind)


def _items_of(kind: type, items: list[Any]) -> _Test | None:
    test = _test_for(items[0]) if len(items) == 1 else None
    if test is None:
        return None
    return lambda value: isinstance(value, kind) and all(test(item) for item in cast("Iterable[object]", value))


def _any_of(members: tuple[Any, ...]) -> _Test | None:
    if not any(_test_for(member) for member in members):
        return None
    tests = [_test_for(member) or _plain_test(member) for member in members]
    return lambda value: any(test(value) for test in tests)


def _plain_test(member: Any) -> _Test:
    """For a member of a union that is not refined: as far as a class or a literal says."""
    origin = get_origin(member) or member
    if origin is Literal:
        return lambda value: value in get_args(member)
    return _instance_of(origin) if isinstance(origin, type) else lambda _: True
