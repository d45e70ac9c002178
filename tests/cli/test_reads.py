"""What `ls`, `show` and `history` print."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from logs import CLICK, event_line, write_log

Run = Callable[..., Result]
RunJSON = Callable[..., Any]

NODE = "0" * 64


@pytest.fixture
def stories(run: Run, folder: Path) -> None:
    """Three stories: one blocked, one in merge, one in backlog, changed in this order."""
    log = write_log(
        folder / "log",
        event_line("pr-1", "Block", at="2020-01-01T00:00:00Z", reason="waiting\nfor you"),
        event_line("pr-2", "DepsMet", at="2020-01-02T00:00:00Z"),
        event_line("pr-2", "QaSkipped", at="2020-01-03T00:00:00.25Z", feature_branch="fix", commits_ahead=2),
        event_line("other", "Unblock", at="2020-01-04T00:00:00Z"),
    )
    assert run("replay", "pipeline", log).exit_code == 0


@pytest.fixture
def executions(run: Run, folder: Path) -> None:
    """Two executions of one story, and one of another."""
    lines = [
        event_line(["story 7", NODE], "SpawnRequested", agent="coder"),
        event_line(["story 7", "node-2"], "SpawnRequested", agent="mergemaster"),
        event_line(["story-8", NODE], "Reset"),
    ]
    assert run("replay", "execution", write_log(folder / "log", *lines)).exit_code == 0


def lines_of(result: Result) -> list[str]:
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


# ---------------------------------------------------------------- ls


@pytest.mark.usefixtures("stories")
def test_ls(run: Run) -> None:
    """In a pipe each instance is one aligned line, the newest change first, with nothing above and around."""
    assert lines_of(run("ls", "pipeline")) == [
        "other  active.backlog    1  2020-01-04T00:00:00+00:00",
        "pr-2   active.merge      3  2020-01-03T00:00:00.250000+00:00  commits_ahead=2 feature_branch=fix",
        r"pr-1   archived.blocked  2  2020-01-01T00:00:00+00:00         reason=waiting\nfor you",
    ]


@pytest.mark.usefixtures("stories")
@pytest.mark.parametrize(
    ("state", "keys"),
    [("active", ["other", "pr-2"]), ("active.merge", ["pr-2"]), ("archived", ["pr-1"]), ("done", [])],
)
def test_ls_in_a_state(run_json: RunJSON, state: str, keys: list[str]) -> None:
    """With --in there are those in a leaf, or in any leaf of a superstate."""
    assert [each["key"] for each in run_json("ls", "pipeline", "--in", state)] == keys


@pytest.mark.usefixtures("stories")
def test_ls_in_an_unknown_state(run: Run) -> None:
    """A state that is none of the machine's is an error that names the nearest."""
    result = run("ls", "pipeline", "--in", "active.merg")
    assert result.exit_code == 2
    assert result.stderr == "Error: Pipeline has no state 'active.merg'; did you mean 'active.merge'?\n"


@pytest.mark.usefixtures("stories")
def test_ls_by_prefix(run: Run) -> None:
    """With --prefix there are those whose keys begin so."""
    assert [line.split()[0] for line in lines_of(run("ls", "pipeline", "--prefix", "pr-"))] == ["pr-2", "pr-1"]


@pytest.mark.usefixtures("executions")
@pytest.mark.parametrize(
    ("prefix", "number"), [(["story 7"], 2), (["story 7", NODE], 1), (["story"], 0), (["story-8"], 1)]
)
def test_ls_by_first_parts(run_json: RunJSON, prefix: list[str], number: int) -> None:
    """One --prefix is also the first part of longer keys, several are the first parts."""
    options = [word for part in prefix for word in ("--prefix", part)]
    assert len(run_json("ls", "execution", *options)) == number


@pytest.mark.usefixtures("executions")
def test_keys_are_shown_as_they_are_typed(run: Run) -> None:
    """A key of several parts is shown as words that a shell would pass on."""
    keys = [line.split("  ")[0] for line in lines_of(run("ls", "execution", "--prefix", "story 7"))]
    assert sorted(keys) == [f"'story 7' {NODE}", "'story 7' node-2"]


def test_ls_is_limited(run: Run) -> None:
    """Fifty are listed unless more are asked for, and stderr says how many more there are."""
    run("replay", "pipeline", CLICK)
    result = run("ls", "pipeline")
    assert len(lines_of(result)) == 50
    assert result.stderr == "... 546 more; --limit shows them\n"
    assert run("ls", "pipeline", "--in", "archived", "--limit", "590").stderr == "... 6 more; --limit shows them\n"


