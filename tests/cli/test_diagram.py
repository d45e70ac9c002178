"""`leverframe diagram`: formats, files, and what is laid over a picture."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from documents import run_on_terminal
from doors import Closed, OldDoor, Pushed
from logs import event_line, write_log

from leverframe import Store
from leverframe.machines.pipeline import Blocked, Pipeline

Run = Callable[..., Result]

URL = "sqlite:///leverframe.db"


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.stderr
    return result.stdout


# ---------------------------------------------------------------- formats and files


def test_mermaid_by_itself(run: Run) -> None:
    """A machine is drawn as Mermaid text where nothing else is said, the same on each run."""
    first = ok(run("diagram", "pipeline"))
    assert first.startswith("stateDiagram-v2\n")
    assert first == ok(run("diagram", "pipeline")) == ok(run("diagram", "pipeline", "-f", "mermaid", "-o", "-"))


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("a.svg", b"<svg "),
        ("a.PNG", b"\x89PNG"),
        ("a.dot", b"digraph"),
        ("a.gv", b"digraph"),
        ("a.json", b"{"),
        ("a.md", b"| state |"),
        ("a.mmd", b"stateDiagram-v2"),
        ("a.txt", b"stateDiagram-v2"),
        ("a", b"stateDiagram-v2"),
    ],
)
def test_the_format_by_the_name(run: Run, folder: Path, name: str, beginning: bytes) -> None:
    """A file's suffix says the format, and the same picture has the same bytes."""
    assert ok(run("diagram", "pipeline", "-o", name)) == ""
    first = (folder / name).read_bytes()
    assert first.startswith(beginning)
    ok(run("diagram", "pipeline", "-o", name))
    assert (folder / name).read_bytes() == first


def test_a_file_keeps_its_permissions(run: Run, folder: Path) -> None:
    """A file that is drawn anew keeps its permissions, and a link to it is still one; nothing is left beside them."""
    ok(run("diagram", "pipeline", "-o", "a.mmd"))
    os.chmod(folder / "a.mmd", 0o640)
    os.symlink("a.mmd", folder / "link.mmd")
    ok(run("diagram", "run", "-o", "link.mmd"))
    assert stat.S_IMODE((folder / "a.mmd").stat().st_mode) == 0o640
    assert "accTitle: Run" in (folder / "a.mmd").read_text()
    assert sorted(os.listdir(folder)) == ["a.mmd", "link.mmd"]


def test_png_in_a_pipe(run: Run) -> None:
    """A png goes into a pipe as it is."""
    assert run("diagram", "worker", "-f", "png").stdout_bytes.startswith(b"\x89PNG")


