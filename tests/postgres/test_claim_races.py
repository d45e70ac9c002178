"""Claims, limits and gates on a server, where statements of several transactions come between each other.

One side is kept open in the middle of what it does, and the other comes.  Each test that names a fault is shown to see
it: with the lock taken away, or the slot counted, the promise does not hold.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest
from attrs import frozen
from backlog import add_job, add_task, claim_all, end, key_of
from errands import Errand, Finished, Open
from postgres_server import Server
from server_watch import until_waiting
from waiting import LONG

from leverframe import DependencyCycle, LeverframeError, Store, open_store
from leverframe.coordination.held import Held
from leverframe.machines.orchestrator import agent_job, repository_gate, task
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.repository_gate import RepoGate
from leverframe.machines.orchestrator.task import Task
from leverframe.persistence.postgres import statements
from leverframe.persistence.postgres.writer import PostgresWriter

Patch: TypeAlias = pytest.MonkeyPatch


@frozen
class Sides:
    """Two programs on one database; `await_second` returns when the second one waits for a lock of the first."""

    first: Store
    second: Store
    await_second: Callable[[], None]


@pytest.fixture
def sides(postgres_server: Server) -> Iterator[Sides]:
    url = postgres_server.fresh_url()
    name = f"second_{url.rpartition('_')[2]}"
    with open_store(url) as first, open_store(f"{url}&application_name={name}") as second:
        # What is declared is known to both, and a slot for jobs is there, before anybody holds anything.
        add_job(first, "before", None)
        for store in (first, second):
            for held in claim_all(store):
                held.send(agent_job.Finished())
            store.claim(Errand.lease, worker="w")
            store.dependencies(Task)
            store.find(RepoGate)
        yield Sides(first, second, lambda: until_waiting(postgres_server, name))


@contextmanager
def behind(sides: Sides, call: Callable[[], Any], *, waits: bool = True) -> Generator[list[Any]]:
    """The block is a transaction of the first side.  Before that ends the second side makes its call.

    It waits for the first one's locks, or else it is answered at once.  Behind the block its answer is there, or what
    it raised.
    """
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(outcome(call)))
    try:
        with sides.first.transaction():
            yield answers
            thread.start()
            if waits:
                sides.await_second()
            else:
                thread.join(LONG)
                assert answers, "it waits"
    finally:
        if thread.ident is not None:
            thread.join(LONG)
    assert not thread.is_alive()


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except LeverframeError as error:
        return error


def do_nothing(*_: Any) -> None:
    """In place of a lock."""


def without_lock(patch: Patch, hole: str) -> None:
    patch.setitem(statements.LOCKS, f"/*{hole}*/", "")


# ---------------------------------------------------------------- two claimers


def test_two_get_two(sides: Sides) -> None:
    """Of two that claim at once each gets another one, and nobody waits."""
    for key in ("a", "b"):
        sides.first.create(Errand, key, Open(to=key))
    with behind(sides, lambda: sides.second.claim(Errand.lease, worker="w2"), waits=False) as answers:
        first = sides.first.claim(Errand.lease, worker="w1")
    assert first is not None
    assert {first.key, answers[0].key} == {"a", "b"}


def test_two_of_one_key(sides: Sides) -> None:
    """Of two that claim one key the second waits, and is told that somebody has it."""
    sides.first.create(Errand, "a", Open())
    with behind(sides, lambda: sides.second.claim_or_reason(Errand.lease, worker="w2", key="a")) as answers:
        assert sides.first.claim(Errand.lease, worker="w1", key="a") is not None
    assert answers[0].reason == "already_claimed"


def test_two_make_one_key(sides: Sides) -> None:
    """Of two that make the same missing instance one gets it, and the other is told that somebody has it."""

    def claim(store: Store, worker: str) -> Any:
        return store.claim_or_reason(Errand.lease, worker=worker, key="a", create=Open())

    with behind(sides, lambda: claim(sides.second, "w2")) as answers:
        assert isinstance(claim(sides.first, "w1"), Held)
    assert answers[0].reason == "already_claimed"


# ---------------------------------------------------------------- limits


def count_and_claim(writer: PostgresWriter, place: Any, instance: int, at_most: int) -> int | None:
    """A limit that counts what is held, and then claims."""
    held = [row for row in writer.leased(place.machine, 100) if row.lease.scope == place.scope]
    return 1 if len(held) < at_most else None


@pytest.mark.parametrize("counts", [False, True])
def test_limit(sides: Sides, monkeypatch: Patch, counts: bool) -> None:
    """While one claim of the last free slot is not committed, another gets none; one that counts is seen to get it."""
    held = sides.first.claim(Errand.lease, worker="w", key="x", create=Open(), at_most=1)
    assert held is not None
    held.send(Finished())
    for key in ("a", "b"):
        sides.first.create(Errand, key, Open())
    if counts:
        monkeypatch.setattr(PostgresWriter, "take_slot", count_and_claim)
    with behind(sides, lambda: sides.second.claim(Errand.lease, worker="w2", at_most=1), waits=False) as answers:
        assert sides.first.claim(Errand.lease, worker="w1", at_most=1) is not None
    assert isinstance(answers[0], Held) == counts


def test_limit_of_a_new_scope(sides: Sides) -> None:
    """Where the slots are made by a claim that is not committed, another one waits for it, and then gets none."""
    for key in ("a", "b"):
        sides.first.create(Errand, key, Open())
    with behind(sides, lambda: sides.second.claim(Errand.lease, worker="w2", at_most=1)) as answers:
        assert sides.first.claim(Errand.lease, worker="w1", at_most=1) is not None
    assert answers == [None]


def run_out(sides: Sides) -> Held[Any, Any]:
    """An errand that the second side holds, whose lease has run out; another one wants its slot."""
    late = sides.second.claim(Errand.lease, worker="w1", key="late", create=Open(), at_most=1)
    assert late is not None
    sides.first.create(Errand, "next", Open())
    with sides.first.transaction() as connection:
        connection.execute("UPDATE lease SET expires_at = 0 WHERE instance = %s", (late.instance,))
    return late


def live(store: Store) -> list[Any]:
    return [lease.key for lease in store.leases(Errand.lease) if not lease.stale]


def all_of_them(_writer: PostgresWriter, leases: Any, *, waits: bool) -> Any:
    """A renewal that does not ask for slots."""
    return leases


@pytest.mark.parametrize("unasked", [False, True])
def test_renewal_behind_a_reclaim(sides: Sides, monkeypatch: Patch, unasked: bool) -> None:
    """Who renews while another takes the slot waits, and is told that it is over; unasked, both would be live."""
    late = run_out(sides)
    if unasked:
        monkeypatch.setattr(PostgresWriter, "keeping_slots", all_of_them)
    with behind(sides, late.renew, waits=not unasked) as answers:
        assert sides.first.claim(Errand.lease, worker="w2", key="next", at_most=1) is not None
    assert answers == [unasked]
    assert len(live(sides.first)) == (2 if unasked else 1)


def test_reclaim_behind_a_renewal(sides: Sides) -> None:
    """Who wants the slot of a lease that is being renewed gets none, and waits for nobody."""
    late = run_out(sides)

    def claim() -> Any:
        return sides.second.claim(Errand.lease, worker="w2", key="next", at_most=1)

    with behind(sides, claim, waits=False) as answers:
        again = sides.first.resume(Errand.lease, "late", worker="w1")
    assert again is not None
    assert answers == [None]
    assert live(sides.first) == [late.key]


def test_end_behind_a_reclaim(sides: Sides) -> None:
    """A late owner that ends while another takes the slot is not refused, and does not free what is another's."""
    late = run_out(sides)
    with behind(sides, lambda: late.send(Finished())) as answers:
        assert sides.first.claim(Errand.lease, worker="w2", key="next", at_most=1) is not None
    assert answers[0].moved
    assert sides.first.claim(Errand.lease, worker="w3", key="third", create=Open(), at_most=1) is None