def test_ls_of_exactly_the_limit(run: Run) -> None:
    """Nothing is said of more where there are none."""
    run("replay", "pipeline", CLICK)
    result = run("ls", "pipeline", "--limit", "596")
    assert (len(lines_of(result)), result.stderr) == (596, "")


def test_more_by_prefix(run: Run) -> None:
    """With --prefix it is said that there are more, and not how many."""
    run("replay", "pipeline", CLICK)
    result = run("ls", "pipeline", "--prefix", "pr-1", "--limit", "3")
    assert len(lines_of(result)) == 3
    assert result.stderr == "... more; --limit shows them\n"


@pytest.mark.usefixtures("stories")
@pytest.mark.parametrize(("limit", "status"), [("0", 2), ("1", 0), (2**31, 0), (2**31 + 1, 2), ("9" * 20, 2)])
def test_the_range_of_a_limit(run: Run, limit: object, status: int) -> None:
    """A limit is at least one, and no more than a database can count to."""
    result = run("ls", "pipeline", "--limit", limit)
    assert result.exit_code == status
    assert ("is not in the range 1<=x<=2147483648" in result.stderr) is (status == 2)


@pytest.mark.usefixtures("stories")
def test_ls_as_json(run_json: RunJSON) -> None:
    """With --json there is an array of everything that is known of each instance."""
    found = run_json("ls", "pipeline")
    assert [each["key"] for each in found] == ["other", "pr-2", "pr-1"]
    assert found[1] == {
        "key": "pr-2",
        "state": "active.merge",
        "version": 3,
        "created_at": "2020-01-02T00:00:00+00:00",
        "changed_at": "2020-01-03T00:00:00.250000+00:00",
        "fields": {"commits_ahead": 2, "feature_branch": "fix"},
    }


def test_json_is_not_limited(run_json: RunJSON) -> None:
    """With --json all are listed unless a limit is given."""
    run_json("replay", "pipeline", CLICK)
    assert len(run_json("ls", "pipeline")) == 596
    assert len(run_json("ls", "pipeline", "--limit", "7")) == 7


@pytest.mark.usefixtures("stories")
def test_ls_of_nothing(run: Run) -> None:
    """Where nothing is found, nothing is printed."""
    assert run("ls", "execution").output == ""


@pytest.mark.usefixtures("stories")
def test_ls_with_an_unreadable_row(run: Run, damage: Callable[[str], None]) -> None:
    """A row that does not decode is listed with its state and marked; the others are, and the status is 1."""
    damage("pr-2")
    result = run("ls", "pipeline")
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["other", "pr-2", "pr-1"]
    assert "active.merge" in result.stdout.splitlines()[1]
    assert result.stdout.splitlines()[1].endswith("(unreadable)")
    assert result.stderr.startswith("Error: Pipeline 'pr-2': column snapshot.body does not decode")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.usefixtures("stories")
