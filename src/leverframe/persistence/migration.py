"""A step by which a database comes to its tables."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Migration"]


@frozen
class Migration:
    """One step: its name, for ever the same, and its statements."""

    name: str
    statements: tuple[str, ...]
