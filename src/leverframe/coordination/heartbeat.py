"""Who renews what is held?  One thread of a store, that does nothing else: a busy worker keeps its lease.

All leases of a policy are renewed by one statement, when the first of them is due: however differently they began,
from then on they beat together.  One that lasts without being renewed is looked at instead.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from leverframe.coordination.held import Held, lose
from leverframe.coordination.working_telling import facts_of, find_log

__all__ = ["Heartbeat", "Renewal", "Renewer"]

NAME = "leverframe.heartbeat"

RETRIES = 10
"""In one period, while the store cannot be asked."""


@frozen
class Renewal:
    """What became of leases, by their instances: those `renewed`, and those `standing`; any other is over.

    What is standing was not renewed, for somebody writes beside it at this moment; it is its owner's still.
    """

    renewed: set[int] = field(factory=set[int])
    standing: set[int] = field(factory=set[int])


class Renewer(Protocol):
    """What renews the leases of one tenant."""

    @property
    def tenant(self) -> str: ...

    def renew_all(self, held: Sequence[Held[Any, Any]]) -> Renewal:
        """Renew leases of one policy, and wait for nobody."""
        ...


class Heartbeat:
    """The leases that a store keeps renewed.  The thread is there while there are any.

    `clock` only goes forward, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[int, _Beat] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def add(self, held: Held[Any, Any], renewer: Renewer) -> None:
        """Renew it from now on, its first time one period from now."""
        with self._changed:
            if not self._stopped:
                self._held[id(held)] = _Beat(held, renewer, self._clock())
                if self._thread is None:
                    self._thread = self._start()
                self._changed.notify()
                return
        lose(held)

    def remove(self, held: Held[Any, Any]) -> None:
        """Renew it no longer."""
        with self._changed:
            self._held.pop(id(held), None)
            self._changed.notify()

    def stop(self) -> None:
        """Renew nothing any longer: nobody knows from here on what becomes of what is held."""
        with self._changed:
            self._stopped = True
            beats = list(self._held.values())
            self._held.clear()
            self._changed.notify()
        for beat in beats:
            lose(beat.held)

    def renew_due(self) -> None:
        """Renew those that are due."""
        with self._changed:
            due = self._due()
        for beats in _together(due):
            self._renew_all(beats)

    def _start(self) -> threading.Thread | None:
        thread = threading.Thread(target=self._run, name="leverframe-heartbeat", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while self._wait():
            self.renew_due()

    def _wait(self) -> bool:
        """Wait until some are due; False when there is nothing left to renew."""
        with self._changed:
            while self._held and not self._stopped:
                if self._due():
                    return True
                self._changed.wait(min(beat.next_at for beat in self._held.values()) - self._clock())
            self._thread = None
            return False

    def _due(self) -> list[_Beat]:
        """The leases of every policy of which one is due."""
        now = self._clock()
        due = {id(beat.held.lease) for beat in self._held.values() if beat.next_at <= now}
        return [beat for beat in self._held.values() if id(beat.held.lease) in due] if due else []

    def _renew_all(self, beats: list[_Beat]) -> None:
        started = self._clock()
        asked = [beat for beat in beats if beat.begin(started)]
        if not asked:
            return
        try:
            renewal = asked[0].renewer.renew_all([beat.held for beat in asked])
        except Exception as error:
            # Whatever it is: a thread that ended here would renew nothing any more, and tell nobody.
            tell_failure(asked, error)
            over = [beat for beat in asked if not beat.may_live_on(started, self._clock()) and beat.is_over(started)]
        else:
            over = [beat for beat in asked if not beat.goes_on(renewal, started)]
        for beat in over:
            self._lose(beat)

    def _lose(self, beat: _Beat) -> None:
        self.remove(beat.held)
        lose(beat.held)


class _Beat:
    """When one lease is to be renewed next, by this machine's clock that only goes forward."""

    def __init__(self, held: Held[Any, Any], renewer: Renewer, now: float) -> None:
        self.held = held
        self.renewer = renewer
        lease = held.lease
        self._period = lease.heartbeat.total_seconds()
        self._lasts = math.inf if lease.ttl is None else lease.ttl.total_seconds()
        self.next_at = now + self._period
        self._ends_at = now + self._lasts
        self._token = held.token

    def begin(self, started: float) -> bool:
        """Whether there is something to renew; no lease runs in a pause, and whoever had it has it still."""
        if self._token != self.held.token:
            # A pause has come to its end since: this is another lease.
            self._token, self._ends_at = self.held.token, started + self._lasts
        if self.held.runs:
            return True
        self.succeed(started)
        return False

    def goes_on(self, renewal: Renewal, started: float) -> bool:
        """Whether the lease is not over, as far as was told."""
        if self.held.instance in renewal.renewed:
            self.succeed(started)
            return True
        return not self.is_over(started) or self.held.instance in renewal.standing

    def succeed(self, started: float) -> None:
        self.next_at = started + self._period
        self._ends_at = started + self._lasts

    def may_live_on(self, started: float, now: float) -> bool:
        """The store could not be asked: soon again, until the lease must have run out."""
        self.next_at = min(started + self._period, now + self._period / RETRIES)
        return now < self._ends_at

    def is_over(self, started: float) -> bool:
        """Whether a lease that was not renewed is over: a pause may have begun, or ended, meanwhile."""
        self.next_at = started + self._period / RETRIES
        held = self.held
        return held.runs and held.token == self._token and not held.sending


def _together(beats: list[_Beat]) -> list[list[_Beat]]:
    """Those that one statement can renew: of one policy, and one tenant."""
    groups: dict[tuple[int, str], list[_Beat]] = {}
    for beat in beats:
        groups.setdefault((id(beat.held.lease), beat.renewer.tenant), []).append(beat)
    return list(groups.values())


def tell_failure(beats: list[_Beat], error: Exception) -> None:
    lease = beats[0].held.lease
    facts: dict[str, object] = {"machine": lease.machine.machine_name, "lease": lease.name, "number": len(beats)}
    # Looked for with each: a program may set up its logs behind its store.
    find_log(NAME)(logging.WARNING, "not_renewed", facts | facts_of(error))
