"""What a worker claims together with the end of what it had, and what becomes of a claim whose answer was lost."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import pytest
from chores import Chore, ChoreEvent, Doing, Done, Ended, Fetched, HandedBack, Noted, Sent, create_chores
from leased_errands import Done as ErrandDone
from leased_errands import Errand
from leased_errands import Open as OpenErrand
from storytelling import job as agents_job
from storytelling import started
from waiting import LONG, until
from working import SOON, Told, chore_worker, counted_looks, end, events, in_background, run, state_of

from leverframe import Event, Handler, Held, InvalidQuery, Store, StoreUnreachable, Worker, WorkerEnded
from leverframe.coordination import working_claims, working_trouble
from leverframe.coordination.attending import Attending
from leverframe.coordination.claiming import Claiming
from leverframe.coordination.keeping import Leases
from leverframe.coordination.processes import this_process
from leverframe.coordination.working_claims import Claims
from leverframe.machines import job
from leverframe.machines.orchestrator import agent_job as a
from leverframe.machines.orchestrator import agent_run as u
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.agent_run import AgentRun, RunId
from leverframe.machines.orchestrator.reaping import reap_jobs

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that asks again soon, and looks again soon."""
    monkeypatch.setattr(working_trouble, "TROUBLE", SOON)
    monkeypatch.setattr(working_claims, "UNTIL_NEXT_LOOK", SOON)


# ---------------------------------------------------------------- together with the end of the last


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The keys of what was ended and followed by a claim in one transaction."""
    keys: list[Any] = []
    send = Leases.send_and_claim

    def note(store: Any, held: Any, *arguments: Any) -> Any:
        keys.append(held.key)
        return send(store, held, *arguments)

    monkeypatch.setattr(Leases, "send_and_claim", note)
    return keys


def test_the_next_is_claimed_with_the_end_of_the_last(store: Store, together: list[Any]) -> None:
    """What is next is claimed with the end of what a place has done."""
    names = [f"chore-{number}" for number in range(5)]
    create_chores(store, *names)
    told = Told()
    assert run(store, end, concurrency=1, hooks=told) == WorkerEnded(5, 0, False)
    assert together == names
    assert told.names() == ["claimed", "finished"] * 5
    assert [facts["key"] for _, facts in told.calls[::2]] == names
    assert {tuple(events(store, name)) for name in names} == {("Begun", "Ended")}


def test_a_claim_under_locks_is_made_with_the_end_of_the_last(store: Store, together: list[Any]) -> None:
    """A lease with a limit, which no store claims without locks, is claimed so too."""
    names = [("index", name) for name in "abc"]
    for name in names:
        store.create(job.Job, name, job.Pending())
    handler = Handler(job.Job.lease, lambda held: job.Succeeded(held.state.input_watermark))
    assert Worker(store, [handler], concurrency=1).run(once=True).finished == 3
    assert together == names


def test_several_leases_take_turns(store: Store, together: list[Any]) -> None:
    """A worker of several leases claims of each in its turn, however much of one is ready."""
    done: list[str] = []

    def note(held: Held[Any, Any], event: Any) -> Any:
        done.append(type(held.state).__module__)
        return event

    create_chores(store, "a", "b", "c")
    for name in "abc":
        store.create(Errand, name, OpenErrand(name))
    chores = Handler(Chore.lease, lambda held: note(held, Ended()))
    errands = Handler(Errand.lease, lambda held: note(held, ErrandDone()))
    assert Worker(store, [chores, errands], concurrency=1).run(once=True).finished == 6
    assert done == ["chores", "leased_errands"] * 3
    assert together == []


def test_what_was_claimed_together_is_handed_back_too(store: Store) -> None:
    """What a place has when the worker gives up is handed back, and what it did before is done."""
    create_chores(store, "first", "second", "third")
    begun = threading.Event()

    def work(held: Held[Chore, Doing]) -> ChoreEvent | None:
        if held.state.name == "second":
            begun.set()
            held.lost.wait(LONG)
        return Ended()

    at_work = chore_worker(store, work, concurrency=1)
    thread, ended = in_background(at_work)
    begun.wait(LONG)
    at_work.stop()
    at_work.stop()
    thread.join()
    assert ended == [WorkerEnded(1, 1, True)]
    assert [events(store, key) for key in ("first", "second", "third")] == [
        ["Begun", "Ended"],
        ["Begun", "HandedBack"],
        [],
    ]


def test_a_claim_that_fails_costs_no_result(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a handler returned is written, though what would be next cannot be claimed."""

    def fail(*arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Leases, "send_and_claim", fail)
    create_chores(store, "a", "b")
    assert run(store, end, concurrency=1).finished == 2
    assert [events(store, key) for key in "ab"] == [["Begun", "Ended"]] * 2


