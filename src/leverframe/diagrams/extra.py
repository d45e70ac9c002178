"""The libraries that drawing needs, and that need not be there."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from leverframe.errors import MissingExtra

__all__ = ["extra"]


def extra(name: str, format: str) -> Any:
    """The module of this name, for a format.  Raises `MissingExtra`."""
    try:
        return import_module(name)
    except ImportError as error:
        problem = f"needs what is not installed ({error}); run: pip install 'leverframe[svg]'"
        raise MissingExtra(f"the format {format}", problem) from error
