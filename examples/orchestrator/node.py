"""What one worker is doing about one story: an `Execution` for each pair of them."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

from leverframe import NotFound, Store
from leverframe.machines.execution import (
    AgentName,
    Execution,
    ExecutionEvent,
    Exited,
    Heartbeat,
    HitRateLimit,
    Idle,
    NodePubkey,
    Pending,
    RateLimited,
    Reset,
    Running,
    SpawnedSuccessfully,
    SpawnRequested,
    Stopped,
)

__all__ = ["Node"]

Key: TypeAlias = tuple[str, NodePubkey]


class Node:
    """One worker among the others; its key is the same each time that it is started."""

    def __init__(self, store: Store, number: int) -> None:
        self.store = store
        self.pubkey = NodePubkey(sha256(f"node {number}".encode()).hexdigest())

    def begin(self, story: str, agent: str) -> None:
        """An agent is to be started.  Called by who has the lease: whoever was at it before is not any more."""
        for other in self.store.find(Execution, prefix=(story,)):
            if isinstance(other.state, Pending | Running | RateLimited):
                self.store.send(Execution, other.key, Stopped())
        key = self._key(story)
        try:
            self.store.send(Execution, key, Reset())
        except NotFound:
            self.store.create(Execution, key, Idle())
        self.store.send(Execution, key, SpawnRequested(AgentName(agent)))

    def spawned(self, story: str) -> None:
        self._tell(story, SpawnedSuccessfully())

    def beat(self, story: str) -> None:
        self._tell(story, Heartbeat())

    def exited(self, story: str, code: int) -> None:
        self._tell(story, Exited(code))

    def hit_rate_limit(self, story: str, resume_at: datetime) -> None:
        self._tell(story, HitRateLimit(resume_at))

    def _tell(self, story: str, event: ExecutionEvent) -> None:
        """Another worker may have stopped it, having the lease now; then this changes nothing."""
        self.store.send(Execution, self._key(story), event, on_refused="return")

    def _key(self, story: str) -> Key:
        return story, self.pubkey
