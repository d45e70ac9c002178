"""Execution: what one node is doing about one story.  The key is the pair (story, node)."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from attrs import evolve, frozen

from leverframe import Event, Machine, NonEmpty, Payload, on, state
from leverframe.coordination.policies import WakeUp

# ---------------------------------------------------------------- values


class AgentName(NonEmpty):
    """The name of an agent."""


class NodePubkey(NonEmpty):
    """A node, named by its public key of 32 bytes: 64 hex digits."""

    pattern = r"[0-9a-f]{64}"


# ---------------------------------------------------------------- states


@frozen
class Idle(Payload): ...


@frozen
class Pending(Payload):
    agent: AgentName
    since: datetime


@frozen
class Running(Payload):
    agent: AgentName
    started_at: datetime
    last_heartbeat: datetime


@frozen
class RateLimited(Payload):
    agent: AgentName
    resume_at: datetime


@frozen
class Completed(Payload):
    agent: AgentName
    exit_code: int
    completed_at: datetime


ExecutionState: TypeAlias = Idle | Pending | Running | RateLimited | Completed


# ---------------------------------------------------------------- events


@frozen
class SpawnRequested(Event):
    agent: AgentName


@frozen
class SpawnedSuccessfully(Event): ...


@frozen
class Heartbeat(Event): ...


@frozen
class HitRateLimit(Event):
    resume_at: datetime


@frozen
class Exited(Event):
    exit_code: int


@frozen
class Stopped(Event): ...


@frozen
class Reset(Event): ...


ExecutionEvent: TypeAlias = SpawnRequested | SpawnedSuccessfully | Heartbeat | HitRateLimit | Exited | Stopped | Reset


# ---------------------------------------------------------------- the machine


def resumes_at(s: RateLimited) -> datetime:
    """When a rate limit is over."""
    return s.resume_at


class Execution(Machine[ExecutionState, ExecutionEvent]):
    """What one node is doing about one story."""

    idle = state(Idle, initial=True)
    pending = state(Pending)
    running = state(Running)
    rate_limited = state(RateLimited)
    completed = state(Completed)

    @on
    def spawn_requested(self, s: Idle, e: SpawnRequested) -> Pending:
        return Pending(e.agent, since=self.now())

    @on
    def spawned_successfully(self, s: Pending | RateLimited, e: SpawnedSuccessfully) -> Running:
        return Running(s.agent, started_at=self.now(), last_heartbeat=self.now())

    @on
    def heartbeat(self, s: Running, e: Heartbeat) -> Running:
        return evolve(s, last_heartbeat=self.now())

    @on
    def hit_rate_limit(self, s: Pending | Running, e: HitRateLimit) -> RateLimited:
        return RateLimited(s.agent, e.resume_at)

    @on
    def exited(self, s: Pending | Running | RateLimited, e: Exited) -> Completed:
        return Completed(s.agent, e.exit_code, completed_at=self.now())

    @on
    def stopped(self, s: ExecutionState, e: Stopped) -> Idle:
        return Idle()

    @on
    def reset(self, s: ExecutionState, e: Reset) -> Idle:
        return Idle()

    # It is listed when it is due: to spawn the agent anew is for the node, which then says so.
    resume = WakeUp(states=[RateLimited], at=resumes_at)
