"""The job: a machine of seven moves, and the same written by hand, as a `match` and as a dictionary.

uv run python -m benchmarks.decide job
"""

# pyright loses what a tuple pattern says of the event beside one for a superstate; mypy does not.
# pyright: reportAttributeAccessIssue=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from attrs import frozen

from leverframe import Event, Machine, NonEmpty, Payload, Positive, State, on, state

LIMIT = 2
"""A job that failed on this attempt is not tried again."""


class Refused(Exception): ...


# ---------------------------------------------------------------- payloads and events


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


JobState: TypeAlias = Queued | Running | Finished | Failed | Cancelled
JobEvent: TypeAlias = Start | Beat | Fail | Finish | Cancel | Reopen

# ---------------------------------------------------------------- the machine


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


# ---------------------------------------------------------------- a round of events

START, BEAT, FAIL, FINISH = Start(Worker("w1")), Beat(5), Fail("boom"), Finish()
CANCEL, REOPEN = Cancel(), Reopen(Positive(1))
JOB_ROUND: list[Any] = [START, BEAT, FAIL, START, FAIL, REOPEN, START, CANCEL, REOPEN, START, FINISH, REOPEN]
JOB_FIRST = Queued(Positive(1))

# ---------------------------------------------------------------- by hand


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


Build: TypeAlias = Callable[[Any, Any, datetime], JobState]
"""The payload that follows a state and an event."""


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


MOVES: dict[tuple[type, type], Build] = {
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
