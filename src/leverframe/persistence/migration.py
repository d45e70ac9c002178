"""A step by which a database comes to its tables."""

from __future__ import annotations

from attrs import frozen

__all__ = ["COPYING", "UNFINISHED", "Migration"]


@frozen
class Migration:
    """One step: its name, for ever the same, and its statements."""

    name: str
    statements: tuple[str, ...]


# The mark of an unfinished copy is a step that nobody knows who opens a store: to refuse one costs no statement more,
# and programs of other versions refuse it too.
COPYING = Migration("copying", ("CREATE TABLE copying (source TEXT NOT NULL)",))
"""What makes a database the unfinished copy of another one."""

UNFINISHED = "is the unfinished copy of another database; run `leverframe copy` again with the same two URLs"
