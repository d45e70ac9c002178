"""What `leverframe top` shows: queues, leases, ends, consumers and states."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agents import hire
from click.testing import Result
from documents import run_on_terminal

from leverframe import QueueCounts, Store, open_store
from leverframe.cli.overview import sections, show_count
from leverframe.machines import Worker
from leverframe.machines.pipeline import Abandon, Backlog, Pipeline
from leverframe.machines.run import ErrorCode, FailedWithError, Pending, ProjectId, Run

Run_ = Callable[..., Result]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def busy(opened: Callable[[], Store]) -> None:
    """Twelve runs, of which three are leased and one has failed; one story that is abandoned; a consumer."""
    with opened() as store:
        for number in range(12):
            store.create(Run, f"run-{number:02}", Pending(project_id=ProjectId("shop"), created_at=NOW))
        held = store.claim_many(Run.lease, worker="builder-1", limit=4)
        held[0].send(FailedWithError(error_code=ErrorCode("E-7"), error_detail="the tests failed"))
        store.create(Pipeline, "story-1", Backlog())
        store.send(Pipeline, "story-1", Abandon())
        store.consumer("mailer", topic="mail").take()


@pytest.mark.usefixtures("busy")
def test_in_a_pipe(run: Run_) -> None:
    """Each line begins with its kind, and is made for `grep`: no headings, whole times, plain numbers."""
    lines = run("top").stdout.splitlines()
    kinds = [line.split()[0] for line in lines]
    assert kinds == ["queue", *["lease"] * 3, "failed", "ended", "consumer", *["state"] * 4]
    assert lines[0].split() == ["queue", "Run", "8", "0", "0", "3", "0"]
    assert lines[1].split()[:4] == ["lease", "Run", "builder-1", "run-01"]
    assert datetime.fromisoformat(lines[1].split()[4]).tzinfo is not None
    assert lines[6].split() == ["consumer", "mailer", "mail", "0", "0", "0"]
    assert [line.split()[1:] for line in lines[7:]] == [
        ["Pipeline", "archived.abandoned", "1"],
        ["Run", "failed", "1"],
        ["Run", "pending", "8"],
        ["Run", "running", "3"],
    ]


@pytest.mark.usefixtures("busy")
def test_of_some_machines(run: Run_) -> None:
    """With machines there are these, and no others."""
    assert "Run" not in run("top", "pipeline").stdout
    assert "Pipeline" not in run("top", "run").stdout


@pytest.mark.usefixtures("busy")
def test_as_json(run: Run_) -> None:
    """In JSON there is the same, and all of each lease."""
    found = json.loads(run("top", "run", "--json").stdout)
    (machine,) = found["machines"]
    assert machine["queue"] == {"ready": 8, "held_back": 0, "later": 0, "leased": 3, "stale": 0, "exact": True}
    assert machine["states"] == {"failed": 1, "pending": 8, "running": 3}
    assert (machine["leases"][0]["worker"], machine["leases"][0]["key"]) == ("builder-1", "run-01")
    assert machine["leases"][0]["state"] == "running"
    assert machine["failed"][0]["fields"]["error_code"] == "E-7"
    assert machine["ended"] == []
    assert found["consumers"][0]["name"] == "mailer"


def test_of_a_machine_that_is_not_shipped(run: Run_, opened: Callable[[], Store]) -> None:
    """What the database alone knows of is shown by its name; so is another machine of a shipped one's name."""
    with opened() as store:
        store.create(Pipeline, "story-1", Backlog())
        store.send(Pipeline, "story-1", Abandon())
        with store.transaction() as connection:
            connection.execute("UPDATE state_count SET state = 'elsewhere' WHERE state = 'archived.abandoned'")
    lines = run("top").stdout.splitlines()
    assert lines == ["state  Pipeline  elsewhere  1"]


def test_of_nothing(run: Run_, opened: Callable[[], Store]) -> None:
    """Of an empty store nothing is printed in a pipe."""
    opened().close()
    assert run("top").output == ""


