"""Times as integers: microseconds since 1970-01-01 UTC, exact in both directions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from leverframe.errors import InvalidTime
from leverframe.typed.table import to_utc

__all__ = ["EPOCH", "from_microseconds", "to_microseconds"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(time: datetime) -> int:
    """Raises `InvalidTime` for one without a zone, or out of range in UTC.

    >>> from datetime import UTC, datetime
    >>> to_microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    if type(time) is datetime and time.tzinfo is UTC:
        return (time - EPOCH) // _MICROSECOND
    if not isinstance(time, datetime):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise InvalidTime(time, "is no datetime; give an aware one, such as datetime.now(UTC)")
    return (to_utc(time) - EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The time, in UTC.

    >>> from_microseconds(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return EPOCH + timedelta(microseconds=microseconds)
