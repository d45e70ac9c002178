"""The shipped machines, row by row as their specification has them, on both drivers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from leverframe import InvalidField, InvalidValue, Machine, Positive, TransitionNotAllowed, decide
from leverframe.machines import Execution, Pipeline
from leverframe.machines import execution as x
from leverframe.machines import pipeline as p

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
THEN = datetime(2029, 1, 1, tzinfo=UTC)

BRANCH, AHEAD, SHA, OTHER = p.BranchName("feat/x"), Positive(2), p.GitSha("abc1234"), p.StoryId("story-8")
AGENT = x.AgentName("builder")

BACKLOG, CODING, QA, MERGE = p.Backlog(), p.Coding(), p.Qa(), p.Merge(BRANCH, AHEAD)
DONE, BLOCKED = p.Done(THEN, SHA), p.Blocked(THEN, "waiting")
ACTIVE = [BACKLOG, CODING, QA, MERGE]
ARCHIVED = [
    p.Completed(THEN),
    p.Abandoned(THEN),
    p.Superseded(THEN, OTHER),
    BLOCKED,
    p.MergeFailed(THEN, "conflict"),
    p.ReviewHeld(THEN, "unclear"),
]

PIPELINE_ROWS: list[tuple[Any, Any, Any]] = [
    (BACKLOG, p.DepsMet(), CODING),
    (CODING, p.GatesStarted(), QA),
    (CODING, p.QaSkipped(BRANCH, AHEAD), MERGE),
    (QA, p.GatesPassed(BRANCH, AHEAD), MERGE),
    (QA, p.GatesFailed("red"), CODING),
    (MERGE, p.MergeSucceeded(SHA), p.Done(NOW, SHA)),
    (MERGE, p.MergeFailedFinal("conflict"), p.MergeFailed(NOW, "conflict")),
    (DONE, p.Accepted(), p.Completed(NOW)),
    *[(s, p.Block("why"), p.Blocked(NOW, "why")) for s in ACTIVE],
    *[(s, p.ReviewHold("why"), p.ReviewHeld(NOW, "why")) for s in ACTIVE],
    *[(s, p.Abandon(), p.Abandoned(NOW)) for s in [*ACTIVE, DONE]],
    *[(s, p.Supersede(OTHER), p.Superseded(NOW, OTHER)) for s in [*ACTIVE, DONE]],
    (BLOCKED, p.Unblock(), BACKLOG),
]

IDLE, PENDING = x.Idle(), x.Pending(AGENT, THEN)
RUNNING, LIMITED = x.Running(AGENT, THEN, THEN), x.RateLimited(AGENT, THEN)
COMPLETED = x.Completed(AGENT, 1, THEN)

EXECUTION_ROWS: list[tuple[Any, Any, Any]] = [
    (IDLE, x.SpawnRequested(AGENT), x.Pending(AGENT, NOW)),
    *[(s, x.SpawnedSuccessfully(), x.Running(AGENT, NOW, NOW)) for s in [PENDING, LIMITED]],
    (RUNNING, x.Heartbeat(), x.Running(AGENT, THEN, NOW)),
    *[(s, x.HitRateLimit(NOW), x.RateLimited(AGENT, NOW)) for s in [PENDING, RUNNING]],
    *[(s, x.Exited(3), x.Completed(AGENT, 3, NOW)) for s in [PENDING, RUNNING, LIMITED]],
    *[(s, e, IDLE) for s in [IDLE, PENDING, RUNNING, LIMITED, COMPLETED] for e in [x.Stopped(), x.Reset()]],
]

ROWS = [(Pipeline, *row) for row in PIPELINE_ROWS] + [(Execution, *row) for row in EXECUTION_ROWS]
STATES: dict[Any, list[Any]] = {
    Pipeline: [*ACTIVE, DONE, *ARCHIVED],
    Execution: [IDLE, PENDING, RUNNING, LIMITED, COMPLETED],
}
ACCEPTED = {(row[0], row[1].__class__, row[2].__class__) for row in ROWS}
REFUSED = [
    (machine, before, event)
    for machine, states in STATES.items()
    for before in states
    for event in {type(event): event for other, _, event, _ in ROWS if other is machine}.values()
    if (machine, type(before), type(event)) not in ACCEPTED
]

Decide = Callable[[Any, Any, Any], Any]


def named(value: object) -> str:
    return value.__name__ if isinstance(value, type) else type(value).__name__


def by_table(machine: Any, before: Any, event: Any) -> Any:
    return decide(machine, before, event, NOW)


def by_engine(machine: Any, before: Any, event: Any) -> Any:
    native = machine.native(before, THEN)
    standing = native.configuration, native.messages
    try:
        return native.deliver(event, NOW)
    except TransitionNotAllowed:
        assert (native.payload, (native.configuration, native.messages)) == (before, standing)
        raise


@pytest.fixture(params=[by_table, by_engine])
def run(request: pytest.FixtureRequest) -> Decide:
    """Runs one event on one driver."""
    chosen: Decide = request.param
    return chosen


@pytest.mark.parametrize(("machine", "before", "event", "after"), ROWS, ids=named)
def test_row(run: Decide, machine: Any, before: Any, event: Any, after: Any) -> None:
    """Every row of the specification's tables is a move: from this state, by this event, to that one."""
    decision = run(machine, before, event)
    assert decision.state == after
    assert decision.messages == ()