@pytest.mark.usefixtures("busy")
def test_of_a_tenant(run: Run_, opened: Callable[[], Store]) -> None:
    """With --tenant there is what belongs to that tenant."""
    with opened() as store:
        store.scoped("red").create(Run, "run-1", Pending(project_id=ProjectId("shop"), created_at=NOW))
    assert run("top", "--tenant", "red").stdout.splitlines() == [
        "queue  Run  1  0  0  0  0",
        "state  Run  pending  1",
    ]


SILENT = ["none", "dead", "stale", "warn"]


@pytest.fixture
def silence(folder: Path) -> None:
    """Workers that have been silent for longer and longer, and one that never showed that it lives."""
    now = datetime.now(UTC)
    times = iter([now - timedelta(minutes=minutes) for minutes in (40, 20, 10, 0)])
    with open_store("sqlite:///leverframe.db", clock=lambda: next(times)) as store:
        for key in ("dead", "stale", "warn", "fine"):
            store.beat(Worker, key)


@pytest.mark.usefixtures("hired", "silence")
def test_silent_workers(run: Run_) -> None:
    """Workers that show no sign of life are listed with their level, the longest silent first; the others are not."""
    lines = [line.split() for line in run("top").stdout.splitlines()]
    assert [[line[2], line[3], line[5]] for line in lines if line[0] == "silent"] == [
        ["none", "assigned", "dead"],
        ["dead", "assigned", "dead"],
        ["stale", "assigned", "stale"],
        ["warn", "assigned", "warn"],
    ]
    assert lines[0][:5] == ["silent", "Worker", "none", "assigned", "-"]
    assert datetime.fromisoformat(lines[1][4]).tzinfo is not None
    found = json.loads(run("top", "worker", "--json").stdout)["machines"][0]["silent"]
    assert [each["key"] for each in found] == SILENT
    assert found[0] == {"key": "none", "state": "assigned", "heartbeat_at": None, "level": "dead"}


@pytest.mark.usefixtures("hired", "silence")
def test_silent_workers_at_a_terminal() -> None:
    """At a terminal of eighty columns they are a table of their own."""
    _, printed = run_on_terminal("leverframe top --once")
    lines = printed.splitlines()
    assert max(map(len, lines)) <= 80
    start = next(number for number, line in enumerate(lines) if line.startswith("silent"))
    assert [line.split() for line in lines[start : start + 5]] == [
        ["silent", "key", "state", "heartbeat", "level"],
        ["Worker", "none", "assigned", "never", "dead"],
        ["Worker", "dead", "assigned", "40m", "ago", "dead"],
        ["Worker", "stale", "assigned", "20m", "ago", "stale"],
        ["Worker", "warn", "assigned", "10m", "ago", "warn"],
    ]


@pytest.fixture
def hired(opened: Callable[[], Store]) -> None:
    with opened() as store:
        hire(store, "none", "dead", "stale", "warn", "fine")


@pytest.mark.usefixtures("hired")
def test_stale_workers_stand_out(opened: Callable[[], Store]) -> None:
    """Those that somebody has to look after are marked."""
    with opened() as store:
        silent = sections(store.overview([Worker]), {"Worker": Worker})[0]
    assert (len(silent.rows), silent.marked) == (5, {0, 1, 2, 3, 4})


# ---------------------------------------------------------------- at a terminal

AT_TERMINAL = """\
... UTC  sqlite:///leverframe.db

queue  ready  held back  later  leased  stale
Run        8          0      0       3      0

worker     works on  key     for  heartbeat  ends
builder-1  Run       run-01   0s     0s ago  in 59s
builder-1  Run       run-02   0s     0s ago  in 59s
builder-1  Run       run-03   0s     0s ago  in 59s

failed  key     state   ago  how
Run     run-00  failed   0s  error_code=E-7 error_detail=the tests failed

ended     key      state               ago  how
Pipeline  story-1  archived.abandoned   0s

consumer  topic  behind  in flight  set aside
mailer    mail        0          0          0

machine   states
Pipeline  archived.abandoned 1
Run       pending 8, running 3, failed 1
"""


