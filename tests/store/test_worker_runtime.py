"""A worker claims, has it handled, and tells the machine what came of it; on every store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import pytest
import structlog
from chores import (
    TRIES,
    CalledOff,
    Chore,
    ChoreEvent,
    Delayed,
    Doing,
    Done,
    Ended,
    Failed,
    Fetched,
    GivenUp,
    Noted,
    Sent,
    Waiting,
    create_chores,
)
from leased_errands import Done as ErrandDone
from leased_errands import Errand
from leased_errands import Open as OpenErrand
from waiting import LONG, until
from working import SOON, Told, Work, chore_worker, end, events, in_background, run, state_of

from leverframe import (
    BackOff,
    Handler,
    Held,
    InvalidQuery,
    Permanent,
    Store,
    StoreClosed,
    StoreTimeout,
    StoreUnreachable,
    Transient,
    Worker,
    WorkerEnded,
    WorkerHooks,
    open_store,
)
from leverframe.coordination import working_trouble
from leverframe.coordination.claiming import Claiming
from leverframe.coordination.keeping import Leases

SECRET = "hunter2"


class Clock(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **units: float) -> datetime: ...


def done(store: Store, number: int) -> bool:
    return store.count(Chore)[Done] == number


# ---------------------------------------------------------------- what a handler returns


def test_all_that_is_ready_is_done_once(store: Store) -> None:
    """Each instance is claimed once and ends with the event that its handler returned."""
    names = [f"chore-{number}" for number in range(10)]
    create_chores(store, *names)
    assert run(store, end) == WorkerEnded(10, 0, False)
    assert [state_of(store, name).result for name in names] == [f"{name} is done" for name in names]
    assert {tuple(events(store, name)) for name in names} == {("Begun", "Ended")}


def test_nothing_is_ready(store: Store) -> None:
    """Where nothing is ready, `once` returns."""
    assert run(store, end) == WorkerEnded(0, 0, False)


def test_a_handler_may_send_all_by_itself(store: Store) -> None:
    """A handler that has ended the lease returns None, and nothing more is sent."""

    def work(held: Held[Chore, Doing]) -> None:
        held.send(Noted("half way"))
        held.send(Ended("by hand"))

    create_chores(store, "chore")
    run(store, work)
    assert events(store, "chore") == ["Begun", "Noted", "Ended"]


def test_a_handler_that_pauses_leaves_it_paused(store: Store) -> None:
    """A handler may leave the instance in a pause, where nobody has it."""

    def work(held: Held[Chore, Doing]) -> None:
        held.send(Sent())

    create_chores(store, "chore")
    told = Told()
    run(store, work, hooks=told)
    assert told.names() == ["claimed", "finished"]
    assert told.calls[-1][1]["path"] == "fetching"
    store.send(Chore, "chore", Fetched())


def test_no_event_and_no_end_is_a_fault(store: Store) -> None:
    """A handler that returns None with the lease not ended has failed, and the machine is told why."""
    create_chores(store, "chore")
    run(store, lambda held: None)
    assert isinstance(state_of(store, "chore"), Failed)
    assert state_of(store, "chore").error == (
        "LeaseNotEnded: the handler of Chore 'chore' is done and has left it in doing, leased; "
        "return the event that ends the lease, or send it through what the handler is given"
    )


def test_what_the_machine_refuses_is_a_fault(store: Store) -> None:
    """An event that the state does not take, and what is no event, are faults of the handler."""
    wrong: Any = [Fetched(), "done"]
    create_chores(store, "chore")
    run(store, lambda held: wrong[held.state.tries % 2])
    assert events(store, "chore") == ["Begun", "Faulted"] * TRIES
    assert isinstance(state_of(store, "chore"), Failed)


def test_two_leases_have_a_handler_each(store: Store) -> None:
    """A worker of several machines hands each lease to its own handler."""
    create_chores(store, "chore")
    store.create(Errand, "errand", OpenErrand("errand"))
    seen: list[str] = []

    def go(held: Any) -> Any:
        seen.append(held.state.name)
        return ErrandDone()

    Worker(store, [Handler(Chore.lease, end), Handler(Errand.lease, go)]).run(once=True)
    assert seen == ["errand"]
    assert isinstance(state_of(store, "chore"), Done)


def test_no_more_at_a_time_than_there_are_places(store: Store) -> None:
    """At most `concurrency` handlers run at a time, and no more is claimed than runs."""
    create_chores(store, *(f"chore-{number}" for number in range(6)))
    both = threading.Barrier(2, timeout=LONG)
    claimed: list[int] = []

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        both.wait()
        claimed.append(store.count(Chore)[Doing])
        both.wait()
        return Ended()

    run(store, work, concurrency=2)
    assert claimed == [2] * 6


# ---------------------------------------------------------------- what a handler raises


def fail_with(error: BaseException) -> Work:
    def work(held: Held[Chore, Doing]) -> ChoreEvent | None:
        raise error

    return work


@pytest.mark.parametrize("error", [ZeroDivisionError("of nothing"), SystemExit(3), KeyboardInterrupt()])
def test_poison_uses_up_its_attempts(store: Store, error: BaseException) -> None:
    """A handler that always raises is tried as often as the machine says, and then no more."""
    create_chores(store, "chore")
    run(store, fail_with(error))
    assert events(store, "chore") == ["Begun", "Faulted"] * TRIES
    assert state_of(store, "chore") == Failed(name="chore", tries=TRIES, error=f"{type(error).__name__}: {error}")


def test_poison_does_not_stop_the_others(store: Store) -> None:
    """What fails again and again keeps nobody else from being done."""
    create_chores(store, "a", "poison", "b")

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        assert held.state.name != "poison"
        return Ended()

    assert run(store, work, concurrency=1).finished == 2 + TRIES
    assert [type(state_of(store, key)) for key in ("a", "poison", "b")] == [Done, Failed, Done]


def test_a_permanent_error_is_not_tried_again(store: Store) -> None:
    """`Permanent` leads to where the machine says, at the first attempt."""
    create_chores(store, "chore")
    run(store, fail_with(Permanent("no such house")))
    assert events(store, "chore") == ["Begun", "Hopeless"]
    assert state_of(store, "chore") == GivenUp(name="chore", tries=1, error="no such house")


def test_a_transient_error_waits_and_costs_no_attempt(store: Store, clock: Clock) -> None:
    """`Transient` is waited out by the machine's back-off, as long as it takes, and no attempt is used up."""
    create_chores(store, "chore")
    work = fail_with(Transient("the shop is shut"))
    for failures, seconds in enumerate((20, 40, 80, 160), start=1):
        run(store, work)
        assert state_of(store, "chore").ready_at == clock() + timedelta(seconds=seconds)
        assert (state_of(store, "chore").tries, state_of(store, "chore").delays) == (0, failures)
        clock.advance(seconds=seconds - 1)
        assert run(store, work).finished == 0
        clock.advance(seconds=1)


