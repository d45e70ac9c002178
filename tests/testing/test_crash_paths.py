"""Every path, killed at every statement of every commit; and that what goes wrong there is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from postgres_server import Server
from shop import Order

from leverframe import InvalidQuery, PathFailed, open_store
from leverframe.machines import Job, Pipeline, Run
from leverframe.machines.orchestrator import AgentJob, Task
from leverframe.persistence.sqlite.writer import SQLiteWriter
from leverframe.testing import crash_paths, paths

MACHINES: tuple[Any, ...] = (Order, Pipeline, Run, Job, AgentJob, Task)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: str(machine.__name__))
def test_crashes_in_memory(machine: Any) -> None:
    """After each crash there is what was before the move, or what is behind it; and the path goes on to its end."""
    found = paths(machine)
    with open_store("sqlite://") as store:
        crashes = crash_paths(found, store)
    assert crashes.paths == len(found)
    assert crashes.crashes >= 5 * crashes.moves


def test_crashes_in_a_file(tmp_path: Path) -> None:
    """The same holds of a file, which is looked at through another opening too."""
    with open_store(f"sqlite:///{tmp_path}/orders.db?durability=normal") as store:
        assert crash_paths(Order, store).crashes > 50


@pytest.mark.parametrize("machine", [Order, Run], ids=["Order", "Run"])
def test_crashes_of_a_client(postgres_server: Server, machine: Any) -> None:
    """The same holds of a server whose client is gone in the middle."""
    with open_store(postgres_server.fresh_url("&durability=normal")) as store:
        assert crash_paths(machine, store).crashes > 20


def in_two_commits(move: Callable[..., Any]) -> Callable[..., Any]:
    def moved(writer: Any, row: Any) -> Any:
        made = move(writer, row)
        writer._connection.execute("COMMIT")
        writer._connection.execute("BEGIN IMMEDIATE")
        return made

    return moved


def test_a_move_in_two_commits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that commits before all is written leaves wrong counts behind a crash, and the path is named."""
    monkeypatch.setattr(SQLiteWriter, "move", in_two_commits(SQLiteWriter.move))
    with open_store("sqlite://") as store, pytest.raises(PathFailed, match=r"killed at moment .* the counts are"):
        crash_paths(Order, store)


def test_a_delivery_id_that_is_forgotten_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that does not keep the delivery id takes an event twice, or refuses it the second time."""
    move = SQLiteWriter.move

    def forgetful(writer: Any, row: Any) -> Any:
        row.delivery_id = None
        return move(writer, row)

    monkeypatch.setattr(SQLiteWriter, "move", forgetful)
    with open_store("sqlite://") as store, pytest.raises(PathFailed, match="sent once more it is"):
        crash_paths(Order, store)


def test_a_scoped_store_is_refused() -> None:
    """Each crash needs a tenant of its own."""
    with open_store("sqlite://") as store, pytest.raises(InvalidQuery, match="this store is scoped"):
        crash_paths(Order, store.scoped("project-a"))


def test_the_store_is_as_before() -> None:
    """Afterwards nobody is killed any more."""
    with open_store("sqlite://") as store:
        crash_paths(Order, store)
        assert paths(Order).moves[-1].run(store) == paths(Order).moves[-1].state
