"""The other machines of the orchestrator, as their page has them: tables, ids, look-ups, usage."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from deciding import NOW
from hypothesis import given
from hypothesis import strategies as st
from tables import check_names, check_refused, events_in, named, refusals

from leverframe import (
    AlreadyExists,
    InvalidField,
    InvalidValue,
    NonEmpty,
    TransitionNotAllowed,
    open_store,
)
from leverframe.machines.amounts import Count
from leverframe.machines.carrying import become
from leverframe.machines.orchestrator import AgentRun, Delivery, RepoGate, Task, TrackerCard
from leverframe.machines.orchestrator import agent_run as u
from leverframe.machines.orchestrator import deliveries as d
from leverframe.machines.orchestrator import repository_gate as g
from leverframe.machines.orchestrator import task as t
from leverframe.machines.orchestrator import tracker_card as c
from leverframe.persistence.codec import codec_of

Decide = Callable[..., Any]

THEN = datetime(2029, 1, 1, tzinfo=UTC)
SECOND, SOON = timedelta(seconds=1), timedelta(microseconds=1)
TASK = (t.Repository("shop"), t.WorkItemId("SHOP-001"))

# ---------------------------------------------------------------- the tables

CREATED = t.Created(
    title=NonEmpty("a shop"), branch=t.BranchName("feat/x"), external_issue_id=t.ExternalIssueId("issue-9")
)
STAGES = [
    become(CREATED, kind)
    for kind in (
        *(t.Created, t.Analysis, t.Architecture, t.Development, t.Review, t.Testing, t.Staging, t.Deploy, t.Done),
    )
]
ANALYSIS, DEVELOPMENT, DONE = STAGES[1], STAGES[3], STAGES[8]
CANCELLED = become(CREATED, t.Cancelled, reason="why")

TASK_ROWS: list[tuple[Any, Any, Any]] = [
    *[(stage, t.Advance(), following) for stage, following in pairwise(STAGES)],
    *[(stage, t.SendBack("why"), DEVELOPMENT) for stage in STAGES[4:7]],
    *[(stage, t.Cancel("why"), CANCELLED) for stage in STAGES[:8]],
    (ANALYSIS, t.ApprovalRequested(), ANALYSIS),
    (ANALYSIS, t.ApprovalGiven(), ANALYSIS),
]

FROZEN = g.Frozen("a test hangs", TASK, THEN)
REPO_GATE_ROWS: list[tuple[Any, Any, Any]] = [
    (g.Open(), g.Freeze("a test hangs", TASK), evolve(FROZEN, frozen_at=NOW)),
    (FROZEN, g.Unfreeze(), g.Open()),
]

USAGE = u.Usage(
    input_tokens=Count(1),
    output_tokens=Count(2),
    cache_read_tokens=Count(3),
    cache_creation_tokens=Count(4),
    cost_usd=Decimal("0.10"),
)
STARTED = u.Started(
    agent=u.AgentName("builder"),
    model=u.ModelName("large"),
    effort=u.Effort("high"),
    output_path=u.OutputPath("/runs/1"),
    task=TASK,
    started_at=THEN,
)
EXITED = become(STARTED, u.Exited, exit_code=3, finished_at=NOW, usage=USAGE)
AGENT_RUN_ROWS: list[tuple[Any, Any, Any]] = [(STARTED, u.Finished(3, USAGE), EXITED)]

TRACKER_CARD_ROWS: list[tuple[Any, Any, Any]] = [(c.Open(), c.Gone(), c.Deleted(NOW))]

RECEIVED = d.Received(
    source=d.Source("tracker"),
    kind=d.Kind("status"),
    body="{}",
    delivery_id=d.DeliveryId("981"),
    machine=NonEmpty("Task"),
    instance=NonEmpty('["shop","SHOP-001"]'),
)
APPLIED = become(RECEIVED, d.Applied, path="done", version=9)
TURNED_DOWN = become(RECEIVED, d.Refused, path="done", version=9, reason="it is done")
DELIVERY_ROWS: list[tuple[Any, Any, Any]] = [
    (RECEIVED, d.Accepted("done", 9), APPLIED),
    (RECEIVED, d.TurnedDown("done", 9, "it is done"), TURNED_DOWN),
]

TABLES: dict[Any, tuple[list[Any], list[tuple[Any, Any, Any]]]] = {
    Task: ([*STAGES, CANCELLED], TASK_ROWS),
    RepoGate: ([g.Open(), FROZEN], REPO_GATE_ROWS),
    AgentRun: ([STARTED, EXITED], AGENT_RUN_ROWS),
    Delivery: ([RECEIVED, APPLIED, TURNED_DOWN], DELIVERY_ROWS),
    TrackerCard: ([c.Open(), c.Deleted(THEN)], TRACKER_CARD_ROWS),
}
ALL_ROWS = [(machine, *row) for machine, (_, rows) in TABLES.items() for row in rows]
ALL_REFUSED = [(machine, *pair) for machine, (states, rows) in TABLES.items() for pair in refusals(states, rows)]


@pytest.mark.parametrize(("machine", "before", "event", "after"), ALL_ROWS, ids=named)
def test_row(run: Decide, machine: Any, before: Any, event: Any, after: Any) -> None:
    """Every move that the page names goes from this state, by this event, to that one."""
    decision = run(machine, before, event)
    assert decision.state == after
    assert decision.messages == ()


@pytest.mark.parametrize(("machine", "before", "event"), ALL_REFUSED, ids=named)
def test_every_other_pair_is_refused(run: Decide, machine: Any, before: Any, event: Any) -> None:
    """Every pair of state and event that the page does not name is refused, and nothing changed."""
    check_refused(machine, TABLES[machine][1], run, before, event)


@pytest.mark.parametrize(
    ("machine", "pairs"), [(Task, 10 * 5), (RepoGate, 2 * 2), (AgentRun, 2), (Delivery, 3 * 2), (TrackerCard, 2)]
)
def test_rows_and_refusals_are_all_pairs(machine: Any, pairs: int) -> None:
    """The rows and the refusals together are every pair of a leaf and an event."""
    states, rows = TABLES[machine]
    taken = {(before.__class__, event.__class__) for before, event, _ in rows}
    assert len(taken) + len(refusals(states, rows)) == pairs
    assert tuple(map(type, states)) == machine.leaves()
    assert {type(event) for event in events_in(rows)} == set(machine._structure.events)


@pytest.mark.parametrize("machine", TABLES)
def test_moves_are_named_after_their_events(machine: Any) -> None:
    """Each move takes one event and is named after it; those of one event say in their names where they go."""
    check_names(machine)


@pytest.mark.parametrize(
    ("machine", "initial", "final"),
    [
        (Task, t.Created, {"done", "cancelled"}),
        (RepoGate, g.Open, set[str]()),
        (AgentRun, u.Started, {"exited"}),
        (Delivery, d.Received, {"applied", "refused"}),
        (TrackerCard, c.Open, {"deleted"}),
    ],
)
def test_ends(machine: Any, initial: type, final: set[str]) -> None:
    """Each machine begins and ends where the page says."""
    assert machine.initial() is initial
    assert {name for name, each in machine.states_map.items() if each.final} == final


@pytest.mark.parametrize("machine", TABLES)
def test_everything_is_read_back(machine: Any) -> None:
    """Every state and event can be stored, and is read back equal."""
    states, rows = TABLES[machine]
    codec = codec_of(machine)
    for state in states:
        assert codec.decode_state(codec.encode_state(state)) == state
    for _, event, _ in rows:
        assert codec.decode_event(codec.encode_event(event)) == event


# ---------------------------------------------------------------- tasks


def test_the_stages_in_order() -> None:
    """A task that is only advanced passes every stage, and is Done behind the last one."""
    task: Any = Task.start(CREATED)
    passed = [named(task.state)]
    while task.accepts():
        task = task.send(t.Advance())
        passed.append(named(task.state))
    assert passed == [named(stage) for stage in STAGES]


def test_unfinished_is_neither_done_nor_cancelled() -> None:
    """Unfinished is every stage before Done, and can be cancelled by one move."""
    assert set(Task.leaves()) - set(Task.leaves(t.Unfinished)) == {t.Done, t.Cancelled}
    assert Task.cancel.sources == (t.Unfinished,)


def test_an_approval_changes_nothing(run: Decide) -> None:
    """Asking for an approval and giving it are in place: the journal alone has them, however often."""
    assert run(Task, ANALYSIS, t.ApprovalRequested()).state is ANALYSIS
    assert run(Task, ANALYSIS, t.ApprovalGiven()).state is ANALYSIS


@pytest.mark.parametrize(
    ("given_id", "following"),
    [("SHOP-001", "SHOP-002"), ("SHOP-099", "SHOP-100"), ("SHOP-999", "SHOP-1000"), ("A-B-7", "A-B-8")],
)
def test_the_next_id_is_as_wide(given_id: str, following: str) -> None:
    """The id behind a taken one is one more, as wide as that."""
    assert t.WorkItemId(given_id).following() == following


@given(st.from_regex(r"[A-Z]{1,5}-[0-9]{1,9}", fullmatch=True).map(t.WorkItemId))
def test_ids_only_grow(work_item: t.WorkItemId) -> None:
    """Of one prefix, the next id has the next number and never fewer digits."""
    following = work_item.following()
    (prefix, number), (same, more) = work_item.split("-"), following.split("-")
    assert (same, int(more)) == (prefix, int(number) + 1)
    assert len(more) == max(len(number), len(str(int(number) + 1)))


@pytest.mark.parametrize("text", ["", "SHOP", "SHOP-", "-001", "SHOP-1a", "7-001", "SHOP 1"])
def test_work_item_ids(text: str) -> None:
    """A work-item id is a prefix and a number."""
    with pytest.raises(InvalidValue):
        t.WorkItemId(text)


def test_a_task_is_found_by_index() -> None:
    """A store finds a task by its external id, by repository and branch, and all that are unfinished."""
    with open_store("sqlite://") as store:
        store.create(Task, TASK, CREATED)
        other = evolve(CREATED, external_issue_id=t.ExternalIssueId("issue-10"))
        store.create(Task, ("forge", "SHOP-001"), other)
        store.send(Task, ("forge", "SHOP-001"), t.Cancel("why"))
        by_issue = store.find(Task, where={"external_issue_id": t.ExternalIssueId("issue-9")})
        by_branch = store.find(Task, prefix=("shop",), where={"branch": t.BranchName("feat/x")})
        unfinished = store.find(Task, t.Unfinished)
        assert [found.key for found in (*by_issue, *by_branch, *unfinished)] == [TASK] * 3


def test_an_external_issue_has_one_task() -> None:
    """A second task for one external issue is refused, also when the first one was cancelled."""
    with open_store("sqlite://") as store:
        store.create(Task, TASK, CREATED)
        store.send(Task, TASK, t.Cancel("why"))
        with pytest.raises(AlreadyExists):
            store.create(Task, ("shop", "SHOP-002"), CREATED)


# ---------------------------------------------------------------- the others


def test_a_frozen_repository_is_not_frozen_again(run: Decide) -> None:
    """The first reason stays until somebody unfreezes: a second Freeze is refused."""
    with pytest.raises(TransitionNotAllowed):
        run(RepoGate, FROZEN, g.Freeze("another", TASK))


def test_a_card_is_deleted_once(run: Decide) -> None:
    """A card that is gone is Deleted once, and keeps its time."""
    with pytest.raises(TransitionNotAllowed):
        run(TrackerCard, c.Deleted(THEN), c.Gone())


def test_a_run_that_goes_on_has_no_usage() -> None:
    """What a run took is known when it has exited, and before there is no place for it."""
    assert not hasattr(STARTED, "usage")
    assert not hasattr(STARTED, "exit_code")


COUNTS = st.integers(0).map(Count)
USAGES = st.builds(
    u.Usage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    cache_read_tokens=COUNTS,
    cache_creation_tokens=COUNTS,
    cost_usd=st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=9),
)


@given(st.lists(USAGES, max_size=5))
def test_usage_adds_up(usages: list[u.Usage]) -> None:
    """Usages are added field by field, costs to the last digit, so that a total is their sum."""
    total = sum(usages, start=u.NO_USAGE)
    for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "cost_usd"):
        assert getattr(total, name) == sum(getattr(each, name) for each in usages)


@pytest.mark.parametrize("name", ["input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens"])
def test_tokens_are_counts(name: str) -> None:
    """Numbers of tokens are counts: at least 0, and no plain number fits."""
    tokens: Any = {name: 7}
    with pytest.raises(InvalidField, match=re.escape(f"Usage.{name} must be Count")):
        u.Usage(**tokens)
