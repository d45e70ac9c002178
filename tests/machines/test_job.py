"""Job, as its page has it: enqueueing, claiming and its refusals, ending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from deciding import NOW
from hypothesis import given
from hypothesis import strategies as st
from tables import check_names, check_refused, events_in, named, refusals

from leverframe import InvalidField, InvalidValue, TransitionNotAllowed, decide
from leverframe.machines import job as j
from leverframe.machines.carrying import become
from leverframe.machines.job import Job, Retries, Watermark, claim_refusal
from leverframe.persistence.codec import codec_of

Decide = Callable[..., Any]

THEN, HOUR = datetime(2029, 1, 1, tzinfo=UTC), timedelta(hours=1)
FIVE, SEVEN = Watermark(5), Watermark(7)

PENDING = j.Pending(input_watermark=FIVE)
RUNNING = j.Running(
    input_watermark=FIVE,
    last_success_watermark=Watermark(3),
    retry_remaining=Retries(2),
    started_at=THEN,
    retry_at=THEN,
    finished_at=THEN,
)
DONE = become(RUNNING, j.Done, last_error="as it was released")
CLEAN = evolve(DONE, last_success_watermark=FIVE)
ERROR = become(RUNNING, j.Error, last_error="it broke")
SPENT = evolve(ERROR, retry_remaining=Retries(0))
WAITING = evolve(ERROR, retry_at=NOW + HOUR)
STATES = [PENDING, RUNNING, DONE, ERROR]

ROWS: list[tuple[Any, Any, Any]] = [
    *[(s, j.Enqueued(SEVEN), evolve(s, input_watermark=SEVEN)) for s in STATES],
    (PENDING, j.Claimed(), j.Running(input_watermark=FIVE, started_at=NOW)),
    (ERROR, j.Claimed(), evolve(RUNNING, started_at=NOW, retry_remaining=Retries(1))),
    (DONE, j.Claimed(), evolve(RUNNING, started_at=NOW, retry_remaining=Retries(3), finished_at=None)),
    (RUNNING, j.TakenOver(), evolve(RUNNING, started_at=NOW)),
    (RUNNING, j.Succeeded(FIVE), evolve(CLEAN, finished_at=NOW, last_error=None)),
    (RUNNING, j.Failed("new"), evolve(ERROR, finished_at=NOW, retry_at=NOW + HOUR, last_error="new")),
    (RUNNING, j.Released("done"), evolve(DONE, finished_at=NOW, last_error=None)),
    (RUNNING, j.Released("error", "why"), evolve(ERROR, finished_at=NOW, last_error="why")),
]
REFUSED = refusals(STATES, ROWS)


@pytest.mark.parametrize(("before", "event", "after"), ROWS, ids=named)
def test_row(run: Decide, before: Any, event: Any, after: Any) -> None:
    """Every row of the table is a move: from this state, by this event, to that one."""
    decision = run(Job, before, event)
    assert decision.state == after
    assert decision.messages == ()


@pytest.mark.parametrize(("before", "event"), REFUSED, ids=named)
def test_every_other_pair_is_refused(run: Decide, before: Any, event: Any) -> None:
    """Every pair of state and event that is in no row is refused, and nothing changed."""
    check_refused(Job, ROWS, run, before, event)


def test_rows_and_refusals_are_all_pairs() -> None:
    """The rows and the refusals together are every pair of a leaf and an event, one pair with two outcomes."""
    assert (len(ROWS), len(ROWS) - 1 + len(REFUSED)) == (12, 4 * 6)


def test_moves_are_named_after_their_events() -> None:
    """Each move takes one event, and its name is the event's in snake case."""
    check_names(Job)


def test_leaves() -> None:
    """A job begins Pending, and no state is final: a Done one may get new input."""
    assert Job.leaves() == (j.Pending, j.Running, j.Done, j.Error)
    assert Job.initial() is j.Pending
    assert not any(each.final for each in Job.states_map.values())


# ---------------------------------------------------------------- enqueueing


@given(st.sampled_from([*STATES, SPENT, WAITING, CLEAN]), st.integers(0))
def test_enqueueing_raises_the_watermark(before: Any, watermark: int) -> None:
    """Enqueueing raises the input watermark to the larger of the two, never lower, and changes nothing else."""
    after = decide(Job, before, j.Enqueued(Watermark(watermark)), NOW).state
    assert after == evolve(before, input_watermark=Watermark(max(5, watermark)))
    assert type(after) is type(before)


def test_enqueueing_makes_a_done_job_dirty(run: Decide) -> None:
    """A Done job is dirty when its input has come further than its last success."""
    assert not CLEAN.is_dirty
    assert run(Job, CLEAN, j.Enqueued(Watermark(6))).state.is_dirty


# ---------------------------------------------------------------- claiming


def test_a_missing_job_is_created_running() -> None:
    """A job that is created Running has full retries and watermarks of 0."""
    created = j.Running(started_at=NOW)
    assert (created.retry_remaining, created.input_watermark, created.last_success_watermark) == (3, 0, 0)


