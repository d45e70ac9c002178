"""Where a value and its JSON do not fit each other."""

from __future__ import annotations

from attrs import define

from leverframe.errors.root import LeverframeError

__all__ = ["CodecError", "DecodeError", "EncodeError", "tell_problems"]


class CodecError(LeverframeError):
    """A value and its JSON do not fit each other."""


@define(slots=False, repr=False)
class EncodeError(CodecError):
    """A field's value cannot be stored: `path` says where it is, `problem` what to give instead."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@define(slots=False, repr=False)
class DecodeError(CodecError, ValueError):
    """A body does not have the shape of `type_name`; `problems` holds a (path, what is wrong) each."""

    type_name: str
    problems: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return tell_problems(self.problems)


def tell_problems(problems: tuple[tuple[str, str], ...]) -> str:
    return "; ".join(f"{path}: {text}" if path else text for path, text in problems)
