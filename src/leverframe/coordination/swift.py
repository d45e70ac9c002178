"""A claim without a transaction of several statements: pick without locks, decide, and write all of it at once.

It is for stores that many write to at the same time, and for leases that nothing but the instance's own row stands in
the way of.  What is picked may be somebody else's a moment later: then its move does not hold, and the rest is claimed
the usual way, which waits for nobody.  The time is that at which it was picked.
"""

from __future__ import annotations

from attrs import define, field

from leverframe.coordination.giving import Decided, Given, Terms
from leverframe.persistence.backend import Backend, Reader
from leverframe.persistence.leases import Candidate, ClaimQuery
from leverframe.persistence.lookups import check_declaration

__all__ = ["Swiftly", "may_be_swift"]

HIGHEST = 2**31

LOOKS_UNTIL_ALONE = 20
"""Claims that go the usual way after somebody else was met."""


def may_be_swift(backend: Backend, terms: Terms) -> bool:
    """Whether a claim on these terms can do without locks."""
    lease = terms.lease
    is_plain = lease.gates is None and lease.limit is None and lease.takeover is None
    return is_plain and not backend.decides_in_turn and not backend.is_joined()


@define
class Swiftly:
    """The swift claims of one store: it is given up for a while where others are met."""

    crowded: int = 0

    def claim(self, backend: Backend, terms: Terms, limit: int) -> list[Given] | None:
        """What was given; None if it is to be claimed the usual way."""
        if self.crowded:
            self.crowded -= 1
            return None
        decided = Picking(terms, limit, backend.read()).decide()
        if not decided:
            return []
        given = write(backend, decided)
        if len(given) < len(decided):
            check_declaration(backend.read(), terms.binding)
            self.crowded = LOOKS_UNTIL_ALONE
        return given or None


def write(backend: Backend, decided: list[Decided]) -> list[Given]:
    """The leases whose moves hold."""
    seqs = backend.move_at_once([each.move for each in decided])
    return [each.given(seq) for each, seq in zip(decided, seqs, strict=True) if seq is not None]


@define
class Picking:
    """What one claim picks: of the highest priority first, until that is enough."""

    terms: Terms
    limit: int
    reader: Reader
    decided: list[Decided] = field(factory=list[Decided])

    def decide(self) -> list[Decided]:
        below: int | None = HIGHEST
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
