"""AgentJob, as the orchestrator's page has it: the two budgets of retries, the back-off, and what a reaper says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from deciding import NOW
from hypothesis import given
from hypothesis import strategies as st
from tables import check_names, check_refused, named, refusals

from leverframe import BackOff, InvalidValue, Positive, TransitionNotAllowed, decide
from leverframe.machines.amounts import Count
from leverframe.machines.carrying import become
from leverframe.machines.orchestrator import AgentJob
from leverframe.machines.orchestrator import agent_job as a
from leverframe.machines.orchestrator import agent_run as u
from leverframe.machines.orchestrator import task as t
from leverframe.persistence.codec import codec_of

Decide = Callable[..., Any]

THEN = datetime(2029, 1, 1, tzinfo=UTC)
SECOND, SOON = timedelta(seconds=1), timedelta(microseconds=1)
TASK = (t.Repository("shop"), t.WorkItemId("SHOP-001"))

PROCESS, RUN = a.Process(Positive(77), THEN), u.RunId("run-1")
QUEUED = a.Queued(agent=u.AgentName("builder"), text="build it", task=TASK, available_at=THEN, error="once before")
RUNNING = become(QUEUED, a.Running, attempts=Count(1), started_at=THEN, run_id=RUN, process=PROCESS)
LAST = evolve(RUNNING, attempts=Count(2))
SUCCEEDED = become(RUNNING, a.Succeeded, finished_at=NOW)
FAILED = become(LAST, a.Failed, finished_at=NOW, error="it broke")
AGAIN = become(RUNNING, a.Queued, error="it broke")

ROWS: list[tuple[Any, Any, Any]] = [
    (QUEUED, a.Claimed(RUN, PROCESS), evolve(RUNNING, started_at=NOW)),
    (RUNNING, a.Finished(), SUCCEEDED),
    (RUNNING, a.Faulted("it broke"), AGAIN),
    (LAST, a.Faulted("it broke"), FAILED),
    (
        LAST,
        a.Throttled("busy"),
        become(RUNNING, a.Queued, transient_attempts=Count(1), available_at=NOW + 20 * SECOND, error="busy"),
    ),
    (LAST, a.HostRestarted(), become(LAST, a.Queued)),
    (RUNNING, a.Reaped(a.ProcessGone()), evolve(AGAIN, error="reaped: its process is gone")),
    (LAST, a.Reaped(a.Overdue()), evolve(FAILED, error="reaped: it has run for too long")),
    (LAST, a.Reaped(a.ExitRecorded(3)), evolve(FAILED, error="reaped: its run has exited with 3")),
    (RUNNING, a.Reaped(a.ExitRecorded(0)), SUCCEEDED),
]

STATES: list[Any] = [QUEUED, RUNNING, SUCCEEDED, FAILED]
REFUSED = refusals(STATES, ROWS)


@pytest.mark.parametrize(("before", "event", "after"), ROWS, ids=named)
def test_row(run: Decide, before: Any, event: Any, after: Any) -> None:
    """Every move that the page names goes from this state, by this event, to that one."""
    decision = run(AgentJob, before, event)
    assert decision.state == after
    assert decision.messages == ()


@pytest.mark.parametrize(("before", "event"), REFUSED, ids=named)
def test_every_other_pair_is_refused(run: Decide, before: Any, event: Any) -> None:
    """Every pair of state and event that the page does not name is refused, and nothing changed."""
    check_refused(AgentJob, ROWS, run, before, event)


def test_rows_and_refusals_are_all_pairs() -> None:
    """A claim is taken while Queued and the five other events while Running: all other pairs are refused."""
    assert len(REFUSED) == 4 * 6 - 6
    assert tuple(map(type, STATES)) == AgentJob.leaves()


def test_moves_are_named_after_their_events() -> None:
    """Each move takes one event, and its name is the event's in snake case."""
    check_names(AgentJob)


def test_ends() -> None:
    """A job begins Queued; Succeeded and Failed are final."""
    assert AgentJob.initial() is a.Queued
    assert [name for name, each in AgentJob.states_map.items() if each.final] == ["succeeded", "failed"]


def test_everything_is_read_back() -> None:
    """Every state and event can be stored, and is read back equal."""
    codec = codec_of(AgentJob)
    for state in STATES:
        assert codec.decode_state(codec.encode_state(state)) == state
    for _, event, _ in ROWS:
        assert codec.decode_event(codec.encode_event(event)) == event


# ---------------------------------------------------------------- jobs: the two budgets


def test_a_job_has_two_attempts() -> None:
    """A job has two attempts unless it says otherwise, has used none, and need not have a task."""
    job = a.Queued(agent=u.AgentName("builder"), text="build it")
    assert (job.max_attempts, job.attempts, job.transient_attempts, job.task) == (2, 0, 0, None)