def test_an_event_that_ends_no_lease_is_a_fault(store: Store) -> None:
    """A handler that returns an event which leaves the instance leased has failed; what is next is done."""
    create_chores(store, "endless", "other")

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        return Noted("going on") if held.state.name == "endless" and held.state.tries == 1 else Ended()

    run(store, work, concurrency=1)
    assert events(store, "endless") == ["Begun", "Noted", "Faulted", "Begun", "Ended"]
    assert events(store, "other") == ["Begun", "Ended"]


def test_an_event_that_pauses_is_no_fault(store: Store) -> None:
    """A handler may return the event that leads into a pause; what is next is done."""
    create_chores(store, "a", "b")
    run(store, lambda held: Sent(), concurrency=1)
    assert [store.get(Chore, key).path for key in "ab"] == ["fetching"] * 2


def test_each_piece_has_context_variables_of_its_own(store: Store) -> None:
    """What a handler sets in a context variable is not seen by the next one."""
    said: ContextVar[str] = ContextVar("said", default="nothing")

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        before = said.get()
        said.set(held.state.name)
        return Ended(before)

    create_chores(store, "a", "b")
    run(store, work, concurrency=1)
    assert [state_of(store, key).result for key in "ab"] == ["nothing"] * 2


# ---------------------------------------------------------------- an answer that was lost


def losing(monkeypatch: pytest.MonkeyPatch, name: str, *, written: bool = True, of: type = Claiming) -> list[int]:
    """A verb whose first answer is lost; how many answers are yet to be."""
    owner = Leases if name == "send_and_claim" else Claiming
    left, real = [1], getattr(owner, name)

    def call(*arguments: Any, **options: Any) -> Any:
        if left.pop() == 0:
            left.append(0)
            return real(*arguments, **options)
        left.append(0)
        if written:
            real(*arguments, **options)
        raise StoreUnreachable("the store", "the connection was lost", True)

    monkeypatch.setattr(owner, name, call)
    return left


def test_a_claim_whose_answer_was_lost_is_worked_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was claimed without an answer is found by the worker's name, and done at once with the same lease."""
    create_chores(store, "a", "b")
    left = losing(monkeypatch, "claim_many")
    told = Told()
    assert run(store, end, concurrency=2, hooks=told) == WorkerEnded(2, 0, False)
    assert left == [0]
    assert [events(store, key) for key in "ab"] == [["Begun", "Ended"]] * 2
    assert sorted(told.names()) == ["claimed"] * 2 + ["finished"] * 2


def test_a_lease_without_moves_for_it_is_found_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine need not say what becomes of a lease that is given back."""
    store.create(Errand, "errand", OpenErrand("errand"))
    losing(monkeypatch, "claim_many")
    assert Worker(store, [Handler(Errand.lease, lambda held: ErrandDone())]).run(once=True).finished == 1
    assert store.get(Errand, "errand").path == "finished"


def test_a_claim_with_the_end_of_the_last_is_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both were written and the answer was lost, the one is not sent again, and the other is done."""
    names = [("index", name) for name in "ab"]
    for name in names:
        store.create(job.Job, name, job.Pending())
    left = losing(monkeypatch, "send_and_claim")

    def work(held: Held[job.Job, job.Running]) -> job.JobEvent:
        return job.Succeeded(held.state.input_watermark)

    assert Worker(store, [Handler(job.Job.lease, work)], concurrency=1).run(once=True).finished == 2
    assert left == [0]
    assert store.count(job.Job)[job.Done] == 2


