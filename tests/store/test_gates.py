"""What holds a job back although it is ready: dependencies, one task at a time, a freeze; and what does not."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta
from typing import Any

import pytest
from attrs import frozen
from backlog import HeldJob, add_job, add_task, claim_all, end, key_of, refusal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from plans import said_by

from leverframe import (
    DependencyCycle,
    Event,
    InvalidQuery,
    Machine,
    MachineDefinitionError,
    NotFound,
    Payload,
    Store,
    on,
    open_store,
    state,
)
from leverframe.coordination.dependencies import Dependency
from leverframe.coordination.gates import Freeze, Gates, OneAtATime
from leverframe.coordination.policies import Lease
from leverframe.machines.orchestrator import agent_job, repository_gate, task
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.agent_run import AgentName
from leverframe.machines.orchestrator.repository_gate import RepoGate
from leverframe.machines.orchestrator.task import Task


def keys(held: list[HeldJob]) -> list[Any]:
    return [each.key for each in held]


# ---------------------------------------------------------------- no gate at all


def test_a_job_without_a_task(store: Store) -> None:
    """A job without a task passes all gates."""
    add_job(store, "job", None)
    assert keys(claim_all(store)) == ["job"]


def test_a_task_that_is_not_there(store: Store) -> None:
    """A job whose task is not in the store is held back by nothing."""
    add_job(store, "job", key_of(1))
    add_job(store, "other", key_of(2))
    assert keys(claim_all(store)) == ["job", "other"]


def test_a_task_that_has_ended(store: Store) -> None:
    """A job whose task is Done or Cancelled is held back by nothing: no dependency, no turn, no freeze."""
    first, second, third = (add_task(store, number) for number in range(1, 4))
    store.add_dependency(Task, second, on=first)
    add_job(store, "started", first)
    claim_all(store)
    store.create(RepoGate, "shop", repository_gate.Open())
    store.send(RepoGate, "shop", repository_gate.Freeze("broken", first))
    store.send(Task, second, task.Cancel("not wanted"))
    end(store, third)
    for name, of in (("b", second), ("c", third)):
        add_job(store, name, of)
    assert keys(claim_all(store)) == ["b", "c"]


def test_each_tenant_has_gates_of_its_own(store: Store) -> None:
    """What has started, is frozen or waits with one tenant holds back nothing of another."""
    theirs = store.scoped("theirs")
    for place in (store, theirs):
        for number in (1, 2):
            add_job(place, f"job-{number}", add_task(place, number))
    store.create(RepoGate, "shop", repository_gate.Open())
    store.send(RepoGate, "shop", repository_gate.Freeze("broken", key_of(1)))
    assert claim_all(store) == []
    assert keys(claim_all(theirs)) == ["job-1"]
    theirs.add_dependency(Task, key_of(2), on=key_of(1))
    assert store.dependencies(Task) == []


# ---------------------------------------------------------------- dependencies


def test_waits_until_it_is_done(store: Store) -> None:
    """A job of B is claimable only when every A is Done; which ones are not is told by name."""
    a, b, c = (add_task(store, number, f"r{number}") for number in range(1, 4))
    assert store.add_dependency(Task, c, on=a)
    assert store.add_dependency(Task, c, on=b)
    add_job(store, "job", c)
    assert claim_all(store) == []
    refused = refusal(store, "job")
    assert (refused.reason, refused.waits_for) == ("dependency", (a, b))
    end(store, a)
    assert refusal(store, "job").waits_for == (b,)
    end(store, b)
    assert keys(claim_all(store)) == ["job"]


def test_declared_once(store: Store) -> None:
    """To declare a dependency again is a no-op, met or not."""
    a, b = add_task(store, 1), add_task(store, 2)
    assert store.add_dependency(Task, b, on=a)
    assert not store.add_dependency(Task, b, on=a)
    end(store, a)
    assert not store.add_dependency(Task, b, on=a)
    assert store.unmet_dependencies(Task, b) == []
    assert len(store.dependencies(Task)) == 1


def test_on_something_done(store: Store) -> None:
    """What is Done already holds back nothing."""
    a, b = add_task(store, 1), add_task(store, 2)
    end(store, a)
    store.add_dependency(Task, b, on=a)
    add_job(store, "job", b)
    assert keys(claim_all(store)) == ["job"]


def test_cancelled_never_satisfies(store: Store) -> None:
    """A Cancelled A never satisfies, and is reported so; without the dependency B goes on."""
    a, b = add_task(store, 1), add_task(store, 2)
    store.add_dependency(Task, b, on=a)
    store.send(Task, a, task.Cancel("not wanted"))
    add_job(store, "job", b)
    refused = refusal(store, "job")
    assert refused.reason == "dependency"
    assert "for ever" in refused.detail
    assert store.unmet_dependencies(Task, b) == [Dependency(b, a, False, "cancelled", True)]
    assert store.remove_dependency(Task, b, on=a)
    assert not store.remove_dependency(Task, b, on=a)
    assert keys(claim_all(store)) == ["job"]


def test_no_cycle(store: Store) -> None:
    """A dependency that would close a cycle is refused, naming the cycle, and nothing is written."""
    a, b, c, d = (add_task(store, number) for number in range(1, 5))
    for dependent, on_what in ((b, a), (c, b), (d, b)):
        store.add_dependency(Task, dependent, on=on_what)
    before = store.dependencies(Task)
    with pytest.raises(DependencyCycle) as caught:
        store.add_dependency(Task, a, on=c)
    assert caught.value.cycle == (a, c, b, a)
    with pytest.raises(DependencyCycle) as caught:
        store.add_dependency(Task, a, on=a)
    assert caught.value.cycle == (a, a)
    assert store.dependencies(Task) == before
    assert store.add_dependency(Task, d, on=c)


def test_unknown_instances(store: Store) -> None:
    """Both have to be there."""
    a = add_task(store, 1)
    for pair in ((a, key_of(2)), (key_of(2), a)):
        with pytest.raises(NotFound):
            store.add_dependency(Task, pair[0], on=pair[1])
    assert store.dependencies(Task) == []


def test_of_a_machine_without_prerequisites(store: Store) -> None:
    """A machine that declares no Prerequisites has no dependencies."""
    with pytest.raises(InvalidQuery, match="Prerequisites"):
        store.dependencies(AgentJob)


def test_edges(store: Store) -> None:
    """One asks for the dependencies of one, for those that are not met, and for all."""
    a, b, c = (add_task(store, number) for number in range(1, 4))
    for dependent, on_what in ((c, a), (c, b), (b, a)):
        store.add_dependency(Task, dependent, on=on_what)
    end(store, a)
    assert [(each.on, each.met, each.path) for each in store.dependencies(Task, c)] == [
        (a, True, "done"),
        (b, False, "unfinished.created"),
    ]
    assert [each.on for each in store.unmet_dependencies(Task, c)] == [b]
    assert [(each.key, each.on) for each in store.dependencies(Task)] == [(b, a), (c, a), (c, b)]
    assert store.dependencies(Task, a) == []


def test_deleted(store: Store) -> None:
    """What is deleted waits for nothing more; what waits for it does so by its name, if it was not done."""
    a, b, c = (add_task(store, number) for number in range(1, 4))
    for dependent, on_what in ((c, a), (c, b), (b, a)):
        store.add_dependency(Task, dependent, on=on_what)
    end(store, a)
    store.delete(Task, a)
    store.delete(Task, b)
    assert [(each.on, each.met, each.path) for each in store.dependencies(Task)] == [(a, True, ""), (b, False, "")]
    add_task(store, 2)
    end(store, b)
    assert store.unmet_dependencies(Task, c) == []


# ---------------------------------------------------------------- one at a time


def test_the_older_starts(store: Store) -> None:
    """Two fresh tasks never wait for each other: the one whose job has waited longer starts, and the other waits."""
    for number in (2, 1):
        add_job(store, f"job-{number}", add_task(store, number))
    assert keys(claim_all(store)) == ["job-2"]
    refused = refusal(store, "job-1")
    assert (refused.reason, refused.waits_for) == ("serial", (key_of(2),))


def test_a_started_task_goes_on(store: Store) -> None:
    """Jobs of a task that has started are not held, also while another job of it runs, and behind that."""
    first, second = add_task(store, 1), add_task(store, 2)
    for name, of in (("a", first), ("b", second), ("c", first)):
        add_job(store, name, of)
    held = claim_all(store)
    assert keys(held) == ["a", "c"]
    for each in held:
        each.send(agent_job.Finished())
    add_job(store, "d", first)
    assert keys(claim_all(store)) == ["d"]


@pytest.mark.parametrize("how", ["done", "cancelled", "deleted"])
def test_the_next_one_starts(store: Store, how: str) -> None:
    """When the started task is Done, Cancelled or deleted, the next one starts."""
    first, second = add_task(store, 1), add_task(store, 2)
    add_job(store, "a", first)
    add_job(store, "b", second)
    claim_all(store)
    if how == "done":
        end(store, first)
    elif how == "cancelled":
        store.send(Task, first, task.Cancel("not wanted"))
    else:
        store.delete(Task, first)
    assert keys(claim_all(store)) == ["b"]


def test_an_end_by_hand(store: Store) -> None:
    """What is set to its end by hand gives its turn back, and is met; what is brought back is waited for again."""
    first, second = add_task(store, 1), add_task(store, 2)
    add_job(store, "a", first)
    claim_all(store)
    store.add_dependency(Task, second, on=first)
    add_job(store, "b", second)
    story: Any = store.get(Task, first).state
    done = task.Done(title=story.title, branch=story.branch, external_issue_id=story.external_issue_id)
    store.set_state(Task, first, done, by="ann", why="it was deployed by hand")
    assert store.unmet_dependencies(Task, second) == []
    assert keys(claim_all(store)) == ["b"]
    store.set_state(Task, first, story, by="ann", why="it was not")
    add_job(store, "c", second)
    assert refusal(store, "c").reason == "dependency"


def test_what_is_brought_back_starts_anew(store: Store) -> None:
    """A task that had started, and is brought back from its end by hand, waits for the one that has the turn now."""
    first, second = add_task(store, 1), add_task(store, 2)
    add_job(store, "a", first)
    claim_all(store)
    story: Any = store.get(Task, first).state
    end(store, first)
    add_job(store, "b", second)
    assert keys(claim_all(store)) == ["b"]
    store.set_state(Task, first, story, by="ann", why="it was not done")
    add_job(store, "c", first)
    assert refusal(store, "c").reason == "serial"
    end(store, second)
    assert keys(claim_all(store)) == ["c"]


def test_what_is_deleted_is_waited_for_by_its_name(store: Store) -> None:
    """A task that waits for a deleted one does so for ever, as is shown, unless that is made anew and done."""
    first, second = add_task(store, 1), add_task(store, 2)
    store.add_dependency(Task, second, on=first)
    store.delete(Task, first)
    [waiting] = store.unmet_dependencies(Task, second)
    assert waiting == Dependency(second, first, met=False, path="", never=True)
    assert str(waiting) == "('shop', 'T-001') (not there, and so for ever)"
    end(store, add_task(store, 1))
    assert store.unmet_dependencies(Task, second) == []


def test_repositories_do_not_wait_for_each_other(store: Store) -> None:
    """Each repository has a turn of its own."""
    for repository in ("shop", "blog"):
        for number in (1, 2):
            add_job(store, f"{repository}-{number}", add_task(store, number, repository))
    assert keys(claim_all(store)) == ["shop-1", "blog-1"]


def test_a_claim_that_is_refused_starts_nothing(store: Store) -> None:
    """A job that the limit holds back starts no task."""
    add_job(store, "other", None)
    claim_all(store)
    for number in (1, 2):
        add_job(store, f"job-{number}", add_task(store, number))
    assert refusal(store, "job-1", at_most=1).reason == "concurrency_limit"
    assert claim_all(store, at_most=1) == []
    assert store.claim(AgentJob.lease, worker="w", key="job-2") is not None


def test_held_back_blocks_nobody(store: Store) -> None:
    """What a gate holds back takes no slot, and what is behind it is claimed."""
    first, second = add_task(store, 1), add_task(store, 2)
    add_job(store, "a", first)
    claim_all(store)
    for number in range(30):
        add_job(store, f"held-{number}", second)
    add_job(store, "free", None)
    assert keys(claim_all(store, at_most=2)) == ["free"]


@pytest.mark.parametrize("number", [10, 400])
def test_hundreds_held_back(store: Store, number: int) -> None:
    """However many are held back, a claim says as many statements."""
    first, second = add_task(store, 1), add_task(store, 2)
    add_job(store, "a", first)
    claim_all(store)
    with store.transaction():
        for each in range(number):
            add_job(store, f"held-{each}", second)
    add_job(store, "free", None)
    with said_by(store) as said:
        held = store.claim(AgentJob.lease, worker="w")
    assert held is not None
    assert held.key == "free"
    assert len(said) < 25, [text for text, _ in said]


# ---------------------------------------------------------------- freeze


def freeze(store: Store, reason: str = "the main branch is broken") -> None:
    if not store.find(RepoGate):
        store.create(RepoGate, "shop", repository_gate.Open())
    store.send(RepoGate, "shop", repository_gate.Freeze(reason, key_of(9)))


def test_frozen(store: Store) -> None:
    """A frozen repository starts no new task until somebody unfreezes it; why is told, and kept by the journal."""
    add_job(store, "job", add_task(store, 1))
    freeze(store)
    assert claim_all(store) == []
    refused = refusal(store, "job")
    assert refused.reason == "frozen"
    assert "the main branch is broken" in refused.detail
    store.send(RepoGate, "shop", repository_gate.Unfreeze())
    assert keys(claim_all(store)) == ["job"]
    events = [entry.event for entry in store.history(RepoGate, "shop")]
    assert events[1:] == [
        repository_gate.Freeze("the main branch is broken", key_of(9)),
        repository_gate.Unfreeze(),
    ]


def test_frozen_and_started(store: Store) -> None:
    """Jobs of a task that had started before go on."""
    first = add_task(store, 1)
    add_job(store, "a", first)
    claim_all(store)
    freeze(store)
    add_job(store, "b", first)
    assert keys(claim_all(store)) == ["b"]


def test_frozen_elsewhere(store: Store) -> None:
    """Another repository's freeze holds back nothing."""
    add_job(store, "job", add_task(store, 1, "blog"))
    freeze(store)
    assert keys(claim_all(store)) == ["job"]