def test_a_claim_is_an_attempt(run: Decide) -> None:
    """A claim counts an attempt and sets started_at."""
    claimed = run(AgentJob, evolve(QUEUED, attempts=Count(1)), a.Claimed()).state
    assert (claimed.attempts, claimed.started_at) == (2, NOW)


@pytest.mark.parametrize("fault", [a.Faulted("it broke"), a.Reaped(a.ProcessGone()), a.Reaped(a.ExitRecorded(1))])
@pytest.mark.parametrize("most", [1, 2, 5])
def test_faults_use_up_the_attempts(run: Decide, fault: Any, most: int) -> None:
    """After a fault the job is Queued while it has attempts left, and Failed behind the last one."""
    state: Any = evolve(QUEUED, max_attempts=Positive(most))
    for attempt in range(1, most + 1):
        assert (type(state), state.attempts) == (a.Queued, attempt - 1)
        state = run(AgentJob, run(AgentJob, state, a.Claimed()).state, fault).state
    assert type(state) is a.Failed


def test_transient_failures_cost_no_attempt(run: Decide) -> None:
    """A transient failure always goes back to Queued, counted apart, and the attempt of its claim is given back."""
    state: Any = QUEUED
    for failures in range(1, 20):
        state = run(AgentJob, run(AgentJob, state, a.Claimed()).state, a.Throttled("busy")).state
        assert (type(state), state.attempts, state.transient_attempts) == (a.Queued, 0, failures)
        assert state.available_at == NOW + a.transient_delay(Positive(failures))


def test_a_restart_keeps_the_attempts(run: Decide) -> None:
    """A job that its host left Running goes back to Queued with its attempts kept, be it the last one."""
    back = run(AgentJob, LAST, a.HostRestarted()).state
    assert (type(back), back.attempts, back.transient_attempts) == (a.Queued, 2, 0)


@pytest.mark.parametrize("event", [a.Faulted("it broke"), a.Throttled("busy"), a.HostRestarted()], ids=named)
def test_a_queued_job_has_not_begun(run: Decide, event: Any) -> None:
    """Going back to Queued clears started_at and finished_at: a Queued job has no place for them."""
    back = run(AgentJob, RUNNING, event).state
    assert not hasattr(back, "started_at")
    assert not hasattr(back, "finished_at")


def test_a_claimed_job_has_an_attempt() -> None:
    """A job that was claimed and has no attempt cannot be written down."""
    with pytest.raises(InvalidValue):
        evolve(RUNNING, attempts=Count(0))


@pytest.mark.parametrize("event", [event for _, event, _ in ROWS if not isinstance(event, a.Claimed)])
@pytest.mark.parametrize("state", [SUCCEEDED, FAILED], ids=named)
def test_who_comes_later_changes_nothing(run: Decide, state: Any, event: Any) -> None:
    """Whoever ends a job first wins: each later end is refused."""
    with pytest.raises(TransitionNotAllowed):
        run(AgentJob, state, event)


def test_a_restart_in_the_last_attempt_is_no_end(run: Decide) -> None:
    """A job whose host restarted in its last attempt is claimed once more, and Failed by the next fault."""
    again = run(AgentJob, run(AgentJob, LAST, a.HostRestarted()).state, a.Claimed()).state
    assert again.attempts == again.max_attempts + 1
    assert type(run(AgentJob, again, a.Faulted("it broke")).state) is a.Failed


# ---------------------------------------------------------------- jobs: the back-off

SPANS = st.timedeltas(SOON, timedelta(days=3650))


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 20), (2, 40), (3, 80), (4, 160), (5, 320), (6, 600), (7, 600), (10**30, 600)]
)
def test_the_back_off(failures: int, seconds: int) -> None:
    """The first wait is 20 seconds, each later one twice as long, and none longer than 600."""
    assert a.transient_delay(Positive(failures)) == seconds * SECOND


@pytest.mark.parametrize(("retry_after", "seconds"), [(0, 40), (39, 40), (41, 41), (600, 600), (601, 600), (9999, 600)])
def test_retry_after_is_a_floor(run: Decide, retry_after: int, seconds: int) -> None:
    """A Retry-After makes the wait longer and never shorter, and is cut at the cap."""
    job = evolve(RUNNING, transient_attempts=Count(1))
    queued = run(AgentJob, job, a.Throttled("busy", retry_after * SECOND)).state
    assert queued.available_at == NOW + seconds * SECOND


