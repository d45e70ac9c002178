"""One event through every way of running it, in one process, interleaved.   python benchmarks/decide.py [--quick]

Prints nanoseconds an event, least and median of the repeats, then each promised ratio with both of its sides and
whether it is kept.  All contenders make objects of the same attrs classes, with the same checks.
"""

# pyright loses what a tuple pattern says of the event beside one for a superstate; mypy does not.
# pyright: reportAttributeAccessIssue=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen
from automat import TypeMachineBuilder
from transitions import Machine as TransitionsMachine

from leverframe import Event, Machine, NonEmpty, Payload, Positive, State, decide, on, state
from leverframe.machines import pipeline as p
from leverframe.machines.pipeline import Pipeline

QUICK = "--quick" in sys.argv
REPEATS = 15 if QUICK else 60
LIMIT = 2
NOW = datetime(2030, 1, 1, tzinfo=UTC)

Rounds = Callable[[int], None]
"""Runs this many rounds of events."""


class Refused(Exception): ...


# ---------------------------------------------------------------- a machine of seven moves


class Worker(NonEmpty): ...


@frozen
class Live(Payload):
    attempt: Positive


@frozen
class Queued(Live): ...


@frozen
class Running(Live):
    worker: Worker
    progress: int


@frozen
class Ended(Payload):
    at: datetime


@frozen
class Finished(Ended): ...


@frozen
class Failed(Ended):
    reason: str


@frozen
class Cancelled(Ended): ...


@frozen
class Start(Event):
    worker: Worker


@frozen
class Beat(Event):
    progress: int


@frozen
class Fail(Event):
    reason: str


@frozen
class Finish(Event): ...


@frozen
class Cancel(Event): ...


@frozen
class Reopen(Event):
    attempt: Positive


JobState = Queued | Running | Finished | Failed | Cancelled
JobEvent = Start | Beat | Fail | Finish | Cancel | Reopen


class Job(Machine[JobState, JobEvent]):
    """A job that is retried once."""

    class live(State.Compound):
        queued = state(Queued, initial=True)
        running = state(Running)

    class ended(State.Compound):
        finished = state(Finished)
        failed = state(Failed)
        cancelled = state(Cancelled)

    def may_retry(self, s: Running, e: Fail) -> bool:
        return s.attempt < LIMIT

    @on
    def start_work(self, s: Queued, e: Start) -> Running:
        return Running(s.attempt, e.worker, 0)

    @on
    def beat(self, s: Running, e: Beat) -> Running:
        return Running(s.attempt, s.worker, e.progress)

    @on(cond=may_retry)
    def retry(self, s: Running, e: Fail) -> Queued:
        return Queued(Positive(s.attempt + 1))

    @on
    def fail(self, s: Running, e: Fail) -> Failed:
        return Failed(self.now(), e.reason)

    @on
    def finish(self, s: Running, e: Finish) -> Finished:
        return Finished(self.now())

    @on
    def cancel(self, s: Live, e: Cancel) -> Cancelled:
        return Cancelled(self.now())

    @on
    def reopen(self, s: Ended, e: Reopen) -> Queued:
        return Queued(e.attempt)


START, BEAT, FAIL, FINISH = Start(Worker("w1")), Beat(5), Fail("boom"), Finish()
CANCEL, REOPEN = Cancel(), Reopen(Positive(1))
JOB_ROUND: list[Any] = [START, BEAT, FAIL, START, FAIL, REOPEN, START, CANCEL, REOPEN, START, FINISH, REOPEN]
JOB_FIRST = Queued(Positive(1))


def job_by_match(s: JobState, e: JobEvent, now: datetime) -> JobState:
    match s, e:
        case Queued(), Start():
            return Running(s.attempt, e.worker, 0)
        case Running(), Beat():
            return Running(s.attempt, s.worker, e.progress)
        case Running(), Fail() if s.attempt < LIMIT:
            return Queued(Positive(s.attempt + 1))
        case Running(), Fail():
            return Failed(now, e.reason)
        case Running(), Finish():
            return Finished(now)
        case Live(), Cancel():
            return Cancelled(now)
        case Ended(), Reopen():
            return Queued(e.attempt)
        case _:
            raise Refused(f"{e!r} in {s!r}")


def start(s: Any, e: Any, now: datetime) -> JobState:
    return Running(s.attempt, e.worker, 0)


def beat(s: Any, e: Any, now: datetime) -> JobState:
    return Running(s.attempt, s.worker, e.progress)


