"""What operators ask of a store, and do to single instances, as every store answers it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
from bug_tickets import (
    Asked,
    Asking,
    Broken,
    Doing,
    Failed,
    Gone,
    GotStuck,
    Loosened,
    Reopened,
    Retried,
    Stuck,
    Taken,
    Ticket,
    Unstuck,
    Waiting,
)
from plans import said_by, scanned
from postgres_server import Server

from by_hand import run_by_hand
from leverframe import (
    Held,
    InvalidQuery,
    LeaseLost,
    NotFound,
    NotLeased,
    QueueCounts,
    Store,
    TransitionNotAllowed,
    open_store,
)
from leverframe.coordination.operating import COUNTED
from leverframe.machines import job, run
from leverframe.machines.job import Failed as JobFailed
from leverframe.machines.job import Job, Pending, Watermark
from leverframe.machines.orchestrator import AgentJob, RepoGate, Task
from leverframe.machines.orchestrator.agent_job import Queued
from leverframe.machines.orchestrator.agent_run import AgentName
from leverframe.machines.orchestrator.repository_gate import Freeze, Open
from leverframe.machines.orchestrator.task import BranchName, Created, ExternalIssueId, Repository, WorkItemId
from leverframe.machines.pipeline import Abandon, Backlog, Pipeline
from leverframe.typed.values import NonEmpty

WHO: Any = {"by": "anna", "why": "it hangs"}

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **units: float) -> datetime: ...


def claim(store: Store, worker: str = "w") -> Held[Ticket, Doing]:
    held = store.claim(Ticket.lease, worker=worker)
    assert held is not None
    return held


def wait(store: Store, *labels: str, urgency: int = 0, not_before: datetime | None = None) -> None:
    for label in labels:
        store.create(Ticket, label, Waiting(label, not_before, urgency))


# ---------------------------------------------------------------- leases


def test_leases_are_listed(store: Store, clock: Clock) -> None:
    """Each lease is listed with its worker, its times and its token, the oldest first, and no other instance."""
    wait(store, "a", "b", "c")
    first = claim(store, "builder-1")
    claimed_at = clock()
    clock.advance(seconds=10)
    second = claim(store, "builder-2")
    found = store.leases(Ticket.lease)
    assert [(record.key, record.path, record.worker, record.token) for record in found] == [
        ("a", "doing", "builder-1", first.token),
        ("b", "doing", "builder-2", second.token),
    ]
    assert (found[0].claimed_at, found[0].heartbeat_at) == (claimed_at, claimed_at)
    assert found[0].expires_at == claimed_at + timedelta(seconds=60)
    assert store.leases(Ticket.lease, limit=1) == found[:1]


def test_a_renewed_lease_shows_its_heartbeat(store: Store, clock: Clock) -> None:
    """Heartbeat and end are those of the last renewal, the claim's time stays."""
    wait(store, "a")
    held, claimed_at = claim(store), clock()
    beaten_at = clock.advance(seconds=20)
    assert held.renew()
    (record,) = store.leases(Ticket.lease)
    assert (record.claimed_at, record.heartbeat_at) == (claimed_at, beaten_at)
    assert record.expires_at == beaten_at + timedelta(seconds=60)


def test_a_lease_that_has_run_out_is_stale(store: Store, clock: Clock) -> None:
    """At the very time of its end it has run out, and not before; once it is dealt with, it is no lease any more."""
    wait(store, "a")
    claim(store)
    clock.advance(seconds=59)
    assert [record.stale for record in store.leases(Ticket.lease)] == [False]
    clock.advance(seconds=1)
    assert [record.stale for record in store.leases(Ticket.lease)] == [True]
    store.reap(Ticket.lease)
    assert store.leases(Ticket.lease) == []


def test_leases_of_tenants_are_apart(store: Store) -> None:
    """A tenant's store lists its own leases alone, and counts its own queue alone."""
    red, blue = store.scoped("red"), store.scoped("blue")
    wait(red, "a", "b")
    claim(red)
    assert (len(red.leases(Ticket.lease)), len(blue.leases(Ticket.lease))) == (1, 0)
    assert (red.queue(Ticket.lease).ready, blue.queue(Ticket.lease).ready) == (1, 0)
    assert blue.overview(others=True).machines == []


# ---------------------------------------------------------------- queues


