"""One thing that a check found, and all the codes there are."""

from __future__ import annotations

from attrs import frozen

from leverframe.checks.sources import Written

__all__ = ["CODES", "Finding"]

CODES = {
    "unreachable-state": "a state that no move leads to from the initial one",
    "dead-move": "a move that is never asked",
    "dead-event": "an event that no move is ever asked for",
    "shadowed-guard": "a guarded move behind an unguarded one for the same event",
    "overridden-move": "a leaf's move that takes the place of its superstate's",
    "trap": "a state without a way out that is not final",
    "no-end": "states from which no final one is reached",
    "dead-hook": "a leaving hook of a state that is never left",
    "skipped-hook": "a hook that does not run where a move leads back to the state that it comes from",
    "lease-without-end": "a lease that nobody ends when its owner is gone",
    "lease-without-work": "a leased state that its owner cannot get out of",
    "retry-without-lease": "a retry policy of a machine that no worker claims",
    "watched-end": "a state that nothing leads out of, and that has to show that it lives",
    "unique-default": "a unique look-up of a field with a default",
    "mutable-field": "a field that can be changed in place",
    "constant-field": "a field with a default that no move sets",
    "impure-move": "a handler, guard or hook that looks at the clock, at chance or at the world",
    "no-upcaster": "what is stored does not load any more since the lock",
    "unused-ignore": "a comment that accepts what is not found",
}
"""What each code is about."""


@frozen
class Finding:
    """`problem` says what it is, `remedy` what to do; `written` is where, None where nobody can say."""

    code: str
    machine: str
    problem: str
    remedy: str
    written: Written | None = None

    @property
    def place(self) -> str:
        """File and line, or the machine."""
        return self.machine if self.written is None else str(self.written)

    @property
    def accepted(self) -> bool:
        """Whether a comment there accepts it."""
        return self.written is not None and any(self.code in codes for codes in self.written.accepted().values())

    def __str__(self) -> str:
        return f"{self.place}: {self.code}: {self.problem}; {self.remedy}"