def test_retry_after_is_the_least(store: Store, clock: Clock) -> None:
    """What the other side has asked for is waited at least, and is in the store, not in the worker."""
    create_chores(store, "chore")
    run(store, fail_with(Transient("slow down", retry_after=timedelta(seconds=90))))
    assert [entry.event for entry in store.history(Chore, "chore")][-1] == Delayed("slow down", timedelta(seconds=90))
    clock.advance(seconds=89)
    assert run(store, end).finished == 0
    clock.advance(seconds=1)
    assert run(store, end).finished == 1
    assert isinstance(state_of(store, "chore"), Done)


def test_a_store_that_went_away_is_no_fault_of_the_work(store: Store) -> None:
    """A handler that could not reach a store has failed for a moment."""
    create_chores(store, "chore")
    run(store, fail_with(StoreUnreachable("the other store", "is away", False)))
    assert events(store, "chore") == ["Begun", "Delayed"]


def test_a_machine_without_retries_gets_its_lease_back_when_it_runs_out(store: Store, clock: Clock) -> None:
    """Where the machine does not say what a failure is, its lease runs out."""
    store.create(Errand, "errand", OpenErrand("errand"))
    told = Told()

    def fail(held: Any) -> Any:
        raise ZeroDivisionError

    Worker(store, [Handler(Errand.lease, fail)], hooks=told).run(once=True)
    assert told.names() == ["claimed", "failed"]
    assert store.get(Errand, "errand").path == "doing"
    clock.advance(minutes=2)
    Worker(store, [Handler(Errand.lease, fail)], hooks=told).run(once=True)
    assert told.names() == ["claimed", "failed", "reaped", "claimed", "failed"]


def test_a_retry_that_raises_leaves_the_lease_to_run_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the machine's own `Retry` ends neither the worker nor the lease."""

    def raise_it(error: BaseException) -> Any:
        raise KeyError(error)

    monkeypatch.setattr(Chore.retry, "fault", raise_it)
    create_chores(store, "chore")
    assert run(store, fail_with(ZeroDivisionError())).finished == 1
    assert events(store, "chore") == ["Begun"]


