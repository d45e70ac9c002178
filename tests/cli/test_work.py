"""`leverframe work` runs a worker, and says in its exit status how that ended."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from chore_worker import FOLDER
from chores import Chore, Done, Waiting, create_chores
from click.testing import Result
from documents import run_on_terminal
from rich.console import Console

from leverframe import LookupsChanged, Store, StoreTimeout, WorkerHooks
from leverframe.cli.working import printed
from leverframe.coordination.working_telling import Telling

Run = Callable[..., Result]

SUPPORT = Path(__file__).resolve().parents[1] / "support"

PROGRAM = """
from chores import Chore, Ended, create_chores
from leverframe import Handler, LookupsChanged, Permanent, Store, Worker, open_store


def app(store: Store) -> Worker:
    def do(held: object) -> object:
        if held.state.name.startswith("poison"):
            raise Permanent("gone")
        return Ended(str(worker.concurrency))

    worker = Worker(store, [Handler(Chore.lease, do)])
    return worker


def fail(error: Exception) -> object:
    raise error


def broken(store: Store) -> Worker:
    store.claim_many = lambda *_, **__: fail(ZeroDivisionError("of nothing"))
    return app(store)


def changed(store: Store) -> Worker:
    store.claim_many = lambda *_, **__: fail(LookupsChanged("Chore"))
    return app(store)


def no_worker(store: Store) -> str:
    return "no worker"


number = 7
"""

OWN = """
own = app(open_store("sqlite:///own.db"))
create_chores(own.store, "chore")
"""


@pytest.fixture(autouse=True)
def program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module `program` in the working folder; what a worker logs is no concern of this process."""
    (folder / "program.py").write_text(PROGRAM)
    monkeypatch.setattr("leverframe.cli.work.log_lines", lambda: None)
    monkeypatch.delitem(sys.modules, "program", raising=False)


def test_what_is_ready_is_done(run: Run, opened: Callable[[], Store]) -> None:
    """A function makes the worker of the database that the command names; in a pipe nothing is printed."""
    with opened() as store:
        create_chores(store, "a", "b")
    result = run("work", "program:app", "--once", "--concurrency", "3")
    assert (result.exit_code, result.output) == (0, "")
    with opened() as store:
        assert [found.state.result for found in store.find(Chore, Done)] == ["3", "3"]


def test_one_tenant_only(run: Run, opened: Callable[[], Store]) -> None:
    """With `--tenant` the worker sees what belongs to that tenant."""
    with opened() as store:
        create_chores(store, "of nobody")
        create_chores(store.scoped("ours"), "ours")
    assert run("work", "program:app", "--once", "--tenant", "ours").exit_code == 0
    with opened() as store:
        assert store.count(Chore)[Waiting] == store.scoped("ours").count(Chore)[Done] == 1


