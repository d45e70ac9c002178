"""Jobs that were left alone: three signs of it, a host that starts again, and whoever flips a job first."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve, frozen
from storytelling import THEN, job, started

from by_hand import run_by_hand
from leverframe import (
    Event,
    Lease,
    LeaseLost,
    LeaseRequired,
    Machine,
    MachineDefinitionError,
    NotFound,
    Payload,
    Positive,
    Store,
    UnreadableRow,
    on,
    open_store,
    state,
)
from leverframe.coordination.processes import Process, is_gone, read_own, this_process
from leverframe.machines.amounts import Count
from leverframe.machines.orchestrator import agent_job as a
from leverframe.machines.orchestrator import agent_run as u
from leverframe.machines.orchestrator.agent_job import AgentJob
from leverframe.machines.orchestrator.agent_run import AgentRun, RunId
from leverframe.machines.orchestrator.queueing import HeldJob
from leverframe.machines.orchestrator.reaping import ReapedJob, reap_jobs, requeue_after_restart

MINUTE, SOON = timedelta(minutes=1), timedelta(microseconds=1)
RUN = RunId("run-1")
ELSEWHERE = Process("elsewhere/boot/pid:[1]", 7, 100)


@pytest.fixture
def dead() -> Process:
    """A process of this host that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = read_own(child.pid)
    assert is_gone(process) is False
    child.communicate()
    assert is_gone(process)
    return process


def hold(store: Store, name: str = "job", process: Process | None = None, **more: Any) -> HeldJob:
    """A job that a process has claimed."""
    store.create(AgentJob, name, job(**more))
    held = store.claim(AgentJob.lease, worker="w", key=name, event=a.Claimed(RUN), process=process or this_process())
    assert held is not None
    return held


def run_has_exited(store: Store, code: int) -> None:
    store.create(AgentRun, RUN, started())
    store.send(AgentRun, RUN, u.Finished(code))


def state_of(store: Store, name: str = "job") -> Any:
    return store.get(AgentJob, name).state


def unchanged(store: Store, before: Any) -> bool:
    return reap_jobs(store) == [] and store.get(AgentJob, "job") == before


# ---------------------------------------------------------------- three signs


@pytest.mark.parametrize(("most", "kind"), [(1, a.Failed), (2, a.Queued)])
def test_the_process_is_gone(store: Store, dead: Process, most: int, kind: type[Any]) -> None:
    """The process that claimed the job is gone from this host: a fault, at once."""
    hold(store, process=dead, max_attempts=Positive(most))
    [reaped] = reap_jobs(store)
    assert (reaped.key, reaped.why, type(reaped.state)) == ("job", a.ProcessGone(), kind)
    assert state_of(store) == reaped.state
    assert state_of(store).error == "reaped: its process is gone"


@pytest.mark.parametrize("process", [ELSEWHERE, Process(), this_process()])
def test_a_process_that_may_be_there(store: Store, process: Process) -> None:
    """A process of another host, one that is not known, or one that is there is no sign of anything."""
    hold(store, process=process)
    assert unchanged(store, store.get(AgentJob, "job"))


def test_a_number_that_is_used_again(store: Store) -> None:
    """A later process with the same number is not the one that claimed the job."""
    hold(store, process=evolve(this_process(), start=this_process().start - 1))
    assert [each.why for each in reap_jobs(store)] == [a.ProcessGone()]


@pytest.mark.parametrize(("code", "kind"), [(0, a.Succeeded), (3, a.Queued), (-9, a.Queued)])
def test_the_run_has_exited(store: Store, clock: Any, code: int, kind: type[Any]) -> None:
    """The run has an exit code recorded longer ago than 5 minutes: 0 is Succeeded, any other is a fault."""
    hold(store)
    run_has_exited(store, code)
    clock.advance(minutes=5)
    assert unchanged(store, store.get(AgentJob, "job"))
    clock.time += SOON
    [reaped] = reap_jobs(store)
    assert (reaped.why, type(reaped.state)) == (a.ExitRecorded(code), kind)
    assert state_of(store) == reaped.state


def test_a_run_that_goes_on(store: Store, clock: Any) -> None:
    """A run that has not exited, or was never recorded, is no sign."""
    hold(store)
    clock.advance(hours=1)
    assert unchanged(store, store.get(AgentJob, "job"))
    store.create(AgentRun, RUN, started())
    assert unchanged(store, store.get(AgentJob, "job"))


def test_it_has_run_for_too_long(store: Store, clock: Any) -> None:
    """A job that has run longer than 4 hours is a fault, on whichever host it was claimed."""
    hold(store, process=ELSEWHERE)
    clock.advance(hours=4)
    assert unchanged(store, store.get(AgentJob, "job"))
    clock.time += SOON
    [reaped] = reap_jobs(store)
    assert (reaped.why, reaped.state) == (
        a.Overdue(),
        job(attempts=Count(1), error="reaped: it has run for too long"),
    )


