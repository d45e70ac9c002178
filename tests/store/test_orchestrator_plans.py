"""With many tasks, jobs, runs, cards and deliveries no question about them reads a table from end to end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from plans import said_by, scanned
from postgres_server import Server
from storytelling import THEN, job, key, started, story

from by_hand import run_by_hand
from leverframe import Store, open_store
from leverframe.machines.amounts import Count
from leverframe.machines.carrying import become
from leverframe.machines.execution import AgentName, Execution, RateLimited
from leverframe.machines.orchestrator import agent_job, agent_run, task
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.agent_run import NO_USAGE, AgentRun
from leverframe.machines.orchestrator.cards import current_card, lose_card, open_cards, record_card
from leverframe.machines.orchestrator.deliveries import deliver, recent_deliveries
from leverframe.machines.orchestrator.opening import open_task
from leverframe.machines.orchestrator.queueing import count_jobs, has_open_job, recent_jobs, running_jobs
from leverframe.machines.orchestrator.reaping import reap_jobs, requeue_after_restart
from leverframe.machines.orchestrator.task import Task
from leverframe.machines.orchestrator.tasks import (
    task_by_branch,
    task_by_issue,
    task_by_work_item,
    tasks_by_work_item,
    tasks_in_development,
    unfinished_tasks,
)
from leverframe.machines.orchestrator.totals import repository_totals, task_totals
from leverframe.persistence.keys import encode_key

ROWS = 20_000

BIG = {"snapshot", "lookup", "wake_up"}

N = f"WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"

# Numbers of instances, far from those that the store gives in a test.
BASE = 1_000_000

SNAPSHOT = "instance, tenant, machine, key, state, body, version, created_at, changed_at"

REPOSITORY = "'repository-' || (n.n % 1000)"

TASK = f"""'["' || {REPOSITORY} || '","COPY-' || n.n || '"]'"""

CARD = f"""'["' || {REPOSITORY} || '","COPY-1","m-' || n.n || '"]'"""


def copies(machine: str, of: object, name: str, first: int) -> str:
    """As many instances as that one."""
    return f"""{N} INSERT INTO snapshot ({SNAPSHOT})
    SELECT {first} + n.n, '', s.machine, {name}, s.state, s.body, 1, n.n, n.n FROM snapshot AS s, n
    WHERE s.machine = '{machine}' AND s.key = '{of}'"""


def lookups(machine: str, field: str, value: str, first: int, unique: int = 0) -> str:
    return f"""{N} INSERT INTO lookup (instance, tenant, field, machine, value, is_unique)
    SELECT {first} + n.n, '', '{field}', '{machine}', {value}, {unique} FROM n"""


FILL = (
    copies("Task", encode_key(key(1)), TASK, BASE),
    lookups("Task", "branch", "'\"b-' || n.n || '\"'", BASE),
    lookups("Task", "external_issue_id", "'\"i-' || n.n || '\"'", BASE, 1),
    lookups("Task", "work_item", "'\"COPY-' || n.n || '\"'", BASE),
    copies("AgentJob", "job", "'copy-' || n.n", 2 * BASE),
    lookups("AgentJob", "task", TASK, 2 * BASE),
    copies("AgentRun", "run", "'copy-' || n.n", 3 * BASE),
    lookups("AgentRun", "task", TASK, 3 * BASE),
    lookups("AgentRun", "repository", f"'\"' || {REPOSITORY} || '\"'", 3 * BASE),
    copies("TrackerCard", encode_key((*key(1), "m-1")), CARD, 4 * BASE),
    copies("Delivery", encode_key(("tracker", "1")), "'copy-' || n.n", 5 * BASE),
    copies("Execution", "limited", "'copy-' || n.n", 6 * BASE),
    f"""{N} INSERT INTO wake_up (instance, name, tenant, machine, due_at)
    SELECT {6 * BASE} + n.n, 'resume', '', 'Execution', {2**60} + n.n FROM n""",
)


def fill(store: Store) -> None:
    store.create(Task, key(1), become(story("issue-1"), task.Done))
    done = become(job(key(1)), agent_job.Succeeded, attempts=Count(1), started_at=THEN, finished_at=THEN)
    store.create(AgentJob, "job", done)
    exited = become(started(key(1)), agent_run.Exited, exit_code=0, finished_at=THEN, usage=NO_USAGE)
    store.create(AgentRun, "run", exited)
    record_card(store, key(1), "m-1")
    lose_card(store, key(1), "m-1")
    deliver(store, Task, key(1), task.Advance(), source="tracker", kind="x", body="", delivery_id="1")
    store.create(Execution, "limited", RateLimited(AgentName("builder"), THEN))


@pytest.fixture(scope="module", params=["file", "postgres"])
def large_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "file":
        folder: Path = tmp_path_factory.mktemp("large")
        url = f"sqlite:///{folder / 'store.db'}?durability=normal"
    else:
        server: Server = request.getfixturevalue("postgres_server")
        url = server.fresh_url()
    with open_store(url) as store:
        fill(store)
    run_by_hand(url, *FILL)
    if request.param == "postgres":
        run_by_hand(
            url,
            f"SELECT setval(pg_get_serial_sequence('snapshot', 'instance'), {9 * BASE})",
            *(f"ANALYZE {table}" for table in BIG),
        )
    return url


CALLS: dict[str, Callable[[Store], object]] = {
    "open a task": lambda s: open_task(s, "shop", "SHOP-001", story("new")),
    "open it again": lambda s: open_task(s, "shop", "SHOP-001", story("new")),
    "by its external id": lambda s: task_by_issue(s, "issue-1"),
    "by repository and branch": lambda s: task_by_branch(s, "shop", "feat/issue-1"),
    "by work-item id": lambda s: task_by_work_item(s, "shop", "SHOP-001"),
    "by work-item id alone": lambda s: tasks_by_work_item(s, "COPY-7"),
    "every unfinished task": unfinished_tasks,
    "tasks in Development": lambda s: tasks_in_development(s, "repository-7"),
    "counts of jobs": count_jobs,
    "most recent jobs": lambda s: recent_jobs(s, 10),
    "is anything open": lambda s: has_open_job(s, key(1)),
    "running jobs": running_jobs,
    "reap": reap_jobs,
    "after a restart": requeue_after_restart,
    "totals of a task": lambda s: task_totals(s, key(1)),
    "totals of a repository": lambda s: repository_totals(s, "shop"),
    "open cards": lambda s: open_cards(s, key(1)),
    "current card": lambda s: current_card(s, key(1)),
    "record a card": lambda s: record_card(s, key(1), "m-2"),
    "record it again": lambda s: record_card(s, key(1), "m-2"),
    "deliver": lambda s: deliver(s, Task, key(1), task.Advance(), source="tracker", kind="x", body="", delivery_id="2"),
    "deliver again": lambda s: deliver(
        s, Task, key(1), task.Advance(), source="tracker", kind="x", body="", delivery_id="2"
    ),
    "recent deliveries": lambda s: recent_deliveries(s, 10),
    "rate limits that are over": lambda s: s.due(Execution),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_table_is_scanned(large_url: str, call: Callable[[Store], object]) -> None:
    """Each statement of the call finds its rows by an index, however many there are."""
    with open_store(large_url) as store:
        # After these it is known that what the machines declare is kept.
        task_totals(store, key(9))
        task_by_issue(store, "nothing")
        has_open_job(store, key(9))
        with said_by(store) as said:
            call(store)
    assert said
    found = {text: tables for text, values in said if (tables := scanned(large_url, (text, values)) & BIG)}
    assert not found


@pytest.mark.parametrize("number", [1, 150])
def test_runs_are_asked_about_together(store: Store, number: int) -> None:
    """However many jobs are Running, their runs are asked about in one question."""
    for each in range(number):
        store.create(AgentJob, f"job-{each}", job())
        store.claim(AgentJob.lease, worker="w", event=agent_job.Claimed(agent_run.RunId(f"run-{each}")))
        store.create(AgentRun, f"run-{each}", started())
        store.send(AgentRun, f"run-{each}", agent_run.Finished(0))
    with said_by(store) as said:
        found = running_jobs(store)
    assert [each.exit_code for each in found] == [0] * number
    # Which states there are, the jobs, their runs.
    assert len([text for text, _ in said if "FROM snapshot" in text]) == 2
