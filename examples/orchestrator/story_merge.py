"""The merge of a story, as a machine whose lease lets one at a time be made in a repository.

The lease keeps two from working on one branch; that a story is merged once is due to how it is made: `merging.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import frozen

from leverframe import Event, Lease, Limit, Machine, NonEmpty, Payload, Positive, Retry, on, state
from leverframe.machines.carrying import become
from leverframe.machines.pipeline import BranchName, GitSha

__all__ = ["Conflicted", "Ended", "Faulted", "Interrupted", "Merged", "Merging", "Refused", "StoryMerge", "Waiting"]

PAUSE = timedelta(seconds=2)
"""Before git is tried again after it has failed."""


# ---------------------------------------------------------------- states


@frozen(kw_only=True)
class Asked(Payload):
    """A branch that has passed its gates at `tip` is to be merged."""

    repository: NonEmpty
    branch: BranchName
    tip: GitSha
    commits_ahead: Positive


@frozen(kw_only=True)
class Waiting(Asked):
    """`error` tells why it is back, if it is."""

    available_at: datetime | None = None
    error: str | None = None


@frozen
class Merging(Asked): ...


@frozen
class Merged(Payload):
    commit: GitSha


@frozen
class Refused(Payload):
    reason: str


MergeState: TypeAlias = Waiting | Merging | Merged | Refused


# ---------------------------------------------------------------- events


@frozen
class Begun(Event): ...


@frozen
class Interrupted(Event):
    """Whoever was at it has ended."""


@frozen
class HandedBack(Event):
    """Whoever was at it has to end."""


@frozen
class Faulted(Event):
    """git has failed."""

    error: str


@frozen
class Ended(Event):
    commit: GitSha


@frozen
class Conflicted(Event):
    reason: str


MergeEvent: TypeAlias = Begun | Interrupted | HandedBack | Faulted | Ended | Conflicted


# ---------------------------------------------------------------- the machine


def same_repository(asked: Waiting | Merging, key: object) -> str:
    return asked.repository


def report(error: BaseException) -> Faulted:
    return Faulted(f"{type(error).__name__}: {error}")


def available_from(asked: Waiting, now: datetime) -> datetime:
    return asked.available_at or now


class StoryMerge(Machine[MergeState, MergeEvent]):
    """The merge of one story; its key is the story's."""

    waiting = state(Waiting, initial=True)
    merging = state(Merging)
    merged = state(Merged, final=True)
    refused = state(Refused, final=True)

    @on
    def begun(self, s: Waiting, e: Begun) -> Merging:
        return become(s, Merging)

    @on
    def interrupted(self, s: Merging, e: Interrupted) -> Waiting:
        return become(s, Waiting)

    @on
    def handed_back(self, s: Merging, e: HandedBack) -> Waiting:
        return become(s, Waiting)

    @on
    def faulted(self, s: Merging, e: Faulted) -> Waiting:
        return become(s, Waiting, available_at=self.now() + PAUSE, error=e.error)

    @on
    def ended(self, s: Merging, e: Ended) -> Merged:
        return Merged(e.commit)

    @on
    def conflicted(self, s: Merging, e: Conflicted) -> Refused:
        return Refused(e.reason)

    lease = Lease(
        claim=begun,
        expiry=interrupted,
        release=handed_back,
        ttl=timedelta(seconds=30),
        ready=available_from,
        limit=Limit(per=same_repository, at_most=1),
    )

    retry = Retry(fault=report, permanent=report)
