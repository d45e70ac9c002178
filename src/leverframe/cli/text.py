"""How are values written for people, so that each takes one line and none can drive the terminal?"""

from __future__ import annotations

import json
import shlex

from leverframe.errors import Key

__all__ = ["shorten", "show_key", "show_number", "single_line"]


def single_line(text: str) -> str:
    r"""The text with everything that is no printable character as an escape, line ends too.

    >>> single_line("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\n'
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def show_key(key: Key) -> str:
    """A key as it would be typed behind `leverframe show pipeline`.

    >>> show_key("pr-9"), show_key(("story 7", "node-1"))
    ('pr-9', "'story 7' node-1")
    """
    parts = (key,) if isinstance(key, str) else key
    if len(parts) == 1 and not isinstance(key, str):
        return json.dumps(list(parts))
    return single_line(" ".join(part if is_plain(part) else shlex.quote(part) for part in parts))


def is_plain(part: str) -> bool:
    """Whether a shell takes the text as one word though `shlex` would quote it: letters beyond ASCII, and # inside."""
    return all(each.isalnum() or each in "_-.:/@%+=,#" for each in part) and not part.startswith("#")


def show_number(number: float) -> str:
    """A whole number with its thousands apart.

    >>> show_number(2497.3)
    '2,497'
    """
    return f"{number:,.0f}"


def shorten(text: str, length: int) -> str:
    """The text, cut to a length.

    >>> shorten("feature_branch", 8)
    'feature…'
    """
    return text if len(text) <= length else f"{text[: length - 1]}…"
