"""Which process has a lease, and what is known of one that has gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

import pytest
from attrs import evolve
from chores import Chore, Doing, Waiting, create_chores
from waiting import until

from leverframe import Store
from leverframe.coordination.processes import Process, is_gone, read_own, this_process


class Clock(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **units: float) -> datetime: ...


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing until it is ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def gone(other: subprocess.Popen[bytes]) -> Process:
    """A process that was there once."""
    process = read_own(other.pid)
    other.kill()
    until(lambda: is_gone(process))
    return process


# ---------------------------------------------------------------- processes


def test_this_process_is_there() -> None:
    """A process can be found by what tells it from all others."""
    process = this_process()
    assert process.number == os.getpid()
    assert process.start > 0
    assert process.host
    assert is_gone(process) is False


def test_a_process_that_has_ended(other: subprocess.Popen[bytes]) -> None:
    """One that has ended is gone, before its parent has looked and after."""
    process = read_own(other.pid)
    assert is_gone(process) is False
    other.kill()
    until(lambda: is_gone(process))
    other.wait()
    assert is_gone(process) is True


def test_a_number_that_is_used_again() -> None:
    """A process of the same number that was started at another time is another one."""
    process = this_process()
    assert is_gone(evolve(process, start=process.start - 1)) is True


@pytest.mark.parametrize("process", [Process(), Process("elsewhere", os.getpid(), 1)])
def test_what_cannot_be_told(process: Process) -> None:
    """Of a process of another host or boot, or of one that said nothing, nothing is known."""
    assert is_gone(process) is None


# ---------------------------------------------------------------- their leases


def claim(store: Store, process: Process | None, *names: str) -> None:
    create_chores(store, *names)
    held = store.claim_many(Chore.lease, worker="w", limit=len(names), process=process)
    assert len(held) == len(names)


def test_the_leases_of_a_process_that_is_gone_are_over_at_once(store: Store, gone: Process) -> None:
    """Leases of a process of this host that is gone are dealt with before their time is over, however many."""
    claim(store, gone, "a", "b", "c")
    assert store.reap(Chore.lease, limit=2) == 3
    assert store.count(Chore) == {Waiting: 3}
    assert store.reap(Chore.lease) == 0


@pytest.mark.parametrize("whose", ["here", "elsewhere", "nobody"])
def test_all_others_have_their_time(store: Store, clock: Clock, gone: Process, whose: str) -> None:
    """Leases of a process that is there, or of which nothing is known, last until they run out."""
    processes = {"here": this_process(), "elsewhere": evolve(gone, host="elsewhere"), "nobody": None}
    claim(store, processes[whose], "a")
    clock.advance(seconds=59)
    assert store.reap(Chore.lease) == 0
    assert store.count(Chore) == {Doing: 1}
    clock.advance(seconds=1)
    assert store.reap(Chore.lease) == 1


def test_a_lease_that_was_given_anew_is_left_alone(store: Store, gone: Process) -> None:
    """What somebody has again by now is no business of the process that is gone."""
    claim(store, gone, "a")
    assert store.reap(Chore.lease) == 1
    assert store.claim(Chore.lease, worker="v", process=this_process()) is not None
    assert store.reap(Chore.lease) == 0
    assert store.count(Chore) == {Doing: 1, Waiting: 0} or store.count(Chore) == {Doing: 1}
