"""Deliveries: an event from outside is applied once for each id, and kept with what became of it."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from storytelling import deliver_all, job, key, story

from leverframe import InvalidValue, LeaseRequired, NotFound, Store, StoreFailure, open_store
from leverframe.machines.orchestrator import agent_job, task
from leverframe.machines.orchestrator import deliveries as d
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.deliveries import Delivered, Delivery, deliver, recent_deliveries
from leverframe.machines.orchestrator.task import Task

IDS = [f"id-{number}" for number in range(6)]


@pytest.fixture(autouse=True)
def _a_task(request: pytest.FixtureRequest) -> None:
    if "store" in request.fixturenames:
        request.getfixturevalue("store").create(Task, key(), story("issue-1"))


def come(store: Store, delivery_id: str | None = "981", event: Any = None, **more: Any) -> Delivered:
    words: dict[str, Any] = {"source": "tracker", "kind": "status", "body": '{"a": 1}', **more}
    return deliver(store, Task, key(), event or task.Advance(), delivery_id=delivery_id, **words)


def version(store: Store) -> int:
    return store.get(Task, key()).version


def test_applied_once(store: Store) -> None:
    """The same id again changes nothing and is answered with the first outcome, whatever has happened since."""
    first = come(store)
    assert (first.applied, first.duplicate, first.reason) == (True, False, "")
    store.send(Task, key(), task.Advance())
    again = come(store, event=task.Cancel("no"), body="another")
    assert (again.applied, again.duplicate) == (True, True)
    assert again.delivery == first.delivery
    assert version(store) == 3


def test_a_refusal_is_an_outcome(store: Store) -> None:
    """A refused event stays refused under its id, though the task would take it by now."""
    first = come(store, event=task.SendBack("no"))
    assert (first.applied, first.duplicate) == (False, False)
    assert "SendBack" in first.reason
    for _ in range(4):
        store.send(Task, key(), task.Advance())
    again = come(store, event=task.SendBack("no"))
    assert (again.applied, again.duplicate, again.reason) == (False, True, first.reason)
    assert version(store) == 5


def test_without_an_id(store: Store) -> None:
    """Events without an id are never duplicates of one another, and each is kept."""
    assert [come(store, None).duplicate for _ in range(3)] == [False, False, False]
    assert version(store) == 4
    assert len(recent_deliveries(store, 10)) == 3


def test_an_id_is_its_sources_own(store: Store) -> None:
    """Two sources may call their deliveries the same."""
    assert not come(store).duplicate
    assert not come(store, source="forge").duplicate
    assert version(store) == 3


def test_an_id_is_of_all_instances(store: Store) -> None:
    """The same id for another instance is the same delivery: nothing is changed there."""
    store.create(Task, key(2), story("issue-2"))
    come(store)
    words: dict[str, Any] = {"source": "tracker", "kind": "status", "body": "", "delivery_id": "981"}
    again = deliver(store, Task, key(2), task.Advance(), **words)
    assert (again.duplicate, again.delivery.state.key) == (True, key())
    assert store.get(Task, key(2)).version == 1


def test_what_is_kept(store: Store) -> None:
    """Each delivery is kept with its source, kind, body and outcome; the journal of the task names the source."""
    come(store)
    come(store, "982", task.SendBack("no"), kind="label")
    applied, refused = (found.state for found in reversed(recent_deliveries(store, 10)))
    assert isinstance(applied, d.Applied)
    assert (applied.source, applied.kind, applied.body, applied.delivery_id) == ("tracker", "status", '{"a": 1}', "981")
    assert (applied.machine, applied.key) == ("Task", key())
    assert (applied.path, applied.version) == ("unfinished.analysis", 2)
    assert isinstance(refused, d.Refused)
    assert (refused.kind, refused.path, refused.version) == ("label", "unfinished.analysis", 2)
    assert [entry.by for entry in store.history(Task, key())] == ["", "tracker"]


def test_recent_ones(store: Store, clock: Any) -> None:
    """The deliveries that came last are listed, the newest first, applied or refused."""
    for name in IDS:
        clock.advance(seconds=1)
        come(store, name, task.SendBack("no") if name == "id-4" else None)
    assert [found.key for found in recent_deliveries(store, 3)] == [("tracker", name) for name in IDS[:-4:-1]]


def test_what_is_no_refusal(store: Store) -> None:
    """What the store cannot answer with an outcome is raised, nothing is kept, and the delivery may come again."""
    words: dict[str, Any] = {"source": "tracker", "kind": "x", "body": "", "delivery_id": "981"}
    with pytest.raises(NotFound):
        deliver(store, Task, key(7), task.Advance(), **words)
    store.create(AgentJob, "job", job())
    store.claim(AgentJob.lease, worker="w")
    with pytest.raises(LeaseRequired):
        deliver(store, AgentJob, "job", agent_job.Finished(), **words)
    for wrong in ({"source": ""}, {"kind": ""}, {"delivery_id": ""}):
        with pytest.raises(InvalidValue):
            deliver(store, Task, key(), task.Advance(), **{**words, **wrong})
    assert recent_deliveries(store, 10) == []
    assert not come(store).duplicate


def test_inside_of_a_transaction(store: Store) -> None:
    """A delivery is a transaction of its own, and is refused inside of another."""
    with store.transaction(), pytest.raises(StoreFailure):
        come(store)
    assert recent_deliveries(store, 10) == []
    assert version(store) == 1


def test_each_tenant_has_its_own(store: Store) -> None:
    """An id of one tenant says nothing about another's."""
    theirs = store.scoped("theirs")
    theirs.create(Task, key(), story("issue-1"))
    assert not come(store).duplicate
    assert not come(theirs).duplicate
    assert len(recent_deliveries(theirs, 10)) == 1


