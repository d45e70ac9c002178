"""How is a worker run?  `leverframe work`, until it is told to stop, or nothing is left to do."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Callable
from typing import Any

from leverframe import LeverframeError, Store, Worker, WorkerEnded, open_store
from leverframe.cli.failures import Failure
from leverframe.cli.output import at_terminal, print_note
from leverframe.cli.statuses import FOUND, INTERRUPTED
from leverframe.cli.targets import import_module
from leverframe.cli.working import show_end, shown
from leverframe.coordination.working_telling import innermost
from leverframe.wording import did_you_mean, show_value

__all__ = ["run_worker"]

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
        return run(make, concurrency, once=once)
    with open_store(url) as whole:
        store = whole if tenant is None else whole.scoped(tenant)
        return run(made_by(target, make, store), concurrency, once=once)


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


def run(worker: Worker, concurrency: int | None, *, once: bool) -> int:
    """Run it, and say at a terminal how that ended; the exit status."""
    if concurrency is not None:
        worker.concurrency = concurrency
    try:
        return status_of(run_shown(worker, once=once) if at_terminal(err=True) else run_logged(worker, once=once))
    except (LeverframeError, OSError):
        raise
    except Exception as error:
        raise Failure(f"the worker cannot go on: {told(error)}") from error


def run_shown(worker: Worker, *, once: bool) -> WorkerEnded:
    with shown(worker) as tally:
        ended = worker.run(once=once)
    print_note(show_end(ended, tally.numbers))
    return ended


def run_logged(worker: Worker, *, once: bool) -> WorkerEnded:
    log_lines()
    return worker.run(once=once)


def status_of(ended: WorkerEnded) -> int:
    if ended.forced:
        return INTERRUPTED
    return FOUND if ended.left else 0


def told(error: Exception) -> str:
    """What the program's own code has raised, and where."""
    place = innermost(error.__traceback__)
    return f"{type(error).__name__}: {error}" + ("" if place is None else f", at {place}")


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
