"""`open_store`: from a URL to a store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

from leverframe.persistence.opening import open_backend

if TYPE_CHECKING:
    from leverframe.coordination.store import Store

__all__ = ["open_store"]

Durability = Literal["full", "normal"]


def open_store(
    url: str,
    *,
    durability: Durability | None = None,
    timeout: float | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Store:
    """Open a store, and make or migrate its database first where that is needed.

    `url` is `sqlite:///stories.db` (a file in the working folder), `sqlite:////var/lib/stories.db` (an absolute path)
    or `sqlite://` (in memory, gone when closed); `durability` and `timeout` may also stand behind a `?` in it.

    `durability` "full", the default: what has returned survives a power cut.  "normal": it survives the end of the
    process, and a power cut may take back the last moves, never part of one.  `timeout`, in seconds, 30 by default:
    how long a write waits for its turn.  `clock` gives the time, with a zone, where a call says none.

    Raises `InvalidURL`, `MissingFolder`, `NotADatabase`, `NewerSchema`, `ReadOnly`, `StoreTimeout`.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     print(store.location)
    sqlite://
    """
    backend = open_backend(url, durability=durability, timeout=timeout)
    # Late, as its libraries are.
    from leverframe.coordination.store import Store

    # Where the database has no clock of its own, the program's is the one that all share.
    return Store(backend, clock or (_utc_now if backend.decides_in_turn else None))


_utc_now = partial(datetime.now, UTC)
