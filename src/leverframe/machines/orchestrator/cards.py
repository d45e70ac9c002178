"""Which messages about a task are in somebody's tracker?"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from leverframe import AlreadyExists, Stored
from leverframe.machines.orchestrator.task import Repository, TaskKey, WorkItemId
from leverframe.machines.orchestrator.tracker_card import Gone, MessageId, Open, TrackerCard, TrackerCardState

if TYPE_CHECKING:
    from leverframe import Store

__all__ = ["CardKey", "OpenCard", "current_card", "lose_card", "open_cards", "record_card"]

CardKey: TypeAlias = tuple[Repository, WorkItemId, MessageId]
OpenCard: TypeAlias = Stored[TrackerCard, Open]


def key_of(task: TaskKey, message: str) -> CardKey:
    return (*task, MessageId(message))


def record_card(store: Store, task: TaskKey, message: str) -> tuple[Stored[TrackerCard, TrackerCardState], bool]:
    """The card of a message, and whether it was recorded by this call: again changes nothing, and brings none back.

    >>> from leverframe import open_store
    >>> from leverframe.machines.orchestrator.task import task_key
    >>> task = task_key("shop", "SHOP-001")
    >>> with open_store("sqlite://") as store:
    ...     [record_card(store, task, "message-7")[1] for _ in range(2)]
    [True, False]
    """
    key = key_of(task, message)
    try:
        return store.create(TrackerCard, key, Open()), True
    except AlreadyExists:
        return store.get(TrackerCard, key), False


def open_cards(store: Store, task: TaskKey) -> list[OpenCard]:
    """The open cards of a task, oldest first.

    >>> from leverframe import open_store
    >>> from leverframe.machines.orchestrator.task import task_key
    >>> task = task_key("shop", "SHOP-001")
    >>> with open_store("sqlite://") as store:
    ...     for message in ("message-8", "message-7", "message-9"):
    ...         _ = record_card(store, task, message)
    ...     _ = lose_card(store, task, "message-9")
    ...     [card.key[-1] for card in open_cards(store, task)], current_card(store, task).key[-1]
    (['message-8', 'message-7'], 'message-7')
    """
    # An open card was last changed when it was recorded.
    return store.find(TrackerCard, Open, prefix=task)[::-1]


def current_card(store: Store, task: TaskKey) -> OpenCard | None:
    """The card of a task that was recorded last among those that are open; None if none is."""
    return next(iter(store.find(TrackerCard, Open, prefix=task, limit=1)), None)


def lose_card(store: Store, task: TaskKey, message: str) -> bool:
    """The tracker has the message no more: its card is Deleted from now on; False if it was already.

    Raises `NotFound` where the message was never recorded.
    """
    return store.send(TrackerCard, key_of(task, message), Gone(), on_refused="return").moved
