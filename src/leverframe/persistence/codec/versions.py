"""Bodies of older code: which version a class is at today, and the road from an old body there."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, NoReturn, cast

from leverframe.errors import DecodeError, MachineDefinitionError
from leverframe.persistence.codec.explain import text_of
from leverframe.typed.upcasting import Body, Upcaster
from leverframe.wording import join_names

__all__ = ["Versions"]


class Versions:
    """The upcasters that lead to `classes`, those of one machine's states or of its events.

    Raises `MachineDefinitionError` where upcasters lead in a circle.
    """

    def __init__(self, machine: str, classes: Iterable[type], upcasters: Iterable[Upcaster]) -> None:
        self._machine = machine
        self._classes = {cls.__name__: cls for cls in classes}
        mine = [upcaster for upcaster in upcasters if upcaster.to in self._classes.values()]
        self._steps = {(upcaster.tag, upcaster.version): upcaster for upcaster in mine}
        self._current = {tag: _current_version(tag, mine) for tag in self._classes}
        for upcaster in mine:
            self._last(upcaster)

    def current(self, tag: str) -> int:
        """The version in which bodies of a class are written today."""
        return self._current[tag]

    def class_named(self, name: str) -> type | None:
        """The class that bears this name today, or that one became which bore it once."""
        if name in self._classes:
            return self._classes[name]
        starts = [upcaster for (tag, _), upcaster in sorted(self._steps.items(), key=_tag_and_version) if tag == name]
        return self._last(starts[-1]).to if starts else None

    def upgrade(self, tag: str, version: int, body: Body, *, said: bool = True) -> tuple[str, int, Body]:
        """The body as its class has it today, made from a copy; `said` tells whether it named its version itself.

        Raises `DecodeError` if an upcaster fails; whether the result is of today is for the caller to see.
        """
        written = version
        while (step := self._steps.get((tag, version))) is not None:
            body = self._change(step, copy.deepcopy(body), "" if said else self._assumed(tag, written))
            tag, version = step.to.__name__, step.to_version
        return tag, version, body

    def refuse(self, tag: str, version: int) -> NoReturn:
        """Say why a body of this class and version cannot be read."""
        current = self._current[tag]
        if version > current:
            problem = (
                f"{tag} is written in version {version}, and this program knows version {current}: "
                "the program is older than the data; run a newer one"
            )
        else:
            problem = f"no upcaster leads from {tag} version {version} to {current}; {self._remedy(tag, version)}"
        raise DecodeError(tag, (("", problem),))

    def other_versions(self, tag: str) -> str:
        """A tail for a message about a name of older code: the versions that can be read."""
        known = sorted(version for name, version in self._steps if name == tag)
        return f"; upcasters lead from version {join_names(map(str, known))}" if known else ""

    def _change(self, step: Upcaster, body: Body, assumed: str) -> Body:
        name = f"upcaster {getattr(step.change, '__name__', step.change)!s} of {step.tag} version {step.version}"
        try:
            changed: Any = step.change(body)
        except Exception as error:
            problem = f"{name} raised {type(error).__name__}: {_words(error)}{assumed}"
            raise DecodeError(step.tag, (("", problem),)) from error
        if not isinstance(changed, dict):
            problem = f"{name} returned {type(changed).__name__}; it must return the new body, a dict"
            raise DecodeError(step.tag, (("", problem),))
        return dict(cast("Body", changed))

    def _assumed(self, tag: str, version: int) -> str:
        current = self._current.get(tag)
        if current is None or current == version:
            return ""
        return f' (a body without "v" is of version {version}; write "v": {current} for today\'s)'

    def _last(self, upcaster: Upcaster) -> Upcaster:
        """The last upcaster of the chain that this one begins."""
        seen = [upcaster]
        while (step := self._steps.get((seen[-1].to.__name__, seen[-1].to_version))) is not None:
            if step in seen:
                circle = " -> ".join(f"{each.tag} version {each.version}" for each in seen)
                problem = f"upcasters lead in a circle: {circle}; drop one"
                raise MachineDefinitionError(self._machine, upcaster.tag, problem)
            seen.append(step)
        return seen[-1]

    def _remedy(self, tag: str, version: int) -> str:
        return f"declare one with @{self._machine}.upcast({tag!r}, version={version})"


def _current_version(tag: str, upcasters: Iterable[Upcaster]) -> int:
    starts = [upcaster.version + 1 for upcaster in upcasters if upcaster.tag == tag]
    ends = [upcaster.to_version for upcaster in upcasters if upcaster.to.__name__ == tag]
    return max([1, *starts, *ends])


def _tag_and_version(item: tuple[tuple[str, int], Upcaster]) -> tuple[str, int]:
    return item[0]


def _words(error: Exception) -> str:
    return text_of(error).removeprefix(f"{type(error).__name__}: ")