@pytest.mark.parametrize("backstop", [MINUTE, 10 * 60 * MINUTE])
def test_the_backstop_can_be_set(store: Store, clock: Any, backstop: timedelta) -> None:
    """The backstop is the caller's to set, shorter or longer."""
    hold(store, process=ELSEWHERE)
    clock.time += backstop
    patience = a.Patience(backstop=backstop)
    assert reap_jobs(store, patience=patience) == []
    clock.time += SOON
    assert [each.why for each in reap_jobs(store, patience=patience)] == [a.Overdue()]


def test_the_surest_sign_comes_first(store: Store, clock: Any, dead: Process) -> None:
    """Of a job that all three signs are there for, the process is named; without that one, the run."""
    hold(store, process=dead)
    hold(store, "other", process=ELSEWHERE)
    run_has_exited(store, 0)
    clock.advance(hours=5)
    assert [(each.key, each.why) for each in reap_jobs(store)] == [
        ("job", a.ProcessGone()),
        ("other", a.ExitRecorded(0)),
    ]


def test_only_what_is_running(store: Store, clock: Any) -> None:
    """Jobs that are queued or have ended are no business of a reaper."""
    store.create(AgentJob, "queued", job())
    hold(store, "done").send(a.Finished())
    clock.advance(hours=5)
    assert reap_jobs(store) == []


def test_a_job_that_was_made_running(store: Store, clock: Any) -> None:
    """A job that nobody claimed and that is Running all the same, as one that was made so, is reaped too."""
    running = a.Running(agent=u.AgentName("builder"), text="x", attempts=Count(1), started_at=THEN)
    store.create(AgentJob, "job", running)
    assert [each.why for each in reap_jobs(store)] == [a.Overdue()]


def test_the_store_reaps_too(store: Store, dead: Process) -> None:
    """`store.reap`, which each worker calls, tells a job whose process is gone the same."""
    hold(store, process=dead)
    hold(store, "other", process=ELSEWHERE)
    assert store.reap(AgentJob.lease) == 1
    assert state_of(store).error == "reaped: its process is gone"


# ---------------------------------------------------------------- whoever is first


def test_the_owner_comes_late(store: Store, clock: Any) -> None:
    """Who was reaped is told so, and changes nothing."""
    late = hold(store)
    clock.advance(hours=5)
    reap_jobs(store)
    before = store.get(AgentJob, "job")
    for event in (a.Finished(), a.Faulted("x"), a.Throttled("x")):
        with pytest.raises(LeaseLost):
            late.send(event)
    assert store.get(AgentJob, "job") == before


def test_the_reaper_comes_late(store: Store) -> None:
    """A lease that was looked at, and has ended since, is not ended again; nor is the one that followed it."""
    held = hold(store)
    [record] = store.leases(AgentJob.lease)
    held.send(a.Faulted("it broke"))
    again = store.claim(AgentJob.lease, worker="another")
    assert again is not None
    before = store.get(AgentJob, "job")
    with pytest.raises(LeaseLost):
        store.end_lease(AgentJob.lease, record, a.Reaped(a.ExitRecorded(0)))
    assert store.get(AgentJob, "job") == before
    assert again.send(a.Finished()).moved
    with pytest.raises(LeaseLost):
        store.end_lease(AgentJob.lease, record, a.Reaped(a.Overdue()))
    store.delete(AgentJob, "job")
    with pytest.raises(NotFound):
        store.end_lease(AgentJob.lease, record, a.Reaped(a.Overdue()))


def test_only_what_ends_a_lease(store: Store) -> None:
    """What is the owner's alone to say is nobody else's, whatever lease they name."""
    hold(store)
    [record] = store.leases(AgentJob.lease)
    before = store.get(AgentJob, "job")
    with pytest.raises(LeaseRequired):
        store.end_lease(AgentJob.lease, record, a.Finished())
    assert store.get(AgentJob, "job") == before


def test_who_ended_it(store: Store) -> None:
    """The journal keeps who ended a lease, and why."""
    hold(store)
    [record] = store.leases(AgentJob.lease)
    store.end_lease(AgentJob.lease, record, a.HostRestarted(), by="anna", why="the rack burns")
    entry = store.history(AgentJob, "job")[-1]
    assert (entry.by, entry.why, entry.event) == ("anna", "the rack burns", a.HostRestarted())


def test_somebody_was_faster(store: Store, clock: Any) -> None:
    """A reaper that somebody was faster than changes nothing and says so: its report has no state."""
    held = hold(store, process=ELSEWHERE)
    clock.advance(hours=5)

    def faster(_process: Process) -> bool:
        held.send(a.Finished())
        return False

    assert reap_jobs(store, gone=faster) == [ReapedJob("job", a.Overdue(), None)]
    assert isinstance(state_of(store), a.Succeeded)