def fail(s: Any, e: Any, now: datetime) -> JobState:
    return Queued(Positive(s.attempt + 1)) if s.attempt < LIMIT else Failed(now, e.reason)


def finish(s: Any, e: Any, now: datetime) -> JobState:
    return Finished(now)


def cancel(s: Any, e: Any, now: datetime) -> JobState:
    return Cancelled(now)


def reopen(s: Any, e: Any, now: datetime) -> JobState:
    return Queued(e.attempt)


MOVES: dict[tuple[type, type], Callable[[Any, Any, datetime], JobState]] = {
    (Queued, Start): start,
    (Running, Beat): beat,
    (Running, Fail): fail,
    (Running, Finish): finish,
    **dict.fromkeys([(Queued, Cancel), (Running, Cancel)], cancel),
    **dict.fromkeys([(Finished, Reopen), (Failed, Reopen), (Cancelled, Reopen)], reopen),
}


def job_by_dictionary(s: JobState, e: JobEvent, now: datetime) -> JobState:
    move = MOVES.get((type(s), type(e)))
    if move is None:
        raise Refused(f"{e!r} in {s!r}")
    return move(s, e, now)


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


# ---------------------------------------------------------------- other libraries


class TransitionsJob:
    """The job for `transitions`: flat, its payload kept beside the name of the state."""

    trigger: Callable[..., bool]

    def __init__(self) -> None:
        self.data: Any = JOB_FIRST

    def may_retry(self, e: Any) -> bool:
        return bool(self.data.attempt < LIMIT)


TRANSITIONS: list[tuple[str, Any, Any, Any, str | None]] = [
    ("Start", "Queued", "Running", start, None),
    ("Beat", "Running", None, beat, None),
    ("Fail", "Running", "Queued", fail, "may_retry"),
    ("Fail", "Running", "Failed", fail, None),
    ("Finish", "Running", "Finished", finish, None),
    ("Cancel", ["Queued", "Running"], "Cancelled", cancel, None),
    ("Reopen", ["Finished", "Failed", "Cancelled"], "Queued", reopen, None),
]


def transitions_job() -> TransitionsJob:
    job = TransitionsJob()

    def action(build: Callable[[Any, Any, datetime], JobState]) -> Callable[[Any], None]:
        def act(e: Any) -> None:
            job.data = build(job.data, e, NOW)

        return act

    rows: Any = [
        {"trigger": trigger, "source": source, "dest": target, "conditions": guard or [], "before": action(build)}
        for trigger, source, target, build, guard in TRANSITIONS
    ]
    states = ["Queued", "Running", "Finished", "Failed", "Cancelled"]
    TransitionsMachine(job, states=states, initial="Queued", transitions=rows, auto_transitions=False)
    return job


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


def automat_factory() -> Callable[[Core], AutomatJob]:
    builder: Any = TypeMachineBuilder(AutomatJob, Core)
    names = ("queued", "running", "finished", "failed", "cancelled")
    queued, running, finished, failed, cancelled = (builder.state(name) for name in names)

    def move(source: Any, name: str, to: Any, build: Callable[[Any, Any, datetime], JobState]) -> None:
        def act(machine: AutomatJob, core: Core, e: Any) -> None:
            core.data = build(core.data, e, NOW)

        source.upon(getattr(AutomatJob, name)).to(to)(act)

    move(queued, "start", running, start)
    move(running, "beat", running, beat)
    move(running, "retry", queued, fail)
    move(running, "fail", failed, fail)
    move(running, "finish", finished, finish)
    for source in (queued, running):
        move(source, "cancel", cancelled, cancel)
    for source in (finished, failed, cancelled):
        move(source, "reopen", queued, reopen)
    made: Callable[[Core], AutomatJob] = builder.build()
    return made


# ---------------------------------------------------------------- contenders


def by_hand(step: Callable[[Any, Any, datetime], Any]) -> Rounds:
    def run(rounds: int) -> None:
        s: Any = JOB_FIRST
        for _ in range(rounds):
            for e in JOB_ROUND:
                s = step(s, e, NOW)

    return run


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


def by_transitions(rounds: int) -> None:
    job = transitions_job()
    calls = [(type(e).__name__, e) for e in JOB_ROUND]
    for _ in range(rounds):
        for name, e in calls:
            job.trigger(name, e)


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


def pipeline_match(rounds: int) -> None:
    for _ in range(rounds):
        for s, e in PIPELINE_ROUND:
            pipeline_by_match(s, e, NOW)


