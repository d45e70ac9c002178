"""Who gets which instance?  One piece of work for a transaction: pick, decide, write.

Nothing is counted and then claimed: what is picked is locked, and what is written holds only while it has not changed.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from leverframe.coordination.giving import Given, Terms
from leverframe.coordination.not_claimed import CONCURRENCY_LIMIT
from leverframe.persistence.backend import Writer
from leverframe.persistence.gating import Passing
from leverframe.persistence.leases import ABOVE_ALL, Candidate, ClaimQuery, LeaseRow
from leverframe.persistence.lookups import check_declaration

__all__ = ["Claim", "Given"]

Look = Callable[[int], list[Candidate]]
"""At most so many instances that may be claimed."""


@define
class Claim:
    """Claim at most `limit` instances: first those that somebody has left, then what is ready."""

    terms: Terms
    limit: int

    def __call__(self, writer: Writer) -> list[Given]:
        check_declaration(writer, self.terms.binding)
        search = Search(self.terms, self.limit, writer)
        if self.terms.lease.takeover is not None:
            search.give_from(search.left)
        search.give_ready()
        return search.given


@define
class Search:
    """What is found in one claim.

    `full` are the scopes of limits that are full, which are not looked at again; `passed` counts those that were passed
    by, and come first again with each look.
    """

    terms: Terms
    limit: int
    writer: Writer
    given: list[Given] = field(factory=list[Given])
    full: set[str] = field(factory=set[str])
    passed: set[int] = field(factory=set[int])
    below: int = ABOVE_ALL

    def give_ready(self) -> None:
        below: int | None = ABOVE_ALL
        while below is not None and len(self.given) < self.limit:
            self.below = below
            found = self.give_from(self.ready)
            # What was given is not ready any more: the candidates tell which priority that was.
            below = found[0].lease.priority if found else self.writer.next_priority(self.terms.binding.name, below)

    def give_from(self, look: Look) -> list[Candidate]:
        """Give what a look finds, until that is enough or nothing more comes; what the last look has found."""
        while True:
            asked = self.limit - len(self.given) + len(self.passed)
            full = len(self.full)
            found = look(asked)
            for candidate in found:
                self._consider(candidate)
            if len(self.given) == self.limit or (len(found) < asked and len(self.full) == full):
                return found

    # ------------------------------------------------------------ looks

    def ready(self, asked: int) -> list[Candidate]:
        """What is ready, of the highest priority below the one that was looked at."""
        terms = self.terms
        return self.writer.claimable(ClaimQuery(terms.binding.name, asked, terms.now, self.below, self._passing()))

    def left(self, asked: int) -> list[Candidate]:
        """What somebody has, whose lease has run out."""
        terms = self.terms
        return self.writer.run_out(terms.binding.name, terms.now, asked, self._passing())

    def _passing(self) -> Passing:
        full, keeper = sorted(self.full), self.terms.keeper
        return Passing(full) if keeper is None else keeper.passing(full)

    # ------------------------------------------------------------ one of them

    def _consider(self, candidate: Candidate) -> None:
        row, lease = candidate.snapshot, self._as_it_is(candidate)
        if row.instance in self.passed or lease is None or lease.scope in self.full:
            return
        outcome = self.terms.try_to_give(self.writer, row, lease, candidate.clock)
        if isinstance(outcome, Given):
            self.given.append(outcome)
        elif outcome is not None and outcome.reason == CONCURRENCY_LIMIT and lease.scope is not None:
            self.full.add(lease.scope)
        else:
            self.passed.add(row.instance)

    def _as_it_is(self, candidate: Candidate) -> LeaseRow | None:
        """Its lease; None if that is another one by now."""
        seen = candidate.lease
        if seen.token is None:
            return seen
        # The instance is locked now; its lease may have been renewed until then.
        lease = self.writer.lease(seen.instance)
        same = lease is not None and (lease.token, lease.expires_at) == (seen.token, seen.expires_at)
        return lease if same else None
