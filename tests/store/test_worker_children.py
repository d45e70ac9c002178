"""Handlers in processes of their own, which have no store: all that they send goes through the worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from child_handlers import do, go_on, wait_until_lost
from chores import TRIES, CalledOff, Chore, Done, Ended, Failed, GivenUp, Waiting, create_chores

from leverframe import BackOff, Handler, Held, InvalidQuery, LeaseLost, Store, Worker, WorkerHooks
from leverframe.coordination import working_children
from leverframe.coordination.held import lose
from leverframe.coordination.working_children import Children

SOON = BackOff(base=timedelta(milliseconds=1), cap=timedelta(milliseconds=5))


def run(store: Store, **options: Any) -> None:
    """Work until nothing is ready, with one child at a time."""
    worker = Worker(store, [Handler(Chore.lease, do)], processes=True, concurrency=1, poll=SOON, **options)
    assert worker.run(once=True).left == 0


def state_of(store: Store, key: str) -> Any:
    return store.get(Chore, key).state


def test_a_child_does_the_work(store: Store) -> None:
    """A handler runs in another process, sends through its lease, and its refusals and results arrive."""
    create_chores(store, "pid", "note", "by itself", "refused")
    run(store)
    results = {key: state_of(store, key).result for key in ("pid", "note", "by itself", "refused")}
    assert int(results.pop("pid")) != os.getpid()
    assert results == {"note": "half way, version 3", "by itself": "by itself", "refused": "refused in doing"}


def test_what_a_child_raises_is_told(store: Store) -> None:
    """What a handler raises comes to the machine as from a thread, also where it cannot be sent as it is."""
    create_chores(store, "fault", "odd", "permanent", "transient")
    run(store)
    assert state_of(store, "fault") == Failed(name="fault", tries=TRIES, error="ZeroDivisionError: of nothing")
    assert state_of(store, "odd") == Failed(name="odd", tries=TRIES, error="RuntimeError: Odd: this and that")
    assert state_of(store, "permanent") == GivenUp(name="permanent", tries=1, error="never")
    waiting = state_of(store, "transient")
    assert isinstance(waiting, Waiting)
    assert (waiting.error, waiting.tries, waiting.delays) == ("busy", 0, 1)


def test_where_a_child_has_raised_is_told(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the place in the handler's own code, though it was in another process."""
    create_chores(store, "permanent")
    run(store)
    [failed] = [record for record in caplog.records if record.message.startswith("failed")]
    assert failed.__dict__["facts"]["where"].startswith("child_handlers.py:")


def test_a_child_that_dies_costs_an_attempt(store: Store) -> None:
    """A handler that ends its process, or is killed, has failed; the others are done by another child."""
    create_chores(store, "exit", "killed", "by itself")
    run(store)
    assert "has ended with status 3" in state_of(store, "exit").error
    assert "was ended by signal 9" in state_of(store, "killed").error
    assert [state_of(store, key).tries for key in ("exit", "killed")] == [TRIES, TRIES]
    assert isinstance(state_of(store, "by itself"), Done)


def test_a_child_learns_that_its_lease_is_over(store: Store) -> None:
    """What a child sends under a lease that is over raises there, and its result is thrown away."""

    class TakingAway(WorkerHooks):
        def claimed(self, machine: str, key: Any, token: int, path: str) -> None:
            store.send(Chore, "taken away", CalledOff())

    create_chores(store, "taken away")
    run(store, hooks=TakingAway())
    assert state_of(store, "taken away") == GivenUp(name="taken away", tries=1, error="called off")


# ---------------------------------------------------------------- one child


@pytest.fixture
def children() -> Iterator[Children]:
    made = Children()
    yield made
    made.close()


@pytest.fixture
def held(store: Store) -> Held[Any, Any]:
    create_chores(store, "chore")
    held = store.claim(Chore.lease, worker="w")
    assert isinstance(held, Held)
    return held


@pytest.mark.parametrize("kind", ["memory"], indirect=True)
def test_a_child_is_told_that_its_lease_is_lost(held: Held[Any, Any], children: Children) -> None:
    """A handler that waits in a child sees `lost` set there."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(children.handle, wait_until_lost, held)
        lose(held)
        assert waiting.result() == Ended("told")


@pytest.mark.parametrize("kind", ["memory"], indirect=True)
def test_a_child_that_goes_on_is_ended(
    held: Held[Any, Any], children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that does not stop when its lease is lost is killed with its process."""
    monkeypatch.setattr(working_children, "KILLED_AFTER", 0.0)
    lose(held)
    with pytest.raises(LeaseLost):
        children.handle(go_on, held)


def test_what_no_other_process_finds(store: Store) -> None:
    """A function that cannot be imported is refused when the worker is made."""
    with pytest.raises(InvalidQuery, match="give a function of a module"):
        Worker(store, [Handler(Chore.lease, lambda held: None)], processes=True)
