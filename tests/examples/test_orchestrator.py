"""The orchestrator of the examples: a real repository, real agents, and processes that are killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from orchestra import Command, check_all, kill_at_random
from postgres_server import Server

OPTIONS = ("--workers", "3", "--faults", "0.1", "--rate-limits", "0.1", "--mistakes", "0.3")
# So that nothing but trouble without an end blocks a story.
PATIENT = ("--attempts", "200", "--rounds", "20")


def check_kills(repository: Path, url: str, number: int) -> None:
    command = Command(repository, url, (*OPTIONS, *PATIENT), stories=5)
    kills = kill_at_random(command, number, seed=7)
    assert kills.total() == number
    check_all(command)


def test_processes_are_killed(tmp_path: Path) -> None:
    """However often agents, workers, git and the command are killed, each story is done and merged once."""
    check_kills(tmp_path / "stories.git", f"sqlite:///{tmp_path / 'store.db'}?durability=normal", 20)


def test_processes_are_killed_while_they_use_a_server(tmp_path: Path, postgres_server: Server) -> None:
    """So it is on PostgreSQL."""
    check_kills(tmp_path / "stories.git", postgres_server.fresh_url("&durability=normal"), 10)


@pytest.mark.parametrize("store", ["file", "postgres"])
def test_nothing_is_killed(tmp_path: Path, store: str, request: pytest.FixtureRequest) -> None:
    """The command ends by itself when all stories are done, and shows each move of each once."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    if store == "postgres":
        server: Server = request.getfixturevalue("postgres_server")
        url = server.fresh_url()
    command = Command(tmp_path / "stories.git", url, ("--workers", "2"), stories=2)
    command.start()
    command.finish()
    check_all(command)
    shown = command.log.read_text(encoding="utf-8").splitlines()
    for name in ("story-1", "story-2"):
        paths = [line.split()[-1] for line in shown if f" {name}: " in line]
        assert paths == ["active.backlog", "active.coding", "active.qa", "active.merge", "done"]
