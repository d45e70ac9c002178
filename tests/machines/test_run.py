"""Run, as its page has it: the table, attempts, and what only grows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from deciding import NOW
from hypothesis import given
from hypothesis import strategies as st
from tables import check_names, check_refused, events_in, named, refusals

from leverframe import InvalidField, InvalidValue, Positive, decide
from leverframe.machines import run as r
from leverframe.machines.amounts import Count
from leverframe.machines.carrying import become
from leverframe.machines.run import Run
from leverframe.persistence.codec import codec_of

Decide = Callable[..., Any]

THEN = datetime(2029, 1, 1, tzinfo=UTC)
SHA, CODE = r.Sha256("0f" * 32), r.ErrorCode("E-1")
ONE, TWO, THREE = Count(1), Count(2), Count(3)

PENDING = r.Pending(project_id=r.ProjectId("shop"), created_at=THEN, cost_usd=Decimal("0.10"), step_count=Count(5))
RUNNING = become(PENDING, r.Running, attempt_count=ONE, started_at=THEN)
TOOL = become(RUNNING, r.WaitingTool)
APPROVAL = become(RUNNING, r.WaitingApproval, deadline=THEN)
COMPLETED = become(RUNNING, r.Completed, completed_at=THEN, output_sha256=SHA)
FAILED = become(RUNNING, r.Failed, completed_at=THEN, error_code=CODE, error_detail="it broke")
CANCELLED = become(RUNNING, r.Cancelled, completed_at=THEN)
TIMED_OUT = become(RUNNING, r.TimedOut, completed_at=THEN)
FINAL = [COMPLETED, FAILED, CANCELLED, TIMED_OUT]
STATES: list[Any] = [PENDING, RUNNING, TOOL, APPROVAL, *FINAL]

BROKEN = become(RUNNING, r.Failed, completed_at=NOW, error_code=CODE, error_detail="it broke")
LAST = evolve(RUNNING, attempt_count=THREE)
LOST = "the lease ran out on the last attempt (max_attempts=3)"

ROWS: list[tuple[Any, Any, Any]] = [
    (PENDING, r.LeaseAcquired(), evolve(RUNNING, started_at=NOW)),
    (PENDING, r.Cancel(), become(PENDING, r.Cancelled, completed_at=NOW)),
    *[(s, r.Cancel(), evolve(CANCELLED, completed_at=NOW)) for s in [RUNNING, TOOL]],
    (RUNNING, r.ToolRequested(), TOOL),
    (RUNNING, r.ApprovalRequested(THEN), APPROVAL),
    (RUNNING, r.Succeeded(SHA), evolve(COMPLETED, completed_at=NOW)),
    (RUNNING, r.FailedWithError(CODE, "it broke"), BROKEN),
    (RUNNING, r.DeadlinePassed(), evolve(TIMED_OUT, completed_at=NOW)),
    (RUNNING, r.LeaseExpired(), evolve(PENDING, attempt_count=ONE)),
    (LAST, r.LeaseExpired(), evolve(BROKEN, attempt_count=THREE, error_code=r.LEASE_LOST, error_detail=LOST)),
    (TOOL, r.ToolFinished(), RUNNING),
    (TOOL, r.ToolFailed(CODE, "it broke"), BROKEN),
    (APPROVAL, r.Approved(), RUNNING),
    (APPROVAL, r.Rejected(), evolve(CANCELLED, completed_at=NOW)),
    (APPROVAL, r.DeadlinePassed(), evolve(TIMED_OUT, completed_at=NOW)),
]
REFUSED = refusals(STATES, ROWS)


@pytest.mark.parametrize(("before", "event", "after"), ROWS, ids=named)
def test_row(run: Decide, before: Any, event: Any, after: Any) -> None:
    """Every row of the table is a move: from this state, by this event, to that one."""
    decision = run(Run, before, event)
    assert decision.state == after
    assert decision.messages == ()


@pytest.mark.parametrize(("before", "event"), REFUSED, ids=named)
def test_every_other_pair_is_refused(run: Decide, before: Any, event: Any) -> None:
    """Every pair of state and event that is in no row is refused, and nothing changed."""
    check_refused(Run, ROWS, run, before, event)


def test_rows_and_refusals_are_all_pairs() -> None:
    """The rows and the refusals together are every pair of a leaf and an event, one pair with two outcomes."""
    assert (len(ROWS), len(ROWS) - 1 + len(REFUSED)) == (16, 8 * 12)


def test_moves_are_named_after_their_events() -> None:
    """Each move takes one event, and its name is the event's in snake case."""
    check_names(Run)


def test_leaves() -> None:
    """A run begins Pending; Completed, Failed, Cancelled and TimedOut are final."""
    assert Run.leaves() == (
        *(r.Pending, r.Running, r.WaitingTool, r.WaitingApproval),
        *(r.Completed, r.Failed, r.Cancelled, r.TimedOut),
    )
    assert Run.initial() is r.Pending
    assert [name for name, each in Run.states_map.items() if each.final] == [Run.path(type(s)) for s in FINAL]


# ---------------------------------------------------------------- attempts


def test_a_run_has_three_attempts() -> None:
    """A run may be attempted three times unless it says otherwise, and has not been yet."""
    assert (PENDING.max_attempts, PENDING.attempt_count) == (3, 0)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_attempts_are_counted(run: Decide, most: int) -> None:
    """Each claim is an attempt; when the lease runs out on the last one, the run has Failed."""
    state: Any = evolve(PENDING, max_attempts=Positive(most))
    for attempt in range(1, most + 1):
        assert type(state) is r.Pending
        state = run(Run, state, r.LeaseAcquired()).state
        assert (type(state), state.attempt_count) == (r.Running, attempt)
        state = run(Run, state, r.LeaseExpired()).state
    assert type(state) is r.Failed
    assert (state.error_code, str(most) in state.error_detail) == ("E-RUN-002", True)


