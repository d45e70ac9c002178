"""A worker to be run by `leverframe work`: what its handlers do is said by files of a folder.

Each handler writes a line into the file `begun`; one whose chore's name begins with "slow" waits for the file `go`.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from chores import Chore, ChoreEvent, Doing, Ended

from leverframe import BackOff, Handler, Held, Store, Worker

__all__ = ["FOLDER", "app", "begun", "children", "hasty", "no_worker"]

FOLDER = "CHORES_FOLDER"

SOON = BackOff(base=timedelta(milliseconds=1), cap=timedelta(milliseconds=20))


def folder() -> Path:
    return Path(os.environ[FOLDER])


def begun(folder: Path) -> list[str]:
    """The names of the chores whose handlers have begun, once for each time."""
    path = folder / "begun"
    return path.read_text().split() if path.exists() else []


def do(held: Held[Chore, Doing]) -> ChoreEvent:
    with open(folder() / "begun", "a") as file:
        file.write(f"{held.state.name}\n")
    while held.state.name.startswith("slow") and not (folder() / "go").exists():
        time.sleep(0.001)
    return Ended(str(os.getpid()))


def make(store: Store, grace: timedelta) -> Worker:
    return Worker(store, [Handler(Chore.lease, do)], poll=SOON, reap_every=timedelta(milliseconds=50), grace=grace)


def app(store: Store) -> Worker:
    """Waits for what is under way when it is stopped."""
    return make(store, timedelta(hours=1))


def hasty(store: Store) -> Worker:
    """Does not."""
    return make(store, timedelta())


def write_pid_and_wait(held: Held[Chore, Doing]) -> ChoreEvent:
    # Whoever reads the file finds all of it.
    (folder() / "pid.new").write_text(str(os.getpid()))
    (folder() / "pid.new").rename(folder() / "pid")
    while True:
        time.sleep(1)


def children(store: Store) -> Worker:
    """Has handlers run in processes of their own."""
    return Worker(store, [Handler(Chore.lease, write_pid_and_wait)], poll=SOON, processes=True)


def no_worker(store: Store) -> str:
    return "no worker"