def pipeline_decide(rounds: int) -> None:
    for _ in range(rounds):
        for s, e in PIPELINE_ROUND:
            decide(Pipeline, s, e, NOW).state  # noqa: B018


JOB: dict[str, tuple[Rounds, int]] = {
    "match": (by_hand(job_by_match), 40),
    "dictionary": (by_hand(job_by_dictionary), 40),
    "decide": (by_decide, 40),
    "Handle.send": (by_send, 40),
    "transitions": (by_transitions, 3),
    "Automat": (by_automat, 20),
    "python-statemachine": (by_engine, 1),
}
PIPELINE: dict[str, tuple[Rounds, int]] = {"match": (pipeline_match, 40), "decide": (pipeline_decide, 40)}


# ---------------------------------------------------------------- measuring


def measure(title: str, contenders: dict[str, tuple[Rounds, int]], events: int) -> dict[str, float]:
    """Least nanoseconds an event of each contender, one after the other in each repeat."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(REPEATS + 1):
        for name, (run, rounds) in contenders.items():
            began = time.perf_counter_ns()
            run(rounds)
            times[name].append((time.perf_counter_ns() - began) / (rounds * events))
    print(f"\n{title:<36}{'least, ns':>12}{'median, ns':>12}")
    for name, taken in times.items():
        print(f"  {name:<34}{min(taken[1:]):>12.0f}{statistics.median(taken[1:]):>12.0f}")
    return {name: min(taken[1:]) for name, taken in times.items()}


def bytes_of_a_handle(count: int = 100_000) -> float:
    payload = Running(Positive(1), Worker("w1"), 0)
    tracemalloc.start()
    kept: list[Any] = [None] * count
    before = tracemalloc.get_traced_memory()[0]
    for i in range(count):
        kept[i] = Job.start(payload)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / count


def import_milliseconds(modules: str) -> float:
    code = f"import time; began = time.perf_counter(); import {modules}; print((time.perf_counter() - began) * 1e3)"
    command = [sys.executable, "-c", code]
    ran = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(repeats())]
    return min(float(printed) for printed in ran)


def help_milliseconds() -> float:
    program = str(Path(sys.executable).with_name("leverframe"))
    taken: list[float] = []
    for _ in range(repeats()):
        began = time.perf_counter()
        subprocess.run([program, "--help"], capture_output=True, check=True)
        taken.append((time.perf_counter() - began) * 1e3)
    return min(taken)


def repeats() -> int:
    return 5 if QUICK else 15


KEPT: list[bool] = []


def promise(text: str, ours: float, other: float, bound: float, *, at_least: bool = False) -> None:
    """Print one ratio, both of its sides, and whether it keeps its bound."""
    ratio = ours / other
    kept = ratio >= bound if at_least else ratio <= bound
    KEPT.append(kept)
    sign = ">=" if at_least else "<="
    print(f"  {'kept  ' if kept else 'BROKEN'} {text:<58}{ours:>10.0f} /{other:>8.0f} ={ratio:>8.2f}  {sign} {bound:g}")


def main() -> int:
    """Measure everything; 1 if a promise is broken."""
    job = measure("an event of a machine of 7 moves", JOB, len(JOB_ROUND))
    pipeline = measure("an event of Pipeline, 13 moves", PIPELINE, len(PIPELINE_ROUND))
    print("\nnanoseconds an event")
    promise("decide / match, Pipeline", pipeline["decide"], pipeline["match"], 1.0)
    promise("decide / match, 7 moves", job["decide"], job["match"], 1.1)
    promise("decide / dictionary", job["decide"], job["dictionary"], 1.5)
    promise("Handle.send with a time / match", job["Handle.send"], job["match"], 1.2)
    promise("python-statemachine / decide", job["python-statemachine"], job["decide"], 100, at_least=True)
    promise("transitions / decide", job["transitions"], job["decide"], 10, at_least=True)
    promise("Automat / decide", job["Automat"], job["decide"], 2, at_least=True)
    print("\nbytes, milliseconds")
    promise("bytes of a handle over its payload", bytes_of_a_handle(), 1, 100)
    base = import_milliseconds("statemachine, attrs")
    promise(
        f"import leverframe, ms over the {base:.0f} of statemachine, attrs",
        import_milliseconds("leverframe") - base,
        1,
        60,
    )
    promise("leverframe --help, ms", help_milliseconds(), 1, 350)
    return 0 if all(KEPT) else 1


if __name__ == "__main__":
    sys.exit(main())
