"""Which database does a URL mean, and may it be made?  A replay makes one; a read needs one that is there."""

from __future__ import annotations

import os

from leverframe import Store, open_store
from leverframe.cli.failures import Failure
from leverframe.errors import InvalidQuery
from leverframe.persistence.presence import tell_absence
from leverframe.persistence.sqlite.location import parse_location

__all__ = ["database_file", "open_existing", "open_scoped"]

REMEDY = "name a database with --db or LEVERFRAME_DB"


def open_existing(url: str, tenant: str | None = None) -> Store:
    """A store to read from, of one tenant or of none.

    Raises `Failure` if there is none, `CannotOpen` if it cannot be opened, `InvalidQuery` for what names no tenant.
    """
    path = database_file(url)
    if path is not None:
        check_file(url, path)
    elif is_on_server(url):
        check_schema(url)
    return open_scoped(url, tenant)


def open_scoped(url: str, tenant: str | None) -> Store:
    """A store of one tenant, or of none.  Raises as `open_store` does, and `InvalidQuery`."""
    store = open_store(url)
    try:
        return store if tenant is None else store.scoped(tenant)
    except InvalidQuery:
        store.close()
        raise


def check_file(url: str, path: str) -> None:
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise Failure(f"{url}: {error.strerror}; {REMEDY}") from error
    if size == 0:
        # To open it would make a database of it, and somebody may keep an empty file for other reasons.
        raise Failure(f"{url}: is an empty file; {REMEDY}")


def check_schema(url: str) -> None:
    absence = tell_absence(url)
    if absence:
        raise Failure(f"{absence}; {REMEDY}")


def is_on_server(url: str) -> bool:
    return url.lower().startswith(("postgresql:", "postgres:"))


def database_file(url: str) -> str | None:
    """The file that a URL names; None if it names none.  Raises `InvalidURL`."""
    return parse_location(url).path if url.lower().startswith("sqlite:") else None
