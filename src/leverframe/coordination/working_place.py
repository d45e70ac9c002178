"""Where is a piece of work done?  In a place: a thread that does one after the other, for as long as it gets any."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import Context
from typing import Any

from leverframe.coordination.held import Held
from leverframe.coordination.working_piece import Piece, Work

__all__ = ["Place"]


class Place:
    """One of a worker's places.  `finished` is how many pieces have come to their end in it."""

    def __init__(self, work: Work, held: Held[Any, Any], ended: Callable[[Place], None]) -> None:
        self.finished = 0
        self._work = work
        self._ended = ended
        self._piece = Piece(work, held, self._send_and_claim)
        self._given_up = self._over = False
        # Held while what is next is claimed: whoever gives the place up finds the lease that it has then.
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="leverframe-work", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def give_up(self) -> bool:
        """The worker has to go, and claims nothing more: give up what is under way; False if nothing was."""
        with self._lock:
            if self._over:
                return False
            self._given_up = True
        self._piece.give_up()
        return True

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        try:
            while self._do(self._piece):
                pass
        finally:
            self._ended(self)

    def _do(self, piece: Piece) -> bool:
        """Do it; whether there is another one."""
        # Of its own: what a handler says of its work in a context variable is not true of the next.
        Context().run(piece.handle)
        with self._lock:
            if self._given_up:
                return False
            self.finished += 1
            self._over = self._piece is piece
            return not self._over

    def _send_and_claim(self, held: Held[Any, Any], event: Any) -> bool:
        with self._lock:
            sent, following = self._work.claims.send_and_claim(held, event)
            if following is not None:
                self._piece = Piece(self._work, following, self._send_and_claim)
            return sent
