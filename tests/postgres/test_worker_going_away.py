"""A worker whose server goes away waits for it, and nothing that was done is lost or done twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from chores import Chore, ChoreEvent, Doing, Done, Ended, create_chores
from postgres_server import OwnServer
from waiting import LONG, until
from working import SOON, counted_looks, events

from leverframe import Handler, Held, Store, StoreError, Worker, open_store
from leverframe.coordination import working_trouble
from leverframe.machines import job
from leverframe.persistence.postgres.saying import SpokenConnection


@pytest.fixture(params=["", "&notify=yes"], ids=["polling", "notified"])
def store(crashing_server: OwnServer, request: pytest.FixtureRequest) -> Iterator[Store]:
    with open_store(crashing_server.fresh_url(str(request.param))) as opened:
        yield opened


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that asks again soon."""
    monkeypatch.setattr(working_trouble, "TROUBLE", SOON)


def is_down(store: Store) -> bool:
    try:
        store.count(Chore)
    except StoreError:
        return True
    return False


def test_a_worker_waits_for_its_server(crashing_server: OwnServer, store: Store) -> None:
    """What a handler returned while the server was down is written when it is back, and the worker goes on."""
    begun, go_on = threading.Event(), threading.Event()

    def work(held: Held[Chore, Doing]) -> ChoreEvent:
        begun.set()
        go_on.wait(LONG)
        return Ended()

    worker = Worker(store, [Handler(Chore.lease, work)], poll=SOON)
    thread = threading.Thread(target=worker.run)
    create_chores(store, "first")
    thread.start()
    try:
        begun.wait(LONG)
        crashing_server.crash()
        try:
            assert is_down(store)
            go_on.set()
        finally:
            crashing_server.start()
        until(lambda: store.count(Chore)[Done] == 1)
        create_chores(store, "second")
        until(lambda: store.count(Chore)[Done] == 2)
    finally:
        worker.stop()
        thread.join()
    assert [events(store, key) for key in ("first", "second")] == [["Begun", "Ended"]] * 2


def cut(monkeypatch: pytest.MonkeyPatch, verb: str, is_it: Callable[[object], bool]) -> list[str]:
    """The connection breaks behind the first such statement, whose answer is lost; which one that was."""
    cut: list[str] = []
    real = getattr(SpokenConnection, verb)

    def say(connection: Any, statement: Any, *values: Any) -> Any:
        answer = real(connection, statement, *values)
        if not cut and is_it(statement):
            cut.append(str(statement))
            connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return answer

    monkeypatch.setattr(SpokenConnection, verb, say)
    return cut


def test_a_claim_of_one_statement_whose_answer_is_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was claimed when the connection broke is done at once, under the lease that it has."""
    create_chores(store, "chore")
    looks = counted_looks(monkeypatch)
    lost = cut(monkeypatch, "say", lambda statement: "UPDATE snapshot" in str(statement))
    ended = Worker(store, [Handler(Chore.lease, lambda held: Ended())], poll=SOON).run(once=True)
    assert (len(lost), looks, ended.finished) == (1, [1], 1)
    assert events(store, "chore") == ["Begun", "Ended"]


def test_a_claim_of_several_statements_whose_answer_is_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim under locks whose COMMIT went unanswered is found, and done."""
    store.create(job.Job, ("index", "shop"), job.Pending())
    looks = counted_looks(monkeypatch)
    lost = cut(monkeypatch, "execute", lambda statement: statement == b"COMMIT")
    done = Handler(job.Job.lease, lambda held: job.Succeeded(held.state.input_watermark))
    ended = Worker(store, [done], poll=SOON).run(once=True)
    assert (len(lost), looks, ended.finished) == (1, [1], 1)
    told = [type(entry.event).__name__ for entry in store.history(job.Job, ("index", "shop"))[1:]]
    assert told == ["Claimed", "Succeeded"]


def test_a_worker_starts_without_its_server(crashing_server: OwnServer, store: Store) -> None:
    """A worker that is started while the server is down begins when it is back."""
    create_chores(store, "chore")
    ended: list[Any] = []
    worker = Worker(store, [Handler(Chore.lease, lambda held: Ended())], poll=SOON)
    thread = threading.Thread(target=lambda: ended.append(worker.run(once=True)))
    crashing_server.crash()
    try:
        thread.start()
        assert is_down(store)
    finally:
        crashing_server.start()
    thread.join()
    assert ended[0].finished == 1
    assert events(store, "chore") == ["Begun", "Ended"]
