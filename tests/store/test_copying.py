"""A store copied to another place: the same there in all that the public API tells, whatever came in between."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from parcels import HandedOver, Loaded, Lost, Parcel, Relabelled, Vanished, first_stop, waiting
from postgres_server import Server

from leverframe import CannotCopy, InvalidURL, Send, Store, UnfinishedCopy, copy_store, open_store
from leverframe.machines.pipeline import Backlog, DepsMet, Pipeline
from leverframe.persistence import copying
from leverframe.persistence.tables import TABLES

KINDS = ("file", "postgres")
COLUMNS = """
SELECT t.name, c.name FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table'"""

COLUMNS_ON_POSTGRES = """
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"""

WAYS = [(source, target) for source in KINDS for target in KINDS]


@pytest.fixture
def places(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """URLs of stores that are not there yet."""
    numbers = iter(range(100))

    def place(kind: str) -> str:
        if kind == "postgres":
            server: Server = request.getfixturevalue("postgres_server")
            return server.fresh_url("&durability=normal")
        return f"sqlite:///{tmp_path / f'store{next(numbers)}.db'}?durability=normal"

    return place


@pytest.fixture(params=WAYS, ids=["-".join(way) for way in WAYS])
def way(request: pytest.FixtureRequest, places: Callable[[str], str]) -> tuple[str, str]:
    """A filled store, and a place that is not there yet."""
    source, target = map(places, request.param)
    with open_store(source) as store:
        fill(store)
    return source, target


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "AT_ONCE", 7)


def fill(store: Store) -> None:
    """Several machines, states, look-ups, delivery ids settled both ways, messages, cursors, and deleted things."""
    for number in range(12):
        key = f"parcel-{number}" if number % 3 else ("parcel", str(number), "ä")
        store.create(Parcel, key, waiting(f"label-{number}", "Ulm" if number % 2 else None))
        store.send(Parcel, key, Loaded(), delivery_id=f"load-{number}")
        if number % 4 == 0:
            store.send(Parcel, key, first_stop("Köln \U0001f4e6"))
        if number % 4 == 1:
            store.send(Parcel, key, HandedOver(), delivery_id="hand")
            store.send(Parcel, key, Vanished(), delivery_id="late", on_refused="return")
        if number % 4 == 2:
            store.send(Parcel, key, Vanished())
    store.create(Pipeline, "story", Backlog())
    store.create(Parcel, "last", waiting("gone"))
    store.delete(Parcel, "last")
    for message in store.messages(limit=5):
        store.save_cursor("mailer", message.position)
    store.save_cursor("audit", 0)


def told(store: Store) -> list[Any]:
    """Everything that a store tells of itself."""
    keys = sorted((found.key for found in store.find(Parcel)), key=str)
    return [
        [(s.key, s.path, s.version, s.created_at, s.changed_at, s.state) for s in store.find(Parcel)],
        [[(e.seq, e.version, e.event, e.state, e.from_state, e.at) for e in store.history(Parcel, k)] for k in keys],
        [s.key for s in store.find(Parcel, where={"city": "Ulm"})],
        [s.key for s in store.find(Parcel, Lost)],
        (store.count(Parcel), store.count(Pipeline)),
        store.messages(limit=1000),
        [store.messages(name) for name in ("mailer", "audit", "nobody")],
        [store.cursor(name) for name in ("mailer", "audit")],
    ]


def test_copy_tells_the_same(way: tuple[str, str]) -> None:
    """A copy answers as its source does: states, journals, look-ups, counts, messages and cursors."""
    source, target = way
    copied = copy_store(source, target)
    with open_store(source) as one, open_store(target) as other:
        assert told(one) == told(other)
        assert copied.rows["delivery"] == 18
        assert copied.rows["message"] == len(one.messages(limit=1000))