@given(st.integers(1, 200), st.none() | st.timedeltas(), SPANS, SPANS)
def test_the_formula(failures: int, retry_after: timedelta | None, base: timedelta, cap: timedelta) -> None:
    """The wait is min(cap, base * 2^n), or the Retry-After cut at the cap if that is longer, whatever base and cap."""
    exact = min(cap // SOON, (base // SOON) * 2**failures)
    if retry_after is not None:
        exact = max(exact, min(cap // SOON, retry_after // SOON))
    assert a.transient_delay(Positive(failures), retry_after, BackOff(base=base, cap=cap)) == exact * SOON


@given(st.integers(1, 200), st.none() | st.timedeltas(), SPANS, SPANS)
def test_the_wait_only_grows(failures: int, retry_after: timedelta | None, base: timedelta, cap: timedelta) -> None:
    """One more failure never makes the wait shorter, and no wait is longer than the cap."""
    back_off = BackOff(base=base, cap=cap)
    first, then = (a.transient_delay(Positive(n), retry_after, back_off) for n in (failures, failures + 1))
    assert timedelta(0) < first <= then <= cap


def test_no_jitter_unless_asked_for(run: Decide) -> None:
    """The same failure is waited out for the same time, unless it says how much longer."""
    waits = {run(AgentJob, RUNNING, a.Throttled("busy")).state.available_at for _ in range(5)}
    assert waits == {NOW + 20 * SECOND}
    assert run(AgentJob, RUNNING, a.Throttled("busy", jitter=SECOND)).state.available_at == NOW + 21 * SECOND


@pytest.mark.parametrize("span", [timedelta(0), -SECOND])
def test_a_back_off_waits(span: timedelta) -> None:
    """Neither the base nor the cap may be nothing, and jitter takes nothing away."""
    with pytest.raises(InvalidValue):
        BackOff(base=span)
    with pytest.raises(InvalidValue):
        BackOff(cap=span)
    with pytest.raises(InvalidValue):
        a.Throttled("busy", jitter=-SECOND)


def test_a_move_leaves_nothing_to_chance() -> None:
    """A back-off with a jitter of its own is refused: the same event would lead to another state each time."""
    with pytest.raises(InvalidValue):
        a.Throttled("busy", back_off=BackOff(jitter=0.5))


# ---------------------------------------------------------------- jobs: the reaper

EXITED = u.Exited(
    agent=u.AgentName("builder"),
    model=u.ModelName("large"),
    effort=u.Effort("high"),
    output_path=u.OutputPath("/runs/1"),
    started_at=THEN,
    exit_code=0,
    finished_at=NOW,
    usage=u.NO_USAGE,
)
GRACE, BACKSTOP = timedelta(minutes=5), timedelta(hours=4)


def exited(code: int, ago: timedelta) -> u.Exited:
    return evolve(EXITED, exit_code=code, finished_at=NOW - ago)


def running(age: timedelta) -> a.Running:
    return evolve(RUNNING, started_at=NOW - age)


@pytest.mark.parametrize(
    ("job", "run_exit", "process_gone", "why"),
    [
        (running(BACKSTOP), None, False, None),
        (running(BACKSTOP + SOON), None, False, a.Overdue()),
        (running(SECOND), exited(0, GRACE), False, None),
        (running(SECOND), exited(0, GRACE + SOON), False, a.ExitRecorded(0)),
        (running(BACKSTOP + SOON), exited(3, GRACE + SOON), False, a.ExitRecorded(3)),
        (running(BACKSTOP + SOON), exited(0, GRACE), False, a.Overdue()),
        (running(SECOND), None, True, a.ProcessGone()),
        (running(BACKSTOP + SOON), exited(0, GRACE + SOON), True, a.ProcessGone()),
    ],
)
def test_three_tiers(job: a.Running, run_exit: u.Exited | None, process_gone: bool, why: Any) -> None:
    """A reaper asks for the process first, then for an exit recorded 5 minutes ago, then for an age of 4 hours."""
    expected = None if why is None else a.Reaped(why)
    assert a.reap(job, run_exit, NOW, process_gone=process_gone) == expected


def test_patience_can_be_set() -> None:
    """The grace time and the backstop are the user's to set."""
    hasty = a.Patience(grace=timedelta(0), backstop=SECOND)
    assert a.reap(running(SECOND), exited(0, SOON), NOW, process_gone=False, patience=hasty) is not None
    assert a.reap(running(SECOND + SOON), None, NOW, process_gone=False, patience=hasty) == a.Reaped(a.Overdue())


@pytest.mark.parametrize("code", [-9, 0, 1, 137])
def test_only_an_exit_with_0_is_a_success(run: Decide, code: int) -> None:
    """A job whose run has exited with 0 has Succeeded, and any other exit is a fault."""
    ended = run(AgentJob, LAST, a.Reaped(a.ExitRecorded(code))).state
    assert type(ended) is (a.Succeeded if code == 0 else a.Failed)


COUNTS = st.integers(0).map(Count)


@given(COUNTS, COUNTS)
def test_every_decision_is_pure(attempts: Count, failures: Count) -> None:
    """The same job, event and time give the same answer."""
    job = evolve(RUNNING, attempts=Count(attempts + 1), transient_attempts=failures)
    first, then = (decide(AgentJob, job, a.Throttled("busy"), NOW).state for _ in range(2))
    assert first == then