def test_a_queue_is_counted(store: Store, clock: Clock) -> None:
    """What is ready, what waits until later, what is leased and what of that has run out, over all priorities."""
    wait(store, "a", "b", urgency=5)
    wait(store, "c", "d")
    wait(store, "e", urgency=-3, not_before=clock() + timedelta(hours=1))
    claim(store)
    assert store.queue(Ticket.lease) == QueueCounts(ready=3, later=1, leased=1)
    clock.advance(hours=1)
    assert store.queue(Ticket.lease) == QueueCounts(ready=4, leased=1, stale=1)


def test_a_queue_is_counted_up_to_a_limit(store: Store, clock: Clock) -> None:
    """A number that was counted up to the limit only says so; at the limit itself it is exact."""
    wait(store, "a", "b", "c", urgency=1)
    wait(store, "d", "e")
    wait(store, "f", not_before=clock() + timedelta(hours=1))
    assert store.queue(Ticket.lease, limit=4) == QueueCounts(ready=4, later=1, exact=False)
    assert store.queue(Ticket.lease, limit=5) == QueueCounts(ready=5, later=1)
    with pytest.raises(InvalidQuery):
        store.queue(Ticket.lease, limit=0)


def test_what_gates_hold_back_is_counted_apart(store: Store) -> None:
    """Jobs of a task that waits for a frozen repository are held back, and ready once it is thawed."""
    shop = Repository("shop")
    key = (shop, WorkItemId("SHOP-1"))
    task = Created(title=NonEmpty("t"), branch=BranchName("b"), external_issue_id=ExternalIssueId("x"))
    store.create(Task, key, task)
    store.create(AgentJob, "held", Queued(agent=AgentName("coder"), text="t", task=key))
    store.create(AgentJob, "free", Queued(agent=AgentName("coder"), text="t"))
    assert store.queue(AgentJob.lease) == QueueCounts(ready=2)
    store.create(RepoGate, "shop", Open())
    store.send(RepoGate, "shop", Freeze("release day", key))
    assert store.queue(AgentJob.lease) == QueueCounts(ready=1, held_back=1)


# ---------------------------------------------------------------- release


def test_a_released_lease_is_over(store: Store) -> None:
    """The machine makes the move of a lease that has run out; its owner is told, and others may claim."""
    wait(store, "a")
    held = claim(store)
    receipt = store.release(Ticket.lease, "a", **WHO)
    assert (receipt.from_state, receipt.state) == (Doing, Waiting("a"))
    with pytest.raises(LeaseLost):
        held.send(Broken("late"))
    assert not held.renew()
    assert claim(store, "other").key == "a"
    line = store.history(Ticket, "a")[2]
    assert (type(line.event).__name__, line.by, line.why, line.repaired) == ("RanOut", "anna", "it hangs", False)


def test_a_lease_that_nobody_has_is_not_released(store: Store) -> None:
    """Waiting, paused or ended: there is no lease to end, and nothing changes."""
    wait(store, "a")
    store.create(Ticket, "b", Asking("b", NOON))
    store.create(Ticket, "c", Gone("c"))
    for key, path in (("a", "waiting"), ("b", "asking"), ("c", "gone")):
        with pytest.raises(NotLeased, match=f"nobody has a lease on Ticket '{key}', which is in {path}"):
            store.release(Ticket.lease, key, **WHO)
        assert len(store.history(Ticket, key)) == 1
    with pytest.raises(NotFound):
        store.release(Ticket.lease, "zebra", **WHO)


# ---------------------------------------------------------------- requeue


def test_the_only_event_that_leads_back_is_found(store: Store) -> None:
    """Of two events that lead back, one is made without arguments: that one is sent, as any event is."""
    store.create(Ticket, "a", Failed("a", "broken"))
    receipt = store.requeue(Ticket.lease, "a", **WHO)
    assert (receipt.from_state, receipt.state, receipt.version) == (Failed, Waiting("a"), 2)
    line = store.history(Ticket, "a")[1]
    assert (line.event, line.by, line.why) == (Retried(), "anna", "it hangs")
    assert [message.kind for message in store.messages(topic="tickets")] == ["waiting"]
    assert claim(store).key == "a"


def test_an_event_that_is_given_leads_back(store: Store) -> None:
    """With an event it is that one, with what it says."""
    store.create(Ticket, "a", Failed("a", "broken"))
    assert store.requeue(Ticket.lease, "a", Reopened(7)).state == Waiting("a", None, 7)


