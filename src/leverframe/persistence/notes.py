"""Who made a move, and why, in somebody's own words: kept beside the journal's line where somebody has said so."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from leverframe.errors import InvalidQuery
from leverframe.persistence.arguments import check_text
from leverframe.persistence.effects import Moved, Note
from leverframe.wording import show_value

__all__ = ["ADD_NOTE", "check_note", "make_note", "note_values"]

ADD_NOTE = "INSERT INTO note (instance, version, tenant, by, why) VALUES (?, ?, ?, ?, ?)"

LONGEST_NAME = 200
"""Bytes."""

LONGEST_REASON = 4_000
"""Bytes; what is longer belongs into a ticket that the reason names."""

LINE_ENDS = "\n\t"
"""The control characters that a reason may have."""


def make_note(by: str | None, why: str | None) -> Note | None:
    """What is to be kept of who and why; None where neither is said.  Raises `InvalidQuery`."""
    if by is None and why is None:
        return None
    return Note("" if by is None else check_name(by), "" if why is None else check_reason(why))


def check_note(by: object, why: object) -> Note:
    """The same where both have to be said."""
    return Note(check_name(by), check_reason(why))


def check_name(by: object) -> str:
    return check_shape("by", check_text("by", by), LONGEST_NAME, allowed="")


def check_reason(why: object) -> str:
    return check_shape("why", check_text("why", why), LONGEST_REASON, allowed=LINE_ENDS)


def check_shape(name: str, text: str, longest: int, *, allowed: str) -> str:
    """The text.  Raises `InvalidQuery` for one that is blank, too long, or could drive a terminal."""
    if not text.strip():
        raise InvalidQuery("", f"{name} {show_value(text)} is blank; say it in words")
    if len(text.encode()) > longest:
        raise InvalidQuery("", f"{name} {show_value(text)} is longer than {longest:,} bytes; shorten it")
    wrong = next((each for each in text if unicodedata.category(each) == "Cc" and each not in allowed), None)
    if wrong is not None:
        raise InvalidQuery("", f"{name} {show_value(text)} has the control character {wrong!r} in it; leave it out")
    return text


def note_values(note: Note, tenant: str, moved: Moved) -> Sequence[object]:
    """The parameters of `ADD_NOTE`."""
    return (moved.instance, moved.version, tenant, note.by, note.why)