def test_a_worker_with_a_store_of_its_own(run: Run, folder: Path) -> None:
    """A worker that is there already is run as it is, and takes no database from the command."""
    (folder / "program.py").write_text(PROGRAM + OWN)
    refused = run("work", "program:own", "--once", "--db", "sqlite:///other.db")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Error: program:own is a worker with a store of its own; leave out --db")
    assert not (folder / "other.db").exists()
    own: Any = sys.modules["program"].own
    assert own.store.count(Chore)[Waiting] == 1
    assert run("work", "program:own", "--once").exit_code == 0
    assert own.store.count(Chore)[Done] == 1
    own.store.close()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("program", "'program' names no worker; write module:name"),
        (":app", "':app' names no worker; write module:name"),
        ("program:ap", "module program has no ap; did you mean 'app'?"),
        ("program:number", "program:number is neither a Worker nor a function that makes one of a store"),
        ("program:no_worker", "program:no_worker returned 'no worker'; it has to make a Worker of the store"),
        ("nowhere:app", "cannot import nowhere: ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_no_such_worker(run: Run, target: str, told: str) -> None:
    """What names no worker is told in one line, and the status is 2."""
    result = run("work", target, "--once")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {told}")
    assert len(result.stderr.splitlines()) == 1


NO_STRUCTLOG = """
import importlib.util, runpy, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "structlog" else find(name)
runpy.run_module("leverframe", run_name="__main__")
"""


def work(folder: Path, *python: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, whose output is a pipe."""
    command = [sys.executable, *(python or ("-m", "leverframe")), "work", "program:app", "--once"]
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)


def test_what_is_logged_in_a_pipe(folder: Path, opened: Callable[[], Store]) -> None:
    """In a pipe each thing that happens is a line of JSON on stderr, and stdout is empty."""
    with opened() as store:
        create_chores(store, "chore")
    ran = work(folder)
    assert ran.stdout == ""
    lines: list[dict[str, Any]] = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["started", "claimed", "finished", "stopped"]
    assert lines[2]["machine"] == "Chore"
    assert lines[2]["key"] == "chore"
    assert lines[2]["path"] == "done"


def test_what_is_logged_without_structlog(folder: Path, opened: Callable[[], Store]) -> None:
    """Where structlog is not installed, the lines are those of Python's own logging."""
    with opened() as store:
        create_chores(store, "chore")
    lines = work(folder, "-c", NO_STRUCTLOG).stderr.splitlines()
    assert [line.split()[3] for line in lines] == ["started", "claimed", "finished", "stopped"]
    assert "machine='Chore' key='chore'" in lines[1]


def test_what_is_shown_at_a_terminal(opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal it says in a line each what has failed, and what it came to."""
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    with opened() as store:
        create_chores(store, "a", "b", "poison \x1b[2J")
    status, shown = run_on_terminal("leverframe work program:app --once --concurrency 1")
    assert status == 0
    told = "Chore 'poison \\x1b[2J' failed: Permanent (program.py:9); now in given_up"
    assert shown.splitlines() == [told, "Stopped: 2 done, 1 failed"]


def test_what_is_shown_when_it_is_stopped(
    folder: Path, opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal it says how much it waits for, and each that it hands back."""
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    monkeypatch.setenv(FOLDER, str(folder))
    with opened() as store:
        create_chores(store, "slow")
    begun = "until test -s begun; do sleep 0.01; done"
    status, shown = run_on_terminal(f"leverframe work chore_worker:hasty & {begun}; kill -TERM $!; wait $!")
    assert status == 1
    assert shown.splitlines() == [
        "Stopping: 1 under way; once more, and they are not waited for",
        "Chore slow handed back",
        "Stopped: 0 done, 1 left to others",
    ]


def test_trouble_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a store is away a line says so at its begin, and one at its end."""
    # As in a program that has not seen to its logs.
    monkeypatch.setattr(logging.getLogger("leverframe.worker"), "propagate", False)
    said = StringIO()
    telling = Telling("builder", WorkerHooks())
    with printed(Console(file=said)):
        for _ in range(3):
            telling.troubled("claim", StoreTimeout("the store", 1.0), 0.1)
        telling.recovered()
    assert said.getvalue().splitlines() == [
        "trouble (claim): StoreTimeout; tried again until it is over",
        "the trouble is over",
    ]


def test_what_cannot_go_on(run: Run, opened: Callable[[], Store]) -> None:
    """What no waiting mends is told in one line, with the place in the program's own code, and the status is 2."""
    with opened() as store:
        create_chores(store, "a")
    result = run("work", "program:broken", "--once")
    assert result.exit_code == 2
    assert result.stderr == "Error: the worker cannot go on: ZeroDivisionError: of nothing, at program.py:17\n"
    with opened() as store:
        assert store.count(Chore)[Waiting] == 1


def test_a_machine_that_changed_ends_it(run: Run, opened: Callable[[], Store]) -> None:
    """An error of ours that no waiting mends is told in its own words."""
    with opened() as store:
        create_chores(store, "a")
    result = run("work", "program:changed", "--once")
    assert (result.exit_code, result.stderr) == (2, f"Error: {LookupsChanged('Chore')}\n")
