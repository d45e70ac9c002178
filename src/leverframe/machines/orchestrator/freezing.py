"""Who keeps a repository from starting new tasks, and why?  The gate's journal says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leverframe import Receipt, Send
from leverframe.machines.orchestrator.repository_gate import Freeze, Open, RepoGate, RepoGateState, Unfreeze
from leverframe.machines.orchestrator.task import Repository, TaskKey

if TYPE_CHECKING:
    from leverframe import Store

__all__ = ["freeze_repository", "unfreeze_repository"]


def freeze_repository(store: Store, repository: str, *, reason: str, task: TaskKey, by: str) -> Receipt[RepoGateState]:
    """Let a repository start no new task until somebody unfreezes it; whose task it is about, who says so, and why.

    Raises `TransitionNotAllowed` where it is frozen already: the first reason stays.

    >>> from leverframe import open_store
    >>> from leverframe.machines.orchestrator.task import task_key
    >>> task = task_key("shop", "SHOP-001")
    >>> with open_store("sqlite://") as store:
    ...     _ = freeze_repository(store, "shop", reason="main is broken", task=task, by="anna")
    ...     _ = unfreeze_repository(store, "shop", by="bert", why="it is mended")
    ...     [(entry.to_path, entry.by, entry.why) for entry in store.history(RepoGate, "shop")]
    [('open', '', ''), ('frozen', 'anna', 'main is broken'), ('open', 'bert', 'it is mended')]
    """
    freeze = Send(Repository(repository), Freeze(reason, task), by=by, why=reason)
    [receipt] = store.send_many(RepoGate, [freeze], create=Open())
    return receipt


def unfreeze_repository(store: Store, repository: str, *, by: str, why: str) -> Receipt[RepoGateState]:
    """Let a frozen repository start tasks again.  Raises `TransitionNotAllowed`, `NotFound`."""
    return store.send(RepoGate, Repository(repository), Unfreeze(), by=by, why=why)
