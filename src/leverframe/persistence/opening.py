"""`open_store`: from a URL to a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from leverframe.errors import InvalidURL, MissingExtra
from leverframe.wording import did_you_mean, show_value, without_secrets

if TYPE_CHECKING:
    from leverframe.persistence.backend import Backend
    from leverframe.persistence.migration import Migration
    from leverframe.persistence.store import Store

__all__ = ["check_installed", "open_backend", "open_store"]

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
    _check_arguments(url, timeout)
    # Late, so that machines can be used without the time that a database's libraries take to import.
    from leverframe.persistence.store import Store

    scheme, separator, _ = url.partition(":")
    match scheme.lower():
        case "sqlite":
            from leverframe.persistence.sqlite import open_sqlite

            return Store(open_sqlite(url, durability=durability, timeout=timeout), clock or _utc_now)
        case "postgresql" | "postgres":
            return Store(_open_postgres(url, durability, timeout), clock)
        case _:
            hint = did_you_mean(scheme, ["sqlite", "postgresql"]) if separator else ""
            problem = f"names no store{hint}; write sqlite:///stories.db for a file in the working folder"
            raise InvalidURL(without_secrets(url) or "an empty URL", problem)


def open_backend(url: str, also: Sequence[Migration] = ()) -> Backend:
    """What is under a store, where its rows are wanted as they are; `also` are steps that a store does not know.

    Raises as `open_store` does.
    """
    _check_arguments(url, None)
    if url.partition(":")[0].lower() == "sqlite":
        from leverframe.persistence.sqlite import open_sqlite
        from leverframe.persistence.sqlite.migrations import MIGRATIONS

        return open_sqlite(url, migrations=(*MIGRATIONS, *also))
    return _open_postgres(url, None, None, also)


_utc_now = partial(datetime.now, UTC)


def _open_postgres(url: str, durability: str | None, timeout: float | None, also: Sequence[Migration] = ()) -> Backend:
    check_installed(url)
    from leverframe.persistence.postgres import open_postgres
    from leverframe.persistence.postgres.migrations import MIGRATIONS

    return open_postgres(url, durability=durability, timeout=timeout, migrations=(*MIGRATIONS, *also))


def check_installed(url: str) -> None:
    """Raise `MissingExtra` where psycopg is not there, or finds no libpq; what else fails in it goes through."""
    try:
        import_module("psycopg")
    except ImportError as error:
        # What Python itself cannot import it names; psycopg says in words alone that it has found no libpq.
        if error.name not in ("psycopg", None):
            raise
        told = " ".join(str(error).split())
        problem = f"needs what is not installed ({told}); run: pip install 'leverframe[postgres]'"
        raise MissingExtra(without_secrets(url), problem) from error


def _check_arguments(url: object, timeout: object) -> None:
    if not isinstance(url, str):
        raise InvalidURL(show_value(url), "is no URL; give a string such as sqlite:///stories.db")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float)):
        raise InvalidURL(without_secrets(url), f"timeout={show_value(timeout)} is no number of seconds")
