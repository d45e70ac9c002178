"""How long is waited before something is tried again?"""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from attrs import field, frozen

from leverframe.errors import InvalidValue

__all__ = ["BackOff"]

NOTHING = timedelta()


def check_some_time(owner: object, attribute: Any, value: timedelta) -> None:
    if not isinstance(value, timedelta) or value <= NOTHING:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise InvalidValue(f"{type(owner).__name__}.{attribute.name}", "be a timedelta of more than nothing", value)


def check_factor(_owner: object, _attribute: Any, value: int) -> None:
    if type(value) is not int or value < 1:
        raise InvalidValue("BackOff.factor", "be an integer of at least 1", value)


def check_share(_owner: object, _attribute: Any, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise InvalidValue("BackOff.jitter", "be a share from 0 to 1", value)


@frozen(kw_only=True)
class BackOff:
    """How long to wait after a failure: each time `factor` times as long as the last time, up to `cap`.

    After `failures` failures, the last one counted, it is min(cap, base * factor^failures).  `jitter` is the share of
    that by which it may be shorter, at random, lest all who failed together come back together.

    >>> from datetime import timedelta
    >>> back_off = BackOff(base=timedelta(seconds=10), cap=timedelta(minutes=10))
    >>> [back_off.delay(failures).seconds for failures in range(1, 8)]
    [20, 40, 80, 160, 320, 600, 600]
    """

    base: timedelta = field(default=timedelta(seconds=10), validator=check_some_time)
    cap: timedelta = field(default=timedelta(seconds=600), validator=check_some_time)
    factor: int = field(default=2, validator=check_factor)
    jitter: float = field(default=0.0, validator=check_share)

    def delay(self, failures: int, retry_after: timedelta | None = None, random: Random | None = None) -> timedelta:
        """How long to wait after so many failures, this one counted.

        `retry_after`, what the other side has asked for, is the least; it is cut at the cap.  With a `jitter`, `random`
        says how much of it: hand in a seeded one for the same delays each time.

        >>> from datetime import timedelta
        >>> BackOff().delay(1, retry_after=timedelta(seconds=45)).seconds
        45
        """
        least = NOTHING if retry_after is None else min(self.cap, retry_after)
        return max(self._shortened(self._full(failures), random), least)

    def _full(self, failures: int) -> timedelta:
        delay = self.base
        # No further than the cap: base * factor^failures may be more than a timedelta holds.
        for _ in range(max(failures, 0)):
            if delay >= self.cap or self.factor == 1:
                break
            delay = min(self.cap, delay * self.factor) if delay <= self.cap / self.factor else self.cap
        return min(self.cap, delay)

    def _shortened(self, delay: timedelta, random: Random | None) -> timedelta:
        if not self.jitter:
            return delay
        return delay * (1 - self.jitter * (random or Random()).random())
