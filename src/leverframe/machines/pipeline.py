"""Pipeline: the life of one story.

A story ready to merge with nothing to merge cannot be written down: `Merge.commits_ahead` is at least 1.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from attrs import frozen

from leverframe import Event, Machine, NonEmpty, Payload, Positive, State, lookup, on, state

# ---------------------------------------------------------------- values


class StoryId(NonEmpty):
    """The name of a story."""


class BranchName(NonEmpty):
    """The name of a branch."""


class GitSha(NonEmpty):
    """A commit: 7 to 40 hex digits."""

    pattern = r"[0-9a-f]{7,40}"


# ---------------------------------------------------------------- states


@frozen
class Active(Payload):
    """Somebody can still work on the story."""


@frozen
class Backlog(Active): ...


@frozen
class Coding(Active): ...


@frozen
class Qa(Active): ...


@frozen
class Merge(Active):
    feature_branch: BranchName
    commits_ahead: Positive


@frozen
class Done(Payload):
    merged_at: datetime
    merge_commit: GitSha


@frozen
class Archived(Payload):
    """Out of the way; each reason is a leaf of its own."""

    archived_at: datetime


@frozen
class Completed(Archived): ...


@frozen
class Abandoned(Archived): ...


@frozen
class Superseded(Archived):
    by: StoryId


@frozen
class Blocked(Archived):
    reason: str


@frozen
class MergeFailed(Archived):
    reason: str


@frozen
class ReviewHeld(Archived):
    reason: str


PipelineState: TypeAlias = (
    Backlog | Coding | Qa | Merge | Done | Completed | Abandoned | Superseded | Blocked | MergeFailed | ReviewHeld
)


# ---------------------------------------------------------------- events


@frozen
class DepsMet(Event): ...


@frozen
class GatesStarted(Event): ...


@frozen
class QaSkipped(Event):
    feature_branch: BranchName
    commits_ahead: Positive


@frozen
class GatesPassed(Event):
    feature_branch: BranchName
    commits_ahead: Positive


@frozen
class GatesFailed(Event):
    reason: str


@frozen
class MergeSucceeded(Event):
    merge_commit: GitSha


@frozen
class MergeFailedFinal(Event):
    reason: str


@frozen
class Accepted(Event): ...


@frozen
class Block(Event):
    reason: str


@frozen
class ReviewHold(Event):
    reason: str


@frozen
class Abandon(Event): ...


@frozen
class Supersede(Event):
    by: StoryId


@frozen
class Unblock(Event): ...


PipelineEvent: TypeAlias = (
    DepsMet
    | GatesStarted
    | QaSkipped
    | GatesPassed
    | GatesFailed
    | MergeSucceeded
    | MergeFailedFinal
    | Accepted
    | Block
    | ReviewHold
    | Abandon
    | Supersede
    | Unblock
)


# ---------------------------------------------------------------- the machine


class Pipeline(Machine[PipelineState, PipelineEvent]):
    """The life of one story, from backlog to archive."""

    class active(State.Compound):
        backlog = state(Backlog, initial=True)
        coding = state(Coding)
        qa = state(Qa)
        merge = state(Merge)

    done = state(Done)

    class archived(State.Compound):
        completed = state(Completed, final=True)
        abandoned = state(Abandoned, final=True)
        superseded = state(Superseded, final=True)
        blocked = state(Blocked)
        merge_failed = state(MergeFailed, final=True)
        review_held = state(ReviewHeld, final=True)

    feature_branch = lookup()

    @on
    def deps_met(self, s: Backlog, e: DepsMet) -> Coding:
        return Coding()

    @on
    def gates_started(self, s: Coding, e: GatesStarted) -> Qa:
        return Qa()

    @on
    def qa_skipped(self, s: Coding, e: QaSkipped) -> Merge:
        return Merge(e.feature_branch, e.commits_ahead)

    @on
    def gates_passed(self, s: Qa, e: GatesPassed) -> Merge:
        return Merge(e.feature_branch, e.commits_ahead)

    @on
    def gates_failed(self, s: Qa, e: GatesFailed) -> Coding:
        return Coding()

    @on
    def merge_succeeded(self, s: Merge, e: MergeSucceeded) -> Done:
        return Done(self.now(), e.merge_commit)

    @on
    def merge_failed_final(self, s: Merge, e: MergeFailedFinal) -> MergeFailed:
        return MergeFailed(self.now(), e.reason)

    @on
    def accepted(self, s: Done, e: Accepted) -> Completed:
        return Completed(self.now())

    @on
    def block(self, s: Active, e: Block) -> Blocked:
        return Blocked(self.now(), e.reason)

    @on
    def review_hold(self, s: Active, e: ReviewHold) -> ReviewHeld:
        return ReviewHeld(self.now(), e.reason)

    @on
    def abandon(self, s: Active | Done, e: Abandon) -> Abandoned:
        return Abandoned(self.now())

    @on
    def supersede(self, s: Active | Done, e: Supersede) -> Superseded:
        return Superseded(self.now(), e.by)

    @on
    def unblock(self, s: Blocked, e: Unblock) -> Backlog:
        return Backlog()
