"""Worker, as its page has it: the table, the messages, and staleness."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from deciding import NOW
from tables import check_names, check_refused, named, refusals

from leverframe import InvalidField, Message, TransitionNotAllowed, open_store
from leverframe.coordination.staleness import StalenessLevel
from leverframe.machines import worker as w
from leverframe.machines.carrying import become
from leverframe.machines.worker import Worker

Decide = Callable[..., Any]
THEN = datetime(2029, 1, 1, tzinfo=UTC)
TASK = w.TaskId("task-7")

ASSIGNED = w.Assigned(
    task_id=TASK,
    branch=w.BranchName("feat/x"),
    worktree=w.Worktree("/trees/x"),
    description="make it so",
    created_at=THEN,
    state_changed_at=THEN,
)


def at(kind: Any, moment: datetime, **changes: Any) -> Any:
    """The same worker in another state since this moment."""
    return become(ASSIGNED, kind, state_changed_at=moment, **changes)


WORKING, CONFLICTED, IN_REVIEW = at(w.Working, THEN), at(w.Conflicted, THEN), at(w.InReview, THEN)
APPROVED, COMPLETED, FAILED = at(w.Approved, THEN), at(w.Completed, THEN), at(w.Failed, THEN, reason="it broke")
UNFINISHED = [ASSIGNED, WORKING, CONFLICTED, IN_REVIEW, APPROVED, FAILED]
STATES = [*UNFINISHED, COMPLETED]

ROWS: list[tuple[Any, Any, Any]] = [
    *[(s, w.WorkStarted(), at(w.Working, NOW)) for s in [ASSIGNED, CONFLICTED, IN_REVIEW, APPROVED]],
    *[(s, w.ReviewRequested(), at(w.InReview, NOW)) for s in [WORKING, CONFLICTED]],
    (WORKING, w.ConflictFound(), at(w.Conflicted, NOW)),
    (IN_REVIEW, w.ReviewApproved(), at(w.Approved, NOW)),
    (APPROVED, w.WorkCompleted(), at(w.Completed, NOW)),
    *[(s, w.Fail("why"), at(w.Failed, NOW, reason="why")) for s in UNFINISHED],
    (FAILED, w.Retry(), at(w.Assigned, NOW)),
]
REFUSED = refusals(STATES, ROWS)


@pytest.mark.parametrize(("before", "event", "after"), ROWS, ids=named)
def test_row(run: Decide, before: Any, event: Any, after: Any) -> None:
    """Every row of the table is a move: from this state, by this event, to that one."""
    assert run(Worker, before, event).state == after


@pytest.mark.parametrize(("before", "event"), REFUSED, ids=named)
def test_every_other_pair_is_refused(run: Decide, before: Any, event: Any) -> None:
    """Every pair of state and event that is in no row is refused, and nothing changed."""
    check_refused(Worker, ROWS, run, before, event)


def test_rows_and_refusals_are_all_pairs() -> None:
    """The rows and the refusals together are every pair of a leaf and an event."""
    assert (len(ROWS), len(ROWS) + len(REFUSED)) == (16, 7 * 7)


def test_moves_are_named_after_their_events() -> None:
    """Each move takes one event, and its name is the event's in snake case."""
    check_names(Worker)


def test_leaves() -> None:
    """A worker begins Assigned; every state but Completed can fail, and only Completed is final."""
    assert Worker.leaves() == (*map(type, UNFINISHED), w.Completed)
    assert [Worker.path(leaf) for leaf in Worker.leaves()] == [
        *("assigned", "working", "conflicted", "in_review", "approved", "failed", "completed")
    ]
    assert Worker.initial() is w.Assigned
    assert [leaf for leaf in Worker.leaves() if not Worker.start(at(leaf, THEN, **why(leaf))).accepts()] == [
        w.Completed
    ]


def why(leaf: Any) -> dict[str, str]:
    return {"reason": "it broke"} if leaf is w.Failed else {}


# ---------------------------------------------------------------- failing


def test_failing_is_one_move() -> None:
    """One move fails a worker, whatever state but Completed it is in."""
    assert set(Worker.fail.sources) == {type(s) for s in UNFINISHED}
    assert Worker.fail.targets == (w.Failed,)
    assert {type(s) for s, event, _ in ROWS if isinstance(event, w.Fail)} == {type(s) for s in UNFINISHED}


def test_failing_again_replaces_the_reason(run: Decide) -> None:
    """A Failed worker may fail again: the reason is replaced, and it counts as a change."""
    failed = run(Worker, WORKING, w.Fail("first"), NOW).state
    later = NOW + timedelta(hours=1)
    again = run(Worker, failed, w.Fail("second"), later).state
    assert again == evolve(failed, reason="second", state_changed_at=later)