def test_a_priority_goes_before_that_of_the_policy(store: Store) -> None:
    """What is requeued with a priority is claimed before what the policy puts first."""
    store.create(Ticket, "a", Failed("a", "broken"))
    wait(store, "b", urgency=5)
    store.requeue(Ticket.lease, "a", priority=6)
    assert claim(store).key == "a"


def test_what_waits_until_later_is_made_ready(store: Store, clock: Clock) -> None:
    """A deferred instance is ready at once; its state is as it was, and its journal has a line without an event."""
    later = clock() + timedelta(hours=1)
    wait(store, "a", not_before=later)
    assert store.claim(Ticket.lease, worker="w") is None
    receipt = store.requeue(Ticket.lease, "a", **WHO)
    assert (receipt.state, receipt.version) == (Waiting("a", later), 2)
    line = store.history(Ticket, "a")[1]
    assert (line.repaired, line.by, line.why) == (True, "anna", "it hangs")
    assert claim(store).key == "a"


def test_what_is_ready_is_put_first(store: Store) -> None:
    """A ready instance is only given the priority, and keeps its place in time."""
    wait(store, "a", "b", "c")
    store.requeue(Ticket.lease, "c", priority=1)
    assert [claim(store).key for _ in range(3)] == ["c", "a", "b"]


def test_the_guard_of_a_claim_is_heard(store: Store, clock: Clock) -> None:
    """Where its machine would not let it be claimed now, it is not made ready, and the guard is named."""
    store.create(Job, ("import", "a"), Pending(input_watermark=Watermark(1)))
    held = store.claim(Job.lease, worker="w")
    assert held is not None
    held.send(JobFailed("no network", timedelta(hours=1)))
    with pytest.raises(TransitionNotAllowed):
        store.requeue(Job.lease, ("import", "a"), **WHO)
    assert len(store.history(Job, ("import", "a"))) == 3
    clock.advance(hours=1)
    assert store.requeue(Job.lease, ("import", "a"), **WHO).version == 4


@pytest.mark.parametrize(
    ("state", "event", "error", "told"),
    [
        (Gone("a"), None, InvalidQuery, "'a' is in gone, from where no event leads to where it can be claimed"),
        (
            Stuck("a"),
            None,
            InvalidQuery,
            r"no event without arguments leads .* give one of Unstuck\(urgency\), Loosened\(label\)",
        ),
        (Doing("a"), None, InvalidQuery, r"'a' is in doing, which is leased; release it first"),
        (Stuck("a"), Retried(), TransitionNotAllowed, "in stuck refuses Retried"),
        (Waiting("a"), Taken(), InvalidQuery, "is brought by Taken to doing, which cannot be claimed"),
        (Failed("a", "x"), 7, TransitionNotAllowed, "no event of Ticket"),
    ],
)
def test_what_cannot_be_requeued_stays(store: Store, state: Any, event: Any, error: type[Exception], told: str) -> None:
    """Where no event, or more than one, leads back, the error names those that there are, and nothing is written."""
    store.create(Ticket, "a", state)
    with pytest.raises(error, match=told):
        store.requeue(Ticket.lease, "a", event, **WHO)
    assert len(store.history(Ticket, "a")) == 1


def test_who_and_why_are_checked_first(store: Store) -> None:
    """A note that is none is refused before anything is done."""
    wait(store, "a")
    claim(store)
    with pytest.raises(InvalidQuery):
        store.release(Ticket.lease, "a", by="", why="x")
    with pytest.raises(InvalidQuery):
        store.requeue(Ticket.lease, "a", by="x", why="\x07")
    with pytest.raises(InvalidQuery):
        store.requeue(Ticket.lease, "a", priority=2**70)
    assert len(store.history(Ticket, "a")) == 2


# ---------------------------------------------------------------- overview


def test_an_overview(store: Store, clock: Clock) -> None:
    """It has queues, leases, states, what has ended last, and consumers, of the machines that it is asked for."""
    wait(store, "a", "b")
    claim(store, "builder-1")
    store.create(Ticket, "c", Gone("c"))
    store.create(Pipeline, "story-1", Backlog())
    store.send(Pipeline, "story-1", Abandon())
    store.consumer("mailer", topic="tickets").take(limit=1)
    seen = store.overview([Ticket, Pipeline])
    tickets, stories = seen.machines
    assert (tickets.name, tickets.states) == ("Ticket", {"doing": 1, "gone": 1, "waiting": 1})
    assert tickets.queue == QueueCounts(ready=1, leased=1)
    assert [lease.worker for lease in tickets.leases] == ["builder-1"]
    assert [stored.key for stored in tickets.ended] == ["c"]
    assert (stories.queue, [stored.key for stored in stories.ended]) == (None, ["story-1"])
    (mailer,) = seen.consumers
    assert (mailer.name, mailer.topic, mailer.set_aside, mailer.exact) == ("mailer", "tickets", 0, True)
    # On a server, a message is handed out only once no older transaction runs there.
    assert mailer.behind + mailer.in_flight == 2
    assert seen.at == clock()


