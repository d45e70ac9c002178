"""What does a worker claim, and which of its claims does it know of?

The answer to a claim may be lost while the claim is written.  Then the worker has a lease that it does not know of,
and that its process would keep from everybody else until it runs out: so it looks for what has its name.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from leverframe.coordination.back_off import BackOff
from leverframe.coordination.held import Held
from leverframe.coordination.processes import this_process
from leverframe.coordination.working_trouble import may_have_happened
from leverframe.errors import Key, NotFound

if TYPE_CHECKING:
    from leverframe.coordination.store import Store
    from leverframe.coordination.worker import Handler

__all__ = ["Claims"]

LOOKS = 7

UNTIL_NEXT_LOOK = BackOff(base=timedelta(seconds=0.5), cap=timedelta(minutes=1))
"""A server may come to what it was told a while after the connection has broken: it is looked for a minute."""


class Claims:
    """The claims of one worker."""

    def __init__(self, store: Store, worker: str, handlers: tuple[Handler[Any, Any], ...]) -> None:
        self._store = store
        self._worker = worker
        self._handlers = handlers
        self._closed = False
        self._lock = Lock()
        self._in_hand: set[Held[Any, Any]] = set()
        self._together = 0
        self._looks: int | None = None
        self._look_at = 0.0

    def close(self) -> None:
        """Claim nothing together with a move any more.  From anywhere, a signal's handler too."""
        self._closed = True

    # ------------------------------------------------------------ what is claimed

    def claim(self, handler: Handler[Any, Any], limit: int) -> Iterator[Held[Any, Any]]:
        """Claim at most `limit`, each given as soon as it is claimed."""
        if handler.claim is None:
            yield from self._claim(handler, limit, None)
            return
        # An event is for one claim.
        for _ in range(limit):
            given = self._claim(handler, 1, handler.claim_event())
            yield from given
            if not given:
                return

    def _claim(self, handler: Handler[Any, Any], limit: int, event: Any) -> list[Held[Any, Any]]:
        lease: Any = handler.lease  # a checker knows it as the machine's own
        try:
            given = self._store.claim_many(lease, worker=self._worker, limit=limit, event=event, process=this_process())
        except Exception as error:
            self._note(error)
            raise
        with self._lock:
            self._in_hand.update(given)
        return given

    def send_and_claim(self, held: Held[Any, Any], event: Any) -> tuple[bool, Held[Any, Any] | None]:
        """Send an event, and claim what is next with it; False if nothing is to be claimed so, and nothing was sent."""
        if not self._begin_together():
            return False, None
        following: Held[Any, Any] | None = None
        try:
            held.send_and_claim(event)
            following = held.next
        except Exception as error:
            self._note(error)
            raise
        finally:
            with self._lock:
                self._together -= 1
                if following is not None:
                    self._in_hand.add(following)
        return True, following

    def _begin_together(self) -> bool:
        if self._closed or not self._may_follow():
            return False
        with self._lock:
            # What is on its way cannot be told from what was lost.
            if self._looks is not None:
                return False
            self._together += 1
            return True

    def _may_follow(self) -> bool:
        """With one lease only: the others have to be looked at too, each when it is its turn."""
        [first, *others] = self._handlers
        return not others and first.claim is None

    def end(self, held: Held[Any, Any]) -> None:
        """Nobody works on it any more."""
        with self._lock:
            self._in_hand.discard(held)

    # ------------------------------------------------------------ what was claimed, and nobody was told

    def _note(self, error: BaseException) -> None:
        if may_have_happened(error):
            with self._lock:
                self._looks, self._look_at = 0, time.monotonic()

    def find_lost(self, handler: Handler[Any, Any], limit: int) -> Iterator[Held[Any, Any]]:
        """Take up at most `limit` of what this worker has without knowing."""
        lease: Any = handler.lease  # a checker knows it as the machine's own
        found = self._store.claimed_by(lease, self._worker, this_process())
        for each in found:
            if limit and not self._has(each.instance) and (held := self._take_up(lease, each.key)) is not None:
                limit -= 1
                yield held

    def _has(self, instance: int) -> bool:
        with self._lock:
            return any(held.instance == instance for held in self._in_hand)

    def _take_up(self, lease: Any, key: Key) -> Held[Any, Any] | None:
        try:
            held: Held[Any, Any] | None = self._store.resume(lease, key, worker=self._worker)
        except NotFound:
            return None
        if held is not None:
            held.process = this_process()
            with self._lock:
                self._in_hand.add(held)
        return held

    def may_be_lost(self) -> bool:
        """Whether to look now: an answer was lost not long ago, and nothing is on its way."""
        with self._lock:
            return self._looks is not None and not self._together and time.monotonic() >= self._look_at

    def note_look(self) -> None:
        """All that this worker has was looked at."""
        with self._lock:
            if self._looks is not None:
                self._looks += 1
                self._look_at = time.monotonic() + UNTIL_NEXT_LOOK.delay(self._looks).total_seconds()
                if self._looks == LOOKS:
                    self._looks = None
