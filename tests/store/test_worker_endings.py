"""What ends a worker, and what it waits out: the class of an error says whether it may be otherwise a moment later."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from attrs import frozen
from chores import Chore, ChoreEvent, Doing, Ended, create_chores
from waiting import LONG, until
from working import SOON, chore_worker, end, events, run

from leverframe import (
    AccessDenied,
    Conflict,
    Event,
    Handler,
    Held,
    InvalidQuery,
    Lease,
    LookupsChanged,
    Machine,
    MachineDefinitionError,
    Payload,
    PoolExhausted,
    ReadOnly,
    Store,
    StoreClosed,
    StoreError,
    StoreFailure,
    StoreFull,
    StoreTimeout,
    StoreUnreachable,
    StoreVanished,
    Worker,
    lookup,
    on,
    open_store,
    state,
)
from leverframe.coordination import working_trouble
from leverframe.coordination.claiming import Claiming
from leverframe.coordination.working_trouble import TIMES


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that asks again soon."""
    monkeypatch.setattr(working_trouble, "TROUBLE", SOON)


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException, times: int = 10**9) -> list[int]:
    """So many claims fail; how many have done so."""
    claim_many, failed = Claiming.claim_many, [0]

    def claim(*arguments: Any, **options: Any) -> Any:
        if failed[0] == times:
            return claim_many(*arguments, **options)
        failed[0] += 1
        raise error

    monkeypatch.setattr(Claiming, "claim_many", claim)
    return failed


FOR_GOOD: dict[str, Exception] = {
    type(error).__name__: error
    for error in (
        AccessDenied("the store", "permission denied for table lease; let the schema's owner grant it"),
        InvalidQuery("Chore", "there is no such lease"),
        LookupsChanged("Chore"),
        MachineDefinitionError("Chore", "lease", "cannot be claimed"),
        ReadOnly("the store", "may not be written"),
        StoreClosed("the store", "was closed"),
        StoreVanished("the store", "tables were dropped while open"),
        ZeroDivisionError("in the machine's own code"),
    )
}

PASSING: dict[str, StoreError] = {
    type(error).__name__: error
    for error in (
        PoolExhausted("the store", 1.0, 4),
        StoreFull("the store"),
        StoreTimeout("the store", 1.0),
        StoreUnreachable("the store", "the server is starting", False),
    )
}

UNSURE: dict[str, StoreError] = {
    "Conflict": Conflict("Chore", "chore", 10),
    "StoreFailure": StoreFailure("the store", "SQLite reports: disk I/O error"),
}


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("error", FOR_GOOD.values(), ids=FOR_GOOD)
def test_what_no_waiting_mends_ends_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception, *, once: bool
) -> None:
    """An error that is there for good is raised at once, and nothing is claimed."""
    create_chores(store, "chore")
    failed = failing(monkeypatch, error)
    with pytest.raises(type(error)) as raised:
        chore_worker(store, end).run(once=once)
    assert raised.value is error
    assert failed == [1]
    assert events(store, "chore") == []


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING)
def test_what_passes_is_waited_out(store: Store, monkeypatch: pytest.MonkeyPatch, error: StoreError) -> None:
    """A store that is away or busy is asked again, however often that takes."""
    create_chores(store, "chore")
    failed = failing(monkeypatch, error, times=3 * TIMES)
    assert run(store, end).finished == 1
    assert failed == [3 * TIMES]


@pytest.mark.parametrize("error", UNSURE.values(), ids=UNSURE)
def test_what_may_pass_is_waited_out_for_a_while(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: StoreError
) -> None:
    """A failure of which nobody can say whether it passes is there for good when it has come ten times in a row."""
    create_chores(store, "chore")
    with monkeypatch.context() as patched:
        failed = failing(patched, error, times=TIMES - 1)
        assert run(store, end).finished == 1
        assert failed == [TIMES - 1]
    create_chores(store, "other")
    failed = failing(monkeypatch, error)
    with pytest.raises(type(error)):
        run(store, end)
    assert failed == [TIMES]
    assert events(store, "other") == []


