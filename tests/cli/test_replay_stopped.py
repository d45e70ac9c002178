"""A replay whose database stops on the way says how much is stored, and the same command carries on from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from logs import CLICK, create_line, event_line, totals, write_log

from leverframe import Store, StoreFailure, StoreFull, StoreTimeout, StoreVanished
from leverframe.errors import LookupsChanged, StoreError

Run = Callable[..., Result]
RunJSON = Callable[..., Any]
StopAt = Callable[[int, StoreError], None]

FULL = "sqlite:///small.db: no room left on the device"


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> StopAt:
    """Makes the store raise an error in place of its transaction of this number, and of all behind it."""

    def stop_at(number: int, error: StoreError) -> None:
        send_many, left = Store.send_many, iter(range(1, number))

        def send(*arguments: Any, **keywords: Any) -> Any:
            if next(left, None) is None:
                raise error
            return send_many(*arguments, **keywords)

        monkeypatch.setattr(Store, "send_many", send)

    return stop_at


def told(result: Result) -> str:
    """The one line that a command said which could not be done."""
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


def test_a_full_disk_on_the_way(run: Run, stop_at: StopAt) -> None:
    """A replay that finds no room tells up to which line the log is stored, and what to do."""
    stop_at(4, StoreFull("sqlite:///small.db"))
    assert told(run("replay", "pipeline", CLICK)) == (
        f"Error: {FULL}; the log is stored up to line 600. Once there is room, the same command carries on from there"
    )


def test_with_room_again(run: Run, run_json: RunJSON, monkeypatch: pytest.MonkeyPatch, stop_at: StopAt) -> None:
    """With room again the same command applies the rest of the log, and nothing of what is stored a second time."""
    send_many = Store.send_many
    stop_at(4, StoreFull("sqlite:///small.db"))
    run("replay", "pipeline", CLICK)
    monkeypatch.setattr(Store, "send_many", send_many)
    found = run_json("replay", "pipeline", CLICK)
    assert found == totals(stories=596, events=2497, moved=2497, duplicates=600, states={"archived.completed": 596})


def test_a_full_disk_at_once(run: Run, stop_at: StopAt) -> None:
    """A replay that finds no room at its beginning says that it stored nothing."""
    stop_at(1, StoreFull("sqlite:///small.db"))
    assert told(run("replay", "pipeline", CLICK)) == (
        f"Error: {FULL}; this run has stored nothing. Once there is room, give the same command again"
    )


def test_a_full_disk_in_the_middle_of_a_batch(run: Run, folder: Path, stop_at: StopAt) -> None:
    """What is stored of a batch counts, transaction by transaction, create lines too."""
    log = write_log(
        folder / "log",
        create_line("p", "Waiting", label="x", city=None),
        event_line("p", "Loaded"),
        create_line("q", "Waiting", label="y", city=None),
        event_line("q", "Loaded"),
    )
    stop_at(2, StoreFull("sqlite:///small.db"))
    assert "the log is stored up to line 3." in told(run("replay", "parcels:Parcel", log))


@pytest.mark.parametrize(
    ("error", "cause", "remedy"),
    [
        (
            StoreTimeout("a.db", 5),
            "a.db: waited 5 s for its turn to write",
            "no other program keeps a transaction open",
        ),
        (StoreFailure("a.db", "SQLite reports: disk I/O error"), "SQLite reports: disk I/O error", "that is mended"),
        (LookupsChanged("Pipeline"), "another program keeps other look-ups of Pipeline by now", "that is mended"),
    ],
)
def test_another_error_on_the_way(run: Run, stop_at: StopAt, error: StoreError, cause: str, remedy: str) -> None:
    """Other errors of the store are told so too: with their cause, and not that nothing was written."""
    stop_at(4, error)
    line = told(run("replay", "pipeline", CLICK))
    carries_on = f"Once {remedy}, the same command carries on from there"
    assert line.endswith(f"{cause}; the log is stored up to line 600. {carries_on}")
    assert "nothing written" not in line


def test_a_database_that_is_gone(run: Run, stop_at: StopAt) -> None:
    """Where the database went away, nothing of the log is stored any more, and that is said."""
    stop_at(4, StoreVanished("a.db", "the file was deleted or replaced while open"))
    assert told(run("replay", "pipeline", CLICK)) == (
        "Error: a.db: the file was deleted or replaced while open, and with it what the log had come to; "
        "the same command begins anew"
    )


def test_an_error_behind_the_last_line(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while the states are counted tells that the whole log is stored."""

    def get(*_: Any) -> None:
        raise StoreFailure("a.db", "SQLite reports: disk I/O error")

    monkeypatch.setattr(Store, "get", get)
    log = write_log(folder / "log", event_line("a", "DepsMet"), event_line("a", "GatesStarted"))
    assert "the log is stored up to line 2." in told(run("replay", "pipeline", log))
