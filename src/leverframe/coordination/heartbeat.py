"""Who renews what is held?  One thread of a store, that does nothing else: a busy worker keeps its lease.

All leases of a policy are renewed by one statement, when the first of them is due: however differently they began,
from then on they beat together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from leverframe.coordination.held import Held
from leverframe.errors import StoreError

__all__ = ["Heartbeat"]

Renew = Callable[[list[Held[Any, Any]]], set[int]]


RETRIES = 10
"""In one period, while the store cannot be asked."""


class Heartbeat:
    """The leases that a store keeps renewed.  The thread is there while there are any.

    `clock` only goes forward, in seconds.
    """

    def __init__(self, renew: Renew, clock: Callable[[], float] = time.monotonic) -> None:
        self._renew = renew
        self._clock = clock
        self._held: dict[int, _Beat] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def add(self, held: Held[Any, Any]) -> None:
        """Renew it from now on, its first time one period from now."""
        with self._changed:
            self._held[id(held)] = _Beat(held, self._clock())
            if self._thread is None:
                self._thread = self._start()
            self._changed.notify()

    def remove(self, held: Held[Any, Any]) -> None:
        """Renew it no longer."""
        with self._changed:
            self._held.pop(id(held), None)
            self._changed.notify()

    def stop(self) -> None:
        """Renew nothing any longer."""
        with self._changed:
            self._stopped = True
            self._held.clear()
            self._changed.notify()

    def renew_due(self) -> None:
        """Renew those that are due."""
        with self._changed:
            due = self._due()
        for beats in _by_policy(due):
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
        try:
            renewed = self._renew([beat.held for beat in asked]) if asked else set[int]()
        except StoreError:
            for beat in asked:
                if not beat.may_live_on(started, self._clock()) and beat.is_over(started):
                    self._lose(beat)
            return
        for beat in asked:
            if beat.held.instance in renewed:
                beat.succeed(started)
            elif beat.is_over(started):
                self._lose(beat)

    def _lose(self, beat: _Beat) -> None:
        self.remove(beat.held)
        beat.held.lose()


class _Beat:
    """When one lease is to be renewed next, by this machine's clock that only goes forward."""

    def __init__(self, held: Held[Any, Any], now: float) -> None:
        self.held = held
        assert held.lease.heartbeat is not None
        assert held.lease.ttl is not None
        self._period = held.lease.heartbeat.total_seconds()
        self._lasts = held.lease.ttl.total_seconds()
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


def _by_policy(beats: list[_Beat]) -> list[list[_Beat]]:
    groups: dict[int, list[_Beat]] = {}
    for beat in beats:
        groups.setdefault(id(beat.held.lease), []).append(beat)
    return list(groups.values())