# ---------------------------------------------------------------- leases


def test_the_result_of_a_lost_lease_is_thrown_away(store: Store) -> None:
    """Whoever takes the instance away fences the handler off: what it returns changes nothing."""
    create_chores(store, "chore")
    told = Told()

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        store.send(Chore, "chore", CalledOff())
        return Ended()

    run(store, work, hooks=told)
    assert events(store, "chore") == ["Begun", "CalledOff"]
    assert told.names() == ["claimed", "lost"]


def test_a_handler_is_told_that_its_lease_is_over(store: Store) -> None:
    """What a handler sends under a lease that is over raises, and that is no fault of the work."""
    create_chores(store, "chore")
    told = Told()

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        store.send(Chore, "chore", CalledOff())
        held.send(Noted("too late"))
        raise AssertionError

    run(store, work, hooks=told)
    assert events(store, "chore") == ["Begun", "CalledOff"]
    assert told.names() == ["claimed", "lost"]


def test_a_worker_reaps(store: Store, clock: Clock) -> None:
    """Leases that have run out are dealt with by any worker, and what was left is done."""
    create_chores(store, "chore")
    assert store.claim(Chore.lease, worker="gone") is not None
    clock.advance(seconds=61)
    told = Told()
    run(store, end, hooks=told)
    assert told.calls[0] == ("reaped", {"machine": "Chore", "number": 1})
    assert events(store, "chore") == ["Begun", "RanOut", "Begun", "Ended"]


def test_a_worker_wakes(store: Store, clock: Clock) -> None:
    """Wake-ups that are due are made by any worker."""
    later = clock() + timedelta(hours=1)
    store.create(Chore, "chore", Waiting(name="chore", ready_at=later + timedelta(hours=1), alarm_at=later))
    run(store, end)
    assert events(store, "chore") == []
    clock.advance(hours=1)
    run(store, end)
    assert events(store, "chore")[0] == "Overslept"


# ---------------------------------------------------------------- until it is stopped


def test_what_comes_later_is_done(store: Store) -> None:
    """A worker goes on until it is stopped, and does what has come to be ready meanwhile."""
    at_work = chore_worker(store, end)
    thread, ended = in_background(at_work)
    for number in range(3):
        create_chores(store, f"chore-{number}")
        until(partial(done, store, number + 1))
    at_work.stop()
    thread.join()
    assert ended == [WorkerEnded(3, 0, False)]


def test_an_idle_worker_is_told(url: str, kind: str) -> None:
    """A worker that would look again in an hour is woken by what is committed, where the database tells."""
    hour = timedelta(hours=1)
    notify = "&notify=yes" if kind == "postgres" else ""
    with open_store(url + notify) as store:
        at_work = Worker(
            store,
            [Handler(Chore.lease, end)],
            poll=BackOff(base=hour, cap=hour),
            reap_every=hour,
            wake_every=hour,
        )
        thread, ended = in_background(at_work)
        for number in range(3):
            create_chores(store, f"chore-{number}")
            until(partial(done, store, number + 1))
        at_work.stop()
        thread.join()
        assert ended == [WorkerEnded(3, 0, False)]


def test_a_stop_lets_handlers_finish(store: Store) -> None:
    """A worker that is stopped claims nothing more, and waits for what is under way."""
    create_chores(store, "first", "second")
    begun, go_on = threading.Event(), threading.Event()

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        begun.set()
        go_on.wait(LONG)
        return Ended()

    at_work = chore_worker(store, work, concurrency=1)
    thread, ended = in_background(at_work)
    begun.wait(LONG)
    at_work.stop()
    go_on.set()
    thread.join()
    assert ended == [WorkerEnded(1, 0, False)]
    assert [type(state_of(store, key)) for key in ("first", "second")] == [Done, Waiting]


@pytest.mark.parametrize("forced", [False, True])
def test_what_takes_longer_than_the_grace_is_handed_back(store: Store, *, forced: bool) -> None:
    """A lease whose handler does not end in time, or that is not waited for, is given back by the machine's move."""
    create_chores(store, "chore")
    begun, lost = threading.Event(), threading.Event()

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        begun.set()
        held.lost.wait(LONG)
        lost.set()
        return Ended("too late")

    at_work = chore_worker(store, work, grace=timedelta(hours=1 if forced else 0))
    thread, ended = in_background(at_work)
    begun.wait(LONG)
    at_work.stop()
    if forced:
        at_work.stop()
    thread.join()
    assert ended == [WorkerEnded(0, 1, forced)]
    assert lost.wait(LONG)
    assert events(store, "chore") == ["Begun", "HandedBack"]
    assert run(store, end).finished == 1
    assert events(store, "chore") == ["Begun", "HandedBack", "Begun", "Ended"]


