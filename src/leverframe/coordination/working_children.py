"""Who runs handlers in processes of their own?  Children of the worker, each for one handler at a time.

A handler that is killed, or crashes its interpreter, costs the worker a child and the work an attempt.
"""

from __future__ import annotations

import multiprocessing
import pickle
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from leverframe.coordination.held import Held
from leverframe.coordination.working_child import (
    Answered,
    FromChild,
    FromParent,
    Lost,
    Raised,
    Renew,
    Returned,
    Send,
    Task,
    portable,
    run_child,
)
from leverframe.coordination.working_telling import place_error
from leverframe.errors import HandlerDied, InvalidQuery, LeaseLost
from leverframe.wording import show_value

__all__ = ["Children", "check_importable"]

Function = Callable[[Held[Any, Any]], Any]

SLICE = 0.1
"""Seconds after which who waits for a child looks whether its lease is over."""

KILLED_AFTER = 5.0
"""Seconds that a handler may go on behind the end of its lease."""


class Children:
    """The children of one worker: as many as it ever had handlers under way at one time."""

    def __init__(self) -> None:
        # A child that is forked off a program with threads may wait for ever for what one of these held.
        self._context = multiprocessing.get_context("spawn")
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._lock = threading.Lock()

    def handle(self, function: Function, held: Held[Any, Any]) -> Any:
        """What a handler returns that a child runs; raises what it raises, and `HandlerDied`."""
        child = self._take()
        try:
            answer = child.handle(function, held)
        except BaseException:
            self._end(child)
            raise
        with self._lock:
            self._idle.append(child)
        if isinstance(answer, Raised):
            place_error(answer.error, answer.where)
            raise answer.error
        return answer.event

    def _take(self) -> _Child:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=run_child, args=(theirs,), name="leverframe-child", daemon=True)
        process.start()
        theirs.close()
        child = _Child(process, ours)
        with self._lock:
            self._all.add(child)
        return child

    def _end(self, child: _Child) -> None:
        child.end()
        with self._lock:
            self._all.discard(child)

    def close(self) -> None:
        """End all of them, whatever they do."""
        with self._lock:
            children = list(self._all)
            self._idle.clear()
        for child in children:
            self._end(child)


class _Child:
    """One child, as its parent sees it."""

    def __init__(self, process: SpawnProcess, pipe: Connection[FromParent, FromChild]) -> None:
        self._process = process
        self._pipe = pipe

    def handle(self, function: Function, held: Held[Any, Any]) -> Returned | Raised:
        """Have it handle a lease."""
        try:
            self._say(task_of(function, held))
            return self._serve(held)
        except (EOFError, OSError) as error:
            self._process.join()
            problem = how_it_ended(self._process.exitcode)
            raise HandlerDied(held.lease.machine.machine_name, held.key, problem) from error

    def _serve(self, held: Held[Any, Any]) -> Returned | Raised:
        """Do for the handler what it asks for, until it is done."""
        lost_at: float | None = None
        while True:
            if wait([self._pipe], SLICE):
                said = self._pipe.recv()
                if isinstance(said, (Returned, Raised)):
                    return said
                self._say(answer(said, held))
            elif lost_at is None and held.lost.is_set():
                lost_at = time.monotonic()
                self._say(Lost())
            elif lost_at is not None and time.monotonic() - lost_at > KILLED_AFTER:
                raise LeaseLost(held.lease.machine.machine_name, held.key, held.token, held.worker)

    def _say(self, what: FromParent) -> None:
        self._pipe.send(what)

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def task_of(function: Function, held: Held[Any, Any]) -> Task:
    of = (held.lease.machine, held.lease.name, held.key, held.key_text, held.instance)
    return Task(*of, held.state, held.version, held.token, held.worker, function)


def answer(said: FromChild, held: Held[Any, Any]) -> Answered | Raised:
    """What a handler is told that has asked for something."""
    try:
        match said:
            case Send(event, at):
                return Answered(held.send(event, at=at))
            case Renew():
                return Answered(held.renew())
            case _:
                raise AssertionError(said)
    except Exception as error:
        return Raised(portable(error))


def how_it_ended(status: int | None) -> str:
    if status is not None and status < 0:
        return f"was ended by signal {-status}"
    return f"has ended with status {status}"


def check_importable(function: Function) -> None:
    """Raise `InvalidQuery` for what another process could not find."""
    try:
        pickle.dumps(function)
    except Exception as error:
        problem = "cannot be found by another process; with processes=True, give a function of a module"
        raise InvalidQuery("", f"{show_value(function)} {problem}") from error
