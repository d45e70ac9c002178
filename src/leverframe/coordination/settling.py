"""What becomes of a message that was handed out?  It is acknowledged, comes again, or is set aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from leverframe.coordination.back_off import BackOff
from leverframe.errors import InvalidQuery, LeaseLost
from leverframe.persistence.backend import Backend
from leverframe.persistence.instants import to_microseconds
from leverframe.persistence.records import StoredMessage
from leverframe.wording import show_value

__all__ = ["Settling"]

MICROSECOND = timedelta(microseconds=1)

NOTHING = timedelta()

LATEST = 2**62
"""Microseconds."""


@frozen
class Settling:
    """How the worker of a consumer settles what it was given.  `now` is the store's clock."""

    backend: Backend
    now: Callable[[], datetime]
    consumer: str
    worker: str
    attempts: int
    retry: BackOff

    def acknowledge(self, message: StoredMessage, token: int) -> None:
        """Raises `LeaseLost`."""
        if not self.backend.commit(lambda writer: writer.acknowledge(self.consumer, message.position, token)):
            raise self._lost(message, token)

    def fail(
        self, message: StoredMessage, token: int, attempt: int, error: object, retry_after: timedelta | None
    ) -> None:
        """Raises `LeaseLost`, `InvalidQuery`."""
        delay = self.retry.delay(attempt, check_retry_after(retry_after))
        now = to_microseconds(self.now())
        due_at = min(now + delay // MICROSECOND, LATEST)
        set_aside_at = now if attempt >= self.attempts else None
        if not self.backend.commit(
            lambda writer: writer.fail(self.consumer, message.position, token, due_at, set_aside_at, tell(error))
        ):
            raise self._lost(message, token)

    def _lost(self, message: StoredMessage, token: int) -> LeaseLost:
        return LeaseLost(message.machine, message.key, token, self.worker)


def tell(error: object) -> str:
    """Why something failed, as text that any database holds: nobody is refused for how an error words itself."""
    text = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def check_retry_after(retry_after: object) -> timedelta | None:
    if retry_after is not None and (not isinstance(retry_after, timedelta) or retry_after < NOTHING):
        raise InvalidQuery("", f"retry_after={show_value(retry_after)} is no span of time; give a timedelta")
    return retry_after
