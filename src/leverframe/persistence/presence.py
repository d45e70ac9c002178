"""Is there a store where a URL points to?  Asked without making one, as opening it would."""

from __future__ import annotations

import os
from contextlib import closing

from leverframe.persistence.opening import check_installed

__all__ = ["tell_absence"]


def tell_absence(url: str) -> str:
    """That there is no store, in words that name the place; empty if there is one.

    Raises `InvalidURL`, `MissingExtra`, `AccessDenied`, `MissingDatabase`, `StoreUnreachable`.

    >>> tell_absence("sqlite:////no-such-folder/stories.db")
    'sqlite:////no-such-folder/stories.db is not there'
    """
    if url.partition(":")[0].lower() == "sqlite":
        return tell_absent_file(url)
    check_installed(url)
    return tell_absent_schema(url)


def tell_absent_file(url: str) -> str:
    """The same of a file; what is in memory is there as soon as it is asked for."""
    from leverframe.persistence.sqlite.location import parse_location

    location = parse_location(url)
    return "" if location.path is None or os.path.exists(location.path) else f"{location.text} is not there"


def tell_absent_schema(url: str) -> str:
    """The same of a schema on a server: one that is empty, or another program's, has no store either."""
    from leverframe.persistence.postgres.location import parse_location
    from leverframe.persistence.postgres.pool import connect
    from leverframe.persistence.postgres.schema import has_store

    location = parse_location(url)
    with closing(connect(location)) as connection:
        return "" if has_store(connection, location) else f"{location.text} has no store in schema {location.schema}"