@pytest.mark.parametrize(("machine", "before", "event"), REFUSED, ids=named)
def test_every_other_pair_is_refused(run: Decide, machine: Any, before: Any, event: Any) -> None:
    """Every pair of state and event that is in no row is refused, and nothing changed."""
    with pytest.raises(TransitionNotAllowed) as caught:
        run(machine, before, event)
    accepted = {kind.__name__ for other, state, kind in ACCEPTED if (other, state) == (machine, type(before))}
    assert set(caught.value.accepted) == accepted
    assert {kind.__name__ for kind in machine.start(before).accepts()} == accepted


def test_rows_and_refusals_are_all_pairs() -> None:
    """The rows and the refusals together are every pair of a leaf and an event."""
    assert len(ACCEPTED) + len(REFUSED) == 11 * 13 + 5 * 7
    assert (len(PIPELINE_ROWS), len(EXECUTION_ROWS)) == (27, 19)


@pytest.mark.parametrize("machine", [Pipeline, Execution])
def test_moves_are_named_after_their_events(machine: Any) -> None:
    """Each move takes one event, and its name is the event's in snake case."""
    for name, edge in machine._structure.edges.items():
        (event,) = edge.events
        assert name == re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()


@pytest.mark.parametrize(
    ("machine", "paths"),
    [
        (
            Pipeline,
            "active.backlog active.coding active.qa active.merge done archived.completed archived.abandoned "
            "archived.superseded archived.blocked archived.merge_failed archived.review_held",
        ),
        (Execution, "idle pending running rate_limited completed"),
    ],
)
def test_leaves(machine: type[Machine[Any, Any]], paths: str) -> None:
    """The leaves are those of the specification, the initial one first."""
    assert [machine.path(leaf) for leaf in machine.leaves()] == paths.split()
    assert machine.initial() is machine.leaves()[0]


def test_final_leaves() -> None:
    """Every archived state but Blocked is final, and nothing else is."""
    final = [
        leaf.__name__ for leaf in Pipeline.leaves() if Pipeline.states_map[Pipeline.path(leaf).split(".")[-1]].final
    ]
    assert final == ["Completed", "Abandoned", "Superseded", "MergeFailed", "ReviewHeld"]
    assert not any(state.final for state in Execution.states_map.values())


def test_nothing_to_merge_cannot_be_written_down() -> None:
    """A story ready to merge with nothing to merge is no value: neither zero commits nor a plain number is taken."""
    with pytest.raises(InvalidValue):
        Positive(int("0"))
    wrong: Any = 1
    with pytest.raises(InvalidField):
        p.Merge(BRANCH, wrong)


@pytest.mark.parametrize("text", ["", "abc123", "g" * 7, "a" * 41, "ABC1234"])
def test_commit_names(text: str) -> None:
    """A commit is 7 to 40 lower-case hex digits."""
    with pytest.raises(InvalidValue):
        p.GitSha(text)


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "x" * 64])
def test_node_names(text: str) -> None:
    """A node is named by 64 hex digits."""
    with pytest.raises(InvalidValue):
        x.NodePubkey(text)
    assert x.NodePubkey("0f" * 32) == "0f" * 32
