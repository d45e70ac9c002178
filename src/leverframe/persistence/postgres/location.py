"""Which database a URL names: `postgresql://user:password@host:5432/database?schema=stories`.

Options of ours follow a question mark: `schema`, `pool_size`, `durability`, `timeout`.  All others go to libpq:
`host`, `sslmode`, `application_name`, ...
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg
from attrs import field, frozen
from psycopg.conninfo import conninfo_to_dict

from leverframe.errors import InvalidURL
from leverframe.persistence.options import DURABILITIES, Durability, parse_options, parse_seconds
from leverframe.wording import did_you_mean, without_secrets

__all__ = ["Location", "parse_location"]

OPTIONS = ("schema", "pool_size", "durability", "timeout")
SHAPE = "write postgresql://user:password@host:5432/database?schema=name"
SCHEMES = ("postgresql", "postgres")

DEFAULT_SCHEMA = "leverframe"
DEFAULT_POOL_SIZE = 10

# What PostgreSQL takes without quotes, of the length that it keeps.
IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")

# An address that no longer answers is given up, and not waited for as long as the system would.
CONNECTION_DEFAULTS = {"connect_timeout": "10", "keepalives_idle": "30", "application_name": "leverframe"}


@frozen
class Location:
    """Where a database is and how it is to be opened.

    Attributes: `text`, for messages, without the password; `conninfo`, for libpq, with it; `schema`, where the tables
    are; `pool_size`, the most connections; `durability`; `timeout`, in seconds.
    """

    text: str
    conninfo: dict[str, str] = field(repr=False)
    schema: str = DEFAULT_SCHEMA
    pool_size: int = DEFAULT_POOL_SIZE
    durability: Durability = "full"
    timeout: float = 30.0


def parse_location(
    url: str, durability: str | None = None, timeout: float | None = None, pool_size: int | None = None
) -> Location:
    """The location that `url` names; the arguments go before the URL's own.  Raises `InvalidURL`.

    >>> parse_location("postgresql://ann:secret@db/stories?schema=main").text
    'postgresql://ann@db/stories?schema=main'
    """
    place, _, query = url.partition("?")
    text = shown(url)
    ours: dict[str, str] = {}
    others: list[tuple[str, str]] = []
    for name, value in parse_options(text, query):
        if name in OPTIONS:
            ours[name] = value
        else:
            others.append((name, value))
    check_others(text, others)
    return Location(
        text,
        CONNECTION_DEFAULTS | parse_conninfo(text, f"{place}?{urlencode(others, quote_via=quote)}"),
        checked_schema(text, ours.get("schema", DEFAULT_SCHEMA)),
        checked_size(text, ours.get("pool_size", DEFAULT_POOL_SIZE) if pool_size is None else pool_size),
        checked_durability(text, durability or ours.get("durability", "full")),
        checked_timeout(text, parse_seconds(text, ours.get("timeout", "30")) if timeout is None else timeout),
    )


def shown(url: str) -> str:
    """The URL for messages: the name of the user stays, every secret goes."""
    try:
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
        kept = [pair for pair in parse_qsl(parts.query) if pair[0] in {*OPTIONS, "host", "port", "dbname"}]
        query = f"?{urlencode(kept, safe='/')}" if kept else ""
        return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}{query}"
    except ValueError:
        return without_secrets(url)


def check_others(text: str, others: list[tuple[str, str]]) -> None:
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    for name, _ in others:
        if name not in known:
            raise InvalidURL(text, f"has an unknown option {name!r}{did_you_mean(name, OPTIONS)}; or one of libpq's")


def parse_conninfo(text: str, url: str) -> dict[str, str]:
    try:
        found = conninfo_to_dict(url)
    except psycopg.Error:
        # What libpq says of it repeats the URL, and the password in it.
        raise InvalidURL(text, f"is no PostgreSQL URL; {SHAPE}") from None
    return {name: str(value) for name, value in found.items()}


def checked_schema(text: str, schema: str) -> str:
    if not IDENTIFIER.fullmatch(schema) or schema.startswith("pg_"):
        problem = f"has schema={schema!r}; give small letters, digits and underscores, at most 63, not pg_ first"
        raise InvalidURL(text, problem)
    return schema


def checked_size(text: str, size: int | str) -> int:
    if isinstance(size, bool) or not str(size).isascii() or not str(size).isdigit() or not 1 <= int(size) <= 1000:
        raise InvalidURL(text, f"has pool_size={size!r}; give a whole number from 1 to 1000")
    return int(size)


def checked_durability(text: str, durability: str) -> Durability:
    if durability not in DURABILITIES:
        raise InvalidURL(text, f"has durability={durability!r}{did_you_mean(durability, DURABILITIES)}")
    return "full" if durability == "full" else "normal"


def checked_timeout(text: str, timeout: float) -> float:
    if not 0 < timeout < 10**6:
        raise InvalidURL(text, f"has timeout={timeout}; give a number of seconds above 0")
    return float(timeout)