@pytest.mark.usefixtures("busy")
def test_at_a_terminal() -> None:
    """At a terminal of eighty columns each kind is a table with headings, and no line is longer."""
    status, printed = run_on_terminal("leverframe top --once")
    assert status == 0
    lines = printed.rstrip("\n").splitlines()
    assert max(map(len, lines)) <= 80
    assert [shape(line) for line in lines[1:]] == [shape(line) for line in AT_TERMINAL.splitlines()[1:]]


def shape(line: str) -> str:
    """A line with one space for many, and times and what is cut as one word each."""
    plain = re.sub(r"\b[0-9]+s\b", "N", line)
    return re.sub(r"the tes.*", "the tests", re.sub(" +", " ", plain)).strip()


@pytest.mark.usefixtures("busy")
def test_it_goes_on_until_it_is_interrupted(opened: Callable[[], Store]) -> None:
    """At a terminal it is shown anew, with what has changed since, until Ctrl-C; that is no error."""
    lead, follow = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "40"}
    with subprocess.Popen(
        [sys.executable, "-m", "leverframe", "top", "run", "--every", "0.2"],
        stdin=subprocess.DEVNULL,
        stdout=follow,
        stderr=follow,
        env=environment,
        start_new_session=True,
    ) as running:
        os.close(follow)
        read_until(lead, "pending 8")
        with opened() as store:
            store.create(Run, "one-more", Pending(project_id=ProjectId("shop"), created_at=NOW))
        read_until(lead, "pending 9")
        running.send_signal(2)
        drain(lead)
        assert running.wait() == 0
    os.close(lead)


def read_until(terminal: int, text: str) -> None:
    seen = b""
    while text.encode() not in seen:
        seen += os.read(terminal, 65536)


def drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # what reading says when nobody has the terminal's other end
        return


# ---------------------------------------------------------------- what is marked


def test_what_is_stale_stands_out(folder: Path) -> None:
    """A lease that has run out comes first and is marked, and so is its queue."""
    now = [NOW]
    with open_store(f"sqlite:///{folder}/a.db", clock=lambda: now[0]) as store:
        for key in ("a", "b"):
            store.create(Run, key, Pending(project_id=ProjectId("shop"), created_at=NOW))
        first = store.claim(Run.lease, worker="first")
        now[0] = NOW + timedelta(seconds=30)
        assert store.claim(Run.lease, worker="second") is not None
        assert first is not None
        now[0] = NOW + timedelta(seconds=70)
        queue, lease, *_ = sections(store.overview([Run]), {"Run": Run})
    assert queue.marked == {0}
    assert (lease.rows[0][0], lease.rows[0][-1], lease.marked) == ("first", "10s ago", {0})
    assert lease.rows[1][-1] == "in 20s"


def test_a_number_that_was_cut_says_so() -> None:
    """Only the number that was not counted to its end has a + behind it."""
    counts = QueueCounts(ready=10_000, later=3, exact=False)
    assert [show_count(number, exact=counts.exact) for number in (counts.ready, counts.later)] == ["10,000+", "3"]


def test_text_that_drives_terminals_is_spelled_out(opened: Callable[[], Store], run: Run_) -> None:
    """What a worker, a key or a consumer is called cannot drive the terminal."""
    with opened() as store:
        store.create(Run, "a\x1b[2J", Pending(project_id=ProjectId("shop"), created_at=NOW))
        assert store.claim(Run.lease, worker="w\x1b[1m") is not None
        store.consumer("c\x07").take()
    shown: Any = run("top").stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert r"w\x1b[1m" in shown


def test_the_wait_has_a_least(run: Run_) -> None:
    """It is not shown anew without a pause."""
    result = run("top", "--every", "0")
    assert result.exit_code == 2
    assert "is not in the range" in result.stderr