# ---------------------------------------------------------------- dependencies


def two_tasks(store: Store) -> tuple[task.TaskKey, task.TaskKey]:
    return add_task(store, 1), add_task(store, 2)


@pytest.mark.parametrize("unlocked", [False, True])
def test_end_behind_a_dependency(sides: Sides, monkeypatch: Patch, unlocked: bool) -> None:
    """A task that ends while another is made to wait for it waits for that; unlocked, nobody would hear of its end."""
    a, b = two_tasks(sides.first)
    if unlocked:
        without_lock(monkeypatch, "held")
        monkeypatch.setattr(PostgresWriter, "hold", do_nothing)
    with behind(sides, lambda: end(sides.second, a), waits=not unlocked):
        sides.first.add_dependency(Task, b, on=a)
    unmet = sides.first.unmet_dependencies(Task, b)
    assert bool(unmet) == unlocked


def test_dependency_behind_an_end(sides: Sides) -> None:
    """What is made to wait for a task that is about to end waits for that, and then for nothing."""
    a, b = two_tasks(sides.first)
    with behind(sides, lambda: sides.second.add_dependency(Task, b, on=a)) as answers:
        end(sides.first, a)
    assert answers == [True]
    assert sides.first.unmet_dependencies(Task, b) == []


@pytest.mark.parametrize("unlocked", [False, True])
def test_two_dependencies(sides: Sides, monkeypatch: Patch, unlocked: bool) -> None:
    """Two that would be a cycle together are added one behind the other; with no lock both would be there."""
    a, b, c, d = (add_task(sides.first, number) for number in range(1, 5))
    sides.first.add_dependency(Task, b, on=c)
    sides.first.add_dependency(Task, d, on=a)
    if unlocked:
        monkeypatch.setattr(PostgresWriter, "hold_graph", do_nothing)
    with behind(sides, lambda: sides.second.add_dependency(Task, c, on=d), waits=not unlocked) as answers:
        sides.first.add_dependency(Task, a, on=b)
    assert isinstance(answers[0], DependencyCycle) != unlocked
    assert len(sides.first.dependencies(Task)) == (4 if unlocked else 3)


