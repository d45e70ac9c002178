"""How is a worker run?  `leverframe work`, until it is told to stop, or nothing is left to do."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Generator
from threading import Lock
from typing import TYPE_CHECKING, Any

from leverframe import Store, Worker, WorkerEnded, WorkerHooks, open_store
from leverframe.cli.failures import Failure
from leverframe.cli.output import at_terminal, print_note
from leverframe.cli.statuses import FOUND, INTERRUPTED
from leverframe.cli.targets import import_module
from leverframe.cli.text import show_number
from leverframe.wording import did_you_mean, show_value

if TYPE_CHECKING:
    from rich.status import Status

__all__ = ["run_worker"]

HOOKS: tuple[str, ...] = ("claimed", "finished", "failed", "lost", "reaped")

LOG = "%(asctime)s %(levelname)s %(message)s"


def run_worker(
    target: str, url: str, tenant: str | None, *, store_given: bool, concurrency: int | None, once: bool
) -> int:
    """Run the worker that a name stands for; the exit status."""
    make = find_worker(target)
    if isinstance(make, Worker):
        if store_given:
            problem = "leave out --db and --tenant, or name a function that makes one"
            raise Failure(f"{target} is a worker with a store of its own; {problem}")
        return report(run(make, concurrency, once=once))
    with open_store(url) as whole:
        store = whole if tenant is None else whole.scoped(tenant)
        return report(run(made_by(target, make, store), concurrency, once=once))


# ---------------------------------------------------------------- which worker


def find_worker(target: str) -> Worker | Callable[[Store], Any]:
    """The worker that `module:name` stands for, or the function that makes it of a store.  Raises `Failure`."""
    module_name, colon, name = target.partition(":")
    if not (module_name and colon and name):
        raise Failure(f"{target!r} names no worker; write module:name")
    module = import_module(module_name)
    found: Worker | Callable[[Store], Any] | None = getattr(module, name, None)
    if found is None:
        raise Failure(f"module {module_name} has no {name}{did_you_mean(name, vars(module))}")
    if not (isinstance(found, Worker) or callable(found)):
        raise Failure(f"{target} is neither a Worker nor a function that makes one of a store")
    return found


def made_by(target: str, make: Callable[[Store], Any], store: Store) -> Worker:
    made = make(store)
    if not isinstance(made, Worker):
        raise Failure(f"{target} returned {show_value(made)}; it has to make a Worker of the store that it is given")
    return made


# ---------------------------------------------------------------- running


def run(worker: Worker, concurrency: int | None, *, once: bool) -> WorkerEnded:
    if concurrency is not None:
        worker.concurrency = concurrency
    if not at_terminal(err=True):
        log_lines()
        return worker.run(once=once)
    with shown(worker):
        return worker.run(once=once)


def report(ended: WorkerEnded) -> int:
    """Say at a terminal how it ended; the exit status."""
    if at_terminal(err=True):
        left = f", {show_number(ended.left)} left to others" if ended.left else ""
        print_note(f"Stopped: {show_number(ended.finished)} done{left}")
    if ended.forced:
        return INTERRUPTED
    return FOUND if ended.left else 0


def log_lines() -> None:
    """Log to stderr, unless the program has seen to its logs itself: as JSON where structlog is installed."""
    if "structlog" in sys.modules and sys.modules["structlog"].is_configured():
        return
    if logging.getLogger().handlers:
        return
    if importlib.util.find_spec("structlog") is None:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=LOG)
        return
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


# ---------------------------------------------------------------- at a terminal


@contextlib.contextmanager
def shown(worker: Worker) -> Generator[None]:
    """Show what a worker has come to while it is at work."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_dumb_terminal:
        # It would show each change in a line of its own.
        yield
        return
    with console.status("") as status:
        worker.hooks = Shown(worker.hooks, status)
        yield


class Shown(WorkerHooks):
    """A worker's own hooks, and a line at a terminal."""

    def __init__(self, hooks: WorkerHooks, status: Status) -> None:
        self._status = status
        self._numbers = dict.fromkeys(HOOKS, 0)
        self._lock = Lock()
        for name in HOOKS:
            setattr(self, name, self._counting(name, getattr(hooks, name)))
        self._show()

    def _counting(self, name: str, hook: Callable[..., None]) -> Callable[..., None]:
        def call(**facts: Any) -> None:
            with self._lock:
                self._numbers[name] += facts.get("number", 1)
                self._show()
            hook(**facts)

        return call

    def _show(self) -> None:
        numbers = dict(self._numbers)
        under_way = numbers.pop("claimed") - numbers["finished"] - numbers["failed"] - numbers["lost"]
        told = " · ".join(f"{show_number(number)} {name}" for name, number in numbers.items() if number)
        self._status.update(f"{show_number(under_way)} under way{' · ' if told else ''}{told}")
