"""What does a worker do all day?  It claims when it has a place, waits when nothing is ready, stops when it is told.

Nothing that has to last is kept here: what is under way are leases, and what is tried again is a state, in the store.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import frozen

from leverframe.coordination.back_off import BackOff
from leverframe.coordination.held import Held
from leverframe.coordination.working_children import Children
from leverframe.coordination.working_claims import Claims
from leverframe.coordination.working_piece import Work
from leverframe.coordination.working_place import Place
from leverframe.coordination.working_signals import Bell, listening, stopped_by_signals
from leverframe.coordination.working_telling import Telling
from leverframe.coordination.working_trouble import pause, will_pass
from leverframe.coordination.working_upkeep import Upkeep

if TYPE_CHECKING:
    from leverframe.coordination.worker import Handler, Worker

__all__ = ["Terms", "WorkerEnded", "Working"]


@frozen
class WorkerEnded:
    """How a worker ended: how many handlers it has seen to their end, and how many were under way still.

    `forced` says that a second signal, or a second `stop()`, has come while it waited.

    >>> from leverframe import Handler, Worker, open_store
    >>> from leverframe.machines.run import *
    >>> with open_store("sqlite://") as store:
    ...     Worker(store, [Handler(Run.lease, lambda held: Succeeded())]).run(once=True)
    WorkerEnded(finished=0, left=0, forced=False)
    """

    finished: int
    left: int
    forced: bool


@frozen
class Terms:
    """What a worker goes by."""

    grace: timedelta
    poll: BackOff
    reap_every: timedelta
    wake_every: timedelta


class Working:
    """One `run` of a worker."""

    def __init__(self, worker: Worker, *, once: bool) -> None:
        self._worker = worker
        self._store = worker.store
        self._terms = worker.terms
        self._once = once
        self._telling = Telling(worker.name, worker.hooks)
        self._handlers = deque(worker.handlers)
        leases = [each.lease for each in worker.handlers]
        self._upkeep = Upkeep(self._store, leases, self._terms.reap_every, self._terms.wake_every, self._telling)
        self._children = Children() if worker.processes else None
        self._claims = Claims(self._store, worker.name, worker.handlers)
        self._bell = Bell()
        self._places: set[Place] = set()
        self._ended: deque[Place] = deque()
        self._finished = 0
        self._left = 0
        self._stops = 0
        self._changed = False

    def stop(self) -> None:
        """Claim nothing more; the second time, wait for nothing either.  From anywhere."""
        self._stops += 1
        self._claims.close()
        self._bell.ring()

    def run(self) -> WorkerEnded:
        self._telling.started(self._worker.concurrency)
        with stopped_by_signals(self.stop), listening(self._store, self._note_change):
            try:
                self._work()
            except Exception as error:
                self._telling.broken_off(error)
                raise
            finally:
                self._finish()
                if self._children is not None:
                    self._children.close()
        ended = WorkerEnded(self._finished, self._left, self._stops > 1)
        self._telling.stopped(ended.finished, ended.left)
        return ended

    # ------------------------------------------------------------ while it works

    def _work(self) -> None:
        looks, failures = 0, 0
        while not self._stops:
            try:
                self._upkeep.do()
                self._take_up_lost()
                # What ends from here on may have made something ready.
                alone = self._free() == self._worker.concurrency
                claimed = self._claim(looked=looks > 0)
            except Exception as error:
                failures += 1
                if not will_pass(error, failures):
                    raise
                self._wait_in_trouble(error, failures)
                continue
            failures = self._recover(failures)
            looks = 0 if claimed else 1 if self._take_note() else looks + 1
            if self._once and alone and not claimed:
                return
            if not claimed or not self._free():
                self._wait(looks)

    def _claim(self, *, looked: bool) -> int:
        """Fill the places that are free; how many were.  `looked` says that nothing was ready the last time."""
        claimed = 0
        for handler in tuple(self._handlers):
            free = self._free()
            if not free or self._stops:
                break
            # Whoever is asked, whatever comes of that, is asked last the next time.
            self._handlers.rotate(-1)
            if not looked or self._store.has_ready(handler.lease):
                claimed += self._begin(handler, self._claims.claim(handler, free))
        return claimed

    def _take_up_lost(self) -> None:
        """Begin with what was claimed without that this worker was told."""
        if not self._claims.may_be_lost():
            return
        for handler in self._handlers:
            self._begin(handler, self._claims.find_lost(handler, self._free()))
        if self._free():
            self._claims.note_look()

    def _begin(self, handler: Handler[Any, Any], given: Iterator[Held[Any, Any]]) -> int:
        """Begin with each as soon as it is there; how many there were."""
        number = 0
        work = Work(self._store, self._function_of(handler), self._claims, self._telling)
        for held in given:
            place = Place(work, held, self._note_end)
            self._places.add(place)
            place.start()
            number += 1
        return number

    def _function_of(self, handler: Handler[Any, Any]) -> Callable[[Held[Any, Any]], Any]:
        return handler.function if self._children is None else partial(self._children.handle, handler.function)

    def _free(self) -> int:
        """How many places are free."""
        self._clear()
        return self._worker.concurrency - len(self._places)

    def _wait(self, looks: int) -> None:
        seconds = self._upkeep.due_in()
        if self._free():
            seconds = min(seconds, self._terms.poll.delay(looks).total_seconds())
        self._bell.wait(seconds)

    def _wait_in_trouble(self, error: BaseException, failures: int) -> None:
        seconds = pause(failures)
        self._telling.troubled("claim", error, seconds)
        until = time.monotonic() + seconds
        while not self._stops and (left := until - time.monotonic()) > 0:
            self._bell.wait(left)

    def _recover(self, failures: int) -> int:
        if failures:
            self._telling.recovered()
        return 0

    # ------------------------------------------------------------ what others tell it

    def _note_end(self, place: Place) -> None:
        self._ended.append(place)
        self._bell.ring()

    def _note_change(self) -> None:
        self._changed = True
        self._bell.ring()

    def _take_note(self) -> bool:
        changed, self._changed = self._changed, False
        return changed

    def _clear(self) -> None:
        """Make room where nothing is done any more."""
        while self._ended:
            place = self._ended.popleft()
            self._places.discard(place)
            self._finished += place.finished

    # ------------------------------------------------------------ when it stops

    def _finish(self) -> None:
        """Wait for what is under way, as long as that is right; give up the rest."""
        self._claims.close()
        self._clear()
        if self._places:
            self._telling.stopping(len(self._places))
        deadline = time.monotonic() + self._terms.grace.total_seconds()
        while self._places and self._stops < 2 and (left := deadline - time.monotonic()) > 0:
            self._bell.wait(left)
            self._clear()
        for place in self._places:
            self._left += place.give_up()
            self._finished += place.finished
