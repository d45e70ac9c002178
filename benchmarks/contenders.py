"""Who takes part in `decide.py`: leverframe, what one writes by hand, and three other libraries.

    uv run python -m benchmarks.decide

All of them make objects of the same attrs classes, with the same checks.
"""

# pyright loses what a tuple pattern says of the event beside one for a superstate; mypy does not.
# pyright: reportAttributeAccessIssue=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias

from automat import TypeMachineBuilder
from transitions import Machine as TransitionsMachine

from benchmarks.job import (
    JOB_FIRST,
    JOB_ROUND,
    LIMIT,
    Beat,
    Build,
    Cancel,
    Fail,
    Finish,
    Job,
    Refused,
    Reopen,
    Start,
    beat,
    cancel,
    fail,
    finish,
    job_by_dictionary,
    job_by_match,
    reopen,
    start,
)
from leverframe import Positive, decide
from leverframe.machines import pipeline as p
from leverframe.machines.pipeline import Pipeline

__all__ = ["JOB", "PIPELINE", "PIPELINE_ROUND", "Contender"]

NOW = datetime(2030, 1, 1, tzinfo=UTC)

Rounds: TypeAlias = Callable[[int], None]
"""Goes through all events of a round, this many times."""

Contender: TypeAlias = tuple[Rounds, int]
"""What to run, and how many times in one measurement: fewer where it is slow."""

# ---------------------------------------------------------------- leverframe


def by_decide(rounds: int) -> None:
    s: Any = JOB_FIRST
    for _ in range(rounds):
        for e in JOB_ROUND:
            s = decide(Job, s, e, NOW).state


def by_send(rounds: int) -> None:
    h = Job.start(JOB_FIRST)
    for _ in range(rounds):
        for e in JOB_ROUND:
            h = h.send(e, NOW)


def by_engine(rounds: int) -> None:
    native = Job.native(JOB_FIRST)
    for _ in range(rounds):
        for e in JOB_ROUND:
            native.deliver(e, NOW)


# ---------------------------------------------------------------- by hand


def by_hand(step: Callable[[Any, Any, datetime], Any]) -> Rounds:
    def run(rounds: int) -> None:
        s: Any = JOB_FIRST
        for _ in range(rounds):
            for e in JOB_ROUND:
                s = step(s, e, NOW)

    return run


# ---------------------------------------------------------------- transitions

STATES = ("queued", "running", "finished", "failed", "cancelled")


class TransitionsJob:
    """The job for `transitions`: flat, its payload kept beside the name of the state."""

    trigger: Callable[..., bool]

    def __init__(self) -> None:
        self.data: Any = JOB_FIRST

    def may_retry(self, e: Any) -> bool:
        return bool(self.data.attempt < LIMIT)


TRANSITIONS: list[tuple[str, Any, str | None, Build, str | None]] = [
    ("Start", "queued", "running", start, None),
    ("Beat", "running", None, beat, None),
    ("Fail", "running", "queued", fail, "may_retry"),
    ("Fail", "running", "failed", fail, None),
    ("Finish", "running", "finished", finish, None),
    ("Cancel", ["queued", "running"], "cancelled", cancel, None),
    ("Reopen", ["finished", "failed", "cancelled"], "queued", reopen, None),
]


def transitions_job() -> TransitionsJob:
    job = TransitionsJob()
    rows: Any = [
        {
            "trigger": name,
            "source": source,
            "dest": to,
            "conditions": guard or [],
            "before": transitions_act(job, build),
        }
        for name, source, to, build, guard in TRANSITIONS
    ]
    TransitionsMachine(job, states=list(STATES), initial="queued", transitions=rows, auto_transitions=False)
    return job


def transitions_act(job: TransitionsJob, build: Build) -> Callable[[Any], None]:
    def act(e: Any) -> None:
        job.data = build(job.data, e, NOW)

    return act


def by_transitions(rounds: int) -> None:
    job = transitions_job()
    calls = [(type(e).__name__, e) for e in JOB_ROUND]
    for _ in range(rounds):
        for name, e in calls:
            job.trigger(name, e)


# ---------------------------------------------------------------- Automat


class AutomatJob(Protocol):
    """The job for Automat: flat, and without guards, so that the caller picks between two inputs."""

    def start(self, e: Start) -> None: ...
    def beat(self, e: Beat) -> None: ...
    def retry(self, e: Fail) -> None: ...
    def fail(self, e: Fail) -> None: ...
    def finish(self, e: Finish) -> None: ...
    def cancel(self, e: Cancel) -> None: ...
    def reopen(self, e: Reopen) -> None: ...


class Core:
    """What Automat's machine keeps."""

    def __init__(self) -> None:
        self.data: Any = JOB_FIRST


