"""A worker whose server goes away waits for it, and nothing that was done is lost or done twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from chores import Chore, ChoreEvent, Doing, Done, Ended, create_chores
from postgres_server import OwnServer
from waiting import LONG, until

from leverframe import BackOff, Handler, Held, Store, StoreError, Worker, open_store
from leverframe.coordination import working, working_piece

SOON = BackOff(base=timedelta(milliseconds=1), cap=timedelta(milliseconds=20))


@pytest.fixture(params=["", "&notify=yes"], ids=["polling", "notified"])
def store(crashing_server: OwnServer, request: pytest.FixtureRequest) -> Iterator[Store]:
    with open_store(crashing_server.fresh_url(str(request.param))) as opened:
        yield opened


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that asks again soon."""
    monkeypatch.setattr(working_piece, "TROUBLE", SOON)
    monkeypatch.setattr(working, "TROUBLE", SOON)


def events(store: Store, key: str) -> list[str]:
    return [type(entry.event).__name__ for entry in store.history(Chore, key)[1:]]


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
