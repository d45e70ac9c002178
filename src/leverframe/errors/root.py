"""What every error of leverframe is."""

from __future__ import annotations

__all__ = ["Key", "LeverframeError"]

Key = str | tuple[str, ...]


class LeverframeError(Exception):
    """The root of the tree."""