def test_a_claim_that_is_written_late_is_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may come to a claim behind the first look for it: there are more."""
    create_chores(store, "chore")
    losing(monkeypatch, "claim_many", written=False)
    claim_many, claimed_by = Claiming.claim_many, Attending.claimed_by
    looks: list[int] = []

    def claim_late(store: Any, lease: Any, worker: str, process: Any) -> Any:
        found = claimed_by(store, lease, worker, process)
        looks.append(len(found))
        if len(looks) == 1:
            claim_many(store, lease, worker=worker, limit=1, process=process)
        return found

    monkeypatch.setattr(Attending, "claimed_by", claim_late)
    at_work = chore_worker(store, end)
    thread, ended = in_background(at_work)
    until(lambda: store.count(Chore)[Done] == 1)
    at_work.stop()
    thread.join()
    assert ended == [WorkerEnded(1, 0, False)]
    assert looks[:2] == [0, 1]
    assert events(store, "chore") == ["Begun", "Ended"]


def test_it_is_not_looked_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some looks that found nothing there are no more."""
    losing(monkeypatch, "claim_many", written=False)
    looks = counted_looks(monkeypatch)
    at_work = chore_worker(store, end)
    thread, _ = in_background(at_work)
    until(lambda: len(looks) == working_claims.LOOKS)
    create_chores(store, "chore")
    until(lambda: store.count(Chore)[Done] == 1)
    at_work.stop()
    thread.join()
    assert len(looks) == working_claims.LOOKS


def test_what_is_under_way_is_not_begun_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a worker looks for what it may have, what its places have in hand is left alone."""
    create_chores(store, "long")
    begun, go_on = threading.Event(), threading.Event()
    times: list[str] = []

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        times.append(held.state.name)
        begun.set()
        go_on.wait(LONG)
        return Ended()

    at_work = chore_worker(store, work, concurrency=3)
    thread, ended = in_background(at_work)
    begun.wait(LONG)
    left = losing(monkeypatch, "claim_many")
    create_chores(store, "lost")
    until(lambda: len(times) == 2)
    go_on.set()
    until(lambda: store.count(Chore)[Done] == 2)
    at_work.stop()
    thread.join()
    assert (times, left) == (["long", "lost"], [0])
    assert ended == [WorkerEnded(2, 0, False)]


@pytest.mark.parametrize("kind", ["memory"], indirect=True)
def test_nothing_is_looked_for_while_an_answer_may_come(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a place is about to claim is not taken for lost; while a worker looks, no place claims."""
    create_chores(store, "a", "b")
    handler = Handler(Chore.lease, end)
    claims = Claims(store, "own", (handler,))
    [held] = claims.claim(handler, 1)
    under_way, go_on = threading.Event(), threading.Event()
    send_and_claim = Leases.send_and_claim

    def send_late(*arguments: Any) -> Any:
        answer = send_and_claim(*arguments)
        under_way.set()
        go_on.wait(LONG)
        return answer

    monkeypatch.setattr(Leases, "send_and_claim", send_late)
    losing(monkeypatch, "claim_many", written=False)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(claims.send_and_claim, held, Ended())
        under_way.wait(LONG)
        with pytest.raises(StoreUnreachable):
            list(claims.claim(handler, 1))
        assert not claims.may_be_lost()
        go_on.set()
        sent, following = answer.result()
    assert sent
    assert following is not None
    assert claims.may_be_lost()
    assert list(claims.find_lost(handler, 1)) == []
    assert claims.send_and_claim(following, Ended()) == (False, None)
    assert events(store, "b") == ["Begun"]