class Crash(BaseException):
    """Somebody pulls the plug."""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_crash(store: Store, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """A crash behind any step leaves neither outcome nor change, and the delivery that comes again is applied."""
    steps = 0

    def crash(name: str) -> None:
        method: Any = getattr(Store, name)

        def step(place: Store, *arguments: Any, **more: Any) -> Any:
            nonlocal steps
            made = method(place, *arguments, **more)
            steps += 1
            if steps == after:
                raise Crash
            return made

        monkeypatch.setattr(Store, name, step)

    crash("create")
    crash("send")
    with pytest.raises(Crash):
        come(store)
    monkeypatch.undo()
    assert (version(store), recent_deliveries(store, 10)) == (1, [])
    assert (come(store).duplicate, version(store)) == (False, 2)


# ---------------------------------------------------------------- many at once


def check_race(found: list[tuple[str, bool, bool, int]], store: Store) -> None:
    assert sum(not duplicate for _, _, duplicate, _ in found) == len(IDS)
    assert len({(name, applied, led_to) for name, applied, _, led_to in found}) == len(IDS)
    assert version(store) == 1 + len(IDS)
    assert len(recent_deliveries(store, 100)) == len(IDS)


def test_many_threads(store: Store) -> None:
    """However many threads deliver the same ids, each is applied once, and all are answered alike."""
    gate = threading.Barrier(6)

    def work(_: int) -> list[tuple[str, bool, bool, int]]:
        gate.wait()
        came = [(name, come(store, name)) for name in IDS]
        return [(name, each.applied, each.duplicate, settled(each)) for name, each in came]

    with ThreadPoolExecutor(6) as pool:
        check_race([each for found in pool.map(work, range(6)) for each in found], store)


def settled(came: Delivered) -> int:
    state = came.delivery.state
    assert not isinstance(state, d.Received)
    return state.version


def test_many_processes(shared_url: str) -> None:
    """However many processes deliver the same ids, each is applied once, and all are answered alike."""
    with open_store(shared_url) as store:
        store.create(Task, key(), story("issue-1"))
        with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
            racers = [pool.submit(deliver_all, shared_url, IDS) for _ in range(3)]
            check_race([each for racer in racers for each in racer.result()], store)


def test_old_ones_go(store: Store, clock: Any) -> None:
    """Deliveries are finished instances, and are pruned as such; an id that is pruned may come again."""
    come(store)
    clock.advance(days=31)
    store.prune(finished=clock.time - clock.time.replace(day=1), machines=[Delivery])
    assert recent_deliveries(store, 10) == []
    assert not come(store).duplicate
