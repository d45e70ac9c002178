"""What that goes wrong with a store may be otherwise a moment later, and how long is that waited for?"""

from __future__ import annotations

from datetime import timedelta

from leverframe.coordination.back_off import BackOff
from leverframe.errors import (
    Conflict,
    LeverframeError,
    StoreFailure,
    StoreFull,
    StoreTimeout,
    StoreUnreachable,
)

__all__ = ["PASSING", "is_away", "may_have_happened", "pause", "will_pass"]

AWAY = (StoreFull, StoreTimeout, StoreUnreachable)
"""What will not be so for ever."""

PASSING = (*AWAY, Conflict, StoreFailure)
"""What may not be so the next time; what is not AWAY is there for good when it has come so many TIMES in a row."""

TIMES = 10

TROUBLE = BackOff(base=timedelta(milliseconds=50), cap=timedelta(seconds=5), jitter=0.25)


def will_pass(error: BaseException, failures: int) -> bool:
    """Whether to ask again, after so many failures in a row, this one counted."""
    return isinstance(error, AWAY) or (isinstance(error, PASSING) and failures < TIMES)


def is_away(error: BaseException) -> bool:
    """Whether a store is away, which is no fault of those who ask it."""
    return isinstance(error, LeverframeError) and isinstance(error, AWAY)


def may_have_happened(error: BaseException) -> bool:
    """Whether what was to be written may be there, though nobody was told."""
    return bool(getattr(error, "may_have_happened", False))


def pause(failures: int) -> float:
    """Seconds until a store is asked again that has failed so many times in a row."""
    return TROUBLE.delay(failures).total_seconds()
