"""The jobs that leverframe works off here: as little in them as in those of the others."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

from attrs import frozen

from leverframe import Event, Lease, Machine, Payload, on, state

__all__ = ["Done", "Finished", "Job", "Queued", "Working"]


@frozen
class Queued(Payload):
    task: str


@frozen
class Working(Payload):
    task: str


@frozen
class Finished(Payload):
    task: str


@frozen
class Taken(Event): ...


@frozen
class RanOut(Event): ...


@frozen
class Done(Event): ...


JobState: TypeAlias = Queued | Working | Finished
JobEvent: TypeAlias = Taken | RanOut | Done


class Job(Machine[JobState, JobEvent]):
    queued = state(Queued, initial=True)
    working = state(Working)
    finished = state(Finished, final=True)

    @on
    def taken(self, s: Queued, e: Taken) -> Working:
        return Working(s.task)

    @on
    def ran_out(self, s: Working, e: RanOut) -> Queued:
        return Queued(s.task)

    @on
    def done(self, s: Working, e: Done) -> Finished:
        return Finished(s.task)

    lease = Lease(claim=taken, expiry=ran_out, ttl=timedelta(seconds=60))
