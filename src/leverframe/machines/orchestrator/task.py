"""Task: a story on its way through the stages.  The key is the pair (repository, work-item id)."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from leverframe import Event, Machine, NonEmpty, Payload, State, lookup, on, state
from leverframe.coordination.gates import OneAtATime, Prerequisites
from leverframe.machines.carrying import become

# ---------------------------------------------------------------- values


class Repository(NonEmpty):
    """The name of a repository."""


class WorkItemId(NonEmpty):
    """A prefix and a number, as in `PREFIX-001`."""

    pattern = r"[A-Za-z][A-Za-z0-9_-]*-[0-9]+"

    def following(self) -> WorkItemId:
        """The next id of this prefix, as wide as this one.

        >>> WorkItemId("SHOP-009").following(), WorkItemId("SHOP-999").following()
        ('SHOP-010', 'SHOP-1000')
        """
        prefix, _, number = self.rpartition("-")
        return WorkItemId(f"{prefix}-{int(number) + 1:0{len(number)}}")


TaskKey: TypeAlias = tuple[Repository, WorkItemId]


def task_key(repository: str, work_item: str) -> TaskKey:
    """The key of a task.  Raises `InvalidValue` for what is no work-item id.

    >>> task_key("shop", "SHOP-001")
    ('shop', 'SHOP-001')
    """
    return Repository(repository), WorkItemId(work_item)


class BranchName(NonEmpty):
    """The name of a branch."""


class ExternalIssueId(NonEmpty):
    """What the issue is called where it was reported."""


# ---------------------------------------------------------------- states


@frozen(kw_only=True)
class Story(Payload):
    """What every task has."""

    title: NonEmpty
    branch: BranchName
    external_issue_id: ExternalIssueId


@frozen
class Unfinished(Story):
    """Neither Done nor Cancelled."""


@frozen
class Created(Unfinished): ...


@frozen
class Analysis(Unfinished): ...


@frozen
class Architecture(Unfinished): ...


@frozen
class Development(Unfinished): ...


@frozen
class Review(Unfinished): ...


@frozen
class Testing(Unfinished): ...


@frozen
class Staging(Unfinished): ...


@frozen
class Deploy(Unfinished): ...


@frozen
class Done(Story): ...


@frozen(kw_only=True)
class Cancelled(Story):
    reason: str


TaskState: TypeAlias = (
    Created | Analysis | Architecture | Development | Review | Testing | Staging | Deploy | Done | Cancelled
)


# ---------------------------------------------------------------- events


@frozen
class Advance(Event): ...


@frozen
class SendBack(Event):
    reason: str


@frozen
class Cancel(Event):
    reason: str


@frozen
class ApprovalRequested(Event): ...


@frozen
class ApprovalGiven(Event): ...


TaskEvent: TypeAlias = Advance | SendBack | Cancel | ApprovalRequested | ApprovalGiven


# ---------------------------------------------------------------- the machine


def repository_of(task: TaskKey) -> Repository:
    """The repository that a task is about."""
    return task[0]


class Task(Machine[TaskState, TaskEvent]):
    """A story on its way through the stages.  Each stage has its own way on, so that a type checker knows it."""

    class unfinished(State.Compound):
        created = state(Created, initial=True)
        analysis = state(Analysis)
        architecture = state(Architecture)
        development = state(Development)
        review = state(Review)
        testing = state(Testing)
        staging = state(Staging)
        deploy = state(Deploy)

    done = state(Done, final=True)
    cancelled = state(Cancelled, final=True)

    branch = lookup()
    external_issue_id = lookup(unique=True)
    work_item = lookup(part=1)

    @on
    def advance_to_analysis(self, s: Created, e: Advance) -> Analysis:
        return become(s, Analysis)

    @on
    def advance_to_architecture(self, s: Analysis, e: Advance) -> Architecture:
        return become(s, Architecture)

    @on
    def advance_to_development(self, s: Architecture, e: Advance) -> Development:
        return become(s, Development)

    @on
    def advance_to_review(self, s: Development, e: Advance) -> Review:
        return become(s, Review)

    @on
    def advance_to_testing(self, s: Review, e: Advance) -> Testing:
        return become(s, Testing)

    @on
    def advance_to_staging(self, s: Testing, e: Advance) -> Staging:
        return become(s, Staging)

    @on
    def advance_to_deploy(self, s: Staging, e: Advance) -> Deploy:
        return become(s, Deploy)

    @on
    def advance_to_done(self, s: Deploy, e: Advance) -> Done:
        return become(s, Done)

    @on
    def send_back(self, s: Review | Testing | Staging, e: SendBack) -> Development:
        return become(s, Development)

    @on
    def cancel(self, s: Unfinished, e: Cancel) -> Cancelled:
        return become(s, Cancelled, reason=e.reason)

    @on
    def approval_requested(self, s: Analysis, e: ApprovalRequested) -> Analysis:
        return s

    @on
    def approval_given(self, s: Analysis, e: ApprovalGiven) -> Analysis:
        return s

    prerequisites = Prerequisites(met=Done)

    one_at_a_time = OneAtATime(group=repository_of)