def test_what_is_under_way_comes_to_its_end(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that has to end lets its handlers finish, writes what they return, and logs why it ends."""
    create_chores(store, "chore")
    begun, go_on = threading.Event(), threading.Event()
    raised: list[BaseException] = []

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        begun.set()
        go_on.wait(LONG)
        return Ended()

    def work_until_it_ends() -> None:
        try:
            chore_worker(store, work, concurrency=2).run()
        except LookupsChanged as error:
            raised.append(error)

    thread = threading.Thread(target=work_until_it_ends)
    thread.start()
    begun.wait(LONG)
    failing(monkeypatch, LookupsChanged("Chore"))
    create_chores(store, "other")
    until(lambda: any(record.message.startswith("broken_off") for record in caplog.records))
    go_on.set()
    thread.join()
    assert [type(error) for error in raised] == [LookupsChanged]
    assert [events(store, key) for key in ("chore", "other")] == [["Begun", "Ended"], []]
    assert [record.levelno for record in caplog.records if "broken_off" in record.message] == [logging.ERROR]


# ---------------------------------------------------------------- what it does for all


def expiry_raises(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(why: object) -> Any:
        raise error

    monkeypatch.setattr(Chore.lease, "expiry_event", fail)


def leave_one(store: Store, clock: Any) -> None:
    """One lease has run out, and something else is ready."""
    create_chores(store, "left")
    assert store.claim(Chore.lease, worker="gone") is not None
    clock.advance(seconds=61)
    create_chores(store, "chore")


def test_an_expiry_that_raises_stops_nothing_else(
    store: Store, clock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A lease that cannot be dealt with is logged, and the work is done."""
    leave_one(store, clock)
    expiry_raises(monkeypatch, ZeroDivisionError())
    assert run(store, end).finished == 1
    assert [events(store, key) for key in ("left", "chore")] == [["Begun"], ["Begun", "Ended"]]
    assert any("trouble" in record.message and "upkeep" in record.message for record in caplog.records)


def test_an_expiry_that_is_misdeclared_ends_it(store: Store, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that says nothing of what it should say is told to its programmer."""
    leave_one(store, clock)
    expiry_raises(monkeypatch, MachineDefinitionError("Chore", "lease", "takes an argument"))
    with pytest.raises(MachineDefinitionError):
        run(store, end)
    assert [events(store, key) for key in ("left", "chore")] == [["Begun"], []]


# ---------------------------------------------------------------- of real stores


def test_a_table_that_is_missing_ends_it(store: Store) -> None:
    """A store whose tables somebody has dropped is asked a few times, and then no more."""
    create_chores(store, "chore")
    with store.transaction() as connection:
        connection.execute("DROP TABLE lease")
    with pytest.raises((StoreVanished, StoreFailure)):
        run(store, end)


@frozen
class Open(Payload):
    owner: str


@frozen
class Busy(Payload):
    owner: str


@frozen
class Closed(Payload): ...


@frozen
class Begun(Event): ...


@frozen
class Over(Event): ...


def make_program(*, looked_up: bool) -> Any:
    """One version of a program: with or without the look-up."""

    class Ticket(Machine[Open | Busy | Closed, Begun | Over]):
        open = state(Open, initial=True)
        busy = state(Busy)
        closed = state(Closed, final=True)
        if looked_up:
            owner = lookup()

        @on
        def begun(self, s: Open, e: Begun) -> Busy:
            return Busy(s.owner)

        @on
        def over(self, s: Busy, e: Over) -> Closed:
            return Closed()

        lease = Lease(claim=begun)

    return Ticket


def test_a_newer_version_of_the_program_ends_it(shared_url: str) -> None:
    """A worker of a program whose look-ups another version has declared anew claims no more."""
    older, newer = make_program(looked_up=False), make_program(looked_up=True)
    with open_store(shared_url) as store, open_store(shared_url) as other:
        store.create(older, "a", Open("ann"))
        at_work = Worker(store, [Handler(older.lease, lambda held: Over())], poll=SOON)
        assert at_work.run(once=True).finished == 1
        other.create(newer, "b", Open("bob"))
        with pytest.raises(LookupsChanged):
            at_work.run()
        assert other.get(newer, "b").version == 1
