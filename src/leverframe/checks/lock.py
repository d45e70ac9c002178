"""The lock file: machines as they were when somebody last looked at them, one item a line, for reviews and merges."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, cast

from leverframe.checks.locked import Locked
from leverframe.diagrams.picture import Picture
from leverframe.errors import LockFileError

__all__ = ["fingerprint", "lock_text", "locks_in", "read_lock", "read_locks"]

FORM = 1
"""Of the file; a later one may need another program to be read."""

DIGITS = 16

LONGEST_LINE = 110
"""Of an item, in characters; a longer one has a line for each of its parts."""


def fingerprint(locked: Locked) -> str:
    """A digest of all that is locked of a machine: 16 hex digits, the same for as long as that is.

    >>> from leverframe.checks.locked import lock_of
    >>> from leverframe.machines.pipeline import Pipeline
    >>> len(fingerprint(lock_of(Pipeline, "pipeline")))
    16
    """
    said = json.dumps(locked.as_object(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()[:DIGITS]


# ---------------------------------------------------------------- writing


def lock_text(machines: Iterable[Locked]) -> str:
    """The text of a lock file, machines by their names."""
    ordered = sorted(machines, key=lambda locked: locked.picture.machine)
    said = [{"target": locked.target, "fingerprint": fingerprint(locked)} | locked.as_object() for locked in ordered]
    return write({"leverframe_lock": FORM, "machines": said}) + "\n"


def write(value: Any, indent: str = "") -> str:
    """JSON in which each item of a list of objects has a line of its own, and what is flat is one line."""
    if is_flat(value) and len(line := json.dumps(value, ensure_ascii=False)) <= LONGEST_LINE:
        return line
    inner = f"{indent}  "
    if isinstance(value, list):
        items = [f"{inner}{write(each, inner)}" for each in cast("list[object]", value)]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        lines = [f"{inner}{json.dumps(name)}: {write(each, inner)}" for name, each in members]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return json.dumps(value, ensure_ascii=False)


def is_flat(value: Any) -> bool:
    """Whether no list of objects is in it."""
    if isinstance(value, dict):
        return all(map(is_flat, cast("dict[str, Any]", value).values()))
    return not isinstance(value, list) or not any(isinstance(each, dict) for each in cast("list[object]", value))


# ---------------------------------------------------------------- reading


def read_lock(path: str | PathLike[str]) -> dict[str, Picture]:
    """The pictures in a lock file, by the names of their machines.  Raises `LockFileError`, `OSError`."""
    return {name: locked.picture for name, locked in read_locks(path).items()}


def read_locks(path: str | PathLike[str]) -> dict[str, Locked]:
    """What a lock file says, by the names of the machines.  Raises `LockFileError`, `OSError`."""
    return locks_in(Path(path).read_text(encoding="utf-8"), str(path))


def locks_in(text: str, name: str) -> dict[str, Locked]:
    """What the text of a lock file called `name` says, by the names of the machines.  Raises `LockFileError`."""
    said = read_object(text, name)
    if said["leverframe_lock"] != FORM:
        raise LockFileError(name, f"is of form {said['leverframe_lock']}, and this program knows {FORM}")
    try:
        found = [(Locked.of_object(each), each["fingerprint"]) for each in said["machines"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise LockFileError(name, f"is no lock file as leverframe writes it: {error!r}") from error
    for locked, written in found:
        if fingerprint(locked) != written:
            machine = locked.picture.machine
            raise LockFileError(name, f"does not have the fingerprint of what it says of {machine}: it was edited")
    return {locked.picture.machine: locked for locked, _ in found}


def read_object(text: str, name: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
    except ValueError as error:
        raise LockFileError(name, f"is no JSON: {error}") from error
    if not isinstance(said, dict) or "leverframe_lock" not in said:
        raise LockFileError(name, "is no lock file")
    return cast("dict[str, Any]", said)