@pytest.mark.parametrize("state", [PENDING, DONE, ERROR, evolve(ERROR, retry_at=None), evolve(ERROR, retry_at=NOW)])
def test_claimable(run: Decide, state: Any) -> None:
    """Pending, Done and dirty, and Error with retries whose retry_at has come or is empty, can be claimed."""
    assert claim_refusal(state, NOW) is None
    assert type(run(Job, state, j.Claimed()).state) is j.Running


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (SPENT, "retry_exhausted"),
        (evolve(SPENT, retry_at=NOW + HOUR), "retry_exhausted"),
        (WAITING, "retry_pending"),
        (evolve(ERROR, retry_at=NOW + timedelta(microseconds=1)), "retry_pending"),
        (CLEAN, "not_dirty"),
        (evolve(DONE, last_success_watermark=SEVEN), "not_dirty"),
    ],
)
def test_refused_by_the_guard(run: Decide, state: Any, reason: str) -> None:
    """A job without retries, before its retry_at, or not dirty is not claimed, and the reason has a name."""
    assert claim_refusal(state, NOW) == reason
    with pytest.raises(TransitionNotAllowed, match="claimable said no"):
        run(Job, state, j.Claimed())


def test_a_running_job_is_not_claimed(run: Decide) -> None:
    """A Running job is refused as already_running; when its lease has run out it is taken over."""
    assert claim_refusal(RUNNING, NOW) == "already_running"
    with pytest.raises(TransitionNotAllowed):
        run(Job, RUNNING, j.Claimed())


def test_taking_over_costs_no_retry(run: Decide) -> None:
    """A take-over sets started_at and costs no retry."""
    assert run(Job, RUNNING, j.TakenOver()).state == evolve(RUNNING, started_at=NOW)


def test_a_running_job_has_no_last_error() -> None:
    """Every claim clears the last error: a Running job has no place for one."""
    assert not hasattr(RUNNING, "last_error")


def test_a_claim_after_an_error_costs_a_retry(run: Decide) -> None:
    """A job can be claimed once at first and once more for each retry; then its retries are exhausted."""
    state: Any = j.Pending(retry_limit=Retries(2))
    claims = 0
    while claim_refusal(state, NOW) is None:
        claims += 1
        state = run(Job, run(Job, state, j.Claimed()).state, j.Failed("it broke", timedelta(0))).state
    assert (claims, claim_refusal(state, NOW)) == (3, "retry_exhausted")


def test_new_input_fills_the_retries(run: Decide) -> None:
    """Claiming a Done job that is dirty fills its retries, and clears its last error and finished_at."""
    claimed = run(Job, evolve(DONE, retry_remaining=Retries(0)), j.Claimed()).state
    assert (claimed.retry_remaining, claimed.finished_at) == (3, None)


def test_retries_never_exceed_their_limit() -> None:
    """More retries than a job may have cannot be written down."""
    with pytest.raises(InvalidValue):
        evolve(ERROR, retry_remaining=Retries(4))


# ---------------------------------------------------------------- ending


def test_a_success_keeps_the_retries(run: Decide) -> None:
    """Succeeding records the watermark, clears the error, sets finished_at and keeps the retries as they are."""
    done = run(Job, RUNNING, j.Succeeded(SEVEN)).state
    assert (done.last_success_watermark, done.last_error, done.finished_at) == (7, None, NOW)
    assert done.retry_remaining == 2


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(seconds=1), timedelta(days=3)])
def test_a_failure_sets_retry_at(run: Decide, delay: timedelta) -> None:
    """Failing records the error and sets retry_at to now and the delay; it costs no retry."""
    error = run(Job, RUNNING, j.Failed("it broke", delay)).state
    assert (error.retry_at, error.last_error, error.retry_remaining) == (NOW + delay, "it broke", 2)


def test_the_delay_is_an_hour() -> None:
    """A failed job is retried after 3600 seconds unless the failure says otherwise."""
    assert j.Failed("it broke").delay == timedelta(seconds=3600)


@pytest.mark.parametrize("error", [None, "why"])
@pytest.mark.parametrize(("outcome", "ended"), [("done", j.Done), ("error", j.Error)])
def test_releasing(run: Decide, outcome: Any, ended: Any, error: str | None) -> None:
    """A release ends as Done or Error, with or without an error, and touches neither watermark nor retry_at."""
    released = run(Job, RUNNING, j.Released(outcome, error)).state
    assert released == become(RUNNING, ended, finished_at=NOW, last_error=error)


def test_a_released_error_can_be_claimed_at_once(run: Decide) -> None:
    """A job that was released as Error can be claimed at once, though it failed before."""
    failed = run(Job, RUNNING, j.Failed("it broke"), NOW).state
    again = run(Job, failed, j.Claimed(), NOW + HOUR).state
    released = run(Job, again, j.Released("error"), NOW + HOUR).state
    assert claim_refusal(released, NOW + HOUR) is None


# ---------------------------------------------------------------- values


def test_watermarks_are_not_retries() -> None:
    """A watermark does not fit where retries belong, nor does a plain number."""
    for wrong in (5, FIVE):
        mixed: Any = wrong
        with pytest.raises(InvalidField):
            evolve(ERROR, retry_remaining=mixed)


def test_everything_is_read_back() -> None:
    """Every state and event can be stored, and is read back equal."""
    codec = codec_of(Job)
    states: list[Any] = [*STATES, SPENT, WAITING, CLEAN, j.Running(started_at=THEN)]
    for state in states:
        assert codec.decode_state(codec.encode_state(state)) == state
    for event in events_in(ROWS):
        assert codec.decode_event(codec.encode_event(event)) == event
