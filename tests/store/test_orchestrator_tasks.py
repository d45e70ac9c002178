"""Tasks on a store: made once for each external issue, found by index, and how long an approval took."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from storytelling import key, open_all, story

from leverframe import InvalidValue, NotFound, Store, TransitionNotAllowed, open_store
from leverframe.machines.orchestrator import task as t
from leverframe.machines.orchestrator.freezing import freeze_repository, unfreeze_repository
from leverframe.machines.orchestrator.opening import open_task
from leverframe.machines.orchestrator.repository_gate import Frozen, Open, RepoGate
from leverframe.machines.orchestrator.task import Task
from leverframe.machines.orchestrator.tasks import (
    approval_took,
    task_by_branch,
    task_by_issue,
    task_by_work_item,
    tasks_by_work_item,
    tasks_in_development,
    unfinished_tasks,
)

ISSUES = [f"issue-{number}" for number in range(12)]


def advance(store: Store, of: Any, to: type[Any]) -> None:
    while not isinstance(store.get(Task, of).state, to):
        store.send(Task, of, t.Advance())


# ---------------------------------------------------------------- once for each issue


def test_made_once(store: Store) -> None:
    """The first call makes the task and says so; each later one gets that task, and changes nothing."""
    first, created = open_task(store, "shop", "SHOP-001", story("issue-9", "feat/x"))
    assert (first.key, first.state, first.version, created) == (key(1), story("issue-9", "feat/x"), 1, True)
    again, created = open_task(store, "shop", "SHOP-001", story("issue-9", "feat/y"))
    assert (again, again.state, created) == (first, first.state, False)
    assert len(store.find(Task)) == 1


@pytest.mark.parametrize("end", [t.Done, t.Cancelled])
def test_an_ended_task_is_still_the_one(store: Store, end: type[Any]) -> None:
    """An issue whose task is Done or Cancelled gets no second one, in whichever repository it is asked for."""
    open_task(store, "shop", "SHOP-001", story("issue-9"))
    store.send(Task, key(1), t.Cancel("no")) if end is t.Cancelled else advance(store, key(1), end)
    task, created = open_task(store, "forge", "FORGE-001", story("issue-9"))
    assert (task.key, type(task.state), created) == (key(1), end, False)


def test_a_taken_id_walks_forward(store: Store) -> None:
    """A taken id gives way to the next free one behind it, over a gap no further than that, its width kept."""
    for taken in ("SHOP-007", "SHOP-008", "SHOP-010"):
        store.create(Task, ("shop", taken), story(taken))
    assert open_task(store, "shop", "SHOP-007", story("a"))[0].key == ("shop", "SHOP-009")
    assert open_task(store, "shop", "SHOP-007", story("b"))[0].key == ("shop", "SHOP-011")
    assert open_task(store, "shop", "SHOP-002", story("c"))[0].key == ("shop", "SHOP-002")


def test_an_id_grows_past_its_width(store: Store) -> None:
    """Behind the last number of a width comes one that is a digit wider."""
    store.create(Task, ("shop", "SHOP-999"), story("a"))
    assert open_task(store, "shop", "SHOP-999", story("b"))[0].key == ("shop", "SHOP-1000")


def test_ids_are_of_a_repository_and_a_prefix(store: Store) -> None:
    """Each repository and each prefix has numbers of its own."""
    for repository, first in (("shop", "SHOP-001"), ("forge", "SHOP-001"), ("shop", "BUG-001")):
        assert open_task(store, repository, first, story(repository + first))[0].key == (repository, first)


def test_no_work_item_id(store: Store) -> None:
    """What is no work-item id is refused, and nothing is made."""
    with pytest.raises(InvalidValue):
        open_task(store, "shop", "seven", story("issue-9"))
    assert store.find(Task) == []


def test_each_tenant_has_its_own(store: Store) -> None:
    """The same issue of two tenants is two tasks."""
    assert open_task(store.scoped("a"), "shop", "SHOP-001", story("issue-9"))[1]
    assert open_task(store.scoped("b"), "shop", "SHOP-001", story("issue-9"))[1]


def check_race(found: list[tuple[str, Any, bool]], store: Store) -> None:
    assert sum(created for _, _, created in found) == len(ISSUES)
    by_issue = {issue: {key for each, key, _ in found if each == issue} for issue in ISSUES}
    assert all(len(keys) == 1 for keys in by_issue.values())
    numbers = sorted(task.key[1] for task in store.find(Task))
    assert numbers == [f"SHOP-{number:03}" for number in range(1, len(ISSUES) + 1)]


def test_many_threads(store: Store) -> None:
    """However many threads ask for the same issues, each has one task and one that made it, and no id is left out."""
    gate = threading.Barrier(6)

    def work(_: int) -> list[tuple[str, Any, bool]]:
        gate.wait()
        tasks = [(issue, *open_task(store, "shop", "SHOP-001", story(issue))) for issue in ISSUES]
        return [(issue, task.key, created) for issue, task, created in tasks]

    with ThreadPoolExecutor(6) as pool:
        check_race([each for found in pool.map(work, range(6)) for each in found], store)


def test_many_processes(shared_url: str) -> None:
    """However many processes ask for the same issues, each has one task, and one caller that made it."""
    with open_store(shared_url) as store:
        with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
            racers = [pool.submit(open_all, shared_url, ISSUES) for _ in range(3)]
            found = [each for racer in racers for each in racer.result()]
        check_race(found, store)


def test_inside_of_a_transaction(store: Store) -> None:
    """A task is made, or found, inside of a transaction too, and is gone with it."""
    with store.transaction():
        assert open_task(store, "shop", "SHOP-001", story("a"))[1]
        assert open_task(store, "shop", "SHOP-001", story("b"))[0].key == key(2)
        assert not open_task(store, "shop", "SHOP-001", story("a"))[1]
    with suppress(RuntimeError), store.transaction():
        open_task(store, "shop", "SHOP-001", story("c"))
        raise RuntimeError
    assert len(store.find(Task)) == 2


# ---------------------------------------------------------------- queries


def test_found_by_what_it_is_called(store: Store) -> None:
    """A task is found by its external id, by repository and branch, and by its work-item id; None if there is none."""
    one, _ = open_task(store, "shop", "SHOP-001", story("issue-1", "feat/x"))
    two, _ = open_task(store, "forge", "SHOP-001", story("issue-2", "feat/x"))
    assert (task_by_issue(store, "issue-1"), task_by_issue(store, "issue-2")) == (one, two)
    assert (task_by_branch(store, "shop", "feat/x"), task_by_branch(store, "forge", "feat/x")) == (one, two)
    assert (task_by_work_item(store, "shop", "SHOP-001"), task_by_work_item(store, "forge", "SHOP-001")) == (one, two)
    assert tasks_by_work_item(store, "SHOP-001") == [two, one]
    assert tasks_by_work_item(store, "SHOP-002") == []
    assert task_by_issue(store, "issue-3") is None
    assert task_by_branch(store, "mill", "feat/x") is task_by_branch(store, "shop", "feat/z") is None
    assert task_by_work_item(store, "shop", "SHOP-002") is None


def test_unfinished_tasks(store: Store, clock: Any) -> None:
    """Every task that is neither Done nor Cancelled, with the seconds since its last change, the longest first."""
    for number in range(1, 6):
        open_task(store, "shop", "SHOP-001", story(f"issue-{number}"))
        clock.advance(seconds=10)
    store.send(Task, key(1), t.Advance())
    store.send(Task, key(2), t.Cancel("no"))
    advance(store, key(3), t.Done)
    clock.advance(seconds=1.5)
    found = [(each.task.key, each.seconds) for each in unfinished_tasks(store)]
    assert found == [(key(4), 21.5), (key(5), 11.5), (key(1), 1.5)]


def test_tasks_in_development(store: Store) -> None:
    """Every task of a repository in Development, so that the caller sees when there is more than one."""
    for number in (1, 2, 3):
        open_task(store, "shop", "SHOP-001", story(f"issue-{number}"))
        advance(store, key(number), t.Development)
    store.send(Task, key(2), t.Advance())
    open_task(store, "forge", "SHOP-001", story("other"))
    advance(store, ("forge", "SHOP-001"), t.Development)
    assert {task.key for task in tasks_in_development(store, "shop")} == {key(1), key(3)}
    assert len(tasks_in_development(store, "forge")) == 1
    assert tasks_in_development(store, "mill") == []


# ---------------------------------------------------------------- approvals


def test_how_long_an_approval_took(store: Store, clock: Any) -> None:
    """From the first request to the first answer, whatever is repeated, also when the task has gone on since."""
    open_task(store, "shop", "SHOP-001", story("issue-1"))
    advance(store, key(1), t.Analysis)
    assert approval_took(store, key(1)) is None
    for event in (t.ApprovalRequested(), t.ApprovalRequested(), t.ApprovalGiven(), t.ApprovalRequested()):
        clock.advance(minutes=10)
        store.send(Task, key(1), event)
        took = approval_took(store, key(1))
        assert took == (None if isinstance(event, t.ApprovalRequested) and clock.time.minute < 30 else 20 * MINUTE)
    clock.advance(minutes=10)
    store.send(Task, key(1), t.ApprovalGiven())
    advance(store, key(1), t.Done)
    assert approval_took(store, key(1)) == 20 * MINUTE
    with pytest.raises(NotFound):
        approval_took(store, key(2))


MINUTE = timedelta(minutes=1)


# ---------------------------------------------------------------- a freeze


def test_who_froze_it_and_why(store: Store, clock: Any) -> None:
    """The journal of a gate keeps who froze the repository, and why, and who unfroze it."""
    state = freeze_repository(store, "shop", reason="main is broken", task=key(1), by="anna").state
    assert state == Frozen("main is broken", key(1), clock.time)
    with pytest.raises(TransitionNotAllowed):
        freeze_repository(store, "shop", reason="another", task=key(2), by="bert")
    assert store.get(RepoGate, "shop").state == state
    assert unfreeze_repository(store, "shop", by="carl", why="mended").state == Open()
    with pytest.raises(TransitionNotAllowed):
        unfreeze_repository(store, "shop", by="carl", why="again")
    told = [(entry.to_path, entry.by, entry.why) for entry in store.history(RepoGate, "shop")]
    assert told == [("open", "", ""), ("frozen", "anna", "main is broken"), ("open", "carl", "mended")]
