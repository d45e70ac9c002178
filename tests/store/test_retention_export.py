"""What goes is in a file first: whole, whatever happens, and nothing goes where it cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from parcels import HandedOver, Parcel
from roads import DAY, everything, on_the_road

from leverframe import Store, open_store


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.usefixtures("batches")
def test_export_has_every_row(store: Store, clock: Any, tmp_path: Path) -> None:
    """What is pruned stands in the file: a line for each row, with its table and columns."""
    on_the_road(store, "a", stops=2)
    store.send(Parcel, "a", HandedOver(), delivery_id="hand")
    on_the_road(store, "b", stops=2)
    told = len(store.messages(limit=100))
    clock.advance(days=10)
    path = tmp_path / "old.jsonl"
    path.write_text("before\n")
    store.prune(journal=DAY, messages=DAY, deliveries=DAY, finished=DAY, machines=[Parcel], export=path)
    head, *rest = path.read_text().splitlines()
    found = [json.loads(line) for line in rest]
    assert head == "before"
    tables = [line["table"] for line in found]
    assert {name: tables.count(name) for name in tables} == {
        "journal": 4 + 3 + 1,
        "message": told,
        "delivery": 1,
        "snapshot": 1,
        "lookup": 1,
    }
    (snapshot,) = [line for line in found if line["table"] == "snapshot"]
    assert (snapshot["machine"], snapshot["key"], snapshot["state"]) == ("Parcel", "a", "delivered")
    assert sorted(line["version"] for line in found if line["table"] == "journal") == [1, 1, 2, 2, 3, 3, 4, 5]


@pytest.mark.parametrize(
    ("left", "kept"), [('{"table": "journal", "seq": 1, "bo', ""), ('{"tab', ""), ("not ours", "not ours\n")]
)
def test_torn_line_of_an_export(store: Store, clock: Any, tmp_path: Path, left: str, kept: str) -> None:
    """The end of a line that a kill left is cut off; a line of another program stays, and is ended."""
    on_the_road(store, "a")
    clock.advance(days=10)
    path = tmp_path / "old.jsonl"
    path.write_text(f"{{}}\n{left}")
    store.prune(journal=DAY, export=path)
    assert path.read_text().startswith(f'{{}}\n{kept}{{"table": "journal", "seq": ')
    assert len(path.read_text().splitlines()) == 2 + bool(kept)


KILLED = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from leverframe import open_store
from leverframe.persistence import retention
from parcels import Parcel
retention.AT_ONCE = retention.INSTANCES_AT_ONCE = 3
calls = iter(range(1, 1000))
def kill(*_):
    if next(calls) == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
def around(function):
    def both(*arguments):
        result = function(*arguments)
        kill()
        return result
    return both
store = open_store(sys.argv[1], clock=lambda: datetime(2027, 1, 1, tzinfo=UTC))
Backend = type(store._backend)
if sys.argv[3] == "exported":
    retention.Export.add = around(retention.Export.add)
else:
    Backend.commit = around(Backend.commit)
day = timedelta(days=1)
store.prune(journal=day, messages=day, deliveries=day, finished=day, machines=[Parcel], export=sys.argv[2])
"""


@pytest.mark.parametrize("point", ["exported", "deleted"])
@pytest.mark.parametrize("number", [1, 3, 6, 8])
def test_kill_loses_no_line(url: str, kind: str, clock: Any, tmp_path: Path, point: str, number: int) -> None:
    """Whenever a pruning process is killed, what is gone stands in the file, whole."""
    if kind == "memory":
        return
    with open_store(url, clock=clock) as store:
        for key in ("a", "b"):
            on_the_road(store, key, stops=2)
            store.send(Parcel, key, HandedOver(), delivery_id="hand")
        before = rows_by_table(store)
        path = tmp_path / "old.jsonl"
        support = os.pathsep.join(sys.path)
        program = [sys.executable, "-c", KILLED, url, str(path), point, str(number)]
        killed = subprocess.run(program, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": support})
        assert killed.returncode == -9, killed.stderr
        kept = rows_by_table(store)
        exported = {json.dumps(line) for line in lines(path)}
        assert before - kept <= exported
        clock.advance(days=365)
        day = DAY
        store.prune(journal=day, messages=day, deliveries=day, finished=day, machines=[Parcel], export=path)
        assert before - rows_by_table(store) <= {json.dumps(line) for line in lines(path)}
        assert store.find(Parcel) == []


def rows_by_table(store: Store) -> set[str]:
    from leverframe.persistence.tables import BELONGINGS, SNAPSHOT

    reader = store._backend.read()  # pyright: ignore[reportPrivateUsage]  # rows as they are
    return {
        json.dumps({"table": table.name, **dict(zip(table.columns, row, strict=True))})
        for table in (SNAPSHOT, *BELONGINGS)
        for row in reader.rows_after(table, (), 1000)
    }


def test_a_file_that_cannot_be_written(store: Store, clock: Any, tmp_path: Path) -> None:
    """Where the file cannot be written nothing is deleted."""
    on_the_road(store, "a", stops=2)
    clock.advance(days=10)
    before = everything(store)
    with pytest.raises(OSError, match="none"):
        store.prune(journal=DAY, export=tmp_path / "none" / "old.jsonl")
    if os.path.exists("/dev/full"):
        os.symlink("/dev/full", tmp_path / "full")
        with pytest.raises(OSError):  # noqa: PT011  # what a full disk says
            store.prune(journal=DAY, export=tmp_path / "full")
    assert everything(store) == before