def test_ls_as_json_with_an_unreadable_row(run: Run, damage: Callable[[str], None]) -> None:
    """In JSON such a row has no fields, and an error."""
    damage("pr-2")
    result = run("ls", "pipeline", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found[1]["fields"] is None
    assert "does not decode" in found[1]["error"]


# ---------------------------------------------------------------- show


@pytest.mark.usefixtures("stories")
def test_show(run: Run) -> None:
    """An instance is shown with its state, the state's fields, its times, and the events accepted there."""
    assert lines_of(run("show", "pipeline", "pr-2")) == [
        "key             pr-2",
        "state           active.merge",
        "commits_ahead   2",
        "feature_branch  fix",
        "version         3",
        "created         2020-01-02T00:00:00+00:00",
        "changed         2020-01-03T00:00:00.250000+00:00",
        "accepts         MergeSucceeded, MergeFailedFinal, Block, ReviewHold, Abandon, Supersede",
    ]


@pytest.mark.usefixtures("stories")
def test_show_as_json(run_json: RunJSON) -> None:
    """In JSON there is the same."""
    found = run_json("show", "pipeline", "pr-1")
    assert found["fields"] == {"archived_at": "2020-01-01T00:00:00+00:00", "reason": "waiting\nfor you"}
    assert (found["key"], found["state"], found["accepts"]) == ("pr-1", "archived.blocked", ["Unblock"])


@pytest.mark.usefixtures("executions")
def test_show_by_parts(run_json: RunJSON) -> None:
    """Several words are the parts of one key."""
    assert run_json("show", "execution", "story 7", "node-2")["key"] == ["story 7", "node-2"]


@pytest.mark.usefixtures("stories")
@pytest.mark.parametrize("command", ["show", "history"])
def test_no_such_instance(run: Run, command: str) -> None:
    """An unknown key is told in one line, with status 1."""
    result = run(command, "pipeline", "pr-9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: there is no Pipeline pr-9 in sqlite:///leverframe.db; `leverframe ls` lists what there is\n"
    )


@pytest.mark.usefixtures("executions")
@pytest.mark.parametrize("command", ["show", "history"])
def test_too_few_parts(run: Run, command: str) -> None:
    """One word that is the first part of longer keys brings one of them as a hint."""
    result = run(command, "execution", "story-8")
    assert result.exit_code == 1
    assert result.stderr.endswith(f"there is story-8 {NODE}: give all parts of a key\n")


@pytest.mark.usefixtures("stories")
@pytest.mark.parametrize("command", ["show", "history"])
def test_an_empty_key(run: Run, command: str) -> None:
    """A key that can be none is wrong usage."""
    result = run(command, "pipeline", "")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


@pytest.mark.usefixtures("stories")
def test_show_an_unreadable_row(run: Run, damage: Callable[[str], None]) -> None:
    """A row that does not decode cannot be shown: status 1, and its error."""
    damage("pr-2")
    result = run("show", "pipeline", "pr-2")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Pipeline 'pr-2': column snapshot.body does not decode")


# ---------------------------------------------------------------- history


@pytest.mark.usefixtures("stories")
def test_history(run: Run) -> None:
    """The journal of an instance is a line each, the oldest first, with the events' fields."""
    assert lines_of(run("history", "pipeline", "pr-2")) == [
        f"3  1  2020-01-02T00:00:00+00:00         -               {'(created)':44}  active.backlog",
        f"4  2  2020-01-02T00:00:00+00:00         active.backlog  {'DepsMet':44}  active.coding",
        "5  3  2020-01-03T00:00:00.250000+00:00  active.coding   "
        "QaSkipped commits_ahead=2 feature_branch=fix  active.merge",
    ]


@pytest.mark.usefixtures("stories")
def test_history_as_json(run_json: RunJSON) -> None:
    """In JSON events look as they do in a log, and a creation has none."""
    found = run_json("history", "pipeline", "pr-2")
    assert found[0] == {
        "seq": 3,
        "version": 1,
        "at": "2020-01-02T00:00:00+00:00",
        "from": None,
        "to": "active.backlog",
        "repaired": False,
        "by": None,
        "why": None,
        "event": None,
    }
    assert found[2]["event"] == {"type": "QaSkipped", "commits_ahead": 2, "feature_branch": "fix"}
    assert (found[2]["from"], found[2]["to"]) == ("active.coding", "active.merge")


@pytest.mark.usefixtures("stories")
def test_history_with_an_unreadable_event(run: Run, folder: Path) -> None:
    """An event that does not decode is marked; the others are shown, and the status is 1."""
    with closing(sqlite3.connect(folder / "leverframe.db")) as connection:
        connection.execute("UPDATE journal SET event = '{}' WHERE seq = 4")
        connection.commit()
    for option in ([], ["--json"]):
        result = run("history", "pipeline", "pr-2", *option)
        assert result.exit_code == 1
        assert "QaSkipped" in result.stdout
        assert result.stderr.startswith("Error: Pipeline 'pr-2': column journal.event of seq 4 does not decode")


# ---------------------------------------------------------------- databases


@pytest.mark.parametrize("command", [("ls", "pipeline"), ("show", "pipeline", "a"), ("history", "pipeline", "a")])
def test_a_database_that_is_not_there(run: Run, folder: Path, command: tuple[str, ...]) -> None:
    """To read from a database that is not there is an error, and makes none."""
    result = run(*command)
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: sqlite:///leverframe.db: No such file or directory; name a database with --db or LEVERFRAME_DB\n"
    )
    assert list(folder.iterdir()) == []


def test_an_empty_file_stays_empty(run: Run, folder: Path) -> None:
    """To read from an empty file is an error: it is not made a database by that."""
    (folder / "empty").touch()
    result = run("ls", "pipeline", "--db", "sqlite:///empty")
    assert (result.exit_code, (folder / "empty").stat().st_size) == (2, 0)
    assert [file.name for file in folder.iterdir()] == ["empty"]


@pytest.mark.parametrize("url", ["postgre://x", "leverframe.db", "sqlite:/x", ""])
def test_a_url_that_names_no_store(run: Run, url: str) -> None:
    """A URL that names no store is told in one line."""
    result = run("ls", "pipeline", "--db", url)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def test_the_database_of_the_environment(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LEVERFRAME_DB names the database unless --db does."""
    monkeypatch.setenv("LEVERFRAME_DB", "sqlite:///mine.db")
    run("replay", "pipeline", write_log(folder / "log", event_line("a", "DepsMet")))
    assert (folder / "mine.db").exists()
    assert lines_of(run("ls", "pipeline"))
    assert run("ls", "pipeline", "--db", "sqlite:///leverframe.db").exit_code == 2
