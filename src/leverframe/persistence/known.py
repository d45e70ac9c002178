"""A move from a state that the caller knows, because nobody else may have changed it: nothing is read first.

It is written only if the instance is at the version that the caller knows; whatever else might be wrong is decided anew
on what is stored.
"""

from __future__ import annotations

from typing import Any

from attrs import define

from leverframe.errors import LeverframeError
from leverframe.persistence.backend import Backend
from leverframe.persistence.beside import Sending
from leverframe.persistence.binding import Binding
from leverframe.persistence.records import Receipt
from leverframe.persistence.rows import Move, Snapshot
from leverframe.persistence.sending import Request
from leverframe.typed.table import decide

__all__ = ["Decided", "Known", "decide_known", "tell_time"]


@define
class Known:
    """An instance as its owner left it."""

    instance: int
    key: str
    version: int
    state: Any


@define
class Decided:
    """A move that is to be written, and what it leads to."""

    move: Move
    left: type[Any]
    entered: type[Any]
    after: Any

    def receipt(self, seq: int) -> Receipt[Any]:
        """What is answered once it is written."""
        version = self.move.seen + 1
        return Receipt(True, False, self.left, self.entered, version, seq, self.after)


def tell_time(backend: Backend, request: Request[Any]) -> bool:
    """Set the request's time, where it is the database's; False if that has to be asked for."""
    if request.asks_clock:
        now = backend.recent_now()
        if now is None:
            return False
        request.set_clock(now)
    return True


def decide_known(binding: Binding[Any, Any], request: Request[Any], known: Known) -> Decided | None:
    """The move of an event; None if none follows from what is known, which somebody may have changed in place."""
    row = Snapshot(known.instance, known.key, binding.paths[type(known.state)], "", known.version, 0, 0)
    fenced = request.lease is not None and request.lease.runs
    try:
        decision = decide(binding.machine, known.state, request.event, request.now)
        for policy in binding.policies:
            policy.check(Sending(known.key, known.state, request.event, decision.edge, fenced))
        move = binding.move(row, known.state, request.event, decision, request.at, request.recorded_at, None)
    except LeverframeError:
        return None
    before: object = known.state
    after: object = decision.state
    return Decided(move, type(before), type(after), after)
