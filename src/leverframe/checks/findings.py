"""What is wrong with a machine, as far as it can be seen without running it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from leverframe.checks.changes import changes_between
from leverframe.checks.finding import CODES, Finding
from leverframe.checks.finding_code import find_in_code
from leverframe.checks.finding_fields import find_in_fields
from leverframe.checks.finding_moves import find_in_moves
from leverframe.checks.finding_policies import find_in_policies
from leverframe.checks.locked import Locked, lock_of
from leverframe.checks.reach import Reach
from leverframe.checks.sources import Written, body_of, written_class
from leverframe.typed.machine import Machine
from leverframe.wording import did_you_mean

__all__ = ["find_problems"]

AnyMachine = type[Machine[Any, Any]]


def find_problems(
    machine: AnyMachine, *, locked: Locked | None = None, ignore: Collection[str] = ()
) -> tuple[Finding, ...]:
    """What is wrong with a machine, but for what comments accept, and the codes to `ignore`; by file and line.

    With `locked`, what the machine was, also what of it can be read no longer.

    >>> from leverframe.machines.pipeline import Pipeline
    >>> find_problems(Pipeline)
    ()
    """
    reach = Reach(machine)
    parts = (find_in_moves, find_in_policies, find_in_fields, find_in_code)
    found = [finding for part in parts for finding in part(reach)]
    if locked is not None:
        found += unreadable(machine, locked)
    looked_for = CODES.keys() - (set() if locked is not None else {"no-upcaster"})
    found += unused_ignores(machine, found, looked_for)
    return tuple(sorted((each for each in found if each.code not in ignore and not each.accepted), key=in_order))


def in_order(finding: Finding) -> tuple[str, int, str, str]:
    written = finding.written
    return (written.file if written else "", written.line if written else 0, finding.code, finding.problem)


# ---------------------------------------------------------------- since a lock


def unreadable(machine: AnyMachine, locked: Locked) -> Iterator[Finding]:
    """What is stored as it was locked, and does not load now."""
    classes = {each.__name__: each for each in (*machine.leaves(), *events_of(machine))}
    for change in changes_between(locked, lock_of(machine, locked.target)):
        if change.unreadable:
            about = next((classes[name] for name in change.about if name in classes), None)
            written = body_of(machine) if about is None else written_class(about)
            rows = "stored instances and the journal do" if "snapshot" in change.unreadable else "the journal does"
            problem = f"{change.text}, and {rows} not load"
            remedy = f"declare @{machine.__name__}.upcast for what it was"
            yield Finding("no-upcaster", machine.__name__, problem, remedy, written)


def events_of(machine: AnyMachine) -> tuple[type, ...]:
    return machine._structure.events  # pyright: ignore[reportPrivateUsage]  # it is what is looked at


# ---------------------------------------------------------------- comments


def unused_ignores(machine: AnyMachine, found: Collection[Finding], looked_for: Collection[str]) -> Iterator[Finding]:
    """In the machine's own body: comments that accept what is not there any more, or never was."""
    body = body_of(machine)
    if body is None:
        return
    for line, codes in body.accepted().items():
        for code in sorted(codes):
            if code in looked_for and not any(covers(each, code, body.file, line) for each in found):
                yield unused(machine, body.at(line), f"{code} is accepted here, and not found", "drop the comment")
            elif code not in CODES:
                problem = f"{code} is no code{did_you_mean(code, CODES)}"
                yield unused(machine, body.at(line), problem, "mend the comment")


def unused(machine: AnyMachine, written: Written, problem: str, remedy: str) -> Finding:
    return Finding("unused-ignore", machine.__name__, problem, remedy, written)


def covers(finding: Finding, code: str, file: str, line: int) -> bool:
    written = finding.written
    return (
        written is not None and finding.code == code and written.file == file and written.first <= line <= written.last
    )