# ---------------------------------------------------------------- one at a time


def always(_writer: PostgresWriter, machine: str, serial: str, subject: Any) -> bool:
    """A turn that was looked at, and is then taken by all who saw that nobody had it."""
    return True


@pytest.mark.parametrize("looked_at", [False, True])
def test_two_fresh_tasks(sides: Sides, monkeypatch: Patch, looked_at: bool) -> None:
    """Of two fresh tasks of a repository one starts; where the turn is only looked at, both would."""
    for number in (1, 2):
        add_job(sides.first, f"job-{number}", add_task(sides.first, number))
    if looked_at:
        monkeypatch.setattr(PostgresWriter, "take_turn", always)
    with behind(sides, lambda: claim_all(sides.second), waits=not looked_at) as answers:
        assert sides.first.claim(AgentJob.lease, worker="w1", key="job-1") is not None
    assert [held.key for held in answers[0]] == (["job-2"] if looked_at else [])


def test_a_start_that_is_taken_back(sides: Sides) -> None:
    """Where the first claim is taken back, the task that has waited for it starts."""
    for number in (1, 2):
        add_job(sides.first, f"job-{number}", add_task(sides.first, number))
    answers: list[Any] = []

    def claim() -> None:
        answers.append(sides.second.claim(AgentJob.lease, worker="w2", key="job-2"))

    thread = threading.Thread(target=claim)

    def claim_and_fail() -> None:
        with sides.first.transaction():
            sides.first.claim(AgentJob.lease, worker="w1", key="job-1")
            thread.start()
            sides.await_second()
            raise KeyError

    with pytest.raises(KeyError):
        claim_and_fail()
    thread.join(LONG)
    assert isinstance(answers[0], Held)


@pytest.mark.parametrize("unlocked", [False, True])
def test_end_behind_a_start(sides: Sides, monkeypatch: Patch, unlocked: bool) -> None:
    """A task that ends while it starts waits for that, and its turn is over; unlocked, it would have it for ever."""
    first, second = two_tasks(sides.first)
    for number, of in ((1, first), (2, second)):
        add_job(sides.first, f"job-{number}", of)
    if unlocked:
        without_lock(monkeypatch, "shared")
    cancel = task.Cancel("not wanted")
    with behind(sides, lambda: sides.second.send(Task, first, cancel), waits=not unlocked):
        assert sides.first.claim(AgentJob.lease, worker="w1", key="job-1") is not None
    assert (sides.first.claim(AgentJob.lease, worker="w2", key="job-2") is None) == unlocked


# ---------------------------------------------------------------- freeze


def test_claim_behind_a_freeze(sides: Sides) -> None:
    """A claim that comes while a freeze is written waits for it, and starts nothing."""
    add_job(sides.first, "job", add_task(sides.first, 1))
    sides.first.create(RepoGate, "shop", repository_gate.Open())
    with behind(sides, lambda: sides.second.claim_or_reason(AgentJob.lease, worker="w2", key="job")) as answers:
        sides.first.send(RepoGate, "shop", repository_gate.Freeze("broken", key_of(1)))
    assert answers[0].reason == "frozen"


@pytest.mark.parametrize("unlocked", [False, True])
def test_freeze_behind_a_claim(sides: Sides, monkeypatch: Patch, unlocked: bool) -> None:
    """A freeze waits for a claim that has seen the gate open; unlocked, a task would start behind the freeze."""
    first = add_task(sides.first, 1)
    add_job(sides.first, "job", first)
    sides.first.create(RepoGate, "shop", repository_gate.Open())
    if unlocked:
        without_lock(monkeypatch, "shared")
    freeze = repository_gate.Freeze("broken", first)
    with behind(sides, lambda: sides.second.send(RepoGate, "shop", freeze), waits=not unlocked) as answers:
        assert sides.first.claim(AgentJob.lease, worker="w1", key="job") is not None
    assert answers[0].moved
    assert len(sides.first.find(AgentJob, agent_job.Running)) == 1


# ---------------------------------------------------------------- no deadlock


def test_an_end_and_a_renewal(sides: Sides) -> None:
    """A heartbeat that comes while its own instance is ended waits, and both are answered."""
    held = sides.second.claim(Errand.lease, worker="w1", key="a", create=Open(), at_most=1)
    assert held is not None
    with behind(sides, held.renew) as answers:
        again = sides.first.resume(Errand.lease, "a", worker="w1")
        assert again is not None
        again.send(Finished())
    assert answers == [False]