INPUTS: list[tuple[str, str, str, Build]] = [
    ("queued", "start", "running", start),
    ("running", "beat", "running", beat),
    ("running", "retry", "queued", fail),
    ("running", "fail", "failed", fail),
    ("running", "finish", "finished", finish),
    *((source, "cancel", "cancelled", cancel) for source in STATES[:2]),
    *((source, "reopen", "queued", reopen) for source in STATES[2:]),
]


def automat_factory() -> Callable[[Core], AutomatJob]:
    builder: Any = TypeMachineBuilder(AutomatJob, Core)
    states = {name: builder.state(name) for name in STATES}
    for source, name, to, build in INPUTS:
        states[source].upon(getattr(AutomatJob, name)).to(states[to])(automat_act(build))
    made: Callable[[Core], AutomatJob] = builder.build()
    return made


def automat_act(build: Build) -> Callable[[AutomatJob, Core, Any], None]:
    def act(machine: AutomatJob, core: Core, e: Any) -> None:
        core.data = build(core.data, e, NOW)

    return act


AUTOMAT = automat_factory()


def by_automat(rounds: int) -> None:
    core = Core()
    machine = AUTOMAT(core)
    inputs: dict[Any, Any] = {type(e): getattr(machine, type(e).__name__.lower()) for e in JOB_ROUND}
    retry = machine.retry
    for _ in range(rounds):
        for e in JOB_ROUND:
            if type(e) is Fail and core.data.attempt < LIMIT:
                retry(e)
            else:
                inputs[type(e)](e)


# ---------------------------------------------------------------- Pipeline, thirteen moves

SHA, BRANCH, OTHER = p.GitSha("abc1234"), p.BranchName("feat/x"), p.StoryId("story-8")
PIPELINE_ROUND: list[tuple[Any, Any]] = [
    (p.Backlog(), p.DepsMet()),
    (p.Coding(), p.GatesStarted()),
    (p.Coding(), p.QaSkipped(BRANCH, Positive(2))),
    (p.Qa(), p.GatesPassed(BRANCH, Positive(2))),
    (p.Qa(), p.GatesFailed("red")),
    (p.Merge(BRANCH, Positive(2)), p.MergeSucceeded(SHA)),
    (p.Merge(BRANCH, Positive(2)), p.MergeFailedFinal("conflict")),
    (p.Done(NOW, SHA), p.Accepted()),
    (p.Qa(), p.Block("why")),
    (p.Coding(), p.ReviewHold("why")),
    (p.Done(NOW, SHA), p.Abandon()),
    (p.Backlog(), p.Supersede(OTHER)),
    (p.Blocked(NOW, "why"), p.Unblock()),
]


def pipeline_by_match(s: p.PipelineState, e: p.PipelineEvent, now: datetime) -> p.PipelineState:
    match s, e:
        case p.Backlog(), p.DepsMet():
            return p.Coding()
        case p.Coding(), p.GatesStarted():
            return p.Qa()
        case p.Coding(), p.QaSkipped():
            return p.Merge(e.feature_branch, e.commits_ahead)
        case p.Qa(), p.GatesPassed():
            return p.Merge(e.feature_branch, e.commits_ahead)
        case p.Qa(), p.GatesFailed():
            return p.Coding()
        case p.Merge(), p.MergeSucceeded():
            return p.Done(now, e.merge_commit)
        case p.Merge(), p.MergeFailedFinal():
            return p.MergeFailed(now, e.reason)
        case p.Done(), p.Accepted():
            return p.Completed(now)
        case p.Active(), p.Block():
            return p.Blocked(now, e.reason)
        case p.Active(), p.ReviewHold():
            return p.ReviewHeld(now, e.reason)
        case ((p.Active() | p.Done()), p.Abandon()):
            return p.Abandoned(now)
        case ((p.Active() | p.Done()), p.Supersede()):
            return p.Superseded(now, e.by)
        case p.Blocked(), p.Unblock():
            return p.Backlog()
        case _:
            raise Refused(f"{e!r} in {s!r}")


def pipeline_match(rounds: int) -> None:
    for _ in range(rounds):
        for s, e in PIPELINE_ROUND:
            pipeline_by_match(s, e, NOW)


def pipeline_decide(rounds: int) -> None:
    for _ in range(rounds):
        for s, e in PIPELINE_ROUND:
            decide(Pipeline, s, e, NOW).state  # noqa: B018


# ---------------------------------------------------------------- the lists

JOB: dict[str, Contender] = {
    "match": (by_hand(job_by_match), 40),
    "dictionary": (by_hand(job_by_dictionary), 40),
    "decide": (by_decide, 40),
    "Handle.send": (by_send, 40),
    "transitions": (by_transitions, 3),
    "Automat": (by_automat, 20),
    "python-statemachine": (by_engine, 1),
}
PIPELINE: dict[str, Contender] = {"match": (pipeline_match, 40), "decide": (pipeline_decide, 40)}
