"""From a URL to the database that it names."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from leverframe.errors import InvalidURL, MissingExtra
from leverframe.wording import did_you_mean, show_value, without_secrets

if TYPE_CHECKING:
    from leverframe.persistence.backend import Backend
    from leverframe.persistence.migration import Migration

__all__ = ["check_installed", "open_backend"]


def open_backend(
    url: str, *, durability: str | None = None, timeout: float | None = None, also: Sequence[Migration] = ()
) -> Backend:
    """Open the database under a store; `also` are steps of its schema that a store does not know.

    Raises as `open_store` does.
    """
    _check_arguments(url, timeout)
    scheme, separator, _ = url.partition(":")
    # Late, so that machines can be used without the time that a database's libraries take to import.
    match scheme.lower():
        case "sqlite":
            from leverframe.persistence.sqlite import open_sqlite
            from leverframe.persistence.sqlite.migrations import MIGRATIONS

            return open_sqlite(url, durability=durability, timeout=timeout, migrations=(*MIGRATIONS, *also))
        case "postgresql" | "postgres":
            return _open_postgres(url, durability, timeout, also)
        case _:
            hint = did_you_mean(scheme, ["sqlite", "postgresql"]) if separator else ""
            problem = f"names no store{hint}; write sqlite:///stories.db for a file in the working folder"
            raise InvalidURL(without_secrets(url) or "an empty URL", problem)


def _open_postgres(url: str, durability: str | None, timeout: float | None, also: Sequence[Migration]) -> Backend:
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