def test_delivery_ids_are_known_in_the_copy(way: tuple[str, str]) -> None:
    """What was settled before the copy is a duplicate behind it, a refusal as well as a move."""
    copy_store(*way)
    with open_store(way[1]) as store:
        moved = store.send(Parcel, "parcel-1", Loaded(), delivery_id="load-1")
        refused = store.send(Parcel, "parcel-1", Vanished(), delivery_id="late", on_refused="return")
        assert (moved.duplicate, moved.moved, moved.version) == (True, True, 2)
        assert (refused.duplicate, refused.moved) == (True, False)


def test_new_rows_come_behind_copied_ones(way: tuple[str, str]) -> None:
    """Moves, instances and messages of the copy are numbered behind all that its source ever numbered."""
    source, target = way
    with open_store(source) as store:
        # The newest of everything is deleted: its numbers must not come again for all that.
        newest = store.create(Parcel, "newest", waiting("newest"))
        last = store.send(Parcel, "newest", Loaded()).seq
        position = store.messages(limit=1000)[-1].position
        store.save_cursor("mailer", position)
        store.delete(Parcel, newest.key)
    copy_store(source, target)
    with open_store(target) as store:
        store.create(Parcel, "new", waiting("new"))
        receipt = store.send(Parcel, "new", Loaded())
        assert last is not None
        assert receipt.seq is not None
        assert receipt.seq > last
        assert {m.key for m in store.messages("mailer")} == {"new"}
        assert all(m.position > position for m in store.messages("mailer"))
        assert len(store.history(Parcel, "new")) == 2


def test_copy_of_a_copy(places: Callable[[str], str]) -> None:
    """A store that goes to the other database and back is the same store."""
    first, second, third = places("file"), places("postgres"), places("file")
    with open_store(first) as store:
        fill(store)
    copy_store(first, second)
    copy_store(second, third)
    with open_store(first) as one, open_store(third) as other:
        assert told(one) == told(other)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("point", [1, 2, 4, 6, 9, 12, 17, 24])
def test_interrupted_copy_goes_on(way: tuple[str, str], point: int) -> None:
    """A copy that ends at any batch is refused as a store, and the same call brings it to its end."""
    calls = iter(range(1, 1000))

    def interrupt(_total: int, _more: int) -> None:
        if next(calls) == point:
            raise Interrupted

    with pytest.raises(Interrupted):
        copy_store(*way, progress=interrupt)
    with pytest.raises(UnfinishedCopy, match="leverframe copy"):
        open_store(way[1])
    done: list[int] = []
    copy_store(*way, progress=lambda total, more: done.append(more))
    with open_store(way[0]) as one, open_store(way[1]) as other:
        assert told(one) == told(other)


KILLED = """
import os, signal, sys
from leverframe import copy_store
from leverframe.persistence import copying
from leverframe.persistence.tables import TABLES
copying.AT_ONCE = 7
calls = iter(range(1, 1000))
def kill(total, more):
    if next(calls) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
copy_store(sys.argv[1], sys.argv[2], progress=kill)
"""