def test_completed_workers_do_not_fail(run: Decide) -> None:
    """Failing a Completed worker is refused."""
    with pytest.raises(TransitionNotAllowed):
        run(Worker, COMPLETED, w.Fail("why"))


def test_only_a_failed_worker_has_a_reason() -> None:
    """Failed has a reason, and no other state has; a retry forgets it."""
    assert [s for s in STATES if hasattr(s, "reason")] == [FAILED]


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(("before", "event", "after"), [row for row in ROWS if type(row[1]) is not w.Fail], ids=named)
def test_a_move_tells_of_the_change(run: Decide, before: Any, event: Any, after: Any) -> None:
    """Each move tells one thing on the topic worker: state_change, of which task, from where to where."""
    body = {"from": Worker.path(before.__class__), "to": Worker.path(after.__class__), "task_id": "task-7"}
    assert run(Worker, before, event).messages == (Message("worker", "state_change", "task-7", body),)


@pytest.mark.parametrize("before", UNFINISHED, ids=named)
def test_failing_tells_of_the_failure_instead(run: Decide, before: Any) -> None:
    """Failing tells task_failed instead, with the reason, also of a worker that had failed before."""
    body = {"from": Worker.path(before.__class__), "task_id": "task-7", "reason": "why"}
    assert run(Worker, before, w.Fail("why")).messages == (Message("worker", "task_failed", "task-7", body),)


CREATED = Message(
    "orchestrator",
    "task_assign",
    "task-7",
    {"task_id": "task-7", "branch": "feat/x", "worktree": "/trees/x", "description": "make it so"},
)


def test_creation_tells_of_the_assignment() -> None:
    """Creating a worker tells task_assign on the topic orchestrator, on either driver."""
    assert Worker.start(ASSIGNED).messages == (CREATED,)
    assert Worker.native(ASSIGNED).messages == (CREATED,)


def test_a_retry_assigns_nothing_new(run: Decide) -> None:
    """A retry enters Assigned again, and does not tell task_assign: the task has its worker."""
    assert [message.kind for message in run(Worker, FAILED, w.Retry()).messages] == ["state_change"]


def test_a_store_keeps_what_is_told() -> None:
    """What is told can be read in a store, and the worker is read back as it was."""
    with open_store("sqlite://", clock=lambda: NOW) as store:
        store.create(Worker, "task-7", ASSIGNED)
        store.send(Worker, "task-7", w.WorkStarted())
        store.send(Worker, "task-7", w.Fail("why"))
        kinds = [(message.topic, message.kind, message.correlation_id) for message in store.messages()]
        assert store.get(Worker, "task-7").state == at(w.Failed, NOW, reason="why")
    assert kinds == [(t, k, "task-7") for t, k in KINDS]


KINDS = [("orchestrator", "task_assign"), ("worker", "state_change"), ("worker", "task_failed")]


# ---------------------------------------------------------------- staleness

WATCHED, UNWATCHED = [ASSIGNED, WORKING], [CONFLICTED, IN_REVIEW, APPROVED, FAILED, COMPLETED]
SOON = timedelta(microseconds=1)
OK, WARN, STALE, DEAD = StalenessLevel


@pytest.mark.parametrize("worker", WATCHED, ids=named)
@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), OK),
        (timedelta(minutes=5), OK),
        (timedelta(minutes=5) + SOON, WARN),
        (timedelta(minutes=15), WARN),
        (timedelta(minutes=15) + SOON, STALE),
        (timedelta(minutes=30), STALE),
        (timedelta(minutes=30) + SOON, DEAD),
    ],
)
def test_staleness_by_age(worker: Any, age: timedelta, expected: StalenessLevel) -> None:
    """Up to 5 minutes of silence are OK, over that WARN, over 15 STALE, over 30 DEAD."""
    assert Worker.staleness.level(worker, NOW - age, NOW) is expected


@pytest.mark.parametrize("worker", WATCHED, ids=named)
def test_a_watched_worker_without_a_heartbeat_is_dead(worker: Any) -> None:
    """A watched worker that never showed that it lives is DEAD."""
    assert Worker.staleness.level(worker, None, NOW) is DEAD


@pytest.mark.parametrize("worker", UNWATCHED, ids=named)
@pytest.mark.parametrize("heartbeat", [None, THEN])
def test_who_is_not_watched_is_ok(worker: Any, heartbeat: datetime | None) -> None:
    """States that are not watched are always OK."""
    assert Worker.staleness.level(worker, heartbeat, NOW) is OK


# ---------------------------------------------------------------- values


def test_ids_of_another_kind_do_not_fit() -> None:
    """A worker's branch is a BranchName and nothing else."""
    wrong: Any = "feat/x"
    with pytest.raises(InvalidField):
        evolve(ASSIGNED, branch=wrong)