@pytest.mark.parametrize(
    ("state", "count"), [(PENDING, 3), (RUNNING, 0), (RUNNING, 4), (FAILED, 4), (CANCELLED, 4), (TOOL, 0)], ids=named
)
def test_wrong_attempts_cannot_be_written_down(state: Any, count: int) -> None:
    """A run never has more attempts than it may have, a Pending one has one left, a started one has had one."""
    with pytest.raises(InvalidValue):
        evolve(state, attempt_count=Count(count))


def test_started_at_is_set_anew_at_every_claim(run: Decide) -> None:
    """Each claim sets started_at; a Pending run has none, and waiting for a tool keeps it."""
    assert not hasattr(PENDING, "started_at")
    assert run(Run, PENDING, r.LeaseAcquired(), NOW).state.started_at == NOW
    assert run(Run, TOOL, r.ToolFinished(), NOW).state.started_at == THEN


def test_completed_at_is_set_in_final_states() -> None:
    """A final state has completed_at, and no other has."""
    assert [s for s in STATES if hasattr(s, "completed_at")] == FINAL
    assert all(after.completed_at == NOW for _, _, after in ROWS if type(after) in map(type, FINAL))


# ---------------------------------------------------------------- errors


def test_any_event_may_tell_of_an_error() -> None:
    """Each event takes an error's code and detail, and the next state has them."""
    for before, event, _ in ROWS:
        if before is not LAST:
            told = evolve(event, error_code=r.ErrorCode("E-9"), error_detail="all of it")
            after: Any = decide(Run, before, told, NOW).state
            assert (after.error_code, after.error_detail) == ("E-9", "all of it")


def test_errors_are_kept(run: Decide) -> None:
    """An event without an error leaves the last one as it is."""
    noted = evolve(RUNNING, error_code=CODE, error_detail="retried")
    state = run(Run, noted, r.ToolRequested()).state
    assert (state.error_code, state.error_detail) == (CODE, "retried")


def test_failures_have_an_error() -> None:
    """A Failed run has a code and a detail; without them neither it nor the event can be made."""
    incomplete: Any = {"error_code": CODE}
    for kind in (r.FailedWithError, r.ToolFailed):
        with pytest.raises(TypeError):
            kind(**incomplete)
    with pytest.raises(InvalidField):
        evolve(FAILED, error_code=None)  # type: ignore[arg-type]  # that is the point


# ---------------------------------------------------------------- what only grows

COSTS = st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=9)


@given(COSTS, COSTS, st.integers(0), st.integers(0))
def test_cost_and_steps_grow(cost: Decimal, added: Decimal, steps: int, more: int) -> None:
    """Every move adds to the cost and to the steps what its event says, to the last digit, and never takes away."""
    for before, event, _ in ROWS:
        state: Any = evolve(before, cost_usd=cost, step_count=Count(steps))
        spent = evolve(event, added_cost_usd=added, added_step_count=Count(more))
        after: Any = decide(Run, state, spent, NOW).state
        assert (after.cost_usd, after.step_count) == (cost + added, steps + more)
        assert after.cost_usd >= cost
        assert after.step_count >= steps


def test_costs_are_exact(run: Decide) -> None:
    """A tiny cost is added to a huge one with no digit lost, beyond the precision that Python has by default."""
    huge, tiny = Decimal(10) ** 30, Decimal("0.000000001")
    state = run(Run, evolve(RUNNING, cost_usd=huge), r.ToolRequested(added_cost_usd=tiny)).state
    assert str(state.cost_usd) == "1000000000000000000000000000000.000000001"


@pytest.mark.parametrize("cost", ["-0.01", "NaN", "Infinity", "-Infinity", "sNaN"])
def test_costs_that_are_none(cost: str) -> None:
    """A cost is finite and at least 0, in a state and in an event."""
    with pytest.raises(InvalidValue):
        r.Cancel(added_cost_usd=Decimal(cost))
    with pytest.raises(InvalidValue):
        evolve(PENDING, cost_usd=Decimal(cost))


@pytest.mark.parametrize("wrong", [0.1, 1, "0.1", None])
def test_costs_are_decimals(wrong: Any) -> None:
    """A cost is a Decimal: a float is not exact."""
    with pytest.raises(InvalidField):
        r.Cancel(added_cost_usd=wrong)


@pytest.mark.parametrize("wrong", [-1, True, 1.0, "1", None])
def test_counts(wrong: Any) -> None:
    """A count is an integer of at least 0, and a plain one does not fit."""
    with pytest.raises(InvalidValue):
        Count(wrong)
    with pytest.raises(InvalidField):
        r.Cancel(added_step_count=wrong)


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "x" * 64, "0F" * 32])
def test_digests(text: str) -> None:
    """A digest is 64 lower-case hex digits."""
    with pytest.raises(InvalidValue):
        r.Sha256(text)


def test_a_success_may_have_no_output(run: Decide) -> None:
    """The digest of the output is optional."""
    assert run(Run, RUNNING, r.Succeeded()).state.output_sha256 is None


def test_everything_is_read_back() -> None:
    """Every state and event can be stored, and is read back equal."""
    codec = codec_of(Run)
    for state in STATES:
        assert codec.decode_state(codec.encode_state(state)) == state
    for event in events_in(ROWS):
        assert codec.decode_event(codec.encode_event(event)) == event