# ---------------------------------------------------------------- in which order


def test_order_of_reasons(store: Store, clock: Any) -> None:
    """The state comes first, then dependency, serial and frozen, and the limit last."""
    first, second, third = (add_task(store, number) for number in (1, 2, 3))
    store.add_dependency(Task, second, on=third)
    add_job(store, "started", first)
    add_job(store, "alone", None)
    assert len(claim_all(store)) == 2
    later = clock.time + timedelta(minutes=1)
    waiting = agent_job.Queued(agent=AgentName("x"), text="x", task=second, available_at=later)
    store.create(AgentJob, "job", waiting)
    freeze(store)

    def reason() -> str:
        return refusal(store, "job", at_most=1).reason

    reasons = [reason()]
    clock.advance(minutes=1)
    reasons.append(reason())
    end(store, third)
    reasons.append(reason())
    end(store, first)
    reasons.append(reason())
    store.send(RepoGate, "shop", repository_gate.Unfreeze())
    reasons.append(reason())
    assert reasons == ["not_yet", "dependency", "serial", "frozen", "concurrency_limit"]
    assert keys(claim_all(store)) == ["job"]


# ---------------------------------------------------------------- many at once


def test_one_task_of_many(shared_url: str) -> None:
    """However many claim at once, one task of a repository starts."""
    with open_store(shared_url) as store, open_store(shared_url) as other:
        for number in range(1, 9):
            add_job(store, f"job-{number}", add_task(store, number))
        gate, found = threading.Barrier(4), list[Any]()

        def work(place: Store) -> None:
            gate.wait()
            found.extend(claim_all(place))

        threads = [threading.Thread(target=work, args=(place,)) for place in (store, other, store, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 1
        assert len(store.find(AgentJob, agent_job.Running)) == 1


# ---------------------------------------------------------------- definitions


@frozen
class On(Payload): ...


@frozen
class Off(Payload): ...


@frozen
class Flip(Event): ...


def test_one_at_a_time_needs_an_end() -> None:
    """A turn that never ends cannot be declared."""
    with pytest.raises(MachineDefinitionError, match="never ends"):

        class Endless(Machine[On | Off, Flip]):  # pyright: ignore[reportUnusedClass]  # it is not made
            is_on = state(On, initial=True)
            is_off = state(Off)

            @on
            def down(self, s: On, e: Flip) -> Off:
                return Off()

            @on
            def up(self, s: Off, e: Flip) -> On:
                return On()

            turn = OneAtATime(group=lambda key: key)


class Plain(Machine[On | Off, Flip]):
    is_on = state(On, initial=True)
    is_off = state(Off, final=True)

    @on
    def down(self, s: On, e: Flip) -> Off:
        return Off()


def test_freeze_needs_groups() -> None:
    """Where the subjects have no groups there is nothing to freeze."""
    with pytest.raises(MachineDefinitionError, match="OneAtATime"):

        class Frozen(Machine[On | Off, Flip]):  # pyright: ignore[reportUnusedClass]  # it is not made
            is_on = state(On, initial=True)
            is_off = state(Off, final=True)

            @on
            def down(self, s: On, e: Flip) -> Off:
                return Off()

            lease = Lease(
                claim=down, gates=Gates(subject=lambda s: "x", of=Plain, freeze=Freeze(by=RepoGate, state=On))
            )


# ---------------------------------------------------------------- any order


class Turns(RuleBasedStateMachine):
    """Tasks of two repositories, their jobs and claims, in any order."""

    @initialize()
    def open(self) -> None:
        self.store = open_store("sqlite://")
        self.numbers = itertools.count(1)
        self.tasks: list[task.TaskKey] = []
        self.held: list[HeldJob] = []
        self.started: set[task.TaskKey] = set()

    @rule(repository=st.sampled_from(["shop", "blog"]))
    def add(self, repository: str) -> None:
        self.tasks.append(add_task(self.store, next(self.numbers), repository))

    @precondition(lambda self: bool(self.tasks))
    @rule(data=st.data())
    def enqueue(self, data: st.DataObject) -> None:
        add_job(self.store, f"job-{next(self.numbers)}", data.draw(st.sampled_from(self.tasks)))

    @precondition(lambda self: len(self.tasks) > 1)
    @rule(data=st.data())
    def depend(self, data: st.DataObject) -> None:
        first, second = (data.draw(st.sampled_from(self.tasks)) for _ in range(2))
        if self.reaches(second, first):
            with pytest.raises(DependencyCycle):
                self.store.add_dependency(Task, first, on=second)
        else:
            self.store.add_dependency(Task, first, on=second)

    @precondition(lambda self: bool(self.tasks))
    @rule(data=st.data(), cancelled=st.booleans())
    def end_one(self, data: st.DataObject, cancelled: bool) -> None:
        key = data.draw(st.sampled_from(self.tasks))
        if self.unfinished(key):
            self.store.send(Task, key, task.Cancel("x")) if cancelled else end(self.store, key)
        self.started.discard(key)

    @rule()
    def claim(self) -> None:
        expected = self.claimable()
        held = self.store.claim(AgentJob.lease, worker="w")
        assert (held is not None) == bool(expected)
        if held is not None:
            assert held.key in expected
            self.held.append(held)
            if held.state.task is not None and self.unfinished(held.state.task):
                self.started.add(held.state.task)

    @precondition(lambda self: bool(self.held))
    @rule()
    def finish(self) -> None:
        self.held.pop().send(agent_job.Finished())

    def reaches(self, start: Any, target: Any) -> bool:
        """Whether one waits for the other, by whatever way."""
        ways = [(each.key, each.on) for each in self.store.dependencies(Task)]
        reached = {start}
        while new := {on_what for key, on_what in ways if key in reached} - reached:
            reached |= new
        return target in reached

    def unfinished(self, key: task.TaskKey) -> bool:
        return isinstance(self.store.get(Task, key).state, task.Unfinished)

    def claimable(self) -> set[Any]:
        """What the gates let through, said another way."""
        return {
            job.key for job in self.store.find(AgentJob, agent_job.Queued) if self.may_start(job.state.task, job.key)
        }

    def may_start(self, key: task.TaskKey | None, job: Any) -> bool:
        if key is None or not self.unfinished(key):
            return True
        if self.store.unmet_dependencies(Task, key):
            return False
        return key in self.started or not any(other[0] == key[0] for other in self.started)

    @invariant()
    def one_of_a_repository(self) -> None:
        repositories = [key[0] for key in self.started]
        assert len(repositories) == len(set(repositories))

    def teardown(self) -> None:
        self.store.close()


TestTurns = Turns.TestCase
TestTurns.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
