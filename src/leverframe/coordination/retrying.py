"""What becomes of an instance when the work on it fails?  The machine says, as an event of its own.

Whether it is tried again, and when, is in the state that this event leads to: nothing of it is kept by a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from leverframe.errors import InvalidValue
from leverframe.persistence.beside import Change, Sending
from leverframe.persistence.effects import Effect
from leverframe.typed.payload import Event
from leverframe.typed.policy import Policy, policy_of

__all__ = ["Permanent", "Retry", "Transient", "retry_of"]

NOTHING = timedelta()


class Transient(Exception):
    """Raise it in a handler for what has failed and is no fault of the work: a rate limit, an overload, the network.

    `retry_after` is what the other side has asked for, None if it has not.  Raises `InvalidValue` if that is no span
    of time, or less than nothing.

    >>> from datetime import timedelta
    >>> Transient("the model is overloaded", retry_after=timedelta(seconds=30)).retry_after.seconds
    30
    """

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        if retry_after is not None and (not isinstance(retry_after, timedelta) or retry_after < NOTHING):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise InvalidValue("Transient.retry_after", "be a timedelta of no less than nothing", retry_after)
        # Both, for a pickle makes it anew of its arguments.
        super().__init__(message, retry_after)
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message


class Permanent(Exception):
    """Raise it in a handler for what would fail each time that it is tried.

    >>> print(Permanent("the repository is gone"))
    the repository is gone
    """


class Retry(Policy):
    """Which event tells the machine that a handler has raised, made of what it raised.

    `fault` is for any exception, `transient` for `Transient`, `fault` without it, and `permanent` for `Permanent`: its
    move should lead to where nobody tries again.  That the event is tried again, how often, and how long that waits,
    is for the moves of these events to say: `BackOff` counts.

    >>> from leverframe.machines.run import ErrorCode, FailedWithError
    >>> def failed(error: BaseException) -> FailedWithError:
    ...     return FailedWithError(error_code=ErrorCode("E-1"), error_detail=str(error))
    >>> retry = Retry(fault=failed, permanent=failed)
    >>> retry.event_of(Permanent("no such branch")).error_detail
    'no such branch'
    """

    def __init__(
        self,
        *,
        fault: Callable[[BaseException], Event],
        permanent: Callable[[Permanent], Event],
        transient: Callable[[Transient], Event] | None = None,
    ) -> None:
        self.fault = fault
        self.permanent = permanent
        self.transient = transient

    def event_of(self, error: BaseException) -> Event:
        """The event that a handler's exception becomes."""
        if isinstance(error, Permanent):
            return self.permanent(error)
        if isinstance(error, Transient) and self.transient is not None:
            return self.transient(error)
        return self.fault(error)

    def check(self, sending: Sending) -> None:
        """Who may make these moves is for the lease to say."""

    def effects(self, change: Change) -> Sequence[Effect]:  # noqa: ARG002  # every policy is asked so
        """Nothing: what is tried again is ready as its state says."""
        return ()


def retry_of(machine: Any) -> Retry | None:
    """What a machine declares about failures; None if it does not."""
    return policy_of(machine, Retry)
