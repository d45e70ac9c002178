"""Runs of the shipped machine, for tests of a store; and processes that claim or reap them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from leverframe import Store, open_store
from leverframe.coordination.held import Held
from leverframe.machines.run import Pending, ProjectId, Run, Running, Succeeded

__all__ = ["THEN", "begin", "claim", "claim_all", "cost_of", "pending", "reap_all"]

THEN = datetime(2025, 1, 1, tzinfo=UTC)


def pending(**more: Any) -> Pending:
    return Pending(project_id=ProjectId("shop"), created_at=THEN, **more)


def begin(store: Store, *keys: str, **more: Any) -> None:
    """Create runs that are Pending."""
    for key in keys:
        store.create(Run, key, pending(**more))


def claim(store: Store, worker: str = "w") -> Held[Run, Running]:
    held = store.claim(Run.lease, worker=worker)
    assert held is not None
    return held


def cost_of(store: Store, key: str) -> tuple[str, int]:
    """What a run has cost, to the digit, and its steps."""
    run = store.get(Run, key).state
    return str(run.cost_usd), run.step_count


# ---------------------------------------------------------------- in processes of their own


def claim_all(url: str, worker: str, tenant: str) -> list[str]:
    """Claim runs of a project, and end every second one, until there are none."""
    keys: list[str] = []
    with open_store(url) as store:
        project = store.scoped(tenant)
        while (held := project.claim(Run.lease, worker=worker)) is not None:
            keys.append(str(held.key))
            if len(keys) % 2:
                held.send(Succeeded())
    return keys


def reap_all(url: str, at: datetime) -> int:
    """Reap at a time; how many."""
    with open_store(url, clock=lambda: at) as store:
        return store.reap(Run.lease, limit=3)
