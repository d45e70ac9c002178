"""What becomes of a message that was handed out?  It is kept for longer, acknowledged, comes again, or is set aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from leverframe.coordination.back_off import BackOff
from leverframe.errors import InvalidQuery, LeaseLost, StoreFailure
from leverframe.persistence.backend import Backend
from leverframe.persistence.consumers import Failure
from leverframe.persistence.instants import from_microseconds
from leverframe.persistence.records import StoredMessage
from leverframe.wording import show_value

__all__ = ["MICROSECOND", "Settling", "check_lease"]

INSIDE = "what others see only later keeps nobody from a message; extend() it outside of the transaction"

MICROSECOND = timedelta(microseconds=1)

NOTHING = timedelta()

LONGEST_LEASE = timedelta(days=366)

LONGEST_DELAY = 2**61
"""Microseconds: what comes of it and of the time is a number that a database holds."""


@frozen
class Settling:
    """How the worker of a consumer settles what it was given.

    `now` is the store's clock in microseconds, which says None where the database has one of its own.
    """

    backend: Backend
    now: Callable[[], int | None]
    consumer: str
    worker: str
    attempts: int
    retry: BackOff
    lease: timedelta

    def extend(self, message: StoredMessage, token: int, lease: timedelta | None) -> datetime:
        """Until when.  Raises `LeaseLost`, `InvalidQuery`, `StoreFailure`."""
        lasts = check_lease(self.lease if lease is None else lease) // MICROSECOND
        if self.backend.is_joined():
            raise StoreFailure(self.backend.location, INSIDE)
        until = self.backend.commit(
            lambda writer: writer.extend(self.consumer, message.position, token, self.now(), lasts)
        )
        if until is None:
            raise self._lost(message, token)
        return from_microseconds(until)

    def acknowledge(self, message: StoredMessage, token: int) -> None:
        """Raises `LeaseLost`."""
        if not self.backend.commit(lambda writer: writer.acknowledge(self.consumer, message.position, token)):
            raise self._lost(message, token)

    def fail(
        self, message: StoredMessage, token: int, attempt: int, error: object, retry_after: timedelta | None
    ) -> None:
        """Raises `LeaseLost`, `InvalidQuery`."""
        delay = self.retry.delay(attempt, check_retry_after(retry_after)) // MICROSECOND
        failure = Failure(tell(error), min(delay, LONGEST_DELAY), sets_aside=attempt >= self.attempts)
        if not self.backend.commit(
            lambda writer: writer.fail(self.consumer, message.position, token, self.now(), failure)
        ):
            raise self._lost(message, token)

    def _lost(self, message: StoredMessage, token: int) -> LeaseLost:
        return LeaseLost(message.machine, message.key, token, self.worker)


def tell(error: object) -> str:
    """Why something failed, as text that any database holds: nobody is refused for how an error words itself."""
    text = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def check_lease(lease: object) -> timedelta:
    """Raises `InvalidQuery`."""
    if not isinstance(lease, timedelta) or not NOTHING < lease <= LONGEST_LEASE:
        problem = f"lease={show_value(lease)} is no span of more than nothing and at most {LONGEST_LEASE.days} days"
        raise InvalidQuery("", f"{problem}; give a timedelta")
    return lease


def check_retry_after(retry_after: object) -> timedelta | None:
    if retry_after is not None and (not isinstance(retry_after, timedelta) or retry_after < NOTHING):
        raise InvalidQuery("", f"retry_after={show_value(retry_after)} is no span of time; give a timedelta")
    return retry_after
