"""Workers that are processes of their own: killed, held up, stopped; what they had begun is done, and done once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from chore_worker import FOLDER, begun
from chores import Chore, Doing, Done, Ended, Waiting, create_chores
from waiting import LONG, until

from leverframe import Handler, Store, StoreTimeout, Worker, open_store
from leverframe.coordination.processes import is_gone, read_own

SUPPORT = Path(__file__).resolve().parents[1] / "support"

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "chores"
    made.mkdir()
    return made


@pytest.fixture
def start(shared_url: str, folder: Path) -> Iterator[Start]:
    """Starts `leverframe work` in a process of its own; none of them outlives the test."""
    running: list[subprocess.Popen[bytes]] = []
    environment = {**os.environ, FOLDER: str(folder), "PYTHONPATH": str(SUPPORT)}

    def start(name: str = "app", *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "leverframe", "work", f"chore_worker:{name}", "--db", shared_url, *options]
        running.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        return running[-1]

    yield start
    for process in running:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


@pytest.fixture
def store(shared_url: str) -> Iterator[Store]:
    with open_store(shared_url) as opened:
        yield opened


def events(store: Store, key: str) -> list[str]:
    return [type(entry.event).__name__ for entry in store.history(Chore, key)[1:]]


def finish(store: Store) -> None:
    """Be a worker, until nothing is ready."""
    Worker(store, [Handler(Chore.lease, lambda held: Ended("here"))]).run(once=True)


def finish_all(store: Store) -> bool:
    """Whether nothing is left: a killed worker's last statement may still end on a server."""
    finish(store)
    return store.count(Chore)[Doing] == store.count(Chore)[Waiting] == 0


def have_begun(store: Store, folder: Path, some: int, all_of_them: int) -> bool:
    return len(begun(folder)) >= some or store.count(Chore)[Done] == all_of_them


def go(folder: Path) -> None:
    (folder / "go").touch()


# ---------------------------------------------------------------- killed


def test_another_one_does_what_a_killed_one_had_begun(store: Store, start: Start, folder: Path) -> None:
    """The lease of a process that was killed is dealt with at once by any worker of its host, and the work done."""
    create_chores(store, "slow")
    process = start()
    until(lambda: begun(folder))
    process.kill()
    until(lambda: events(store, "slow") != ["Begun"] or store.reap(Chore.lease))
    finish(store)
    assert events(store, "slow") == ["Begun", "RanOut", "Begun", "Ended"]
    assert store.get(Chore, "slow").state == Done(name="slow", tries=2, result="here")


def test_the_lease_of_one_that_lives_is_left_alone(store: Store, start: Start, folder: Path) -> None:
    """A process that is there keeps its leases, however often others look."""
    create_chores(store, "slow")
    process = start()
    until(lambda: begun(folder))
    assert [store.reap(Chore.lease) for _ in range(5)] == [0] * 5
    finish(store)
    go(folder)
    until(lambda: store.count(Chore)[Done])
    assert events(store, "slow") == ["Begun", "Ended"]
    assert store.get(Chore, "slow").state == Done(name="slow", tries=1, result=str(process.pid))


def test_nothing_is_done_twice_however_many_are_killed(store: Store, start: Start, folder: Path) -> None:
    """Workers are killed in the midst of their work; each chore is finished once, and none is left."""
    chance = random.Random(7)
    names = [f"chore-{number}" for number in range(60)]
    create_chores(store, *names)
    for _ in range(3):
        some = len(begun(folder)) + chance.randint(1, 8)
        processes = [start(), start()]
        until(partial(have_begun, store, folder, some, len(names)))
        for process in processes:
            process.kill()
            process.wait()
    until(partial(finish_all, store))
    for name in names:
        told = events(store, name)
        assert told.count("Ended") == 1 or store.get(Chore, name).path == "failed"
        assert told.count("Begun") == told.count("Ended") + told.count("RanOut")


def stand_still(process: subprocess.Popen[bytes], url: str) -> None:
    """Stop the process where it keeps nobody else from writing: it may be making a round of its own."""
    patience = "&timeout=1" if "?" in url else "?timeout=1"
    while True:
        process.send_signal(signal.SIGSTOP)
        with open_store(f"{url}{patience}") as other:
            try:
                other.save_cursor("probe", 0)
            except StoreTimeout:
                process.send_signal(signal.SIGCONT)
                continue
        return


def test_one_that_was_held_up_comes_too_late(store: Store, start: Start, folder: Path, shared_url: str) -> None:
    """A worker that sleeps through its lease writes nothing when it wakes: the token of its lease is worth nothing."""
    create_chores(store, "slow")
    process = start("app", "--once")
    until(lambda: begun(folder))
    stand_still(process, shared_url)
    with open_store(shared_url, clock=lambda: datetime.now(UTC) + timedelta(minutes=2)) as later:
        assert later.reap(Chore.lease) == 1
        finish(later)
    go(folder)
    process.send_signal(signal.SIGCONT)
    assert process.wait(LONG) == 0
    assert events(store, "slow") == ["Begun", "RanOut", "Begun", "Ended"]
    assert store.get(Chore, "slow").state == Done(name="slow", tries=2, result="here")


def test_children_do_not_outlive_a_killed_worker(store: Store, start: Start, folder: Path) -> None:
    """When the worker is killed, the process that runs its handler ends too."""
    create_chores(store, "chore")
    process = start("children")
    until((folder / "pid").exists)
    child = read_own(int((folder / "pid").read_text()))
    assert not is_gone(child)
    process.kill()
    until(lambda: is_gone(child))


# ---------------------------------------------------------------- stopped


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_it_finish(store: Store, start: Start, folder: Path, number: signal.Signals) -> None:
    """A worker that is asked to stop ends what it has begun, claims nothing more, and exits with status 0."""
    create_chores(store, "slow", "next")
    process = start("app", "--concurrency", "1")
    until(lambda: begun(folder))
    process.send_signal(number)
    go(folder)
    assert process.wait(LONG) == 0
    assert events(store, "slow") == ["Begun", "Ended"]
    assert len(begun(folder)) == store.count(Chore)[Done]


def test_a_grace_that_is_over(store: Store, start: Start, folder: Path) -> None:
    """What does not end within the grace is handed back, and the exit status is 1."""
    create_chores(store, "slow")
    process = start("hasty")
    until(lambda: begun(folder))
    process.terminate()
    assert process.wait(LONG) == 1
    assert events(store, "slow") == ["Begun", "HandedBack"]
    finish(store)
    assert isinstance(store.get(Chore, "slow").state, Done)


def test_a_second_signal(store: Store, start: Start, folder: Path) -> None:
    """A worker that is asked twice waits for nothing, hands back what it has, and exits with status 130."""
    create_chores(store, "slow")
    process = start()
    until(lambda: begun(folder))
    process.terminate()
    process.send_signal(signal.SIGINT)
    assert process.wait(LONG) == 130
    assert events(store, "slow") == ["Begun", "HandedBack"]


def test_once(store: Store, start: Start, folder: Path) -> None:
    """With `--once` it ends when nothing is ready, with status 0."""
    create_chores(store, "a", "b", "c")
    assert start("app", "--once").wait(LONG) == 0
    assert store.count(Chore)[Done] == 3
    assert sorted(begun(folder)) == ["a", "b", "c"]
