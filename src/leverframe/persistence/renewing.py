"""The verbs about leases that are to last longer: those of one policy and tenant, in one statement.

Tokens are the journal's numbers: no two leases ever have the same.  Whoever moves instances locks their leases in an
order of its own.  So a renewal of many waits for none of them: what somebody writes at this moment it passes by.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import chain
from typing import Any, Protocol

from attrs import define

from leverframe.persistence.gating import GatingReader, GatingVerbs, GatingWriter, GatingWriterVerbs

__all__ = ["Renewing", "RenewingReader", "RenewingVerbs", "RenewingWriter", "RenewingWriterVerbs"]

FOREVER = 2**60
"""Microseconds, where nothing ends what is renewed."""

# Joined, and not looked for in two lists: the second of these would be gone through for each lease.
ASKED = "asked (instance, token) AS (VALUES {pairs})"

LEASES = "FROM asked AS a CROSS JOIN lease AS l WHERE l.instance = a.instance AND l.token = a.token"

# What is locked is looked at as it is then: a lease that was another's meanwhile is not renewed.
RENEW = f"""
WITH {ASKED}, mine AS (SELECT l.instance {LEASES} {{lock}})
UPDATE lease SET heartbeat_at = /*now(*/?/*)now*/, expires_at = CASE
    WHEN /*now(*/?/*)now*/ + ? < claimed_at + ? THEN /*now(*/?/*)now*/ + ? ELSE claimed_at + ? END
WHERE instance IN (SELECT instance FROM mine) AND claimed_at + ? > /*now(*/?/*)now*/ RETURNING instance"""

# They are locked before their slots, as by whoever moves the instance.
WITH_SLOTS = f"""
WITH {ASKED} SELECT l.instance, l.token, l.scope {LEASES} ORDER BY l.instance {{lock}}"""

HAS_ITS_SLOT = "AND (l.scope IS NULL OR EXISTS (SELECT 1 FROM slot AS s WHERE s.instance = l.instance))"

STANDING = f"""
WITH {ASKED} SELECT l.instance {LEASES} AND l.claimed_at + ? > /*now(*/?/*)now*/ {{slot}}"""


@define
class Renewing:
    """Leases (instance, token) that are to last for so long from `now` on, in microseconds; None: by the database.

    `lasts_at_most` is how long one may be held in all; where `is_limited`, one that has lost a limit's slot is over.
    """

    leases: Sequence[tuple[int, int]]
    now: int | None
    lasts: int
    lasts_at_most: int | None
    is_limited: bool

    @property
    def most(self) -> int:
        return FOREVER if self.lasts_at_most is None else self.lasts_at_most


class RenewingReader(GatingReader, Protocol):
    """What may be asked about leases that are held."""

    def standing(self, renewing: Renewing) -> set[int]:
        """The instances whose leases these are still; nothing is locked."""
        ...


class RenewingWriter(RenewingReader, GatingWriter, Protocol):
    """How they are renewed.  Unless a verb `waits`, what somebody else writes at this moment is left out."""

    def renew(self, renewing: Renewing, *, waits: bool) -> set[int]:
        """Let them last longer; the instances whose leases these are still."""
        ...

    def keeping_slots(self, leases: Sequence[tuple[int, int]], *, waits: bool) -> list[tuple[int, int]]:
        """Those of the leases (instance, token) that run, and have not lost a limit's slot; they keep it meanwhile."""
        ...


class RenewingVerbs(GatingVerbs):
    """The reading verb."""

    __slots__ = ()

    @abstractmethod
    def _rows(self, statement: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]: ...

    def standing(self, renewing: Renewing) -> set[int]:
        slot = HAS_ITS_SLOT if renewing.is_limited else ""
        statement = STANDING.format(pairs=pairs(len(renewing.leases)), slot=slot)
        return numbers(self._rows(statement, (*chain(*renewing.leases), renewing.most, renewing.now)))


class RenewingWriterVerbs(RenewingVerbs, GatingWriterVerbs):
    """The writing verbs."""

    __slots__ = ()

    def renew(self, renewing: Renewing, *, waits: bool) -> set[int]:
        now, lasts, most = renewing.now, renewing.lasts, renewing.most
        statement = RENEW.format(pairs=pairs(len(renewing.leases)), lock=lock(waits=waits))
        times = (now, now, lasts, most, now, lasts, most, most, now)
        return numbers(self._rows(statement, (*chain(*renewing.leases), *times)))

    def keeping_slots(self, leases: Sequence[tuple[int, int]], *, waits: bool) -> list[tuple[int, int]]:
        statement = WITH_SLOTS.format(pairs=pairs(len(leases)), lock=lock(waits=waits))
        rows = self._rows(statement, (*chain(*leases),))
        limited = [instance for instance, _, scope in rows if scope is not None]
        kept = self.kept_slots(limited, waits=waits) if limited else set[int]()
        return [(instance, token) for instance, token, scope in rows if scope is None or instance in kept]


def pairs(number: int) -> str:
    """So many pairs of parameters, which are integers."""
    return ", ".join(["(CAST(? AS BIGINT), CAST(? AS BIGINT))", *["(?, ?)"] * (number - 1)])


def lock(*, waits: bool) -> str:
    return "/*leased*/" if waits else "/*skipping leased*/"


def numbers(rows: Sequence[tuple[Any, ...]]) -> set[int]:
    return {number for (number,) in rows}
