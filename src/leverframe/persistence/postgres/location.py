"""Which database a URL names: `postgresql://user:password@host:5432/database?schema=stories`.

Options of ours follow a question mark: `schema`, `pool_size`, `durability`, `timeout`.  All others go to libpq:
`host`, `sslmode`, `application_name`, ...
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from attrs import field, frozen
from psycopg.conninfo import conninfo_to_dict

from leverframe.errors import InvalidURL
from leverframe.persistence.options import DURABILITIES, Durability, parse_options, parse_seconds
from leverframe.wording import did_you_mean

__all__ = ["Location", "parse_location"]

OPTIONS = ("schema", "pool_size", "durability", "timeout", "notify")
SHAPE = "write postgresql://user:password@host:5432/database?schema=name"

DEFAULT_SCHEMA = "leverframe"
DEFAULT_POOL_SIZE = 10

# What PostgreSQL takes without quotes, of the length that it keeps.
IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")

RESERVED = "information_schema"

# Who reads a URL otherwise than libpq does may take a part of a password for a host: any other shape is not shown.
URL = re.compile(
    r"(?P<scheme>postgres(?:ql)?)://(?:(?P<user>[^:@/?#]*)(?::[^@/?#]*)?@)?"
    r"(?P<place>[^@/?#]*(?:/[^@/?#]*)?)(?:\?(?P<options>[^?#]*))?",
    re.IGNORECASE,
)

OPTION = re.compile(r"[^=&]+=[^=&]*")

# Options that are shown, and what is shown of one that was written right.
SHOWN = re.compile(rf"(?:{'|'.join((*OPTIONS, 'host', 'port', 'dbname'))})=[\w%/.,-]*")

# An address that no longer answers is given up, and not waited for as long as the system would.
CONNECTION_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "application_name": "leverframe",
}


@frozen
class Location:
    """Where a database is and how it is to be opened.

    Attributes: `text`, for messages, without the password; `conninfo`, for libpq, with it; `schema`, where the tables
    are; `pool_size`, the most connections; `durability`; `timeout`, in seconds; `notify`, whether those who wait for
    messages are woken.
    """

    text: str
    conninfo: dict[str, str] = field(repr=False)
    schema: str = DEFAULT_SCHEMA
    pool_size: int = DEFAULT_POOL_SIZE
    durability: Durability = "full"
    timeout: float = 30.0
    notify: bool = False


def parse_location(
    url: str, durability: str | None = None, timeout: float | None = None, pool_size: int | None = None
) -> Location:
    """The location that `url` names; the arguments go before the URL's own.  Raises `InvalidURL`.

    >>> parse_location("postgresql://ann:secret@db/stories?schema=main").text
    'postgresql://ann@db/stories?schema=main'
    """
    text = shown(url)
    place, _, options = url.partition("?")
    check_shape(text, url, options)
    ours: dict[str, str] = {}
    others: list[tuple[str, str]] = []
    for name, value in parse_options(text, options):
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
        checked_answer(text, ours.get("notify", "no")),
    )


def shown(url: str) -> str:
    """The URL for messages: the name of the user stays, every secret goes."""
    found = URL.fullmatch(url)
    if found is None:
        return f"{url.partition(':')[0].lower()}://..."
    user = f"{found['user']}@" if found["user"] else ""
    kept = [option for option in (found["options"] or "").split("&") if SHOWN.fullmatch(option)]
    return f"{found['scheme'].lower()}://{user}{found['place']}{'?' if kept else ''}{'&'.join(kept)}"


def check_shape(text: str, url: str, options: str) -> None:
    if URL.fullmatch(url) is None:
        raise InvalidURL(text, f"is no PostgreSQL URL; {SHAPE}, with %40 for an @ in a password, %2F for a slash")
    if options and not all(OPTION.fullmatch(option) for option in options.split("&")):
        raise InvalidURL(text, "has an option without a name or a value; write name=value, with & between")


def check_others(text: str, others: list[tuple[str, str]]) -> None:
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    for name, _ in others:
        if name not in known:
            raise InvalidURL(text, f"has an unknown option {name!r}{did_you_mean(name, OPTIONS)}; or one of libpq's")


def parse_conninfo(text: str, url: str) -> dict[str, str]:
    found = read_by_libpq(url)
    if found is None:
        raise InvalidURL(text, f"is no PostgreSQL URL; {SHAPE}")
    return {name: str(value) for name, value in found.items()}


def read_by_libpq(url: str) -> dict[str, Any] | None:
    """What libpq finds in a URL.  Not raised from what it says of a wrong one: that repeats the URL, and a password."""
    try:
        return conninfo_to_dict(url)
    except psycopg.Error:
        return None


def checked_schema(text: str, schema: str) -> str:
    if not IDENTIFIER.fullmatch(schema) or schema.startswith("pg_") or schema == RESERVED:
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


def checked_answer(text: str, answer: str) -> bool:
    if answer not in ("yes", "no"):
        raise InvalidURL(text, f"has notify={answer!r}; give yes or no")
    return answer == "yes"