def test_what_is_claimed_again_at_once_is_not_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that its own end has made ready, and that the same place has again, is known to be there."""
    create_chores(store, "again")
    begun, go_on = threading.Event(), threading.Event()
    times: list[str] = []

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        times.append(held.state.name)
        if times == ["again"]:
            return HandedBack()
        if held.state.name == "again":
            begun.set()
            go_on.wait(LONG)
        return Ended()

    at_work = chore_worker(store, work, concurrency=2)
    thread, _ = in_background(at_work)
    begun.wait(LONG)
    losing(monkeypatch, "claim_many", written=False)
    looks = counted_looks(monkeypatch)
    create_chores(store, "other")
    until(lambda: len(looks) == working_claims.LOOKS)
    go_on.set()
    until(lambda: store.count(Chore)[Done] == 2)
    at_work.stop()
    thread.join()
    assert sorted(times) == ["again", "again", "other"]


Others = Callable[[Store], object]

OTHERS: dict[str, Others] = {
    "another name": lambda store: store.claim(Chore.lease, worker="other", process=this_process()),
    "another process": lambda store: store.claim(Chore.lease, worker="own"),
    "behind a pause": lambda store: pause_and_go_on(store),
}


def pause_and_go_on(store: Store) -> None:
    held = store.claim(Chore.lease, worker="own", process=this_process())
    assert held is not None
    held.send(Sent())
    store.send(Chore, "chore", Fetched())


@pytest.mark.parametrize("claim", OTHERS.values(), ids=OTHERS)
def test_what_others_have_is_left_alone(store: Store, monkeypatch: pytest.MonkeyPatch, claim: Others) -> None:
    """Only what this worker itself has claimed is taken up, and not what it has got back behind a pause."""
    create_chores(store, "chore")
    claim(store)
    before = store.get(Chore, "chore")
    losing(monkeypatch, "claim_many", written=False)
    assert run(store, end, name="own").finished == 0
    assert store.get(Chore, "chore") == before


# ---------------------------------------------------------------- the event of a claim


@pytest.fixture
def names() -> Iterator[str]:
    return (f"run-{number}" for number in itertools.count(1))


def claimed(names: Iterator[str]) -> Callable[[], Event]:
    return lambda: a.Claimed(RunId(next(names)))


def test_each_claim_has_an_event_of_its_own(store: Store, names: Iterator[str]) -> None:
    """What `claim=` makes is the event of one claim, also where several places are free."""
    for number in range(3):
        store.create(AgentJob, f"job-{number}", agents_job())
    seen: list[str | None] = []

    def work(held: Held[AgentJob, a.Running]) -> a.Finished:
        seen.append(held.state.run_id)
        return a.Finished()

    assert Worker(store, [Handler(AgentJob.lease, work, claim=claimed(names))]).run(once=True).finished == 3
    assert sorted(map(str, seen)) == ["run-1", "run-2", "run-3"]
    assert {job.state.run_id for job in store.find(AgentJob, a.Succeeded)} == set(seen)


def test_the_run_of_a_job_tells_that_it_was_left_alone(store: Store, clock: Any, names: Iterator[str]) -> None:
    """A job whose worker was told of no end is ended by the exit of the run that its claim has named."""
    store.create(AgentJob, "job", agents_job())
    reaped: list[Any] = []
    told = Told()

    def work(held: Held[AgentJob, a.Running]) -> a.Faulted:
        run = held.state.run_id
        assert run is not None
        store.create(AgentRun, run, started())
        store.send(AgentRun, run, u.Finished(0))
        clock.advance(minutes=5, seconds=1)
        reaped.extend(each.why for each in reap_jobs(store))
        return a.Faulted("nobody was told")

    Worker(store, [Handler(AgentJob.lease, work, claim=claimed(names))], hooks=told).run(once=True)
    assert reaped == [a.ExitRecorded(0)]
    assert isinstance(store.get(AgentJob, "job").state, a.Succeeded)
    assert told.names() == ["claimed", "lost"]


def test_what_claims_nothing_ends_the_worker(store: Store) -> None:
    """A `claim=` that makes another event is told at the first claim, and nothing is claimed."""
    store.create(AgentJob, "job", agents_job())
    before = store.get(AgentJob, "job")
    with pytest.raises(InvalidQuery, match="which claims nothing; let it make Claimed"):
        Worker(store, [Handler(AgentJob.lease, lambda held: a.Finished(), claim=a.Finished)]).run()
    assert store.get(AgentJob, "job") == before
