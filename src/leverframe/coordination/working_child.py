"""What does a worker's child process do?  It runs handlers, one at a time, and has no store of its own.

What a handler sends under its lease goes through the parent, which alone writes, renews, and knows when the lease is
over.  When the parent is gone, so is the child: nothing that it does would count any more.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import threading
from collections.abc import Callable
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any, TypeAlias, cast

from attrs import frozen

from leverframe.coordination.held import Held, lose
from leverframe.coordination.policies import LeasePolicy
from leverframe.coordination.working_telling import innermost
from leverframe.errors import InvalidQuery, Key
from leverframe.persistence.records import Receipt

__all__ = ["Answered", "FromChild", "FromParent", "Lost", "Raised", "Renew", "Returned", "Send", "Task", "run_child"]


# ---------------------------------------------------------------- what is said


@frozen
class Task:
    """What a child is to do: all that a lease is made of, and the function to hand it to."""

    machine: Any
    lease: str
    key: Key
    key_text: str
    instance: int
    state: Any
    version: int
    token: int
    worker: str
    function: Callable[[Held[Any, Any]], Any]


@frozen
class Answered:
    """What a `Send` or `Renew` was answered."""

    value: Any


@frozen
class Lost:
    """The lease is over."""


@frozen
class Raised:
    """A call, or the handler, has raised; `where` is the last place of the program's own code, if there is one."""

    error: BaseException
    where: str | None = None


@frozen
class Send:
    event: Any
    at: datetime | None


@frozen
class Renew: ...


@frozen
class Returned:
    """The handler is done."""

    event: Any


FromParent: TypeAlias = Task | Answered | Raised | Lost
FromChild: TypeAlias = Send | Renew | Returned | Raised


# ---------------------------------------------------------------- the child


def run_child(parent: Connection[FromChild, FromParent]) -> None:
    """Do what the parent says, until it says no more."""
    # Whoever stops a worker from a terminal tells all of its processes: the parent says when this one ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _Child(parent).run()


class _Child:
    def __init__(self, parent: Connection[FromChild, FromParent]) -> None:
        self._parent = parent
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answered | Raised] = queue.SimpleQueue()
        self._held: Held[Any, Any] | None = None

    def run(self) -> None:
        threading.Thread(target=self._listen, name="leverframe-parent", daemon=True).start()
        while True:
            self._do(self._tasks.get())

    def _listen(self) -> None:
        while True:
            try:
                said = self._parent.recv()
            except (EOFError, OSError):
                os._exit(0)
            match said:
                case Task():
                    # Before anything else is heard: the next may be that it is lost.
                    self._held = self._hold(said)
                    self._tasks.put(said)
                case Lost() if self._held is not None:
                    lose(self._held)
                case Answered() | Raised():
                    self._answers.put(said)
                case _:
                    pass

    def _do(self, task: Task) -> None:
        try:
            said: FromChild = Returned(task.function(self._held_now()))
            pickle.dumps(said)
        except BaseException as error:
            said = Raised(portable(error), innermost(error.__traceback__))
        self._held = None
        self._parent.send(said)

    def _held_now(self) -> Held[Any, Any]:
        assert self._held is not None, "a task comes with its lease"
        return self._held

    def _hold(self, task: Task) -> Held[Any, Any]:
        policy = cast("LeasePolicy", vars(task.machine)[task.lease])
        return Held(
            self, policy, task.key, task.key_text, task.instance, task.state, task.version, task.token, task.worker
        )

    # ------------------------------------------------------------ what a lease needs

    def send(self, held: Held[Any, Any], event: Any, at: datetime | None) -> Receipt[Any]:  # noqa: ARG002  # there is one
        answer: Receipt[Any] = self._ask(Send(event, at))
        return answer

    def send_and_claim(
        self,
        held: Held[Any, Any],
        event: Any,  # noqa: ARG002  # all that can be said is said to the parent
        at: datetime | None,  # noqa: ARG002
        at_most: int | None,  # noqa: ARG002
    ) -> tuple[Receipt[Any], Held[Any, Any] | None]:
        raise InvalidQuery(held.lease.machine.machine_name, "a handler of a worker claims nothing; return the event")

    def renew(self, held: Held[Any, Any]) -> bool:  # noqa: ARG002  # there is one
        return bool(self._ask(Renew()))

    def keep(self, held: Held[Any, Any]) -> None:
        """The parent does."""

    def leave(self, held: Held[Any, Any]) -> None:
        """The parent does."""

    def _ask(self, question: FromChild) -> Any:
        self._parent.send(question)
        answer = self._answers.get()
        if isinstance(answer, Raised):
            raise answer.error
        return answer.value


def portable(error: BaseException) -> BaseException:
    """The error, or one that says the same where the parent could not read it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
