"""What becomes of one piece of work, from its claim to its end?

Its handler is called, and what that returns or raises is sent as an event under the lease.  Only the lease's token
gives the right to: whoever comes late changes nothing, and is told so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from leverframe.coordination.held import Held, lose
from leverframe.coordination.retrying import Transient, retry_of
from leverframe.coordination.working_claims import Claims
from leverframe.coordination.working_telling import Telling
from leverframe.coordination.working_trouble import PASSING, is_away, may_have_happened, pause, will_pass
from leverframe.errors import LeaseLost, LeaseNotEnded, StoreError

if TYPE_CHECKING:
    from leverframe.coordination.attending import Attending

__all__ = ["Piece", "Work"]

Function: TypeAlias = Callable[[Held[Any, Any]], Any]

Send: TypeAlias = Callable[[Any], object]


@frozen(eq=False)
class Work:
    """What the pieces of one handler have in common."""

    store: Attending
    function: Function
    claims: Claims
    telling: Telling


class Piece:
    """One lease.

    `send_and_claim` sends an event under it and claims what is next; False if it has sent nothing, for nothing more is
    wanted.
    """

    def __init__(self, work: Work, held: Held[Any, Any], send_and_claim: Callable[[Held[Any, Any], Any], bool]) -> None:
        self.held = held
        self._work = work
        self._telling = work.telling
        self._send_and_claim = send_and_claim
        self._started = time.monotonic()
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """The worker has to go: hand the lease back, or leave it to run out; what the handler comes to is nothing."""
        self._given_up.set()
        try:
            self._hand_back()
        finally:
            self.held.keeper.leave(self.held)
            lose(self.held)

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

    # ------------------------------------------------------------ in a place's thread

    def handle(self) -> None:
        """Work on it until it is done, whatever that comes to."""
        self._started = time.monotonic()
        self._telling.claimed(self.held)
        try:
            with self.held:
                self._call()
        except BaseException as error:
            self._telling.unsettled(self.held, error)
        finally:
            self._work.claims.end(self.held)

    def _call(self) -> None:
        try:
            self._settle(self._work.function(self.held))
        except BaseException as error:
            if self._is_over(error):
                self._lose()
            else:
                self._fail(error)
        else:
            self._telling.finished(self.held, self._seconds())

    def _is_over(self, error: BaseException) -> bool:
        """Whether the lease is; a handler may have lost another one that it had."""
        held = self.held
        ours = isinstance(error, LeaseLost) and (error.key, error.worker) == (held.key, held.worker)
        return ours or held.lost.is_set()

    def _lose(self) -> None:
        lose(self.held)
        self._telling.lost(self.held, self._seconds())

    def _fail(self, error: BaseException) -> None:
        """Tell the machine what was raised; where it cannot be told, its lease runs out."""
        if self._given_up.is_set():
            return
        retry = retry_of(self.held.lease.machine)
        try:
            if retry is not None and not self.held.ended:
                self._send(retry.event_of(as_signal(error)), self.held.send)
        except BaseException as problem:
            if self._is_over(problem):
                self._lose()
                return
            self._telling.unsettled(self.held, problem)
        self._telling.failed(self.held, error, self._seconds())

    # ------------------------------------------------------------ what is sent

    def _settle(self, event: Any) -> None:
        """Send what the handler has returned; raises `LeaseNotEnded` if it is not done with the lease then."""
        if event is not None:
            self._send(event, self._send_last)
        if not self.held.ended and self.held.runs:
            machine = self.held.lease.machine
            raise LeaseNotEnded(machine.machine_name, self.held.key, machine.path(type(self.held.now)))

    def _send_last(self, event: Any) -> None:
        """Send it, and claim what is next where that is wanted."""
        try:
            sent = self._send_and_claim(self.held, event)
        except (LeaseLost, *PASSING):
            raise
        except Exception:
            # Which of the two it was, sending says: of a claim that fails, the worker is told when it claims.
            sent = False
        if not sent:
            self.held.send(event)

    def _send(self, event: Any, send: Send) -> None:
        """Send it, again and again while the store is away and the lease may still be there."""
        version, failures, uncertain = self.held.version, 0, False
        while True:
            try:
                send(event)
                return
            except LeaseLost:
                if uncertain and self._work.store.was_sent(self.held, event, version):
                    self.held.ended = True
                    return
                raise
            except PASSING as error:
                failures += 1
                if not will_pass(error, failures):
                    raise
                uncertain = uncertain or may_have_happened(error)
                self._wait(error, failures)
                send = self.held.send

    def _wait(self, error: StoreError, failures: int) -> None:
        seconds = pause(failures)
        self._telling.troubled("settle", error, seconds)
        if self._given_up.wait(seconds):
            raise error

    def _seconds(self) -> float:
        return time.monotonic() - self._started


def as_signal(error: BaseException) -> BaseException:
    """A store that went away is no fault of the work."""
    return Transient(str(error)) if is_away(error) else error
