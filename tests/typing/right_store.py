"""A store used rightly: every answer is typed by its machine, and no cast is needed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import assert_type

from leverframe import (
    Copied,
    Entry,
    Finding,
    Handle,
    LeverframeError,
    Pruned,
    Receipt,
    Send,
    Store,
    Stored,
    StoredMessage,
    copy_store,
    in_state,
    open_store,
)
from leverframe.machines import Execution, Pipeline
from leverframe.machines.execution import AgentName, ExecutionState, Idle, SpawnRequested
from leverframe.machines.pipeline import (
    Active,
    Backlog,
    Block,
    BranchName,
    Coding,
    DepsMet,
    GatesStarted,
    Merge,
    PipelineEvent,
    PipelineState,
)


def writes(store: Store, ready: bool) -> None:
    assert_type(store.create(Pipeline, "story-7", Backlog()), Stored[Pipeline, PipelineState])
    store.create(Pipeline, ("story-7", "part-1"), Backlog() if ready else Coding(), at=datetime.now(UTC))
    store.create(Execution, ("story-7", "node-1"), Idle())
    receipt = store.send(Pipeline, "story-7", DepsMet(), expect=Active, delivery_id="d-1")
    assert_type(receipt, Receipt[PipelineState])
    assert_type(receipt.to_state, type[PipelineState])
    assert_type(receipt.state, PipelineState)
    assert_type(receipt.error, LeverframeError | None)
    store.send(Pipeline, "story-7", GatesStarted() if ready else Block("waiting"), on_refused="return")
    store.send(Execution, ("story-7", "node-1"), SpawnRequested(AgentName("agent")))


def writes_many(store: Store, keys: list[str], events: list[PipelineEvent]) -> None:
    many = store.send_many(Pipeline, [("a", DepsMet()), ("b", Block("waiting"))])
    assert_type(many, list[Receipt[PipelineState]])
    store.send_many(Pipeline, [Send("a", DepsMet(), delivery_id="d"), ("b", Block("waiting"))], create=Backlog())
    store.send_many(Pipeline, ((key, DepsMet()) for key in keys), on_refused="return")
    store.send_many(Pipeline, list(zip(keys, events, strict=True)))
    store.send_many(Execution, [(("story-7", "node-1"), SpawnRequested(AgentName("agent")))])


def reads(store: Store, key: str) -> None:
    stored = store.get(Pipeline, key)
    assert_type(stored, Stored[Pipeline, PipelineState])
    assert_type(stored.state, PipelineState)
    assert_type(stored.handle, Handle[Pipeline, PipelineState])
    if in_state(stored.handle, Merge):
        assert_type(stored.handle.state.feature_branch, BranchName)
    assert_type(store.count(Pipeline), Counter[type[PipelineState]])
    assert_type(store.at(Pipeline, key, version=3), PipelineState)
    assert_type(store.at(Execution, (key, "node-1"), at=datetime.now(UTC)), ExecutionState)
    for message in store.messages("mailer", topic="stories", limit=10):
        assert_type(message, StoredMessage)
        store.save_cursor("mailer", message.position)
    assert_type(store.prune(deliveries=timedelta(days=30)), Pruned)
    store.prune(finished=timedelta(days=365), machines=[Pipeline, Execution], export="old.jsonl", dry_run=True)
    store.delete(Pipeline, ("story-7", "part-1"))
    assert_type(store.examine([Pipeline, Execution]).findings, tuple[Finding, ...])
    assert_type(copy_store("sqlite:///stories.db", "sqlite:///archive.db", fresh=True), Copied)


def finds(store: Store) -> None:
    assert_type(store.find(Pipeline), list[Stored[Pipeline, PipelineState]])
    assert_type(store.find(Pipeline, Active), list[Stored[Pipeline, Active]])
    for found in store.find(Pipeline, Merge, prefix="story-", where={"feature_branch": "fix"}, limit=10):
        assert_type(found.state.commits_ahead + 1, int)
    wide: list[Stored[Pipeline, Active]] = [*store.find(Pipeline, Merge)]
    print(wide)


def tells(store: Store) -> None:
    for entry in store.history(Pipeline, "story-7"):
        assert_type(entry, Entry[PipelineState, PipelineEvent])
        assert_type(entry.event, PipelineEvent | None)
        assert_type(entry.from_state, type[PipelineState] | None)
        assert_type(entry.state, PipelineState)


def repairs(store: Store) -> None:
    receipt = store.set_state(Pipeline, "story-7", Coding(), by="anna", why="the gates ran elsewhere", expect=Active)
    assert_type(receipt, Receipt[PipelineState])
    assert_type(store.history(Pipeline, "story-7", limit=1)[0].repaired, bool)


with open_store("sqlite:///stories.db", durability="normal", timeout=5) as opened:
    assert_type(opened, Store)