@pytest.mark.parametrize("point", [3, 11])
def test_killed_copy_goes_on(way: tuple[str, str], point: int) -> None:
    """A copy whose process is killed is brought to its end by the same call."""
    killed = subprocess.run([sys.executable, "-c", KILLED, *way, str(point)], capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    with pytest.raises(UnfinishedCopy):
        open_store(way[1])
    copy_store(*way)
    with open_store(way[0]) as one, open_store(way[1]) as other:
        assert told(one) == told(other)


def stop_after(way: tuple[str, str], batches: int) -> None:
    calls = iter(range(1, 1000))

    def interrupt(_total: int, _more: int) -> None:
        if next(calls) == batches:
            raise Interrupted

    with pytest.raises(Interrupted):
        copy_store(*way, progress=interrupt)


def test_source_that_changed_is_told(way: tuple[str, str]) -> None:
    """A source that was written to between two calls is found out, and `fresh` copies it as it is now."""
    stop_after(way, 6)
    with open_store(way[0]) as store:
        store.send(Parcel, "parcel-2", first_stop("Bonn"), on_refused="return")
        store.create(Parcel, "another", waiting("another"))
        store.send(Parcel, ("parcel", "0", "ä"), first_stop("Bonn"))
    with pytest.raises(CannotCopy, match=r"snapshot.*differ.*--fresh"):
        copy_store(*way)
    with pytest.raises(UnfinishedCopy):
        open_store(way[1])
    copy_store(*way, fresh=True)
    with open_store(way[0]) as one, open_store(way[1]) as other:
        assert told(one) == told(other)


def test_target_in_use_is_refused(way: tuple[str, str]) -> None:
    """A target that holds a store is refused, also with `fresh`, and is left as it was."""
    with open_store(way[1]) as store:
        store.create(Parcel, "mine", waiting("mine"))
    for fresh in (False, True):
        with pytest.raises(CannotCopy, match="left as it is"):
            copy_store(*way, fresh=fresh)
    with open_store(way[1]) as store:
        assert [found.key for found in store.find(Parcel)] == ["mine"]


def test_unfinished_copy_of_another_is_refused(way: tuple[str, str], places: Callable[[str], str]) -> None:
    """The unfinished copy of one store is not gone on with from another one, unless `fresh` says so."""
    stop_after(way, 4)
    another = places("file")
    with open_store(another) as store:
        store.create(Parcel, "only", waiting("only"))
    with pytest.raises(CannotCopy, match="unfinished copy of"):
        copy_store(another, way[1])
    copy_store(another, way[1], fresh=True)
    with open_store(way[1]) as store:
        assert [found.key for found in store.find(Parcel)] == ["only"]


def test_store_that_was_open_sees_one_time(way: tuple[str, str]) -> None:
    """What is written to the source while it is copied is not in the copy, in none of its tables."""
    with open_store(way[0]) as store:
        before = told(store)

        def write(_total: int, _more: int) -> None:
            store.send(Parcel, ("parcel", "0", "ä"), first_stop(), delivery_id=str(datetime.now(UTC)))

        copy_store(*way, progress=write)
        assert told(store) != before
    with open_store(way[1]) as copy:
        assert told(copy) == before


def test_what_is_not_there_cannot_be_copied(tmp_path: Path) -> None:
    """A source that is not there is refused, and neither it nor the target is made."""
    with pytest.raises(CannotCopy, match="is not there"):
        copy_store(f"sqlite:///{tmp_path}/none.db", f"sqlite:///{tmp_path}/copy.db")
    with pytest.raises(InvalidURL):
        copy_store("sqlite://", f"sqlite:///{tmp_path}/copy.db")
    assert list(tmp_path.iterdir()) == []


def test_copy_prunes_and_deletes_as_any_store(way: tuple[str, str]) -> None:
    """In a copy old things are pruned and instances deleted as if they had been made there."""
    copy_store(*way)
    with open_store(way[1], clock=lambda: datetime.now(UTC) + timedelta(days=9)) as store:
        assert store.prune(journal=timedelta(days=1), deliveries=timedelta(days=1)).deliveries == 18
        store.delete(Parcel, "parcel-1")
        assert sum(store.count(Parcel).values()) == len(store.find(Parcel)) == 11
        store.send_many(Pipeline, [Send("story", DepsMet())])
        store.send(Parcel, ("parcel", "3", "ä"), Relabelled(waiting("x").label), on_refused="return")


def test_every_table_is_copied(url: str, kind: str) -> None:
    """Each table of a database, with each of its columns, is one that is copied, or belongs to that database alone."""
    own = {"_sqlite_migrations", "sqlite_sequence", "migration", "numbering", "count_change", "tenant_role"}
    with open_store(url) as store, store.transaction() as connection:
        found = connection.execute(COLUMNS_ON_POSTGRES if kind == "postgres" else COLUMNS).fetchall()
    assert {(table, column) for table, column in found if table not in own} == {
        (table.name, column) for table in TABLES for column in table.columns
    }
