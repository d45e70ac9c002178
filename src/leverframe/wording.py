"""How names and values are put into messages: suggestions for a misspelling, values cut to a readable length."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["did_you_mean", "join_names", "show_value", "without_secrets"]

LONGEST_VALUE = 80

NEAR = 0.75
"""How much of two names must agree: four letters may have two changed places, and Coding is not Working."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A tail for a message about an unknown name: the nearest known one, else all of them.

    >>> did_you_mean("Mergee", ["Merge", "Done"])
    "; did you mean 'Merge'?"
    >>> did_you_mean("Zebra", ["Merge", "Done"])
    '; known: Done, Merge'
    """
    names = sorted(set(known))
    alike = {_folded(each): each for each in names}
    near = difflib.get_close_matches(_folded(name), alike, 1, NEAR)
    return f"; did you mean {alike[near[0]]!r}?" if near else f"; known: {join_names(names)}"


def _folded(name: str) -> str:
    """What a name has in common with its other spellings: letters of the other case, `stories` for `story`."""
    return re.sub("ies$", "y", name.casefold())


def join_names(names: Iterable[str]) -> str:
    """The names with commas between, or "nothing"."""
    return ", ".join(names) or "nothing"


def show_value(value: object) -> str:
    """The value's `repr`, cut so that a large one cannot flood a message.

    >>> show_value("x" * 100)[-24:]
    'xxxx... (102 characters)'
    """
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}... ({len(text)} characters)"


def without_secrets(url: str) -> str:
    """A URL with nothing in it that could be a password: no user, no options.

    >>> without_secrets("postgresql://me:secret@host/stories?password=secret")
    'postgresql://host/stories'
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return scheme.rpartition("@")[2].partition("?")[0]
    return f"{scheme}{separator}{rest.rpartition('@')[2].partition('?')[0]}"
