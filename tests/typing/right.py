"""Programs that are right: neither checker says anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, assert_never, assert_type

from attrs import evolve, frozen

from leverframe import (
    Decision,
    Event,
    Handle,
    Machine,
    Message,
    NonEmpty,
    Payload,
    Positive,
    State,
    decide,
    entering,
    in_state,
    leaving,
    lookup,
    on,
    state,
)
from leverframe.machines import Pipeline
from leverframe.machines.pipeline import (
    Abandon,
    Active,
    Archived,
    Backlog,
    Block,
    Blocked,
    BranchName,
    Coding,
    DepsMet,
    Done,
    GatesPassed,
    GatesStarted,
    GitSha,
    Merge,
    MergeSucceeded,
    PipelineEvent,
    PipelineState,
    Qa,
    Superseded,
    Unblock,
)

# ---------------------------------------------------------------- states


def describe(s: PipelineState) -> str:
    match s:
        case Merge(feature_branch=branch, commits_ahead=ahead):
            assert_type(ahead, Positive)
            return f"merging {branch}, {ahead} ahead"
        case Active():
            return type(s).__name__.lower()
        case Done(merge_commit=commit):
            return f"done at {commit}"
        case Superseded(by=by):
            return f"superseded by {by}"
        case Blocked(reason=why):
            return why
        case Archived():
            return type(s).__name__
        case _:
            assert_never(s)


def shared_field(s: Archived) -> datetime:
    return s.archived_at


def narrowed(s: PipelineState) -> BranchName | None:
    return s.feature_branch if isinstance(s, Merge) else None


# ---------------------------------------------------------------- handles


def typestate(h: Handle[Pipeline, PipelineState], now: datetime) -> Handle[Pipeline, Done]:
    qa = h.as_(Coding).fire(Pipeline.gates_started, GatesStarted())
    assert_type(qa, Handle[Pipeline, Qa])
    merging = qa.fire(Pipeline.gates_passed, GatesPassed(BranchName("feat/x"), Positive(2)), now)
    assert_type(merging.state.feature_branch, BranchName)
    return merging.fire(Pipeline.merge_succeeded, MergeSucceeded(GitSha("abc1234")), now)


def superstate_moves(h: Handle[Pipeline, PipelineState]) -> None:
    h.as_(Done).fire(Pipeline.abandon, Abandon())
    h.as_(Active).fire(Pipeline.abandon, Abandon())
    back = h.as_(Blocked).fire(Pipeline.unblock, Unblock())
    assert_type(back, Handle[Pipeline, Backlog])
    if in_state(h, Active):
        assert_type(h, Handle[Pipeline, Active])
        assert_type(h.fire(Pipeline.block, Block("x")).state.reason, str)


def wider(h: Handle[Pipeline, Qa]) -> Handle[Pipeline, Active]:
    return h


def sending(event: PipelineEvent) -> None:
    h = Pipeline.start(Backlog())
    assert_type(h, Handle[Pipeline, PipelineState])
    assert_type(h.send(DepsMet()), Handle[Pipeline, PipelineState])
    assert_type(h.send(event, datetime.now(UTC)).state, PipelineState)
    assert_type(h.can(event), bool)
    assert_type(h.can(DepsMet), bool)
    assert_type(h.accepts(), tuple[type[PipelineEvent], ...])


def deciding(s: PipelineState, e: PipelineEvent) -> Decision[PipelineState]:
    decision = decide(Pipeline, s, e, None)
    assert_type(decision.state, PipelineState)
    return decision


def native(s: PipelineState) -> PipelineState:
    return Pipeline.native(s).deliver(DepsMet()).state


# ---------------------------------------------------------------- values


class Attempt(Positive): ...


class Name(NonEmpty):
    pattern = "[a-z]+"


def values(number: int, text: str) -> None:
    assert_type(Attempt(number), Attempt)
    assert_type(Attempt(3), Attempt)
    assert_type(Name(text), Name)
    assert_type(Attempt(1) + 1, int)


# ---------------------------------------------------------------- a machine


@frozen
class Live(Payload):
    attempt: Positive


@frozen
class Queued(Live): ...


@frozen
class Running(Live):
    worker: Name


@frozen
class Failed(Payload):
    at: datetime


@frozen
class Take(Event):
    worker: Name


@frozen
class Fail(Event): ...


class Job(Machine[Queued | Running | Failed, Take | Fail]):
    class live(State.Compound):
        queued = state(Queued, initial=True)
        running = state(Running)

    failed = state(Failed, final=True)

    worker = lookup()

    def may_retry(self, s: Running, e: Fail) -> bool:
        return s.attempt < 3

    @on
    def take(self, s: Queued, e: Take) -> Running:
        return Running(s.attempt, e.worker)

    @on(cond=may_retry)
    def retry(self, s: Running, e: Fail) -> Queued:
        return Queued(Positive(s.attempt + 1))

    @on
    def fail(self, s: Live, e: Fail) -> Queued | Failed:
        return Failed(self.now())

    @on
    def again(self, s: Running, e: Take) -> Running:
        return evolve(s, worker=e.worker)

    @entering
    def tell_failed(self, s: Failed) -> list[Message]:
        return [Message("jobs", "failed", body={"at": s.at.isoformat()})]

    @leaving
    def tell_live(self, s: Live) -> tuple[Message, ...]:
        return (Message("jobs", "left", body={"attempt": s.attempt}),)

    def announce(
        self, before: Queued | Running | Failed, event: Take | Fail, after: Queued | Running | Failed
    ) -> list[Message]:
        return []


@Job.upcast("Running", version=1)
def running_1(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "worker": body["host"]}


assert_type(Job.take.sources, tuple[type, ...])
assert_type(Job.path(Queued), str)
assert_type(Job.start(Queued(Positive(1))).as_(Queued).fire(Job.take, Take(Name("a"))).state.worker, Name)