def test_where_nothing_is_handed_back_the_lease_runs_out(store: Store, clock: Clock) -> None:
    """Without a `release` the lease that is left is renewed no more."""
    store.create(Errand, "errand", OpenErrand("errand"))
    begun, lost = threading.Event(), threading.Event()

    def work(held: Any) -> None:
        begun.set()
        held.lost.wait(LONG)
        lost.set()

    at_work = Worker(store, [Handler(Errand.lease, work)], grace=timedelta())
    thread, ended = in_background(at_work)
    begun.wait(LONG)
    at_work.stop()
    thread.join()
    lost.wait(LONG)
    assert ended == [WorkerEnded(0, 1, False)]
    assert store.get(Errand, "errand").path == "doing"
    clock.advance(seconds=61)
    assert store.reap(Errand.lease) == 1


def test_a_stop_before_the_start_counts(store: Store) -> None:
    """A worker that was stopped before it has begun does nothing, and can be started again."""
    create_chores(store, "chore")
    at_work = chore_worker(store, end)
    at_work.stop()
    assert at_work.run() == WorkerEnded(0, 0, False)
    assert at_work.run(once=True) == WorkerEnded(1, 0, False)


def test_a_worker_runs_once_at_a_time(store: Store) -> None:
    """A worker that is at work is not started a second time."""
    at_work = chore_worker(store, end)
    create_chores(store, "chore")
    refused: list[Exception] = []

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        with pytest.raises(InvalidQuery) as refusal:
            at_work.run()
        refused.append(refusal.value)
        return Ended()

    at_work = chore_worker(store, work)
    at_work.run(once=True)
    assert len(refused) == 1


# ---------------------------------------------------------------- a store that goes away


def away(times: int) -> tuple[Callable[..., None], list[int]]:
    """Raises so many times that the store is away."""
    left = [times]

    def check(*, may_have_happened: bool) -> None:
        if left[0]:
            left[0] -= 1
            raise StoreUnreachable("the store", "is away", may_have_happened)

    return check, left


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that asks again soon."""
    monkeypatch.setattr(working_trouble, "TROUBLE", SOON)


@pytest.mark.usefixtures("hurried")
def test_a_store_that_is_away_is_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that cannot claim waits, and goes on."""
    create_chores(store, "chore")
    check, left = away(5)
    claim_many = Claiming.claim_many

    def claim(*arguments: Any, **options: Any) -> Any:
        check(may_have_happened=False)
        return claim_many(*arguments, **options)

    monkeypatch.setattr(Claiming, "claim_many", claim)
    assert run(store, end).finished == 1
    assert left == [0]
    assert isinstance(state_of(store, "chore"), Done)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("happened", [False, True])
def test_a_result_is_sent_until_it_arrives(store: Store, monkeypatch: pytest.MonkeyPatch, *, happened: bool) -> None:
    """What a handler returned is sent again while the store is away; where it had arrived, that is found out."""
    create_chores(store, "chore")
    check, left = away(3)

    def failing(name: str) -> None:
        real = getattr(Leases, name)

        def send(*arguments: Any, **options: Any) -> Any:
            answer = real(*arguments, **options) if happened else None
            check(may_have_happened=happened)
            return answer or real(*arguments, **options)

        monkeypatch.setattr(Leases, name, send)

    failing("send")
    failing("send_and_claim")
    told = Told()
    run(store, end, hooks=told)
    assert told.names() == ["claimed", "finished"]
    assert events(store, "chore") == ["Begun", "Ended"]
    assert left == [2 if happened else 0]


