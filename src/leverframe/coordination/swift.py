"""A claim of leases that nothing but the instance's own row stands in the way of: all of it is written at once.

It is for stores that many write to at the same time.  Where nobody else claims, it picks without locks, and decides
before it writes: what was picked may be somebody else's a moment later, and then its move does not hold.  Where others
are met it picks with locks, for a while, and passes by what they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field

from leverframe.coordination.giving import Decided, Given, Terms
from leverframe.coordination.owning import Sending
from leverframe.coordination.policies import LeasePolicy
from leverframe.errors import StoreError
from leverframe.persistence.backend import Backend, Reader, Writer
from leverframe.persistence.leases import ABOVE_ALL, Candidate, ClaimQuery
from leverframe.persistence.lookups import check_declaration
from leverframe.persistence.records import Receipt
from leverframe.persistence.rows import UniqueTaken

__all__ = ["Sent", "Swiftly", "may_be_swift"]

Sent = tuple[Receipt[Any], list[Given]]
"""What came of a move, and what was claimed with it."""

LOOKS_UNTIL_ALONE = 20
"""Claims that go the usual way after somebody else was met."""


def may_be_swift(backend: Backend, lease: LeasePolicy) -> bool:
    """Whether a claim of this lease can do without locks."""
    if backend.decides_in_turn or backend.is_joined():
        return False
    return lease.gates is None and lease.limit is None and lease.takeover is None


@define
class Swiftly:
    """The swift claims of one store; `crowded` is how many more of them take locks."""

    crowded: int = 0

    def claim(self, backend: Backend, terms: Terms, limit: int) -> list[Given] | None:
        """What was given; None if it is to be claimed the usual way."""
        given = self._claim_unlocked(backend, terms, limit)
        return claim_locked(backend, terms, limit) if given is None else given

    def send_and_claim(self, backend: Backend, sending: Sending, terms: Terms) -> Sent | None:
        """Send an event under a lease and claim what is next, at once; None if that is to be done the usual way."""
        if self.crowded:
            self.crowded -= 1
            return None
        picked, sent = Picking(terms, 1, backend.read()).decide(), sending.decided
        if sent is None or not picked:
            return None
        written = backend.move_both(sending.era, sent.move, picked[0].move)
        if written is None:
            return None
        first, second = written
        if second is not None:
            return sent.receipt(first), [picked[0].given(second)]
        self.crowded = LOOKS_UNTIL_ALONE
        return sent.receipt(first), claim_if_it_can(backend, terms)

    def _claim_unlocked(self, backend: Backend, terms: Terms, limit: int) -> list[Given] | None:
        """None if others are met, or were a short while ago, and nothing was given."""
        if self.crowded:
            self.crowded -= 1
            return None
        decided = Picking(terms, limit, backend.read()).decide()
        if not decided:
            return []
        given = given_by(decided, backend.move_at_once([each.move for each in decided]))
        if len(given) < len(decided):
            check_declaration(backend.read(), terms.binding)
            self.crowded = LOOKS_UNTIL_ALONE
        return given or None


def claim_if_it_can(backend: Backend, terms: Terms) -> list[Given]:
    """One of what is next, behind a move that stands.  What is wrong with a claim that gave nothing the next one tells.

    Raises where it is not known whether something was given.
    """
    try:
        return claim_locked(backend, terms, 1) or []
    except StoreError as error:
        if getattr(error, "may_have_happened", False):
            raise
        return []


def claim_locked(backend: Backend, terms: Terms, limit: int) -> list[Given] | None:
    """What was given of what nobody else holds; None if a unique look-up's value is another's."""

    def claim(writer: Writer) -> list[Given]:
        check_declaration(writer, terms.binding)
        decided = Picking(terms, limit, writer).decide()
        return given_by(decided, writer.move_all([each.move for each in decided])) if decided else []

    try:
        return backend.commit(claim)
    except UniqueTaken:
        return None


def given_by(decided: list[Decided], seqs: Sequence[int | None]) -> list[Given]:
    """The leases whose moves hold."""
    return [each.given(seq) for each, seq in zip(decided, seqs, strict=True) if seq is not None]


@define
class Picking:
    """What one claim picks: of the highest priority first, until that is enough."""

    terms: Terms
    limit: int
    reader: Reader
    decided: list[Decided] = field(factory=list[Decided])

    def decide(self) -> list[Decided]:
        below: int | None = ABOVE_ALL
        while below is not None and len(self.decided) < self.limit:
            below = self._pick_one_priority(below)
        return self.decided

    def _pick_one_priority(self, below: int) -> int | None:
        """Decide on what is ready; the priority that was looked at, None if none is left."""
        name, seen = self.terms.binding.name, 0
        while True:
            asked = seen + self.limit - len(self.decided)
            found = self.reader.claimable(ClaimQuery(name, asked, self.terms.now, below))
            self.decided += self._decide(found[seen:])
            if len(self.decided) == self.limit or len(found) < asked:
                return found[0].lease.priority if found else self.reader.next_priority(name, below)
            # Those that a guard holds back come first again with each look.
            seen = len(found)

    def _decide(self, found: list[Candidate]) -> list[Decided]:
        decided = [self.terms.decide_candidate(each) for each in found]
        return [each for each in decided if each is not None]
