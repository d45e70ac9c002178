"""With many instances, leases, slots, turns and dependencies no claim reads a table from end to end, on any store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backlog import add_job, add_task, end, key_of
from plans import said_by, scanned
from postgres_server import Server

from by_hand import run_by_hand
from leverframe import Store, open_store
from leverframe.machines import job as j
from leverframe.machines.job import Job, Watermark, enqueue
from leverframe.machines.orchestrator import agent_job, repository_gate, task
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.repository_gate import RepoGate
from leverframe.machines.orchestrator.task import Task
from leverframe.persistence.keys import encode_key

ROWS = 20_000

BIG = {"snapshot", "lease", "slot", "turn", "dependency"}

N = f"WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"

# Numbers of instances, far from those that the store gives in a test.
BASE = 1_000_000

SNAPSHOT = "instance, machine, key, state, body, version, created_at, changed_at, tenant"

LEASE = """instance, tenant, machine, version, age, ready_at, priority, subject, serial, scope, token, worker,
    claimed_at, heartbeat_at, expires_at, host, process_id, process_start"""


def copies(machine: str, key: str, first: int) -> str:
    """As many instances as that one."""
    return f"""{N} INSERT INTO snapshot ({SNAPSHOT})
    SELECT {first} + n.n, s.machine, 'copy-' || n.n, s.state, s.body, 1, n.n, n.n, '' FROM snapshot AS s, n
    WHERE s.machine = '{machine}' AND s.key = '{key}'"""


FILL = (
    copies("Task", encode_key(key_of(1)), BASE),
    copies("AgentJob", "job", 2 * BASE),
    copies("Job", encode_key(("index", "job")), 3 * BASE),
    # Jobs that are ready, and whose tasks wait for something, or for their turn.
    f"""{N} INSERT INTO lease ({LEASE})
    SELECT {2 * BASE} + n, '', 'AgentJob', 1, n, n, 0, 'copy-' || n, 'repository-' || (n % 1000), 'agents',
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM n WHERE n > {ROWS} - 300""",
    # Jobs that somebody has, and a few that somebody has left.
    f"""{N} INSERT INTO lease ({LEASE})
    SELECT {3 * BASE} + n, '', 'Job', 1, n, NULL, 0, NULL, NULL, 'kind-' || (n % 100),
        n, 'worker-' || n, n, n, {2**60} + n, '', 0, 0 FROM n WHERE n > 5""",
    f"""{N} INSERT INTO slot (tenant, machine, scope, number, instance)
    SELECT '', 'Job', 'kind-' || (n % 100), n / 100 + 1, {3 * BASE} + n FROM n""",
    f"""{N} INSERT INTO turn (tenant, machine, serial, subject, instance)
    SELECT '', 'Task', 'repository-' || n, 'another', {BASE} + n FROM n""",
    f"""{N} INSERT INTO dependency (tenant, machine, dependent, prerequisite, instance, met)
    SELECT '', 'Task', 'copy-' || n, 'copy-' || (n + 1), {BASE} + n, 0 FROM n""",
)


@pytest.fixture(scope="module", params=["file", "postgres"])
def large_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "file":
        folder: Path = tmp_path_factory.mktemp("large")
        url = f"sqlite:///{folder / 'store.db'}?durability=normal"
    else:
        server: Server = request.getfixturevalue("postgres_server")
        url = server.fresh_url()
    with open_store(url) as store:
        add_task(store, 1)
        add_job(store, "job", None)
        enqueue(store, "index", "job", Watermark(1))
    run_by_hand(url, *FILL)
    if request.param == "postgres":
        run_by_hand(
            url,
            f"SELECT setval(pg_get_serial_sequence('snapshot', 'instance'), {5 * BASE})",
            *(f"ANALYZE {table}" for table in BIG),
        )
    return url


def claim_job(store: Store) -> Any:
    return store.claim(AgentJob.lease, worker="w", at_most=50)


def claim_and_finish(store: Store) -> None:
    held = store.claim(Job.lease, worker="w", key=("kind-1", "new"), create=j.Pending(), at_most=10_000)
    assert held is not None
    assert held.renew()
    keeper: Any = held.keeper
    assert keeper.renew_all([held]).renewed
    held.send_and_claim(j.Succeeded(Watermark(1)), at_most=10_000)
    assert not keeper.renew_all([held]).standing


def claim_what_is_full(store: Store) -> None:
    outcome = store.claim_or_reason(Job.lease, worker="w", key=("kind-1", "full"), create=j.Pending(), at_most=50)
    assert getattr(outcome, "reason", "") == "concurrency_limit"


def through_all_gates(store: Store) -> None:
    first, second = add_task(store, 2, "blog"), add_task(store, 3, "blog")
    store.add_dependency(Task, second, on=first)
    store.create(RepoGate, "blog", repository_gate.Open())
    for number, of in enumerate((first, second)):
        add_job(store, f"gated-{number}", of)
    held = store.claim(AgentJob.lease, worker="w", key="gated-0")
    assert held is not None
    held.send(agent_job.Finished())
    for name in ("gated-1", "job-of-nobody"):
        assert store.claim(AgentJob.lease, worker="w", key=name) is None
    end(store, first)
    assert store.claim(AgentJob.lease, worker="w", key="gated-1") is not None
    store.send(Task, second, task.Cancel("enough"))
    store.remove_dependency(Task, second, on=first)


CALLS: dict[str, Callable[[Store], object]] = {
    "claim past what is held back": claim_job,
    "claim and nothing is left": claim_job,
    "claim by key, renew, end and claim": claim_and_finish,
    "claim what is full": claim_what_is_full,
    "through all gates": through_all_gates,
    "dependencies of one": lambda store: (
        store.dependencies(Task, "copy-7"),
        store.unmet_dependencies(Task, "copy-7"),
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_table_is_scanned(large_url: str, call: Callable[[Store], object]) -> None:
    """Each statement of the call finds its rows by an index, however many there are."""
    with open_store(large_url) as store:
        store.unmet_dependencies(Task, "copy-1")
        store.claim(Job.lease, worker="w", key=("no", "such"))
        store.claim(AgentJob.lease, worker="w", key="no such")
        with said_by(store) as said:
            call(store)
    assert said
    found = {text: tables for text, values in said if (tables := scanned(large_url, (text, values)) & BIG)}
    assert not found
