"""How much is tried: all of it, or with LEVERFRAME_PROOF=short a little, to see on the way that nothing is broken."""

from __future__ import annotations

import os
from typing import TypeVar

__all__ = ["full_or_short"]

T = TypeVar("T")

SIZE = os.environ.get("LEVERFRAME_PROOF", "full")


def full_or_short(full: T, short: T) -> T:
    assert SIZE in ("full", "short"), f"LEVERFRAME_PROOF is {SIZE!r}; set it to full or short"
    return full if SIZE == "full" else short