def test_two_reapers_at_once(shared_url: str, clock: Any) -> None:
    """However many reap at once, and the owner beside them, each job is flipped once, and one says that it did."""
    with open_store(shared_url, clock=clock) as store, open_store(shared_url, clock=clock) as other:
        held = [hold(store, f"job-{number}", process=ELSEWHERE) for number in range(12)]
        clock.advance(hours=5)
        gate, flips = threading.Barrier(4), list[Any]()

        def reap(place: Store) -> None:
            gate.wait()
            flips.extend(each.key for each in reap_jobs(place) if each.state is not None)

        def finish() -> None:
            gate.wait()
            for each in held:
                try:
                    each.send(a.Finished())
                except LeaseLost:
                    continue
                flips.append(each.key)

        in_threads([lambda: reap(store), lambda: reap(other), lambda: reap(other), finish])
        assert sorted(flips) == sorted(each.key for each in held)
        assert all(store.get(AgentJob, each.key).version == 3 for each in held)


def in_threads(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_one_that_cannot_be_read(shared_url: str, clock: Any) -> None:
    """A job that cannot be read keeps no other from being reaped, and is told of behind them."""
    with open_store(shared_url, clock=clock) as store:
        for name in ("broken", "job"):
            hold(store, name, process=ELSEWHERE)
    run_by_hand(shared_url, "UPDATE snapshot SET body = '{}' WHERE key = 'broken'")
    with open_store(shared_url, clock=clock) as store:
        clock.advance(hours=5)
        with pytest.raises(UnreadableRow):
            reap_jobs(store)
        assert isinstance(state_of(store), a.Queued)


# ---------------------------------------------------------------- a host that starts again


def test_one_that_cannot_be_read_is_left_behind_alone(shared_url: str, clock: Any) -> None:
    """A job that cannot be read keeps no other from being requeued at a start, and is told of behind them."""
    with open_store(shared_url, clock=clock) as store:
        for name in ("broken", "job"):
            hold(store, name, process=other_boot())
    run_by_hand(shared_url, "UPDATE snapshot SET body = '{}' WHERE key = 'broken'")
    with open_store(shared_url, clock=clock) as store:
        with pytest.raises(UnreadableRow) as error:
            requeue_after_restart(store)
        assert error.value.key == "broken"
        assert isinstance(state_of(store), a.Queued)


def other_boot() -> Process:
    name, _, numbers = this_process().host.split("/")
    return Process(f"{name}/another-boot/{numbers}", 7, 100)


def other_container() -> Process:
    name, boot, _ = this_process().host.split("/")
    return Process(f"{name}/{boot}/pid:[7]", 7, 100)


def test_after_a_restart(store: Store, dead: Process) -> None:
    """What this host has left Running, in this boot or an earlier one, goes back to Queued, attempts kept."""
    hold(store, process=dead, max_attempts=Positive(1))
    hold(store, "older", process=other_boot())
    assert requeue_after_restart(store) == ["job", "older"]
    assert state_of(store) == job(max_attempts=Positive(1), attempts=Count(1))
    assert state_of(store, "older") == job(attempts=Count(1))
    assert requeue_after_restart(store) == []


@pytest.mark.parametrize("process", [ELSEWHERE, Process(), this_process(), other_container()])
def test_what_others_have(store: Store, process: Process) -> None:
    """What another host has, a process that is there, or one of which that cannot be told is left alone."""
    hold(store, process=process)
    before = store.get(AgentJob, "job")
    assert requeue_after_restart(store) == []
    assert store.get(AgentJob, "job") == before


def test_alone_on_its_host(store: Store) -> None:
    """Who is alone on its host, as in a container, takes all that the host's name has; not what is its own."""
    hold(store, process=other_container())
    hold(store, "own")
    hold(store, "elsewhere", process=ELSEWHERE)
    assert requeue_after_restart(store, alone=True) == ["job"]


def test_a_late_owner_of_an_earlier_boot(store: Store) -> None:
    """Two hosts of one name do no harm: the owner whose job was taken from it writes nothing more."""
    held = hold(store, process=other_boot())
    requeue_after_restart(store)
    with pytest.raises(LeaseLost):
        held.send(a.Finished())


def test_anybody_may_say_that_the_host_restarted(store: Store) -> None:
    """HostRestarted is no secret of the owner's: by hand it puts one job back."""
    hold(store)
    assert store.send(AgentJob, "job", a.HostRestarted(), by="anna").state == job(attempts=Count(1))


# ---------------------------------------------------------------- definitions


def test_an_event_without_a_move() -> None:
    """A lease that makes an event of its end has to name the move that takes it."""
    with pytest.raises(MachineDefinitionError, match="expiry="):

        class Endless(Machine[Off | On, Flip]):  # pyright: ignore[reportUnusedClass]  # it is not made
            off = state(Off, initial=True)
            on_ = state(On, final=True)

            @on
            def flip(self, s: Off, e: Flip) -> On:
                return On()

            lease = Lease(claim=flip, expired=lambda why: Flip())


@frozen
class Off(Payload): ...


@frozen
class On(Payload): ...


@frozen
class Flip(Event): ...
