"""What becomes of one piece of work, from its claim to its end?

Its handler is called, and what that returns or raises is sent as an event under the lease.  Only the lease's token
gives the right to: whoever comes late changes nothing, and is told so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal, TypeAlias

from leverframe.coordination.attending import Attending
from leverframe.coordination.back_off import BackOff
from leverframe.coordination.held import Held
from leverframe.coordination.retrying import Transient, retry_of
from leverframe.coordination.working_telling import Telling
from leverframe.errors import (
    Conflict,
    LeaseLost,
    LeaseNotEnded,
    LeverframeError,
    StoreError,
    StoreFailure,
    StoreFull,
    StoreTimeout,
    StoreUnreachable,
)

__all__ = ["PASSING", "TROUBLE", "Piece"]

PASSING = (Conflict, StoreFailure, StoreFull, StoreTimeout, StoreUnreachable)
"""What is wrong with a store now, and may not be later."""

AWAY = (StoreFull, StoreTimeout, StoreUnreachable)
"""What will not be so for ever; another failure is one for good when it has come so many TIMES."""

TIMES = 10

TROUBLE = BackOff(base=timedelta(milliseconds=50), cap=timedelta(seconds=5), jitter=0.25)
"""How long is waited before a store that failed is asked again."""

Function: TypeAlias = Callable[[Held[Any, Any]], Any]

End: TypeAlias = Literal["finished", "failed", "lost", "left"]


class Piece:
    """One lease, in a thread of its own.  `end` is what it came to, None while it is under way."""

    def __init__(
        self,
        store: Attending,
        held: Held[Any, Any],
        function: Function,
        telling: Telling,
        ended: Callable[[Piece], None],
    ) -> None:
        self.held = held
        self.end: End | None = None
        self._store = store
        self._function = function
        self._telling = telling
        self._ended = ended
        self._started = time.monotonic()
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"leverframe-work-{held.token}", daemon=True)

    def start(self) -> None:
        self._telling.claimed(self.held)
        self._thread.start()

    def give_up(self) -> None:
        """The worker has to go: hand the lease back, or leave it to run out; what the handler comes to is nothing."""
        self._given_up.set()
        try:
            self._hand_back()
        finally:
            self._store.stop_renewing(self.held)
            self.held.lose()

    def _hand_back(self) -> None:
        if self.held.lease.release is None:
            self._telling.left(self.held)
            return
        try:
            self.held.send(self.held.lease.release_event())
        except LeaseLost:
            return  # It was done at the last moment, or is somebody else's.
        except Exception as error:
            self._telling.unsettled(self.held, error)
        else:
            self._telling.released(self.held)

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        try:
            with self.held:
                self.end = self._work()
        except BaseException as error:
            self._telling.unsettled(self.held, error)
            self.end = "left"
        finally:
            self._ended(self)

    def _work(self) -> End:
        try:
            event = self._function(self.held)
            if event is not None or self._is_leased():
                self._settle(event)
        except BaseException as error:
            return self._lose() if self._is_over(error) else self._fail(error)
        self._telling.finished(self.held, self._seconds())
        return "finished"

    def _is_leased(self) -> bool:
        return not self.held.ended and isinstance(self.held.now, self.held.lease.leased)

    def _is_over(self, error: BaseException) -> bool:
        """Whether the lease is; a handler may have lost another one that it had."""
        held = self.held
        ours = isinstance(error, LeaseLost) and (error.key, error.worker) == (held.key, held.worker)
        return ours or held.lost.is_set()

    def _lose(self) -> End:
        self.held.lose()
        self._telling.lost(self.held, self._seconds())
        return "lost"

    def _fail(self, error: BaseException) -> End:
        """Tell the machine what was raised; where it cannot be told, its lease runs out."""
        if self._given_up.is_set():
            return "left"
        retry = retry_of(self.held.lease.machine)
        try:
            if retry is not None and not self.held.ended:
                self._send(retry.event_of(as_signal(error)))
        except BaseException as problem:
            if self._is_over(problem):
                return self._lose()
            self._telling.unsettled(self.held, problem)
        self._telling.failed(self.held, error, self._seconds())
        return "failed"

    # ------------------------------------------------------------ what is sent

    def _settle(self, event: Any) -> None:
        if event is None:
            machine = self.held.lease.machine
            raise LeaseNotEnded(machine.machine_name, self.held.key, machine.path(type(self.held.now)))
        self._send(event)

    def _send(self, event: Any) -> None:
        """Send it, again and again while the store is away and the lease may still be there."""
        version, failures, uncertain = self.held.version, 0, False
        while True:
            try:
                self.held.send(event)
                return
            except LeaseLost:
                if uncertain and self._store.was_sent(self.held, event, version):
                    return
                raise
            except PASSING as error:
                failures += 1
                if failures >= TIMES and not isinstance(error, AWAY):
                    raise
                uncertain = uncertain or getattr(error, "may_have_happened", False)
                self._wait(error, failures)

    def _wait(self, error: StoreError, failures: int) -> None:
        seconds = TROUBLE.delay(failures).total_seconds()
        self._telling.troubled("settle", error, seconds)
        if self._given_up.wait(seconds):
            raise error

    def _seconds(self) -> float:
        return time.monotonic() - self._started


def as_signal(error: BaseException) -> BaseException:
    """A store that went away is no fault of the work."""
    return Transient(str(error)) if isinstance(error, LeverframeError) and isinstance(error, AWAY) else error