@pytest.mark.usefixtures("hurried")
def test_trouble_with_one_machine_stops_no_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one machine's claims have to wait, another one's work is done."""
    create_chores(store, "chore")
    store.create(Errand, "errand", OpenErrand("errand"))
    claim_many = Claiming.claim_many

    def claim(store: Any, lease: Any, **options: Any) -> Any:
        if lease is Errand.lease:
            raise StoreTimeout("the store", 1.0)
        return claim_many(store, lease, **options)

    monkeypatch.setattr(Claiming, "claim_many", claim)
    at_work = Worker(store, [Handler(Errand.lease, lambda held: None), Handler(Chore.lease, end)])
    thread, ended = in_background(at_work)
    until(lambda: store.count(Chore)[Done] == 1)
    at_work.stop()
    thread.join()
    assert ended == [WorkerEnded(1, 0, False)]
    assert store.get(Errand, "errand").path == "open"


def test_a_closed_store_ends_the_worker(store: Store) -> None:
    """What no waiting mends is raised."""
    store.close()
    with pytest.raises(StoreClosed):
        run(store, end)


# ---------------------------------------------------------------- what is told


def test_hooks_get_plain_values(store: Store) -> None:
    """The hooks are told machine, key, token, path and durations."""
    create_chores(store, "chore")
    told = Told()
    run(store, end, hooks=told)
    (_, claimed), (_, finished) = told.calls
    assert claimed == {"machine": "Chore", "key": "chore", "token": claimed["token"], "path": "doing"}
    assert finished == {**claimed, "path": "done", "seconds": finished["seconds"]}
    assert finished["seconds"] >= 0


def test_a_hook_that_raises_is_ignored(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake in a hook is logged, and costs no work."""

    class Broken(WorkerHooks):
        def claimed(self, machine: str, key: Any, token: int, path: str) -> None:
            raise ZeroDivisionError

    create_chores(store, "chore")
    assert run(store, end, hooks=Broken()).finished == 1
    assert isinstance(state_of(store, "chore"), Done)
    assert any("hook_failed" in record.message for record in caplog.records)


def test_structlog_is_told_where_it_is_configured(store: Store) -> None:
    """A program that has configured structlog finds there what happened, with the facts by their names."""
    create_chores(store, "chore")
    structlog.configure()
    try:
        with structlog.testing.capture_logs() as told:
            run(store, end, name="builder")
    finally:
        structlog.reset_defaults()
    assert [entry["event"] for entry in told] == ["started", "claimed", "finished", "stopped"]
    assert told[1]["key"] == "chore"
    assert {entry["worker"] for entry in told} == {"builder"}


def test_no_secret_is_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a payload nor the text of an error comes into the log; whose it was, and where it failed, does."""
    caplog.set_level(logging.DEBUG)
    store.create(Chore, "chore", Waiting(name=SECRET))
    run(store, fail_with(ZeroDivisionError(SECRET)), concurrency=1)
    assert [record.__dict__["event"] for record in caplog.records if record.name == "leverframe.worker"] == [
        "started",
        *["claimed", "failed"] * TRIES,
        "stopped",
    ]
    assert SECRET not in caplog.text
    assert "key='chore'" in caplog.text
    assert "error='ZeroDivisionError' where='test_worker_runtime.py:" in caplog.text


# ---------------------------------------------------------------- what is refused


WRONG: Any = Worker
"""As callers without a type checker have them."""

HANDLER: Any = Handler

NO_WORKERS: dict[str, Callable[[Store], object]] = {
    "no handlers": lambda store: Worker(store, []),
    "one lease twice": lambda store: Worker(store, [Handler(Chore.lease, end), Handler(Chore.lease, end)]),
    "a function": lambda store: WRONG(store, [end]),
    "no function": lambda store: WRONG(store, [HANDLER(Chore.lease, None)]),
    "no lease": lambda store: WRONG(store, [HANDLER(Chore, end)]),
    "another policy": lambda store: WRONG(store, [HANDLER(Chore.retry, end)]),
    "no places": lambda store: chore_worker(store, end, concurrency=0),
    "a number for a span": lambda store: chore_worker(store, end, grace=5),
    "less than nothing": lambda store: chore_worker(store, end, grace=timedelta(seconds=-1)),
    "no span": lambda store: chore_worker(store, end, reap_every=None),
    "no name": lambda store: chore_worker(store, end, name=""),
}


@pytest.mark.parametrize("make", NO_WORKERS.values(), ids=NO_WORKERS)
def test_what_is_no_worker(store: Store, make: Callable[[Store], object]) -> None:
    """A worker that could not work is refused when it is made, and nothing is claimed."""
    create_chores(store, "chore")
    with pytest.raises(InvalidQuery):
        make(store)
    assert events(store, "chore") == []


def test_a_fresh_name_for_each_worker(store: Store) -> None:
    """Each worker has a name of its own unless it is given one."""
    assert chore_worker(store, end).name != chore_worker(store, end).name
    assert chore_worker(store, end, name="builder").name == "builder"
