"""A migration while others use the store, and one that is killed."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from grown import Asked, Ended, Errand, Queued, migrate_and_die, old

from leverframe import Store, open_store
from leverframe.checks import forms, migrating
from leverframe.checks.migrating import Migration, Outdated, migrate, plan_migration
from leverframe.checks.rows import examine

LABELS = [f"e{number:02}" for number in range(24)]

IN_TURN = 30
"""Moves of each writer."""


@pytest.fixture
def url(shared_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of the older program, and small batches."""
    for module in (forms, migrating):
        monkeypatch.setattr(module, "AT_ONCE", 3)
    with open_store(shared_url) as store:
        old(store, *LABELS)
    return shared_url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


def check_whole(store: Store) -> None:
    """Nothing is left of the older form, and counts, look-ups and journal fit the rows."""
    assert plan_migration(store, Errand).outdated == 0
    assert examine(store, Errand, journal=True).findings == ()
    assert store.examine().findings == ()
    for found in store.find(Errand):
        assert [entry.version for entry in store.history(Errand, found.key)] == list(range(1, found.version + 1))
        assert store.history(Errand, found.key)[-1].state == found.state


def test_writers(url: str) -> None:
    """Each move that writers make while it runs is made once, on top of what was there; none is lost or doubled."""
    failed: list[BaseException] = []
    made = dict.fromkeys(LABELS, 0)
    begin = threading.Barrier(3)

    def write(labels: Sequence[str]) -> None:
        try:
            with open_store(url) as store:
                begin.wait(30)
                for number in range(IN_TURN):
                    label = labels[number % len(labels)]
                    store.send(Errand, label, Asked(f"{label}-{number}"))
                    made[label] += 1
        except BaseException as error:
            failed.append(error)

    halves = (LABELS[:12], LABELS[12:])
    writers = [threading.Thread(target=write, args=(half,)) for half in halves]
    with open_store(url) as store:
        # What today's programs keep of it is made once, before they begin.
        store.find(Errand, where={"label": "e00"})
        for writer in writers:
            writer.start()
        begin.wait(30)
        done = migrate(store, Errand, by="anna")
        for writer in writers:
            writer.join(60)
        assert failed == []
        assert done.overtaken == 0
        repaired = {label: sum(entry.repaired for entry in store.history(Errand, label)) for label in LABELS}
        versions = {str(found.key): found.version for found in store.find(Errand)}
        assert versions == {label: 1 + made[label] + repaired[label] for label in LABELS}
        assert sum(repaired.values()) == done.moves
        check_whole(store)


def test_workers(url: str) -> None:
    """Workers that claim and end while it runs each get every instance once, and lose no lease."""
    ended: list[str] = []
    failed: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with open_store(url) as store:
                while held := store.claim(Errand.lease, worker=name):
                    with held:
                        held.send(Asked("worked on"))
                        held.send(Ended())
                    ended.append(str(held.key))
        except BaseException as error:
            failed.append(error)

    with open_store(url) as store:
        store.find(Errand, where={"label": "e00"})
        workers = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
        for worker in workers:
            worker.start()
        migrate(store, Errand, by="anna")
        for worker in workers:
            worker.join(60)
        # What was moved at the moment of a last look is there for the next one.
        work("three")
        assert failed == []
        assert sorted(ended) == LABELS
        check_whole(store)


def test_a_move_in_between(store: Store, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that is moved between reading and writing is read again, and is not written over."""
    write: Any = Migration.write

    def overtaken(self: Migration, outdated: Sequence[Outdated], *, wait: bool) -> list[int]:
        if any(each.stored.row.key == "e05" for each in outdated):
            with open_store(url) as other:
                other.send(Errand, "e05", Asked("later"))
        result: list[int] = write(self, outdated, wait=wait)
        return result

    monkeypatch.setattr(Migration, "write", overtaken)
    done = migrate(store, Errand, by="anna")
    assert (done.moves, done.overtaken) == (len(LABELS) - 1, 0)
    assert store.get(Errand, "e05").state == Queued("later", urgent=False)
    check_whole(store)


def test_an_instance_that_is_held(store: Store, url: str) -> None:
    """What another transaction holds is waited for at the end, and all others are written meanwhile."""
    held, moved = threading.Event(), threading.Event()

    def hold() -> None:
        with open_store(url) as other, other.transaction():
            other.send(Errand, "e00", Asked("held"))
            held.set()
            moved.wait(0.5)

    store.find(Errand, where={"label": "e00"})
    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    done = migrate(store, Errand, by="anna")
    holder.join(30)
    assert done.overtaken == 0
    assert store.get(Errand, "e00").state == Queued("held", urgent=False)
    check_whole(store)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("batches", [1, 5, 11])
def test_killed(url: str, batches: int, inside: bool) -> None:
    """Killed between two batches or inside of one, it has done whole batches; the next call does the rest."""
    spawning = multiprocessing.get_context("spawn")
    process = spawning.Process(target=migrate_and_die, args=(url, batches), kwargs={"inside": inside})
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with open_store(url) as store:
        assert plan_migration(store, Errand).outdated == len(LABELS) - 2 * batches
        assert store.examine().findings == ()
        assert migrate(store, Errand, by="anna").moves == len(LABELS) - 2 * batches
        check_whole(store)


def test_interrupted(store: Store) -> None:
    """Interrupted behind any batch, and called again, it comes to the same end."""

    def interrupt(_all: int, _more: int) -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            migrate(store, Errand, by="anna", progress=interrupt)
    assert plan_migration(store, Errand).outdated == len(LABELS) - 3
    migrate(store, Errand, by="anna")
    check_whole(store)
