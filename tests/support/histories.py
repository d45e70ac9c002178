"""What a process asked of a store, what it was answered, and when: written down as it happens, read by the checkers.

A line is written before each call and one after it.  So what a killed process has asked last is known to have been
asked, and its answer to be unknown.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

from attrs import asdict, evolve, frozen

__all__ = ["SUFFIX", "Answer", "Asked", "History", "Operation", "Verb", "Verdict", "by_key", "read_histories"]

Verb: TypeAlias = Literal["create", "get", "light", "dim", "flip"]
Verdict: TypeAlias = Literal["created", "exists", "absent", "read", "moved", "refused", "stale"]

SUFFIX = ".history"
UNKNOWN = "unknown"
KILLED = json.dumps([0, UNKNOWN])


@frozen
class Asked:
    """One call.  `token` is this call's own; `expect` is "off", "on" or empty; `delivery` is empty without an id."""

    verb: Verb
    key: str
    token: str
    expect: str = ""
    delivery: str = ""


@frozen(cache_hash=True)
class Answer:
    """What the call was told: the version and the state that it saw or left behind."""

    verdict: Verdict
    version: int = 0
    lit: bool = False
    token: str = ""
    duplicate: bool = False


@frozen
class Operation:
    """A call from its beginning to its end, on the clock that all processes share.

    `returned` and `answer` are None where the process was killed on the way: it may have happened, now or later.
    """

    asked: Asked
    called: int
    returned: int | None = None
    answer: Answer | None = None


class History:
    """The history of one process, in a file of its own that is whole whenever the process is killed."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = os.open(folder / f"{name}{SUFFIX}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def begin(self, asked: Asked) -> None:
        self._write([time.monotonic_ns(), asdict(asked)])

    def end(self, answer: Answer | None) -> None:
        """The call has returned; with None it is known to have changed nothing, and said nothing."""
        returned = time.monotonic_ns()
        self._write([returned, None if answer is None else asdict(answer)])

    def lose(self) -> None:
        """The call has failed, and may have happened all the same."""
        self._write([time.monotonic_ns(), UNKNOWN])

    def _write(self, line: object) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")


def read_histories(folder: Path) -> list[Operation]:
    """All operations of all processes that wrote their history into the folder."""
    return [operation for file in sorted(folder.glob(f"*{SUFFIX}")) for operation in read_history(file)]


def read_history(file: Path) -> Iterable[Operation]:
    lines = iter(file.read_text().splitlines())
    for line in lines:
        called, asked = json.loads(line)
        operation = Operation(Asked(**asked), called)
        returned, answer = json.loads(next(lines, KILLED))
        if answer == UNKNOWN:
            yield operation
        elif answer is not None:
            yield evolve(operation, returned=returned, answer=Answer(**answer))


def by_key(operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    """The operations of each key: keys know nothing of each other, so that each is checked for itself."""
    keys: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        keys[operation.asked.key].append(operation)
    return dict(keys)