def test_failures_are_listed(store: Store) -> None:
    """What a machine calls a failure is listed though it is no end, and apart from what has ended otherwise."""
    for name in ("a", "b", "c"):
        held = store.claim(Job.lease, worker="w", key=("index", name), create=Pending())
        assert held is not None
        held.send(job.Succeeded(Watermark(0)) if name == "b" else job.Failed("no room"))
    [jobs] = store.overview([Job]).machines
    assert {(stored.key, stored.path) for stored in jobs.failed} == {
        (("index", "a"), "error"),
        (("index", "c"), "error"),
    }
    assert jobs.ended == []
    assert len(store.overview([Job], limit=1).machines[0].failed) == 1


def test_a_failure_is_no_other_end(store: Store) -> None:
    """What has failed for good is listed once, as a failure."""
    for key, ending in (("a", run.Succeeded()), ("b", run.FailedWithError(run.ErrorCode("E-1"), "no room"))):
        store.create(run.Run, key, run.Pending(project_id=run.ProjectId("shop"), created_at=NOON))
        held = store.claim(run.Run.lease, worker="w")
        assert held is not None
        held.send(ending)
    [runs] = store.overview([run.Run]).machines
    assert [[stored.key for stored in found] for found in (runs.failed, runs.ended)] == [["b"], ["a"]]


def test_leases_that_have_run_out_are_never_left_out(store: Store, clock: Clock) -> None:
    """However many older leases there are, the one that nobody renews is listed, and first."""
    wait(store, "a", "b", "c")
    renewed = [claim(store, "old-1"), claim(store, "old-2")]
    claim(store, "lost")
    clock.advance(seconds=50)
    assert all(held.renew() for held in renewed)
    clock.advance(seconds=10)
    leases = store.overview([Ticket], limit=2).machines[0].leases
    assert [(lease.worker, lease.stale) for lease in leases] == [("lost", True), ("old-1", False)]


def test_an_overview_of_all(store: Store) -> None:
    """With the others there are all machines of the store, those that were not given by their names alone."""
    wait(store, "a")
    store.create(Pipeline, "story-1", Backlog())
    seen = store.overview([Pipeline], others=True)
    assert [machine.name for machine in seen.machines] == ["Pipeline", "Ticket"]
    ticket = seen.machines[1]
    assert (ticket.queue, ticket.states, ticket.ended) == (QueueCounts(ready=1), {"waiting": 1}, ())
    assert store.overview(others=False).machines == []


# ---------------------------------------------------------------- how much is read

ROWS = 60_000

NUMBERS = f"WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"

# A third of them is leased, a third ready, in five priorities, and a third waits for the year 2200.
FILL = (
    f"""{NUMBERS} INSERT INTO snapshot (instance, tenant, machine, key, state, body, version, created_at, changed_at)
    SELECT 10 + n, '', 'Ticket', 'big-' || n, CASE n % 3 WHEN 0 THEN 'doing' WHEN 1 THEN 'waiting' ELSE 'gone' END,
        '{{"body":{{"label":"L' || n || '"}},"type":"Gone"}}', 1, n, n FROM n""",
    f"""{NUMBERS} INSERT INTO lease (instance, tenant, machine, version, age, ready_at, priority, token, worker,
        claimed_at, heartbeat_at, expires_at)
    SELECT 10 + n, '', 'Ticket', 1, n, CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN n ELSE 7258118400000000 END, n % 5,
        CASE n % 3 WHEN 0 THEN n END, CASE n % 3 WHEN 0 THEN 'w' END, CASE n % 3 WHEN 0 THEN n END,
        CASE n % 3 WHEN 0 THEN n END, CASE n % 3 WHEN 0 THEN CASE n % 2 WHEN 0 THEN n ELSE 7258118400000000 END END
    FROM n""",
    f"""{NUMBERS} INSERT INTO message (position, tenant, instance, version, topic, kind, correlation_id, body, at,
        recorded_at)
    SELECT 10 + n, '', 10 + n, 1, 'big', 'kind', '', '{{}}', n, n FROM n""",
    "INSERT INTO consumer (tenant, name, topic, position, token) VALUES ('', 'slow', 'big', 0, 0)",
    f"""{NUMBERS} INSERT INTO consumption (tenant, consumer, position, instance, attempts, token, worker, due_at,
        set_aside_at, error)
    SELECT '', 'slow', 10 + n, 10 + n, 1, n % 2, 'w', n, CASE n % 2 WHEN 0 THEN n END, '' FROM n""",
    f"""{NUMBERS} INSERT INTO journal (tenant, instance, version, to_state, body, at, recorded_at)
    SELECT '', 11, 1 + n, 'waiting', '', n, n FROM n""",
    f"""{NUMBERS} INSERT INTO note (instance, version, tenant, by, why)
    SELECT 11, 1 + n, '', 'x', 'y' FROM n""",
)