def test_png_at_a_terminal() -> None:
    """A png is not sent to a terminal."""
    status, printed = run_on_terminal("leverframe diagram worker -f png")
    assert status == 2
    assert printed.startswith("Error: a png is no text for a terminal; name a file with -o")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("pipeline", "-f", "svgg"), "there is no format 'svgg'; did you mean 'svg'?"),
        (("pipeline", "--fold", "actve"), "Pipeline has no state 'actve'; did you mean 'active'?"),
        (("pipeline", "--fold", "done"), "done has no states in it"),
        (("pipelin",), "did you mean 'pipeline'?"),
        ((), "give one MACHINE"),
        (("pipeline", "run"), "give one MACHINE"),
        (("pipeline", "--heat", "--at", "a"), "three pictures"),
        (("pipeline", "--since", "1d"), "--since is for --heat"),
        (("pipeline", "-o", "missing/a.svg"), "missing/a.svg: No such file or directory"),
        (("pipeline", "--heat"), "sqlite:///leverframe.db: No such file"),
    ],
)
def test_what_cannot_be_drawn(run: Run, folder: Path, arguments: tuple[str, ...], told: str) -> None:
    """What cannot be drawn is refused in a line, and no file is made."""
    result = run("diagram", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert os.listdir(folder) == []


def test_what_is_shown(run: Run) -> None:
    """Superstates are folded, fields left out, and places shown, as is said."""
    assert "Merge" not in ok(run("diagram", "pipeline", "--fold", "active", "--fold", "archived")).split()
    assert "merge_commit" in ok(run("diagram", "pipeline"))
    assert "merge_commit" not in ok(run("diagram", "pipeline", "--no-fields"))
    assert "pipeline.py" in ok(run("diagram", "pipeline", "--places"))
    dark, light = (ok(run("diagram", "worker", "-f", "svg", "--theme", theme)) for theme in ("dark", "light"))
    assert dark != light


# ---------------------------------------------------------------- journals


@pytest.fixture
def stories(run: Run, folder: Path) -> None:
    """Three stories: one went round by qa, one waits, one is blocked."""
    log = write_log(
        folder / "log",
        *(event_line("a", event) for event in ("DepsMet", "GatesStarted")),
        event_line("a", "GatesFailed", reason="red"),
        event_line("a", "GatesStarted"),
        event_line(["b", "1"], "DepsMet"),
        event_line("c", "Block", reason="waits"),
    )
    ok(run("replay", "pipeline", log))


@pytest.mark.usefixtures("stories")
def test_the_way_of_one(run: Run) -> None:
    """The state of an instance is marked, and its moves in their order."""
    text = ok(run("diagram", "pipeline", "--at", "a"))
    assert "class active_qa current" in text
    assert "class active_backlog,active_coding visited" in text
    assert "GatesStarted<br/>(2, 4)" in text
    assert "current: Pipeline a is in active.qa" in text


@pytest.mark.usefixtures("stories")
def test_a_key_of_several_parts(run: Run) -> None:
    """A key of several parts is given part by part."""
    assert "current: Pipeline b 1 is in active.coding" in ok(run("diagram", "pipeline", "--at", "b", "--at", "1"))


@pytest.mark.usefixtures("stories")
def test_nobody_of_that_key(run: Run) -> None:
    """A key that nobody has is refused with status 1."""
    result = run("diagram", "pipeline", "--at", "z")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no Pipeline z" in result.stderr


@pytest.mark.usefixtures("stories")
def test_a_repair(run: Run, opened: Callable[[], Store]) -> None:
    """A state that was set by hand is told with who did it and why."""
    with opened() as store:
        state = Blocked(datetime(2026, 1, 1, tzinfo=UTC), "x")
        store.set_state(Pipeline, "a", state, by="ada", why="lost")
    text = ok(run("diagram", "pipeline", "--at", "a"))
    assert "(5): active.qa to archived.blocked by hand, by ada: lost" in text


@pytest.mark.usefixtures("stories")
def test_heat(run: Run) -> None:
    """Each move tells how often it was made, each state how many are there, and what never happened is told."""
    text = ok(run("diagram", "pipeline", "--heat"))
    assert "GatesStarted<br/>2 (33％)" in text
    assert "Unblock<br/>never" in text
    assert "1 now" in text
    assert "Pipeline: 9 lines of the journal" in text


@pytest.mark.usefixtures("stories")
def test_heat_of_the_last_time(run: Run) -> None:
    """Moves that were made before the time that is looked at do not count."""
    text = ok(run("diagram", "pipeline", "--heat", "--since", "1d"))
    assert "GatesStarted<br/>never" in text
    assert "0 lines of the journal, of the last 24h" in text


@pytest.mark.usefixtures("stories")
def test_tenants(run: Run) -> None:
    """Of another tenant there is nothing to see."""
    assert "DepsMet<br/>never" in ok(run("diagram", "pipeline", "--heat", "--tenant", "other"))
    assert run("diagram", "pipeline", "--at", "a", "--tenant", "other").exit_code == 1


def test_older_code(run: Run, opened: Callable[[], Store], folder: Path) -> None:
    """Lines of older code, which nobody can read, stand in the legend of both pictures."""
    with opened() as store:
        store.create(OldDoor, "a", Closed())
        store.send(OldDoor, "a", Pushed(80))
    (folder / "today.py").write_text("from doors import make_new_door\nDoor = make_new_door(upcast=False)\n")
    heat = ok(run("diagram", "today:Door", "--heat"))
    assert "not in the picture, of older code: 1 × closed to standing.opened by Pushed" in heat
    way = ok(run("diagram", "today:Door", "--at", "a"))
    assert "Door a is in standing.opened, which the machine no longer has" in way


@pytest.mark.usefixtures("stories")
def test_heat_as_json(run: Run) -> None:
    """The numbers are there for programs too."""
    found: dict[str, Any] = json.loads(ok(run("diagram", "pipeline", "--heat", "-f", "json")))
    assert "2 (33%)" in json.dumps(found)
