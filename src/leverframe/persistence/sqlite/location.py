"""Which database a URL names: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for one in memory.

Options follow a question mark: `?durability=normal&timeout=2.5`.
"""

from __future__ import annotations

import math
import os
import re
from urllib.parse import unquote

from attrs import evolve, frozen

from leverframe.errors import InvalidURL
from leverframe.persistence.options import DURABILITIES, Durability, parse_options, parse_seconds
from leverframe.wording import did_you_mean, without_secrets

__all__ = ["MEMORY", "Durability", "Location", "parse_location"]

OPTIONS = ("durability", "timeout")
MEMORY = ":memory:"
SHAPES = "write sqlite:///relative.db, sqlite:////absolute.db, or sqlite:///:memory:"


@frozen
class Location:
    """Where a database is and how it is to be opened.

    Attributes: `text`, for messages; `path`, absolute and without symbolic links, or None for a database in
    memory; `durability`; `timeout`, in seconds.
    """

    text: str
    path: str | None
    durability: Durability = "full"
    timeout: float = 30.0


def parse_location(url: str, durability: str | None = None, timeout: float | None = None) -> Location:
    """The location that `url` names; `durability` and `timeout` go before the URL's own.

    >>> parse_location("sqlite:///:memory:?timeout=2").timeout
    2.0
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() != "sqlite":
        raise InvalidURL(without_secrets(url), f"is no SQLite URL: {SHAPES}")
    place, _, options = rest.partition("?")
    location = Location(text=f"sqlite://{place}", path=parse_path(url, place))
    location = with_options(location, options)
    return with_durability(with_timeout(location, timeout), durability)


def parse_path(url: str, place: str) -> str | None:
    """The file behind `sqlite://`, None for a database in memory."""
    host, slash, quoted = place.partition("/")
    if host:
        problem = "names a host; for a file write a slash more: sqlite:///relative.db or sqlite:////absolute.db"
        raise InvalidURL(without_secrets(url), problem)
    if "#" in place:
        raise InvalidURL(without_secrets(url), "has a '#': write %23 where the file's name has one")
    path = unquote(quoted, errors="surrogateescape")
    if path == MEMORY or not slash:
        return None
    if not path or "\0" in path:
        raise InvalidURL(without_secrets(url), f"names no file: {SHAPES}")
    return os.path.realpath(without_drive_slash(path))


def without_drive_slash(path: str) -> str:
    """`/C:/x.db`, as four slashes leave it, is `C:/x.db`; on systems without drives it is left alone."""
    return path[1:] if os.name == "nt" and re.match(r"/[A-Za-z]:[/\\]", path) else path


def with_options(location: Location, options: str) -> Location:
    for name, value in parse_options(location.text, options):
        if name == "timeout":
            location = with_timeout(location, parse_seconds(location.text, value))
        elif name == "durability":
            location = with_durability(location, value)
        else:
            raise InvalidURL(location.text, f"has an unknown option {name!r}{did_you_mean(name, OPTIONS)}")
    return location


def with_timeout(location: Location, seconds: float | None) -> Location:
    if seconds is None:
        return location
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InvalidURL(location.text, f"has timeout={seconds}; give a number of seconds, 0 or more")
    return evolve(location, timeout=seconds)


def with_durability(location: Location, durability: str | None) -> Location:
    if durability is None:
        return location
    if durability not in DURABILITIES:
        raise InvalidURL(location.text, f"has durability={durability!r}{did_you_mean(durability, DURABILITIES)}")
    return evolve(location, durability="full" if durability == "full" else "normal")