BIG = {"snapshot", "journal", "lease", "message", "consumption", "note"}


@pytest.fixture(scope="module", params=["file", "postgres"])
def large_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with many tickets, leases, messages and notes."""
    if request.param == "file":
        url = f"sqlite:///{tmp_path_factory.mktemp('large') / 'store.db'}?durability=normal"
    else:
        server: Server = request.getfixturevalue("postgres_server")
        url = server.fresh_url()
    with open_store(url) as store:
        store.create(Ticket, "small", Waiting("small"))
        store.create(Ticket, "failed", Failed("failed", "x"))
    run_by_hand(url, *FILL)
    if request.param == "postgres":
        run_by_hand(
            url,
            "SELECT setval(pg_get_serial_sequence('snapshot', 'instance'), max(instance)) FROM snapshot",
            *(f"ANALYZE {table}" for table in sorted(BIG)),
        )
    return url


CALLS: dict[str, Callable[[Store], object]] = {
    "leases": lambda s: s.leases(Ticket.lease),
    "queue": lambda s: s.queue(Ticket.lease),
    "overview": lambda s: s.overview([Ticket]),
    "overview of all": lambda s: s.overview(others=True),
    "the last line": lambda s: s.history(Ticket, "small", limit=1),
    "a move with a note": lambda s: s.send(Ticket, "failed", Reopened(1), **WHO),
    "set a state": lambda s: s.set_state(Ticket, "small", Failed("small", "x"), **WHO),
    "requeue": lambda s: s.requeue(Ticket.lease, "small", **WHO),
    "requeue what waits": lambda s: s.requeue(Ticket.lease, "small", priority=3),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_table_is_scanned(large_url: str, call: Callable[[Store], object]) -> None:
    """Each statement of the call finds its rows by an index, however many there are."""
    with open_store(large_url) as store:
        store.find(Ticket, where={"label": "nothing"})  # after this, its look-ups are known to be kept
        with said_by(store) as said:
            call(store)
    assert said
    assert not {text: tables for text, values in said if (tables := scanned(large_url, (text, values)) & BIG)}


def test_an_overview_counts_no_further_than_it_says(large_url: str) -> None:
    """However long a queue, or a consumer's way, a number stops at ten thousand, and the statements are few."""
    with open_store(large_url) as store:
        with said_by(store) as said:
            seen = store.overview(others=True)
        (machine,) = seen.machines
        assert machine.queue is not None
        assert (machine.queue.ready, machine.queue.leased, machine.queue.stale) == (COUNTED, COUNTED, 10_000)
        assert not machine.queue.exact
        assert (seen.consumers[0].behind, seen.consumers[0].exact) == (COUNTED, False)
        assert len(machine.leases) == 10
    # For each priority the next one, and what waits of it.
    assert len(said) <= 20


def test_moves_that_a_queue_needs(store: Store) -> None:
    """The events of this machine that lead back from where it is stuck are as the errors above name them."""
    wait(store, "a")
    held = claim(store)
    held.send(GotStuck())
    assert store.requeue(Ticket.lease, "a", Loosened("b")).state == Waiting("b")
    held = claim(store)
    held.send(GotStuck())
    assert store.requeue(Ticket.lease, "a", Unstuck(2)).state == Waiting("b", None, 2)
    held = claim(store)
    held.send(Asked(NOON))
    with pytest.raises(InvalidQuery, match="from where no event leads"):
        store.requeue(Ticket.lease, "a")
